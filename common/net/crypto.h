/*
 * crypto.h: SHA-256, Ed25519, random bytes and key files, over OpenSSL's EVP.
 *
 * Part of the shells; cores get what they need injected. The library is touched at the first use,
 * not at program start. Every function may be called from any thread; an object by one thread at
 * a time (a key may be used by several at once).
 *
 * SHA-256 cannot fail for reasons of ours: when OpenSSL cannot give it at all (a broken
 * installation, no memory for the first context), the program is aborted with a message.
 */
#ifndef COMMON_NET_CRYPTO_H
#define COMMON_NET_CRYPTO_H

#include "common/limits.h"

#include <stddef.h>
#include <stdint.h>

#define CRYPTO_SEED_BYTES 32u
/* The most that one signature covers, behind its domain: a manifest is up to 8 KiB. */
#define CRYPTO_SIGNED_BYTES_MAX 16384u
#define CRYPTO_DOMAIN_BYTES_MAX 64u

/* ---- SHA-256 ---- */

void crypto_sha256(const void *bytes, size_t count, uint8_t ret_hash[HASH_BYTES]);
/* The hash of two children; a media_hasher's `pair`. `context` is not used: NULL will do. */
void crypto_sha256_pair(void *context, const uint8_t children[2 * HASH_BYTES],
                        uint8_t ret_hash[HASH_BYTES]);

/* ---- Ed25519 ---- */

struct crypto_key; /* a private key with its public half */

/* ERROR_CRYPTO, ERROR_NO_MEMORY. */
int crypto_key_from_seed(const uint8_t seed[CRYPTO_SEED_BYTES], struct crypto_key **ret_key);
/* A fresh one. ERROR_CRYPTO, ERROR_NO_MEMORY. */
int crypto_key_generate(struct crypto_key **ret_key);
void crypto_key_free(struct crypto_key *key);
void crypto_key_public(const struct crypto_key *key, uint8_t ret_public[PUBLIC_KEY_BYTES]);
/* SHA-256 of the key's SubjectPublicKeyInfo (RFC 8410): what TLS shows of it, and a node's peer id. */
void crypto_key_hash(const struct crypto_key *key, uint8_t ret_hash[HASH_BYTES]);
/* The secret; wipe it after use. ERROR_CRYPTO. */
int crypto_key_seed(const struct crypto_key *key, uint8_t ret_seed[CRYPTO_SEED_BYTES]);
/* Zeroes memory that held a secret, also where a compiler would leave it out. */
void crypto_wipe(void *bytes, size_t count);
/* OpenSSL's object, for a TLS certificate: borrowed, an EVP_PKEY (struct evp_pkey_st). */
struct evp_pkey_st *crypto_key_evp(const struct crypto_key *key);

/* Signs domain, its NUL, then the bytes: "refrain manifest 1\0..." and the like, so that no
 * signature can be used for another purpose. `count` <= CRYPTO_SIGNED_BYTES_MAX (asserted).
 * ERROR_CRYPTO. */
int crypto_sign(const struct crypto_key *key, const char *domain, const void *bytes, size_t count,
                uint8_t ret_signature[SIGNATURE_BYTES]);
/* ERROR_MISMATCH: not this key's signature of these bytes (or no valid key); ERROR_TOO_LARGE:
 * count > CRYPTO_SIGNED_BYTES_MAX; ERROR_CRYPTO (no memory, too). */
int crypto_verify(const uint8_t public_key[PUBLIC_KEY_BYTES], const char *domain, const void *bytes,
                  size_t count, const uint8_t signature[SIGNATURE_BYTES]);

/* ---- Random bytes ---- */

/* Fit for keys and nonces. ERROR_CRYPTO. */
int crypto_random(void *ret_bytes, size_t count);

/* ---- Key files: 64 hex digits of the seed and a newline; mode 0600 ---- */

/* ERROR_NOT_FOUND; ERROR_DENIED: not ours to read, or readable by others (mode & 077);
 * ERROR_MALFORMED: not such a file; ERROR_TOO_LARGE: the path; ERROR_IO, ERROR_CRYPTO,
 * ERROR_NO_MEMORY. */
int crypto_key_load(const char *path, struct crypto_key **ret_key);
/* Writes it durably and all at once: to a temporary file beside it, then link(2), then fsync of
 * the folder. ERROR_EXISTS: there is one, it is as it was; ERROR_NOT_FOUND: no such folder;
 * ERROR_DENIED; ERROR_FULL: no space; ERROR_TOO_LARGE: the path; ERROR_IO, ERROR_CRYPTO. */
int crypto_key_save(const char *path, const struct crypto_key *key);

#endif
