/*
 * test_entry_list.c: lists in memory, and as M3U and XSPF.
 */
#include "common/error.h"
#include "player/library/m3u.h"
#include "player/library/xspf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ID "00112233445566778899aabbccddeeff"

/* "place|artist|title|seconds;" each, an id as '!' behind the place. */
static const char *picture(const struct entry_list *list)
{
    static char text[4096];
    size_t used = (size_t)snprintf(text, sizeof text, "%s: ", list->name);
    for (uint32_t i = 0; i < list->count; i++) {
        const struct entry *entry = &list->entries[i];
        used +=
            (size_t)snprintf(text + used, sizeof text - used, "%s%s|%s|%s|%u;", entry->place,
                             entry->has_id ? "!" : "", entry->artist != NULL ? entry->artist : "",
                             entry->title != NULL ? entry->title : "", entry->duration_s);
    }
    return text;
}

static void test_m3u(void **state)
{
    (void)state;
    static const struct {
        const char *text, *list;
    } rows[] = {
        {"", ": "},
        {"#EXTM3U\n", ": "},
        {"a.ogg", ": a.ogg|||0;"},
        {"\xef\xbb\xbf#EXTM3U\r\n#PLAYLIST:My list\r\n#EXTINF:188,Artist - Title - Live\r\nx\r\n",
         "My list: x|Artist|Title - Live|188;"},
        {"#EXTINF:-1,Title\ny\n\n  z  \n", ": y||Title|0;z|||0;"},
        {"#EXTINF:7 logo=\"a\",A - B\n" ID "\n", ": " ID "!|A|B|7;"},
        {"refrain://h:1/tracks/" ID "\n", ": refrain://h:1/tracks/" ID "!|||0;"},
        {"x" ID "\n", ": x" ID "|||0;"},
        {"#EXTINF:1,lost\n#EXTINF:2,B - C\nq\n", ": q|B|C|2;"},
        {"caf\xe9\n", ": caf\xc3\xa9|||0;"}, /* ISO 8859-1 */
        {"\x1b[2J\n", ": ?[2J|||0;"},
        {"#EXTINF:99999999999999999999,\nq\n", ": q|||99999999;"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct entry_list list;
        entry_list_init(&list);
        assert_int_equal(m3u_parse(rows[i].text, strlen(rows[i].text), &list), 0);
        assert_string_equal(picture(&list), rows[i].list);
        entry_list_deinit(&list);
    }
}

static void test_xspf(void **state)
{
    (void)state;
    static const struct {
        const char *text, *list; /* NULL: refused */
    } rows[] = {
        {"", NULL},
        {"not xml", NULL},
        {"<html></html>", NULL},
        {"<playlist>", NULL},
        {"<playlist/>", ": "},
        {"<playlist><title> A &amp; B </title><trackList><track><location>x</location>"
         "<creator>C</creator><title>D</title><duration>188000</duration></track></trackList>"
         "</playlist>",
         "A & B: x|C|D|188;"},
        {"<p:playlist><p:trackList><p:track><p:title>Only</p:title></p:track></p:trackList>"
         "</p:playlist>",
         ": Only||Only|0;"},
        {"<playlist><trackList><track><extension><location>no</location></extension></track>"
         "</trackList></playlist>",
         ": "},
        {"<!DOCTYPE x [<!ENTITY a \"b\">]><playlist><trackList><track><location>&a;</location>"
         "</track></trackList></playlist>",
         NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct entry_list list;
        entry_list_init(&list);
        int error = xspf_parse(rows[i].text, strlen(rows[i].text), &list);
        if (rows[i].list == NULL) {
            assert_int_equal(error, ERROR_MALFORMED);
        } else {
            assert_int_equal(error, 0);
            assert_string_equal(picture(&list), rows[i].list);
        }
        entry_list_deinit(&list);
    }
}

typedef int parse_list(const char *text, size_t bytes, struct entry_list *list);
typedef int write_list(const struct entry_list *list, char **ret_text, size_t *ret_bytes);

static void assert_comes_back(const struct entry_list *list, parse_list *parse, write_list *write)
{
    char expected[4096];
    struct entry_list again;
    char *text = NULL;
    size_t bytes = 0;
    (void)snprintf(expected, sizeof expected, "%s", picture(list));
    assert_int_equal(write(list, &text, &bytes), 0);
    entry_list_init(&again);
    assert_int_equal(parse(text, bytes, &again), 0);
    assert_string_equal(picture(&again), expected);
    entry_list_deinit(&again);
    free(text);
}

static void test_both_ways(void **state)
{
    (void)state;
    struct entry_list list;
    entry_list_init(&list);
    memcpy(list.name, "R&B <1>", 8);
    assert_int_equal(entry_list_add(&list, "refrain://h:1/tracks/" ID, "A&B", "<T>", 9), 0);
    assert_int_equal(entry_list_add(&list, ID, NULL, "\xe5\x8c\x97", 0), 0);
    assert_int_equal(entry_list_add(&list, "name", NULL, NULL, 0), 0);
    assert_comes_back(&list, m3u_parse, m3u_write);
    assert_comes_back(&list, xspf_parse, xspf_write);
    entry_list_deinit(&list);
}

static void test_moves(void **state)
{
    (void)state;
    static const struct {
        uint32_t from, to;
        const char *list;
    } rows[] = {{0, 3, "bcda"}, {3, 0, "dabc"}, {1, 2, "acbd"}, {2, 2, "abcd"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct entry_list list;
        char text[8] = "";
        entry_list_init(&list);
        static const char *const names[] = {"a", "b", "c", "d"};
        for (size_t j = 0; j < 4; j++) {
            assert_int_equal(entry_list_add(&list, names[j], NULL, NULL, 0), 0);
        }
        entry_list_move(&list, rows[i].from, rows[i].to);
        for (uint32_t j = 0; j < list.count; j++) {
            text[j] = list.entries[j].place[0];
        }
        assert_string_equal(text, rows[i].list);
        entry_list_remove(&list, 1);
        assert_int_equal(list.count, 3);
        assert_int_equal(list.entries[1].place[0], rows[i].list[2]);
        entry_list_deinit(&list);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_m3u),
        cmocka_unit_test(test_xspf),
        cmocka_unit_test(test_both_ways),
        cmocka_unit_test(test_moves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
