/*
 * test_conf.c: the configuration file, and the lines that are wrong in it.
 */
#include "common/error.h"
#include "player/library/conf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void test_good(void **state)
{
    (void)state;
    static const char text[] = "# mine\n\n[options]\noutput = null\r\nfast=true\nfast=false\n"
                               "[origin a b]\nurl=https://x:1/?a=b\n[keys]\nq=quit\np=\n";
    struct conf conf;
    char reason[CONF_TEXT_BYTES] = "";
    uint32_t line = 0;
    uint32_t place = 0;
    assert_int_equal(conf_parse("f", text, sizeof text - 1, &conf, reason), 0);
    assert_string_equal(conf_get(&conf, "options", "output", &line), "null");
    assert_int_equal(line, 4);
    assert_string_equal(conf_get(&conf, "options", "fast", &line), "false");
    assert_int_equal(line, 6);
    assert_null(conf_get(&conf, "options", "q", NULL));
    assert_string_equal(conf_origin_url(&conf, "a b"), "https://x:1/?a=b");
    assert_null(conf_origin_url(&conf, "a"));
    assert_string_equal(conf_next(&conf, "keys", &place)->key, "q");
    assert_string_equal(conf_next(&conf, "keys", &place)->value, "");
    assert_null(conf_next(&conf, "keys", &place));
    conf_free(&conf);
    assert_int_equal(conf_parse("f", "", 0, &conf, reason), 0);
    assert_int_equal(conf.count, 0);
    conf_free(&conf);
}

static void test_bad(void **state)
{
    (void)state;
    static const struct {
        const char *text, *begins;
    } rows[] = {
        {"x=1\n", "f:1: it stands in no group"}, {"[a]\nfast\n", "f:2: no value"},
        {"[a]\n=x\n", "f:2: no value"},          {"\n[a\n", "f:2: no end of a group"},
        {"[]\n", "f:1: no end of a group"},      {"[a]\nk\xff=1\n", "f:1: no configuration"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct conf conf;
        char reason[CONF_TEXT_BYTES] = "";
        assert_int_equal(conf_parse("f", rows[i].text, strlen(rows[i].text), &conf, reason),
                         ERROR_MALFORMED);
        assert_memory_equal(reason, rows[i].begins, strlen(rows[i].begins));
        assert_non_null(strstr(reason, "; "));
    }
}

static void test_no_file(void **state)
{
    (void)state;
    static char folder[] = "/tmp/test_conf.XXXXXX";
    struct conf conf;
    char reason[CONF_TEXT_BYTES] = "";
    assert_non_null(mkdtemp(folder));
    assert_int_equal(setenv("XDG_CONFIG_HOME", folder, 1), 0);
    assert_int_equal(conf_load(&conf, reason), 0);
    assert_false(conf.exists);
    assert_non_null(strstr(conf.path, "/refrain/refrain.conf"));
    conf_free(&conf);
    assert_int_equal(rmdir(folder), 0);
    assert_string_equal(conf_of_program()->path, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_no_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
