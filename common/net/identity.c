/*
 * identity.c: signing and checking that an origin's identity stands behind a link.
 */
#include "common/net/identity.h"

#include "common/error.h"

#include <assert.h>

/* crypto.h adds the NUL behind the domain. */
static const char *const domains[] = {
    [NET_IDENTITY_NONE] = NULL,
    [NET_IDENTITY_TLS] = "refrain origin tls 1",
    [NET_IDENTITY_NONCE] = "refrain origin nonce 1",
};

int net_identity_sign(enum net_identity_form form, const struct crypto_key *key,
                      const uint8_t subject[HASH_BYTES], uint8_t ret_signature[SIGNATURE_BYTES])
{
    assert(form == NET_IDENTITY_TLS || form == NET_IDENTITY_NONCE);
    return crypto_sign(key, domains[form], subject, HASH_BYTES, ret_signature);
}

int net_identity_check(const struct net_identity_claim *claim, const uint8_t *key_hash,
                       const uint8_t nonce[NET_IDENTITY_NONCE_BYTES])
{
    _Static_assert(NET_IDENTITY_NONCE_BYTES == HASH_BYTES, "either subject is 32 bytes");
    enum net_identity_form form = key_hash != NULL ? NET_IDENTITY_TLS : NET_IDENTITY_NONCE;
    if (claim->form != form) {
        return ERROR_MISMATCH;
    }
    return crypto_verify(claim->identity, domains[form], key_hash != NULL ? key_hash : nonce,
                         HASH_BYTES, claim->signature);
}
