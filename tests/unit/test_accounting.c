/*
 * test_accounting.c: each chunk counts once per play, under where it came from.
 */
#include "player/core/accounting.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define CHUNKS 10u

struct ground {
    struct file file;
    uint8_t chunks[CHUNKS];
    struct accounting accounting;
};

/* A file of 10 chunks, as a picture: c = cached, o = came from the origin, . = missing. */
static void set_up(struct ground *ground, const char *picture)
{
    memset(ground, 0, sizeof *ground);
    ground->file = (struct file){.handle = 1,
                                 .bytes = CHUNKS * CHUNK_BYTES,
                                 .chunk_count = CHUNKS,
                                 .chunks = ground->chunks};
    for (uint32_t i = 0; i < CHUNKS; i++) {
        if (picture[i] != '.') {
            files_set_state(&ground->file, i, CHUNK_STORED);
            files_set_source(&ground->file, i,
                             picture[i] == 'c' ? NODE_SOURCE_CACHE : NODE_SOURCE_ORIGIN);
        }
    }
    ground->accounting.summary.received_bytes = 100 * CHUNK_BYTES;
}

static void fetch(struct ground *ground, uint32_t chunk)
{
    files_set_state(&ground->file, chunk, CHUNK_READY);
    files_set_source(&ground->file, chunk, NODE_SOURCE_ORIGIN);
    accounting_fetched(&ground->accounting, &ground->file, chunk);
}

static void assert_chunks(const struct ground *ground, uint32_t cache, uint32_t origin)
{
    struct node_summary summary;
    accounting_summary(&ground->accounting, 0, &summary);
    assert_int_equal(summary.bytes[NODE_SOURCE_CACHE], cache * CHUNK_BYTES);
    assert_int_equal(summary.bytes[NODE_SOURCE_ORIGIN], origin * CHUNK_BYTES);
    accounting_check_invariants(&ground->accounting);
}

static void test_play(void **state)
{
    (void)state;
    struct ground ground;
    set_up(&ground, "ccoo......");
    assert_int_equal(accounting_begin(&ground.accounting, 1, &ground.file), 0);
    assert_true(accounting_read(&ground.accounting, 1, &ground.file, 0));
    assert_false(accounting_read(&ground.accounting, 1, &ground.file, 0));
    assert_chunks(&ground, 0, 0); /* nothing was heard yet */
    accounting_heard(&ground.accounting, 1, &ground.file);
    accounting_heard(&ground.accounting, 1, &ground.file);
    /* The one that was read, and the two that were fetched; not the cached one nobody read. */
    assert_chunks(&ground, 1, 2);
    fetch(&ground, 4);
    fetch(&ground, 5);
    assert_false(accounting_read(&ground.accounting, 1, &ground.file, 4));
    assert_chunks(&ground, 1, 4);
    assert_int_equal(ground.accounting.summary.tracks, 1);
    accounting_end(&ground.accounting, 1);
    accounting_end(&ground.accounting, 1);
    fetch(&ground, 6); /* nobody plays it */
    assert_chunks(&ground, 1, 4);
    accounting_deinit(&ground.accounting);
}

/* A second play counts what it reads, under where it once came from, and is no new delivery. */
static void test_second_play(void **state)
{
    (void)state;
    struct ground ground;
    set_up(&ground, "cco.......");
    assert_int_equal(accounting_begin(&ground.accounting, 1, &ground.file), 0);
    accounting_heard(&ground.accounting, 1, &ground.file);
    assert_chunks(&ground, 0, 1);
    accounting_end(&ground.accounting, 1);
    assert_int_equal(accounting_begin(&ground.accounting, 2, &ground.file), 0);
    accounting_heard(&ground.accounting, 2, &ground.file);
    assert_chunks(&ground, 0, 1);
    for (uint32_t i = 0; i < 3; i++) {
        assert_true(accounting_read(&ground.accounting, 2, &ground.file, i));
    }
    assert_chunks(&ground, 2, 2);
    assert_int_equal(ground.accounting.delivered_bytes, CHUNK_BYTES);
    accounting_deinit(&ground.accounting);
}

static void assert_unread(const struct ground *ground, uint32_t chunks)
{
    struct node_summary summary;
    accounting_summary(&ground->accounting, 0, &summary);
    assert_int_equal(summary.unread_bytes, chunks * CHUNK_BYTES);
    accounting_check_invariants(&ground->accounting);
}

/* What was fetched is unread until a decoder of a heard play has it, in whichever play. */
static void test_unread(void **state)
{
    (void)state;
    struct ground ground;
    set_up(&ground, "co........");
    assert_int_equal(accounting_begin(&ground.accounting, 1, &ground.file), 0);
    fetch(&ground, 2);
    assert_true(accounting_read(&ground.accounting, 1, &ground.file, 2));
    assert_unread(&ground, 0); /* nothing of it counts yet */
    accounting_heard(&ground.accounting, 1, &ground.file);
    assert_unread(&ground, 1); /* chunk 1 */
    fetch(&ground, 3);
    fetch(&ground, 4);
    assert_unread(&ground, 3);
    accounting_read(&ground.accounting, 1, &ground.file, 0); /* it was cached */
    accounting_read(&ground.accounting, 1, &ground.file, 3);
    accounting_read(&ground.accounting, 1, &ground.file, 3);
    assert_unread(&ground, 2);
    accounting_end(&ground.accounting, 1);
    assert_int_equal(accounting_begin(&ground.accounting, 2, &ground.file), 0);
    accounting_read(&ground.accounting, 2, &ground.file, 4);
    assert_unread(&ground, 2);
    accounting_heard(&ground.accounting, 2, &ground.file);
    assert_unread(&ground, 1);
    accounting_read(&ground.accounting, 2, &ground.file, 1);
    assert_unread(&ground, 0);
    accounting_deinit(&ground.accounting);
}

/* Prepared and never heard: overhead. */
static void test_never_heard(void **state)
{
    (void)state;
    struct ground ground;
    set_up(&ground, "..........");
    assert_int_equal(accounting_begin(&ground.accounting, 1, &ground.file), 0);
    fetch(&ground, 0);
    assert_true(accounting_read(&ground.accounting, 1, &ground.file, 0));
    accounting_end(&ground.accounting, 1);
    assert_chunks(&ground, 0, 0);
    struct node_summary summary;
    accounting_summary(&ground.accounting, 0, &summary);
    assert_int_equal(summary.overhead_bytes, 100 * CHUNK_BYTES);
    assert_int_equal(summary.tracks, 0);
    accounting_deinit(&ground.accounting);
}

static void test_foreign(void **state)
{
    (void)state;
    struct ground ground;
    set_up(&ground, "cccccccccc");
    assert_int_equal(accounting_begin(&ground.accounting, 1, &ground.file), 0);
    accounting_heard(&ground.accounting, 1, &ground.file);
    assert_false(accounting_read(&ground.accounting, 2, &ground.file, 0));
    assert_false(accounting_read(&ground.accounting, 0, &ground.file, 0));
    struct file other = ground.file;
    other.handle = 2;
    assert_false(accounting_read(&ground.accounting, 1, &other, 0));
    assert_chunks(&ground, 0, 0);
    accounting_deinit(&ground.accounting);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_play),    cmocka_unit_test(test_second_play),
        cmocka_unit_test(test_unread),  cmocka_unit_test(test_never_heard),
        cmocka_unit_test(test_foreign),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
