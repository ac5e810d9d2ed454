/*
 * test_args.c: command lines and what becomes of them.
 */
#include "player/args.h"

#include "common/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define WORDS_MAX 16

static struct args args;
static char text[ARGS_TEXT_BYTES];

/* Parses a line of words with spaces between. */
static int parse(const char *line, const char *environment)
{
    static char copy[512];
    static char *argv[WORDS_MAX];
    int argc = 0;
    snprintf(copy, sizeof copy, "refrain %s", line);
    char *rest = copy;
    for (char *word = strsep(&rest, " "); word != NULL && argc < WORDS_MAX;
         word = strsep(&rest, " ")) {
        if (word[0] != '\0') {
            argv[argc++] = word;
        }
    }
    text[0] = '\0';
    return args_parse(argc, argv, environment, &args, text);
}

static void test_good(void **state)
{
    (void)state;
    assert_int_equal(parse("--json play all --output wav:/x/y.wav --fast", NULL), 0);
    assert_int_equal(args.verb, ARGS_PLAY);
    assert_int_equal(args.operand_count, 1);
    assert_string_equal(args.operands[0], "all");
    assert_int_equal(args.output, OUTPUT_WAV);
    assert_string_equal(args.output_path, "/x/y.wav");
    assert_true(args.json && args.fast && !args.offline);
    assert_null(args.origin);

    assert_int_equal(parse("--origin=http://a:1 --start 1:30 play x y --cache-limit=2G", "b"), 0);
    assert_string_equal(args.origin, "http://a:1");
    assert_true(args.start_us == 90000000);
    assert_true(args.cache_limit_bytes == UINT64_C(2) << 30);
    assert_int_equal(args.operand_count, 2);

    assert_int_equal(parse("fetch all -o out --offline", "b"), 0);
    assert_string_equal(args.origin, "b");
    assert_string_equal(args.to_path, "out");
    assert_int_equal(parse("play -- --fast", NULL), 0); /* an odd target, but a target */
    assert_string_equal(args.operands[0], "--fast");
    assert_int_equal(parse("cache status --json", NULL), 0);
    assert_int_equal(parse("ls tracks", ""), 0);
    assert_null(args.origin);
    assert_int_equal(parse("--version", NULL), 0);
    assert_true(args.version);
    assert_int_equal(parse("fetch --help", NULL), 0); /* help needs nothing else */
    assert_true(args.help && args.verb == ARGS_FETCH);
}

