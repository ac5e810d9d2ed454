/*
 * test_page.c: pages of an origin, good and hostile, into a builder.
 */
#include "common/error.h"
#include "player/library/page.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ID1 "\"11000000000000000000000000000000\""
#define ID2 "\"22000000000000000000000000000000\""

static void test_pages(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        int error;
        uint32_t tracks; /* in the builder afterwards, which had ID1 */
        const char *revision, *next;
        bool more;
    } rows[] = {
        {"{\"items\":[]}", 0, 1, "", "", false},
        {"{\"items\":[],\"removed\":[],\"revision\":\"12-00c0ffee\",\"more\":false}", 0, 1,
         "12-00c0ffee", "", false},
        {"{\"items\":[{\"id\":" ID2 ",\"title\":\"T\",\"artist\":\"A\",\"album\":\"B\"}],"
         "\"revision\":\"1-0\",\"more\":true}",
         0, 2, "1-0", "", true},
        {"{\"items\":[{\"id\":" ID1 ",\"title\":\"New\"}],\"next\":" ID1 "}", 0, 1, "",
         "11000000000000000000000000000000", false},
        {"{\"items\":[],\"removed\":[" ID1 "," ID2 "]}", 0, 0, "", "", false},
        {"{\"items\":[{\"id\":" ID2 ",\"track\":-1,\"disc\":99999999,\"duration_ms\":1e99,"
         "\"year\":\"x\",\"title\":7}]}",
         0, 2, "", "", false},
        {"", ERROR_MALFORMED, 1, "", "", false},
        {"[]", ERROR_MALFORMED, 1, "", "", false},
        {"{}", ERROR_MALFORMED, 1, "", "", false},
        {"{\"items\":{}}", ERROR_MALFORMED, 1, "", "", false},
        {"{\"items\":[7]}", ERROR_MALFORMED, 1, "", "", false},
        {"{\"items\":[{\"id\":\"zz\"}]}", ERROR_MALFORMED, 1, "", "", false},
        {"{\"items\":[{\"id\":" ID2 ",\"album_id\":\"zz\"}]}", ERROR_MALFORMED, 1, "", "", false},
        {"{\"items\":[],\"removed\":[7]}", ERROR_MALFORMED, 1, "", "", false},
        {"{\"items\":[],\"next\":\"/evil\"}", ERROR_MALFORMED, 1, "", "", false},
        {"{\"items\":[],\"next\":\"ab\"}", ERROR_MALFORMED, 1, "", "", false},
        {"{\"items\":[],\"revision\":\"1&limit=2\"}", ERROR_MALFORMED, 1, "", "", false},
        {"{\"items\":[],\"items\":[]}", ERROR_MALFORMED, 1, "", "", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct copy_builder *builder;
        struct page page = {.more = false};
        static const char first[] = "{\"items\":[{\"id\":" ID1 "}]}";
        assert_int_equal(copy_builder_new(1, &builder), 0);
        assert_int_equal(page_apply(builder, first, sizeof first - 1, &page), 0);
        assert_int_equal(page.changes, 1);
        assert_int_equal(page_apply(builder, rows[i].body, strlen(rows[i].body), &page),
                         rows[i].error);
        assert_int_equal(copy_builder_count(builder), rows[i].tracks);
        if (rows[i].error == 0) {
            assert_string_equal(page.revision, rows[i].revision);
            assert_string_equal(page.next, rows[i].next);
            assert_int_equal(page.more, rows[i].more);
        }
        copy_builder_free(builder);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_pages)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
