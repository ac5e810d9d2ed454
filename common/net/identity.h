/*
 * identity.h: does the signature in an origin's HELLO show that the other end of this link holds the
 * identity's key? (docs/PROTOCOL.md)
 *
 *   form TLS    signature over "refrain origin tls 1\0"   + SHA-256 of the TLS key's
 *               SubjectPublicKeyInfo: whoever holds the TLS key was named by the identity.
 *   form NONCE  signature over "refrain origin nonce 1\0" + the nonce of the asker's HELLO: the
 *               identity answers now (plain links; what flows is neither private nor bound to it).
 * Whether this identity is the expected one is known_origins.h's question.
 */
#ifndef COMMON_NET_IDENTITY_H
#define COMMON_NET_IDENTITY_H

#include "common/limits.h"
#include "common/net/crypto.h"

#include <stddef.h>
#include <stdint.h>

#define NET_IDENTITY_NONCE_BYTES 32u

/* Numbers as on the wire (p2p/core/message.h). */
enum net_identity_form {
    NET_IDENTITY_NONE = 0,
    NET_IDENTITY_TLS = 1,
    NET_IDENTITY_NONCE = 2,
};

struct net_identity_claim {
    uint8_t form; /* as received */
    uint8_t identity[PUBLIC_KEY_BYTES];
    uint8_t signature[SIGNATURE_BYTES];
};

/* The origin's side. form TLS: `subject` is the own TLS key's hash (net_tls_get_key_hash); form
 * NONCE: the asker's nonce. ERROR_CRYPTO. */
int net_identity_sign(enum net_identity_form form, const struct crypto_key *key,
                      const uint8_t subject[HASH_BYTES], uint8_t ret_signature[SIGNATURE_BYTES]);
/* `key_hash`: the other side's on a TLS link, NULL on a plain one. `nonce`: ours, as sent. A TLS
 * link must use form TLS and a plain one form NONCE, so that nobody in between can weaken it.
 * 0 = shown; ERROR_MISMATCH: signature or form are wrong; ERROR_NO_MEMORY, ERROR_CRYPTO. */
int net_identity_check(const struct net_identity_claim *claim, const uint8_t *key_hash,
                       const uint8_t nonce[NET_IDENTITY_NONCE_BYTES]);

#endif