static void test_bad(void **state)
{
    (void)state;
    static const struct {
        const char *line, *says;
    } cases[] = {
        {"", "verb"},
        {"dance", "no such verb"},
        {"play", "target"},
        {"play all --no-such", "no such option"},
        {"play all --origin", "value is missing"},
        {"play all --fast=yes", "takes no value"},
        {"play all --output nowhere", "--output nowhere: no such output"},
        {"play all --output wav:", "no such output"},
        {"play all --cache-limit much", "no size"},
        {"play all --start soon", "no position"},
        {"play all --preset best", "no such preset"},
        {"play all -o x", "refrain play --help"},
        {"fetch all", "-o PATH"},
        {"fetch all -o x --output null", "does not take it"},
        {"ls", "what to list"},
        {"ls genres", "ls genres: it can't be listed"},
        {"search", "search: the words are missing"},
        {"like", "none was given"},
        {"likes x", "one word too many"},
        {"info x", "one word too many"},
        {"complete", "complete: it takes a kind"},
        {"complete a b c", "complete: it takes a kind"},
        {"playlist", "playlist: what to do is missing"},
        {"playlist burn x", "burn: no such thing to do"},
        {"playlist add x", "playlist add NAME TARGET"},
        {"playlist mv x 1", "playlist mv NAME FROM TO"},
        {"playlist show x y", "playlist show NAME"},
        {"search x --fast", "refrain search does not take it"},
        {"ls tracks all", "one word too many"},
        {"cache", "what to do"},
        {"cache empty", "cache empty: no such thing"},
        {"cache status verify", "one word too many"},
        {"cache status --origin x", "does not take it"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(parse(cases[i].line, NULL), ERROR_MALFORMED);
        if (strstr(text, cases[i].says) == NULL) {
            print_error("\"%s\" says: %s\n", cases[i].line, text);
        }
        assert_non_null(strstr(text, cases[i].says));
        assert_non_null(strstr(text, ": ")); /* THING: REASON; CURE */
        assert_non_null(strstr(text, "; "));
    }
}

static void test_too_many(void **state)
{
    (void)state;
    static char *argv[ARGS_OPERANDS_MAX + 3];
    for (unsigned i = 0; i < ARGS_OPERANDS_MAX + 3; i++) {
        argv[i] = i == 1 ? "play" : "all";
    }
    assert_int_equal(args_parse(ARGS_OPERANDS_MAX + 2, argv, NULL, &args, text), 0);
    assert_int_equal(args_parse(ARGS_OPERANDS_MAX + 3, argv, NULL, &args, text), ERROR_MALFORMED);
}

static void test_sizes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t bytes; /* 0 = malformed */
    } cases[] = {
        {"1", 1},          {"1000000", 1000000},
        {"64k", 65536},    {"64K", 65536},
        {"5M", 5u << 20},  {"5MiB", 5u << 20},
        {"5MB", 5u << 20}, {"2T", UINT64_C(2) << 40},
        {"7B", 7},         {"", 0},
        {"0", 0},          {"M", 0},
        {"-1", 0},         {"5X", 0},
        {"5M5", 0},        {"99999999999999", 0},
        {"5Mi", 0},        {"1099511627776T", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t bytes = 0;
        int error = args_parse_size(cases[i].text, &bytes);
        assert_int_equal(error, cases[i].bytes == 0 ? ERROR_MALFORMED : 0);
        assert_true(bytes == cases[i].bytes);
    }
}

static void test_positions(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t us; /* -1 = malformed */
    } cases[] = {
        {"0", 0},        {"90", 90000000}, {"1:30", 90000000}, {"1:02:03.5", 3723500000},
        {"0.000001", 1}, {"0.0000009", 0}, {"", -1},           {"1:60", -1},
        {"1:2:3:4", -1}, {"1:", -1},       {":1", -1},         {"1s", -1},
        {"-1", -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t us = UINT64_MAX;
        int error = args_parse_position(cases[i].text, &us);
        assert_int_equal(error, cases[i].us < 0 ? ERROR_MALFORMED : 0);
        assert_true(us == (uint64_t)cases[i].us);
    }
}

