/*
 * test_input.c: bytes of terminals into keys, the mouse and pasted text.
 */
#include "player/tui/input.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* "K:41/0" a key and its modifiers, "T:" pasted, "P:x,y" press, "D" drag, "R" release, "U", "W" wheel. */
static const char *events_of(const char *bytes, size_t count, bool flush)
{
    static char text[512];
    static const char letters[] = "KTPDRUW";
    struct input input = {0};
    struct input_event event;
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i <= count; i++) {
        bool has = i < count ? input_push(&input, (uint8_t)bytes[i], &event)
                             : flush && input_flush(&input, &event);
        if (has && event.kind <= INPUT_TEXT) {
            used += (size_t)snprintf(text + used, sizeof text - used, "%c:%x/%u ",
                                     letters[event.kind], event.key, event.modifiers);
        } else if (has) {
            used += (size_t)snprintf(text + used, sizeof text - used, "%c:%u,%u ",
                                     letters[event.kind], event.x, event.y);
        }
    }
    return text;
}

static const struct {
    const char *bytes, *expect;
} rows[] = {
    {"a", "K:61/0 "},
    {"A", "K:41/0 "},
    {" ", "K:20/0 "},
    {"\r\n\t\x7f\b", "K:d/0 K:d/0 K:9/0 K:7f/0 K:7f/0 "},
    {"\x01\x1a\x1c", "K:61/4 K:7a/4 K:5c/4 "}, /* Ctrl-A, Ctrl-Z, Ctrl-backslash */
    {"\xc3\xa9\xe9\x9f\xb3", "K:e9/0 K:97f3/0 "},
    {"\xff\x80x", "K:78/0 "},
    {"\xc3x", ""}, /* two bytes were promised, and are no character */
    {"\033[A\033[B\033[C\033[D", "K:110000/0 K:110001/0 K:110003/0 K:110002/0 "},
    {"\033OA\033OP\033[11~\033[24~", "K:110000/0 K:11000a/0 K:11000a/0 K:110015/0 "},
    {"\033[1;2C\033[1;5D\033[5;3~", "K:110003/1 K:110002/4 K:110006/2 "},
    {"\033[H\033[F\033[1~\033[4~\033[3~\033[Z",
     "K:110004/0 K:110005/0 K:110004/0 K:110005/0 K:110009/0 K:9/1 "},
    {"\033a\033/", "K:61/2 K:2f/2 "}, /* Alt */
    {"\033\033[A", "K:1b/0 K:110000/0 "},
    {"\033[<0;10;5M\033[<32;11;5M\033[<0;11;5m", "P:9,4 D:10,4 R:10,4 "},
    {"\033[<64;1;1M\033[<65;1;1M\033[<66;1;1M\033[<2;1;1M", "U:0,0 W:0,0 "},
    {"\033[<0;0;5M\033[<0;1M\033[<0;1;2;3;4;5M\033[<0;999999999;1Mx", "K:78/0 "},
    {"\033[200~a\r\xc3\xa9\x01\033[Aq\033\033x\033[201~b",
     "T:61/0 T:e9/0 T:71/0 T:78/0 K:62/0 "},                     /* pasted text steers nothing */
    {"\033]11;rgb:0/0/0\007x\033P1$r\033\\y", "K:78/0 K:79/0 "}, /* answers to questions */
    {"\033[?1;2cx\033[12;40Ry", "K:78/0 K:11000c/0 K:79/0 "},
    {"\033[1;1;1;1;1;1;1Ax", "K:78/0 "},
};

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_string_equal(events_of(rows[i].bytes, strlen(rows[i].bytes), false), rows[i].expect);
    }
    assert_string_equal(events_of("\0", 1, false), "K:20/4 ");
}

static void test_escape_needs_time(void **state)
{
    struct input input = {0};
    struct input_event event;
    (void)state;
    assert_string_equal(events_of("\033", 1, false), "");
    assert_string_equal(events_of("\033", 1, true), "K:1b/0 ");
    assert_string_equal(events_of("\033[", 2, true), "K:5b/2 ");
    assert_string_equal(events_of("\033[1", 3, true), "");
    assert_false(input_flush(&input, &event));
    assert_false(input_is_waiting(&input));
    input_push(&input, 27, &event);
    assert_true(input_is_waiting(&input));
}

static void test_what_is_too_long_is_passed_over(void **state)
{
    char bytes[200] = "\033[";
    (void)state;
    memset(bytes + 2, '1', 150);
    memcpy(bytes + 152, "Ax", 3);
    assert_string_equal(events_of(bytes, strlen(bytes), false), "K:78/0 ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_escape_needs_time),
        cmocka_unit_test(test_what_is_too_long_is_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
