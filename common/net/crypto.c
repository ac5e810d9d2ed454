/*
 * crypto.c: OpenSSL's EVP behind a narrow door: hashes, signatures, random bytes.
 *
 * Responsible for being quick: the algorithm is fetched once, and each thread keeps one context,
 * so that a hash costs its compression and little else. Key files are key_file.c's.
 */
#include "common/net/crypto.h"

#include "common/error.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <assert.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct crypto_key {
    EVP_PKEY *pair;
    uint8_t public_key[PUBLIC_KEY_BYTES];
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t context_key; /* each thread's EVP_MD_CTX, freed when the thread ends */
static EVP_MD *sha256;            /* for the whole run */

/* Nothing can be verified, named or stored without hashes, so there is no way to go on. */
static void give_up(void)
{
    (void)fputs("OpenSSL gives no SHA-256\n", stderr);
    abort();
}

static void free_context(void *context)
{
    EVP_MD_CTX_free(context);
}

/* Without its configuration file, which costs more than all that we ask of the library. */
static void start_once(void)
{
    if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1) {
        give_up();
    }
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    if (sha256 == NULL || pthread_key_create(&context_key, free_context) != 0) {
        give_up();
    }
}

static void start(void)
{
    (void)pthread_once(&once, start_once);
}

static EVP_MD_CTX *thread_context(void)
{
    static _Thread_local EVP_MD_CTX *context;
    if (context == NULL) {
        start();
        context = EVP_MD_CTX_new();
        if (context == NULL || pthread_setspecific(context_key, context) != 0) {
            give_up();
        }
    }
    return context;
}

void crypto_sha256(const void *bytes, size_t count, uint8_t ret_hash[HASH_BYTES])
{
    EVP_MD_CTX *context = thread_context();
    if (EVP_DigestInit_ex2(context, sha256, NULL) != 1 ||
        EVP_DigestUpdate(context, bytes, count) != 1 ||
        EVP_DigestFinal_ex(context, ret_hash, NULL) != 1) {
        give_up();
    }
}

void crypto_sha256_pair(void *context, const uint8_t children[2 * HASH_BYTES],
                        uint8_t ret_hash[HASH_BYTES])
{
    (void)context;
    crypto_sha256(children, (size_t)2 * HASH_BYTES, ret_hash);
}

/* Takes over `pair`, also when it fails. */
static int wrap_pair(EVP_PKEY *pair, struct crypto_key **ret_key)
{
    size_t bytes = PUBLIC_KEY_BYTES;
    struct crypto_key *key = calloc(1, sizeof *key);
    if (key == NULL) {
        EVP_PKEY_free(pair);
        return ERROR_NO_MEMORY;
    }
    if (EVP_PKEY_get_raw_public_key(pair, key->public_key, &bytes) != 1 ||
        bytes != PUBLIC_KEY_BYTES) {
        EVP_PKEY_free(pair);
        free(key);
        return ERROR_CRYPTO;
    }
    key->pair = pair;
    *ret_key = key;
    return 0;
}

int crypto_key_from_seed(const uint8_t seed[CRYPTO_SEED_BYTES], struct crypto_key **ret_key)
{
    start();
    EVP_PKEY *pair = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, CRYPTO_SEED_BYTES);
    return pair == NULL ? ERROR_CRYPTO : wrap_pair(pair, ret_key);
}

int crypto_key_generate(struct crypto_key **ret_key)
{
    uint8_t seed[CRYPTO_SEED_BYTES];
    int error = crypto_random(seed, sizeof seed);
    error = error != 0 ? error : crypto_key_from_seed(seed, ret_key);
    OPENSSL_cleanse(seed, sizeof seed);
    return error;
}

void crypto_key_free(struct crypto_key *key)
{
    if (key != NULL) {
        EVP_PKEY_free(key->pair);
        free(key);
    }
}

void crypto_key_public(const struct crypto_key *key, uint8_t ret_public[PUBLIC_KEY_BYTES])
{
    memcpy(ret_public, key->public_key, PUBLIC_KEY_BYTES);
}