static void test_upload_limits(void **state)
{
    static const struct {
        const char *text;
        int error;
        struct upload_limit limit;
    } rows[] = {
        {"200K", 0, {200 << 10, 0, 0}},    {"1M@8-23", 0, {1 << 20, 8, 23}},
        {"1M@22-6", 0, {1 << 20, 22, 6}},  {"5@0-24", 0, {5, 0, 0}},
        {"0", ERROR_MALFORMED, {0}},       {"1M@", ERROR_MALFORMED, {0}},
        {"1M@8", ERROR_MALFORMED, {0}},    {"1M@8-", ERROR_MALFORMED, {0}},
        {"1M@8-8", ERROR_MALFORMED, {0}},  {"1M@8-25", ERROR_MALFORMED, {0}},
        {"1M@8-9x", ERROR_MALFORMED, {0}}, {"@8-9", ERROR_MALFORMED, {0}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct upload_limit limit = {0};
        assert_int_equal(args_parse_upload_limit(rows[i].text, &limit), rows[i].error);
        assert_int_equal(limit.bytes_per_s, rows[i].limit.bytes_per_s);
        assert_int_equal(limit.from_hour, rows[i].limit.from_hour);
        assert_int_equal(limit.till_hour, rows[i].limit.till_hour);
    }
}

static void test_peers(void **state)
{
    (void)state;
    assert_int_equal(parse("play all --no-port-mapping", "x"), 0);
    assert_true(args.no_port_mapping);
    assert_int_equal(parse("daemon --listen 7000 --no-upload --upload-limit=10K --json", "x"), 0);
    assert_int_equal(args.verb, ARGS_DAEMON);
    assert_true(args.no_upload && !args.no_peers && args.listen_port == 7000);
    assert_false(args.no_port_mapping);
    assert_true(args.upload_limit.bytes_per_s == 10240);
    assert_int_equal(parse("play all --no-peers", "x"), 0);
    assert_true(args.no_peers);
    assert_int_equal(parse("status --json", NULL), 0);
    assert_int_equal(args.verb, ARGS_STATUS);
    assert_int_equal(parse("peers", NULL), 0);
    assert_int_equal(args.verb, ARGS_PEERS);
    assert_int_equal(parse("daemon all", NULL), ERROR_MALFORMED);
    assert_int_equal(parse("status x", NULL), ERROR_MALFORMED);
    assert_int_equal(parse("play all --listen 65536", NULL), ERROR_MALFORMED);
    assert_int_equal(parse("play all --listen x", NULL), ERROR_MALFORMED);
    assert_int_equal(parse("ls tracks --no-peers", NULL), ERROR_MALFORMED);
    assert_int_equal(parse("daemon --fast", NULL), ERROR_MALFORMED);
}

static void test_help(void **state)
{
    (void)state;
    for (int verb = ARGS_NONE; verb < ARGS_VERBS; verb++) {
        assert_memory_equal(args_help((enum args_verb)verb), "usage: refrain", 14);
    }
}

/* What a configuration sets: only what was not given, only what the verb takes. */
static void test_defaults(void **state)
{
    (void)state;
    char reason[ARGS_TEXT_BYTES] = "";
    assert_int_equal(parse("play all --output null", "env:1"), 0);
    assert_int_equal(args_set_default(&args, "output", "auto", reason), 0);
    assert_int_equal(args.output, OUTPUT_NULL);
    assert_int_equal(args_set_default(&args, "origin", "conf:2", reason), 0);
    assert_string_equal(args.origin, "env:1");
    assert_true(args.origin_is_default);
    assert_int_equal(args_set_default(&args, "cache-limit", "10M", reason), 0);
    assert_int_equal(args_set_default(&args, "cache-limit", "20M", reason), 0);
    assert_int_equal(args.cache_limit_bytes, 10 << 20);
    assert_int_equal(args_set_default(&args, "no-upload", "false", reason), 0);
    assert_false(args.no_upload);
    assert_int_equal(args_set_default(&args, "fast", "true", reason), 0);
    assert_true(args.fast);
    assert_int_equal(args_set_default(&args, "port", "80", reason), 0); /* of another verb */
    assert_int_equal(args_set_default(&args, "colour", "red", reason), ERROR_NOT_FOUND);
    assert_int_equal(args_set_default(&args, "help", "true", reason), ERROR_NOT_FOUND);
    assert_int_equal(args_set_default(&args, "no-peers", "yes", reason), ERROR_MALFORMED);
    assert_non_null(strstr(reason, "; ") == NULL ? strstr(reason, "true or false") : reason);
    assert_int_equal(parse("play all --origin here", "env:1"), 0);
    assert_false(args.origin_is_default);
    assert_true(args_is_verb("playlist"));
    assert_false(args_is_verb("options"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),          cmocka_unit_test(test_bad),
        cmocka_unit_test(test_defaults),      cmocka_unit_test(test_too_many),
        cmocka_unit_test(test_sizes),         cmocka_unit_test(test_positions),
        cmocka_unit_test(test_upload_limits), cmocka_unit_test(test_peers),
        cmocka_unit_test(test_help),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
