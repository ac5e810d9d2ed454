/*
 * test_crypto.c: published vectors of SHA-256 and Ed25519, and what becomes of key files.
 */
#include "common/net/crypto.h"

#include "common/error.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void from_hex(const char *text, uint8_t *ret_bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        unsigned value = 0;
        assert_int_equal(sscanf(text + 2 * i, "%2x", &value), 1);
        ret_bytes[i] = (uint8_t)value;
    }
}

/* FIPS 180-4 examples, as NIST publishes them. */
static const struct {
    const char *text;
    const char *hash;
} hashes[] = {
    {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
};

static void test_hashes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof hashes / sizeof hashes[0]; i++) {
        uint8_t expected[HASH_BYTES];
        uint8_t hash[HASH_BYTES];
        from_hex(hashes[i].hash, expected, HASH_BYTES);
        crypto_sha256(hashes[i].text, strlen(hashes[i].text), hash);
        assert_memory_equal(hash, expected, HASH_BYTES);
    }
}

static void test_pair(void **state)
{
    (void)state;
    uint8_t children[2 * HASH_BYTES];
    uint8_t hash[HASH_BYTES];
    uint8_t expected[HASH_BYTES];
    memset(children, 0, sizeof children);
    crypto_sha256_pair(NULL, children, hash);
    crypto_sha256(children, sizeof children, expected);
    assert_memory_equal(hash, expected, HASH_BYTES);
}

static void *hash_many(void *context)
{
    uint8_t *ret_hash = context;
    crypto_sha256("", 0, ret_hash);
    for (unsigned i = 0; i < 2000; i++) {
        crypto_sha256(ret_hash, HASH_BYTES, ret_hash);
    }
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    pthread_t threads[4];
    uint8_t results[4][HASH_BYTES];
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, hash_many, results[i]), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_memory_equal(results[i], results[0], HASH_BYTES);
    }
}

/* RFC 8032, 7.1, tests 1 and 2: what is signed there has no domain, so only keys are compared. */
static const struct {
    const char *seed;
    const char *public_key;
} keys[] = {
    {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"},
    {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"},
};

static void test_keys(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        struct crypto_key *key = NULL;
        uint8_t seed[CRYPTO_SEED_BYTES];
        uint8_t again[CRYPTO_SEED_BYTES];
        uint8_t expected[PUBLIC_KEY_BYTES];
        uint8_t public_key[PUBLIC_KEY_BYTES];
        from_hex(keys[i].seed, seed, sizeof seed);
        from_hex(keys[i].public_key, expected, sizeof expected);
        assert_int_equal(crypto_key_from_seed(seed, &key), 0);
        crypto_key_public(key, public_key);
        assert_memory_equal(public_key, expected, sizeof expected);
        assert_int_equal(crypto_key_seed(key, again), 0);
        assert_memory_equal(again, seed, sizeof seed);
        assert_non_null(crypto_key_evp(key));
        crypto_key_free(key);
    }
    crypto_key_free(NULL);
}

static void test_signatures(void **state)
{
    (void)state;
    struct crypto_key *key = NULL;
    uint8_t public_key[PUBLIC_KEY_BYTES];
    uint8_t signature[SIGNATURE_BYTES];
    uint8_t bytes[CRYPTO_SIGNED_BYTES_MAX + 1] = {1, 2, 3};
    assert_int_equal(crypto_key_generate(&key), 0);
    crypto_key_public(key, public_key);
    assert_int_equal(crypto_sign(key, "domain 1", bytes, 3, signature), 0);
    assert_int_equal(crypto_verify(public_key, "domain 1", bytes, 3, signature), 0);
    /* Another purpose, other bytes, another length. */
    assert_int_equal(crypto_verify(public_key, "domain 2", bytes, 3, signature), ERROR_MISMATCH);
    assert_int_equal(crypto_verify(public_key, "domain 1", bytes, 2, signature), ERROR_MISMATCH);
    bytes[0] = 0;
    assert_int_equal(crypto_verify(public_key, "domain 1", bytes, 3, signature), ERROR_MISMATCH);
    bytes[0] = 1;
    for (size_t at = 0; at < SIGNATURE_BYTES; at++) {
        signature[at] ^= 0x80;
        assert_int_equal(crypto_verify(public_key, "domain 1", bytes, 3, signature),
                         ERROR_MISMATCH);
        signature[at] ^= 0x80;
    }
    public_key[0] ^= 1;
    assert_int_equal(crypto_verify(public_key, "domain 1", bytes, 3, signature), ERROR_MISMATCH);
    memset(public_key, 0xff, sizeof public_key); /* no point of the curve */
    assert_int_equal(crypto_verify(public_key, "domain 1", bytes, 3, signature), ERROR_MISMATCH);
    crypto_key_public(key, public_key);
    assert_int_equal(crypto_sign(key, "d", bytes, CRYPTO_SIGNED_BYTES_MAX, signature), 0);
    assert_int_equal(crypto_verify(public_key, "d", bytes, CRYPTO_SIGNED_BYTES_MAX, signature), 0);
    assert_int_equal(crypto_verify(public_key, "d", bytes, sizeof bytes, signature),
                     ERROR_TOO_LARGE);
    crypto_key_free(key);
}

static void test_random(void **state)
{
    (void)state;
    uint8_t a[32] = {0};
    uint8_t b[32] = {0};
    assert_int_equal(crypto_random(a, sizeof a), 0);
    assert_int_equal(crypto_random(b, sizeof b), 0);
    assert_memory_not_equal(a, b, sizeof a);
}

/* A fresh folder; *state is its path. */
static int make_folder(void **state)
{
    static char folder[] = "/tmp/test_crypto.XXXXXX";
    *state = mkdtemp(folder);
    return *state == NULL ? -1 : 0;
}

static void path_in(const char *folder, const char *name, char ret_path[256])
{
    int length = snprintf(ret_path, 256, "%s/%s", folder, name);
    assert_in_range(length, 1, 255);
}

static int remove_folder(void **state)
{
    char path[256];
    path_in(*state, "key", path);
    (void)unlink(path);
    return rmdir(*state); /* fails when a temporary file was left */
}

static void write_file(const char *path, const char *text, size_t count, mode_t mode)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, count, file), count);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static void test_key_file(void **state)
{
    char path[256];
    struct stat status;
    struct crypto_key *key = NULL;
    struct crypto_key *again = NULL;
    uint8_t a[PUBLIC_KEY_BYTES];
    uint8_t b[PUBLIC_KEY_BYTES];
    path_in(*state, "key", path);
    assert_int_equal(crypto_key_load(path, &key), ERROR_NOT_FOUND);
    assert_int_equal(crypto_key_generate(&key), 0);
    assert_int_equal(crypto_key_save(path, key), 0);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(status.st_size, 65);
    assert_int_equal(crypto_key_load(path, &again), 0);
    crypto_key_public(key, a);
    crypto_key_public(again, b);
    assert_memory_equal(a, b, sizeof a);
    crypto_key_free(again);
    assert_int_equal(crypto_key_save(path, key), ERROR_EXISTS);
    path_in(*state, "none/key", path);
    assert_int_equal(crypto_key_save(path, key), ERROR_NOT_FOUND);
    crypto_key_free(key);
}

