/*
 * test_walk.c: folders become files in the order of their names; nothing goes round in circles.
 */
#include "streamserver/walk.h"

#include "common/error.h"

#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char base[64];

static const char *in_base(const char *name)
{
    static char paths[4][512];
    static unsigned next;
    char *path = paths[next++ % 4];
    assert_in_range(snprintf(path, sizeof paths[0], "%s/%s", base, name), 1, 511);
    return path;
}

static int make_base(void **state)
{
    (void)state;
    static const char template[] = "/tmp/test_walk.XXXXXX";
    memcpy(base, template, sizeof template);
    return mkdtemp(base) == NULL ? -1 : 0;
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status;
    (void)kind;
    (void)walk;
    return remove(path);
}

static int remove_base(void **state)
{
    (void)state;
    return nftw(base, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static void folder(const char *name)
{
    assert_int_equal(mkdir(in_base(name), 0755), 0);
}

static void file(const char *name)
{
    int fd = open(in_base(name), O_WRONLY | O_CREAT | O_EXCL, 0644);
    assert_true(fd >= 0);
    assert_int_equal(close(fd), 0);
}

/* All entries as "NAME NAME! NAME(ERROR)", ! = named; names relative to the base. */
static void assert_entries(const struct walk *walk, const char *expected)
{
    char text[2048] = "";
    size_t used = 0;
    for (uint32_t i = 0; i < walk->count; i++) {
        const struct walk_entry *entry = &walk->entries[i];
        int length = snprintf(text + used, sizeof text - used, "%s%s%s%s", i == 0 ? "" : " ",
                              entry->path + strlen(base) + 1, entry->is_named ? "!" : "",
                              entry->error == 0 ? "" : error_name(entry->error));
        assert_in_range(length, 1, sizeof text - used - 1);
        used += (size_t)length;
    }
    assert_string_equal(text, expected);
}

static void make_tree(void)
{
    folder("m");
    file("m/b.ogg");
    file("m/a.ogg");
    file("m/B.ogg");
    file("m/.hidden.ogg");
    folder("m/.git");
    file("m/.git/x.ogg");
    folder("m/disc 1");
    file("m/disc 1/2.ogg");
    file("m/disc 1/1.ogg");
    folder("m/empty");
    folder("m/own");
    file("m/own/z.ogg");
    assert_int_equal(symlink("a.ogg", in_base("m/link.ogg")), 0);
    assert_int_equal(symlink("nowhere", in_base("m/lost.ogg")), 0);
    assert_int_equal(symlink("..", in_base("m/up")), 0); /* a circle, if it were followed */
    assert_int_equal(mkfifo(in_base("m/pipe"), 0644), 0);
}

static void test_tree(void **state)
{
    (void)state;
    struct walk walk;
    make_tree();
    walk_init(&walk);
    assert_int_equal(walk_add(&walk, in_base("m")), 0);
    assert_entries(&walk, "m/B.ogg m/a.ogg m/b.ogg m/disc 1/1.ogg m/disc 1/2.ogg m/link.ogg "
                          "m/own/z.ogg");
    walk_deinit(&walk);

    walk_init(&walk);
    walk_skip(&walk, in_base("m/own"));
    assert_int_equal(walk_add(&walk, in_base("m/disc 1/")), 0);
    assert_int_equal(walk_add(&walk, in_base("m/own")), 0);
    assert_int_equal(walk_add(&walk, in_base("m/b.ogg")), 0);
    assert_int_equal(walk_add(&walk, in_base("m/.hidden.ogg")), 0);
    assert_int_equal(walk_add(&walk, in_base("m/pipe")), 0);
    assert_int_equal(walk_add(&walk, in_base("m/nothing")), 0);
    assert_entries(&walk, "m/disc 1/1.ogg m/disc 1/2.ogg m/b.ogg! m/.hidden.ogg! "
                          "m/pipe!ERROR_UNSUPPORTED m/nothing!ERROR_NOT_FOUND");
    walk_deinit(&walk);
}

static void test_many(void **state)
{
    (void)state;
    struct walk walk;
    folder("m");
    for (unsigned i = 0; i < 300; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "m/%03u", i);
        file(name);
    }
    walk_init(&walk);
    assert_int_equal(walk_add(&walk, in_base("m")), 0);
    assert_int_equal(walk.count, 300);
    for (unsigned i = 0; i < 300; i++) {
        assert_int_equal(atoi(walk.entries[i].path + strlen(base) + 3), i);
    }
    walk_deinit(&walk);
}

static void test_too_deep(void **state)
{
    (void)state;
    struct walk walk;
    char path[512] = "d";
    for (unsigned depth = 0; depth <= WALK_DEPTH_MAX + 1; depth++) {
        folder(path);
        size_t used = strlen(path);
        assert_in_range(snprintf(path + used, sizeof path - used, "/d"), 1, 10);
    }
    file(path);
    walk_init(&walk);
    assert_int_equal(walk_add(&walk, in_base("d")), 0);
    assert_int_equal(walk.count, 1);
    assert_int_equal(walk.entries[0].error, ERROR_TOO_LARGE);
    walk_deinit(&walk);
}

int main(void)
{
#define IN_BASE(test) cmocka_unit_test_setup_teardown(test, make_base, remove_base)
    const struct CMUnitTest tests[] = {
        IN_BASE(test_tree),
        IN_BASE(test_many),
        IN_BASE(test_too_deep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
