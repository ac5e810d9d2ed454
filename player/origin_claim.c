/*
 * origin_claim.c: reads what an origin says of itself.
 */
#include "player/origin_claim.h"

#include "common/error.h"
#include "common/net/identity.h"
#include "media/core/file_id.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

static bool take_claim(const char *body, size_t bytes, struct net_identity_claim *ret_claim)
{
    json_t *object = json_loadb(body, bytes, 0, NULL);
    const char *identity = json_string_value(json_object_get(object, "identity"));
    const json_t *tls = json_object_get(object, "tls");
    const char *signature = json_string_value(json_object_get(tls, "signature"));
    *ret_claim = (struct net_identity_claim){.form = NET_IDENTITY_TLS};
    bool good =
        identity != NULL && media_hex_decode(identity, PUBLIC_KEY_BYTES, ret_claim->identity) == 0;
    if (good && (signature == NULL ||
                 media_hex_decode(signature, SIGNATURE_BYTES, ret_claim->signature) != 0)) {
        ret_claim->form = NET_IDENTITY_NONE;
    }
    json_decref(object);
    return good;
}

int origin_claim_check(const char *body, size_t bytes, const uint8_t *key_hash,
                       const struct net_url *url, const char *known_origins,
                       char ret_text[NET_KNOWN_TEXT_BYTES])
{
    static const uint8_t no_nonce[NET_IDENTITY_NONCE_BYTES];
    struct net_identity_claim claim;
    struct net_known_result known;
    bool shown = take_claim(body, bytes, &claim);
    if (shown && key_hash != NULL) {
        shown = net_identity_check(&claim, key_hash, no_nonce) == 0;
    }
    if (!shown) {
        (void)snprintf(ret_text, NET_KNOWN_TEXT_BYTES, "it did not show its identity");
        return ERROR_DENIED;
    }
    if (net_known_origins_check(known_origins, url->host, url->port, claim.identity, &known) ==
        ERROR_MISMATCH) {
        memcpy(ret_text, known.text, NET_KNOWN_TEXT_BYTES);
        return ERROR_DENIED;
    }
    return 0;
}