#define DIGITS_62 "00112233445566778899aabbccddeeff00112233445566778899aabbccddee"

static const struct {
    const char *text;
    mode_t mode;
    int error;
} files[] = {
    {DIGITS_62 "ff\n", 0600, 0},
    {DIGITS_62 "ff\n", 0400, 0},
    {DIGITS_62 "ff\n", 0640, ERROR_DENIED},
    {DIGITS_62 "ff\n", 0604, ERROR_DENIED},
    {DIGITS_62 "ff", 0600, ERROR_MALFORMED},
    {DIGITS_62 "ff\n\n", 0600, ERROR_MALFORMED},
    {DIGITS_62 "fff", 0600, ERROR_MALFORMED},
    {DIGITS_62 "fg\n", 0600, ERROR_MALFORMED},
    {DIGITS_62 "FF\n", 0600, ERROR_MALFORMED},
    {"", 0600, ERROR_MALFORMED},
};

static void test_key_file_forms(void **state)
{
    char path[256];
    path_in(*state, "key", path);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct crypto_key *key = NULL;
        write_file(path, files[i].text, strlen(files[i].text), files[i].mode);
        assert_int_equal(crypto_key_load(path, &key), files[i].error);
        assert_int_equal(key != NULL, files[i].error == 0);
        crypto_key_free(key);
        assert_int_equal(unlink(path), 0);
    }
    struct crypto_key *key = NULL;
    assert_int_equal(crypto_key_load(*state, &key), ERROR_MALFORMED); /* a folder */
}

static void *create_key(void *context)
{
    struct crypto_key *key = NULL;
    if (crypto_key_generate(&key) == 0 && crypto_key_save(context, key) != 0) {
        crypto_key_free(key);
        key = NULL;
    }
    return key;
}

/* However many save at once, one of them has saved, and his key is in the file. */
static void test_key_file_race(void **state)
{
    char path[256];
    path_in(*state, "key", path);
    for (unsigned round = 0; round < 20; round++) {
        pthread_t threads[4];
        struct crypto_key *file_key = NULL;
        uint8_t expected[PUBLIC_KEY_BYTES];
        for (size_t i = 0; i < 4; i++) {
            assert_int_equal(pthread_create(&threads[i], NULL, create_key, path), 0);
        }
        void *made[4];
        for (size_t i = 0; i < 4; i++) {
            assert_int_equal(pthread_join(threads[i], &made[i]), 0);
        }
        assert_int_equal(crypto_key_load(path, &file_key), 0);
        crypto_key_public(file_key, expected);
        crypto_key_free(file_key);
        unsigned saved = 0;
        for (size_t i = 0; i < 4; i++) {
            uint8_t public_key[PUBLIC_KEY_BYTES];
            if (made[i] != NULL) {
                saved++;
                crypto_key_public(made[i], public_key);
                assert_memory_equal(public_key, expected, sizeof expected);
                crypto_key_free(made[i]);
            }
        }
        assert_int_equal(saved, 1);
        assert_int_equal(unlink(path), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hashes),        cmocka_unit_test(test_pair),
        cmocka_unit_test(test_threads),       cmocka_unit_test(test_keys),
        cmocka_unit_test(test_signatures),    cmocka_unit_test(test_random),
        cmocka_unit_test(test_key_file),      cmocka_unit_test(test_key_file_forms),
        cmocka_unit_test(test_key_file_race),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