void crypto_key_hash(const struct crypto_key *key, uint8_t ret_hash[HASH_BYTES])
{
    /* DER of all that stands before the key: SEQUENCE, AlgorithmIdentifier id-Ed25519, BIT STRING. */
    static const uint8_t prefix[] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03,
                                     0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};
    uint8_t encoded[sizeof prefix + PUBLIC_KEY_BYTES];
    memcpy(encoded, prefix, sizeof prefix);
    memcpy(encoded + sizeof prefix, key->public_key, PUBLIC_KEY_BYTES);
    crypto_sha256(encoded, sizeof encoded, ret_hash);
}

int crypto_key_seed(const struct crypto_key *key, uint8_t ret_seed[CRYPTO_SEED_BYTES])
{
    size_t bytes = CRYPTO_SEED_BYTES;
    bool is_read = EVP_PKEY_get_raw_private_key(key->pair, ret_seed, &bytes) == 1;
    return is_read && bytes == CRYPTO_SEED_BYTES ? 0 : ERROR_CRYPTO;
}

void crypto_wipe(void *bytes, size_t count)
{
    OPENSSL_cleanse(bytes, count);
}

struct evp_pkey_st *crypto_key_evp(const struct crypto_key *key)
{
    return key->pair;
}

/* Domain, its NUL, the bytes. Returns how many. */
static size_t join_signed(const char *domain, const void *bytes, size_t count,
                          uint8_t ret_joined[CRYPTO_DOMAIN_BYTES_MAX + CRYPTO_SIGNED_BYTES_MAX])
{
    size_t domain_bytes = strlen(domain) + 1;
    assert(domain_bytes <= CRYPTO_DOMAIN_BYTES_MAX);
    memcpy(ret_joined, domain, domain_bytes);
    if (count > 0) {
        memcpy(ret_joined + domain_bytes, bytes, count);
    }
    return domain_bytes + count;
}

int crypto_sign(const struct crypto_key *key, const char *domain, const void *bytes, size_t count,
                uint8_t ret_signature[SIGNATURE_BYTES])
{
    uint8_t joined[CRYPTO_DOMAIN_BYTES_MAX + CRYPTO_SIGNED_BYTES_MAX];
    size_t signature_bytes = SIGNATURE_BYTES;
    assert(count <= CRYPTO_SIGNED_BYTES_MAX);
    size_t joined_bytes = join_signed(domain, bytes, count, joined);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool is_signed =
        context != NULL && EVP_DigestSignInit(context, NULL, NULL, NULL, key->pair) == 1 &&
        EVP_DigestSign(context, ret_signature, &signature_bytes, joined, joined_bytes) == 1 &&
        signature_bytes == SIGNATURE_BYTES;
    EVP_MD_CTX_free(context);
    return is_signed ? 0 : ERROR_CRYPTO;
}

int crypto_verify(const uint8_t public_key[PUBLIC_KEY_BYTES], const char *domain, const void *bytes,
                  size_t count, const uint8_t signature[SIGNATURE_BYTES])
{
    uint8_t joined[CRYPTO_DOMAIN_BYTES_MAX + CRYPTO_SIGNED_BYTES_MAX];
    if (count > CRYPTO_SIGNED_BYTES_MAX) {
        return ERROR_TOO_LARGE;
    }
    start();
    size_t joined_bytes = join_signed(domain, bytes, count, joined);
    EVP_PKEY *key =
        EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, public_key, PUBLIC_KEY_BYTES);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    int error = ERROR_CRYPTO;
    if (key != NULL && context != NULL &&
        EVP_DigestVerifyInit(context, NULL, NULL, NULL, key) == 1) {
        /* 0: a wrong signature; negative: one of no valid form, or a key that is no point. */
        error = EVP_DigestVerify(context, signature, SIGNATURE_BYTES, joined, joined_bytes) == 1
                    ? 0
                    : ERROR_MISMATCH;
    }
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    return error;
}

int crypto_random(void *ret_bytes, size_t count)
{
    start();
    assert(count <= INT_MAX);
    return RAND_bytes(ret_bytes, (int)count) == 1 ? 0 : ERROR_CRYPTO;
}
