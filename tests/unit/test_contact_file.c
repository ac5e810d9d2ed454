/*
 * test_contact_file.c: contacts that are remembered, word for word, and files that others have
 * spoilt.
 */
#include "player/uv/contact_file.h"

#include "common/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define NOW UINT64_C(1700000000)
#define ID "0100000000000000000000000000000000000000000000000000000000000000"
#define HEAD "refrain contacts 1\n"
#define LINE ID " 5 17 1699999990 192.0.2.1:80 [2001:db8::1]:7373\n"

static struct p2p_contact contact_of(uint8_t number)
{
    struct p2p_contact contact = {.peer_id = {number}};
    contact.addresses[0] =
        (struct p2p_address){.family = 4, .address = {192, 0, 2, number}, .port = 80};
    return contact;
}

static const struct {
    const char *name, *text;
    uint32_t count;
} rows[] = {
    {"one", HEAD LINE, 1},
    {"none", HEAD, 0},
    {"another version", "refrain contacts 2\n" LINE, 0},
    {"nothing", "", 0},
    {"one and rubbish", HEAD "rubbish\n" LINE "\n\n" ID "\n", 1},
    {"the same twice", HEAD LINE LINE, 1},
    {"cut", HEAD LINE ID " 5 17 169999", 1},
    {"the future", HEAD ID " 5 17 1700000001 192.0.2.1:80\n", 1},
    {"long ago", HEAD ID " 5 17 1690000000 192.0.2.1:80\n", 0},
    {"no address", HEAD ID " 5 17 1699999990\n", 0},
    {"four addresses", HEAD ID " 5 17 1699999990 1.1.1.1:1 1.1.1.1:2 1.1.1.1:3 1.1.1.1:4\n", 0},
    {"no port", HEAD ID " 5 17 1699999990 192.0.2.1\n", 0},
    {"port 0", HEAD ID " 5 17 1699999990 192.0.2.1:0\n", 0},
    {"a large port", HEAD ID " 5 17 1699999990 192.0.2.1:65536\n", 0},
    {"a name", HEAD ID " 5 17 1699999990 example.org:80\n", 0},
    {"multicast", HEAD ID " 5 17 1699999990 224.0.0.1:80\n", 0},
    {"large flags", HEAD ID " 256 17 1699999990 192.0.2.1:80\n", 0},
    {"a negative number", HEAD ID " 5 -1 1699999990 192.0.2.1:80\n", 0},
    {"two spaces", HEAD ID "  5 17 1699999990 192.0.2.1:80\n", 0},
    {"nobody",
     HEAD "0000000000000000000000000000000000000000000000000000000000000000"
          " 5 17 1699999990 192.0.2.1:80\n",
     0},
};

static void test_parse(void **state)
{
    (void)state;
    struct contact_file file;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        contact_file_parse(&file, rows[i].text, strlen(rows[i].text), NOW);
        if (file.count != rows[i].count) {
            fail_msg("%s: %u", rows[i].name, file.count);
        }
    }
}

static void test_what_is_written_is_read(void **state)
{
    (void)state;
    struct contact_file file, again;
    char text[CONTACT_FILE_BYTES_MAX];
    contact_file_parse(&file, HEAD LINE, sizeof(HEAD LINE) - 1, NOW);
    assert_int_equal(file.entries[0].contact.peer_id[0], 1);
    assert_int_equal(file.entries[0].contact.flags, 5);
    assert_int_equal(file.entries[0].penalty, 17);
    assert_int_equal(file.entries[0].time_s, NOW - 10);
    assert_int_equal(p2p_contact_address_count(&file.entries[0].contact), 2);
    assert_int_equal(file.entries[0].contact.addresses[1].port, 7373);
    size_t bytes = contact_file_format(&file, text);
    assert_int_equal(bytes, sizeof(HEAD LINE) - 1);
    assert_memory_equal(text, HEAD LINE, bytes);
    /* The largest of everything fits. */
    memset(&file, 0, sizeof file);
    for (uint32_t i = 0; i < CONTACT_FILE_MAX; i++) {
        struct p2p_contact contact = {.flags = 255};
        memset(contact.peer_id, 0xff, HASH_BYTES);
        contact.peer_id[0] = (uint8_t)i;
        for (uint32_t k = 0; k < P2P_CONTACT_ADDRESSES_MAX; k++) {
            contact.addresses[k].family = 6;
            memset(contact.addresses[k].address, 0xee, 16);
            contact.addresses[k].port = UINT16_MAX;
        }
        contact_file_remember(&file, &contact, UINT32_MAX, NOW);
    }
    bytes = contact_file_format(&file, text);
    contact_file_parse(&again, text, bytes, NOW);
    assert_int_equal(again.count, CONTACT_FILE_MAX);
    static char twice[CONTACT_FILE_BYTES_MAX];
    assert_int_equal(contact_file_format(&again, twice), bytes);
    assert_memory_equal(twice, text, bytes);
}

static void test_the_oldest_goes(void **state)
{
    (void)state;
    struct contact_file file = {0};
    for (uint32_t i = 0; i < CONTACT_FILE_MAX; i++) {
        struct p2p_contact contact = contact_of((uint8_t)i);
        contact_file_remember(&file, &contact, 0, NOW - (i == 3 ? 100 : 10));
    }
    struct p2p_contact known = contact_of(5);
    contact_file_remember(&file, &known, 9, NOW); /* replaced in its place */
    assert_int_equal(file.count, CONTACT_FILE_MAX);
    assert_int_equal(file.entries[5].penalty, 9);
    struct p2p_contact fresh = contact_of(CONTACT_FILE_MAX + 1);
    contact_file_remember(&file, &fresh, 1, NOW);
    assert_int_equal(file.count, CONTACT_FILE_MAX);
    assert_int_equal(file.entries[3].contact.peer_id[0], CONTACT_FILE_MAX + 1);
}

static void test_on_disk(void **state)
{
    (void)state;
    char folder[] = "/tmp/refrain-contacts-XXXXXX";
    char path[64];
    struct contact_file file;
    struct stat status;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/contacts", folder);
    assert_int_equal(contact_file_load(&file, path, NOW), 0);
    assert_int_equal(file.count, 0);
    for (int round = 0; round < 2; round++) { /* made, then replaced */
        assert_int_equal(contact_file_save(path, HEAD LINE, sizeof(HEAD LINE) - 1), 0);
        assert_int_equal(contact_file_load(&file, path, NOW), 0);
        assert_int_equal(file.count, 1);
    }
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    unlink(path);
    assert_int_equal(rmdir(folder), 0); /* nothing else was left there */
    assert_int_not_equal(contact_file_save(path, "", 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_what_is_written_is_read),
        cmocka_unit_test(test_the_oldest_goes),
        cmocka_unit_test(test_on_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
