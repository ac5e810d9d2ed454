/*
 * test_known_origins.c: pinning, recognizing, refusing; damaged lines; and the signatures that show
 * an identity.
 */
#include "common/error.h"
#include "common/net/identity.h"
#include "common/net/known_origins.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define HEX_1 "0101010101010101010101010101010101010101010101010101010101010101"
#define HEX_2 "0202020202020202020202020202020202020202020202020202020202020202"

static char folder[] = "/tmp/refrain_test_known_XXXXXX";
static char path[100];
static uint8_t identity_1[PUBLIC_KEY_BYTES], identity_2[PUBLIC_KEY_BYTES];

static void put_file(const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

static void expect_file(const char *text)
{
    char got[2000] = "";
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    got[fread(got, 1, sizeof got - 1, file)] = '\0';
    fclose(file);
    assert_string_equal(got, text);
}

static void test_pin_match_change(void **state)
{
    (void)state;
    struct net_known_result result;
    struct stat status;
    unlink(path);
    assert_int_equal(net_known_origins_lookup(path, "a.example", 7373, &result), 0);
    assert_int_equal(result.state, NET_KNOWN_UNKNOWN);
    assert_int_equal(net_known_origins_check(path, "A.example", 7373, identity_1, &result), 0);
    assert_int_equal(result.state, NET_KNOWN_PINNED);
    assert_int_equal(result.line, 1);
    assert_int_equal(net_known_origins_check(path, "::1", 80, identity_2, &result), 0);
    assert_int_equal(result.line, 2);
    expect_file("a.example:7373 " HEX_1 "\n[::1]:80 " HEX_2 "\n");
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(net_known_origins_check(path, "a.EXAMPLE", 7373, identity_1, &result), 0);
    assert_int_equal(result.state, NET_KNOWN_MATCH);
    assert_string_equal(result.text, "");
    assert_int_equal(net_known_origins_check(path, "::1", 80, identity_1, &result), ERROR_MISMATCH);
    assert_int_equal(result.state, NET_KNOWN_CHANGED);
    assert_int_equal(result.line, 2);
    assert_memory_equal(result.identity, identity_2, PUBLIC_KEY_BYTES);
    assert_non_null(strstr(result.text, path));
    assert_non_null(strstr(result.text, "[::1]:80"));
    assert_non_null(strstr(result.text, "line 2"));
    /* Another port is another origin. */
    assert_int_equal(net_known_origins_lookup(path, "a.example", 7374, &result), 0);
    assert_int_equal(result.state, NET_KNOWN_UNKNOWN);
    expect_file("a.example:7373 " HEX_1 "\n[::1]:80 " HEX_2 "\n");
}

/* Damaged lines stay, are counted and are not believed; comments are no damage; a last line
 * without its end gets one. */
static void test_damage(void **state)
{
    (void)state;
    struct net_known_result result;
    const char *damaged = "# mine\n\na:1 " HEX_1 "\nb:2 0101\nc:3 " HEX_1 " \nd " HEX_1
                          "\ne:5\nf:6 " HEX_1 "ff\ng:7 X1" HEX_1;
    char expected[1000];
    put_file(damaged);
    assert_int_equal(net_known_origins_check(path, "a", 1, identity_1, &result), 0);
    assert_int_equal(result.state, NET_KNOWN_MATCH);
    assert_int_equal(result.line, 3);
    assert_int_equal(result.damaged_lines, 6);
    assert_non_null(strstr(result.text, "6 damaged lines"));
    assert_int_equal(net_known_origins_check(path, "b", 2, identity_2, &result), 0);
    assert_int_equal(result.state, NET_KNOWN_PINNED);
    assert_int_equal(result.line, 10);
    snprintf(expected, sizeof expected, "%s\nb:2 " HEX_2 "\n", damaged);
    expect_file(expected);
    assert_int_equal(net_known_origins_lookup(path, "b", 2, &result), 0);
    assert_int_equal(result.line, 10);
}

/* The first line of an origin counts. */
static void test_first_line_counts(void **state)
{
    (void)state;
    struct net_known_result result;
    put_file("a:1 " HEX_1 "\na:1 " HEX_2 "\n");
    assert_int_equal(net_known_origins_check(path, "a", 1, identity_2, &result), ERROR_MISMATCH);
    assert_int_equal(result.line, 1);
}

static void test_files_that_fail(void **state)
{
    (void)state;
    struct net_known_result result;
    char elsewhere[200];
    snprintf(elsewhere, sizeof elsewhere, "%s/none/known", folder);
    assert_int_equal(net_known_origins_lookup(elsewhere, "a", 1, &result), 0);
    assert_int_equal(net_known_origins_check(elsewhere, "a", 1, identity_1, &result), ERROR_IO);
    assert_int_equal(net_known_origins_lookup(folder, "a", 1, &result), ERROR_IO);
    put_file("");
    assert_int_equal(truncate(path, NET_KNOWN_FILE_BYTES_MAX + 1), 0);
    assert_int_equal(net_known_origins_lookup(path, "a", 1, &result), ERROR_TOO_LARGE);
}

static void test_identity(void **state)
{
    (void)state;
    struct crypto_key *key = NULL;
    uint8_t key_hash[HASH_BYTES] = {1}, nonce[NET_IDENTITY_NONCE_BYTES] = {2};
    uint8_t other[HASH_BYTES] = {3};
    struct net_identity_claim claim = {.form = NET_IDENTITY_TLS};
    assert_int_equal(crypto_key_generate(&key), 0);
    crypto_key_public(key, claim.identity);
    assert_int_equal(net_identity_sign(NET_IDENTITY_TLS, key, key_hash, claim.signature), 0);
    assert_int_equal(net_identity_check(&claim, key_hash, nonce), 0);
    assert_int_equal(net_identity_check(&claim, other, nonce), ERROR_MISMATCH);
    /* A TLS claim on a plain link, and the other way round. */
    assert_int_equal(net_identity_check(&claim, NULL, nonce), ERROR_MISMATCH);
    claim.form = NET_IDENTITY_NONCE;
    assert_int_equal(net_identity_check(&claim, key_hash, nonce), ERROR_MISMATCH);
    /* The signature of one form is none of the other's. */
    assert_int_equal(net_identity_check(&claim, NULL, key_hash), ERROR_MISMATCH);
    assert_int_equal(net_identity_sign(NET_IDENTITY_NONCE, key, nonce, claim.signature), 0);
    assert_int_equal(net_identity_check(&claim, NULL, nonce), 0);
    assert_int_equal(net_identity_check(&claim, NULL, other), ERROR_MISMATCH);
    claim.identity[0] ^= 1;
    assert_int_equal(net_identity_check(&claim, NULL, nonce), ERROR_MISMATCH);
    claim.form = NET_IDENTITY_NONE;
    assert_int_equal(net_identity_check(&claim, NULL, nonce), ERROR_MISMATCH);
    crypto_key_free(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pin_match_change),  cmocka_unit_test(test_damage),
        cmocka_unit_test(test_first_line_counts), cmocka_unit_test(test_files_that_fail),
        cmocka_unit_test(test_identity),
    };
    memset(identity_1, 1, sizeof identity_1);
    memset(identity_2, 2, sizeof identity_2);
    if (mkdtemp(folder) == NULL) {
        return 1;
    }
    snprintf(path, sizeof path, "%s/known_origins", folder);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    strncat(path, ".lock", sizeof path - strlen(path) - 1);
    unlink(path);
    rmdir(folder);
    return failed;
}
