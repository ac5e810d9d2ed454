/*
 * test_reader.c: slots first, then the store, then a want; and every way in which a sleeping read
 * ends. The engine is played by the test, on its own thread.
 */
#include "player/uv/reader.h"

#include "common/error.h"
#include "media/core/file_id.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>

#define SLOTS 4u
#define POSTS_MAX (2u * READER_ROUNDS_MAX + 32u)
#define FILE_BYTES (5u * CHUNK_BYTES + 100u)

struct scene {
    struct reader *reader;
    struct reader_file *file;
    uint8_t slots[SLOTS * CHUNK_BYTES];
    int stored[6]; /* what store_read answers for each chunk */
    pthread_mutex_t mutex;
    pthread_cond_t posted;
    struct reader_post posts[POSTS_MAX];
    unsigned count, taken;
};

/* A read on another thread. */
struct reading {
    struct scene *scene;
    uint64_t offset;
    uint32_t count;
    uint8_t bytes[3 * CHUNK_BYTES];
    int error;
    pthread_t thread;
};

static int store_read(void *context, const struct media_file_id *id, uint32_t chunk,
                      uint8_t *ret_bytes)
{
    struct scene *scene = context;
    pthread_mutex_lock(&scene->mutex);
    int error = scene->stored[chunk];
    pthread_mutex_unlock(&scene->mutex);
    if (error == 0) {
        memset(ret_bytes, 's', media_chunk_bytes(id->bytes, chunk));
    }
    return error;
}

static void post(void *context, const struct reader_post *post)
{
    struct scene *scene = context;
    pthread_mutex_lock(&scene->mutex);
    assert_true(scene->count < POSTS_MAX);
    scene->posts[scene->count++] = *post;
    pthread_cond_signal(&scene->posted);
    pthread_mutex_unlock(&scene->mutex);
}

/* Waits for the next post. */
static struct reader_post next(struct scene *scene)
{
    pthread_mutex_lock(&scene->mutex);
    while (scene->taken == scene->count) {
        pthread_cond_wait(&scene->posted, &scene->mutex);
    }
    struct reader_post post = scene->posts[scene->taken++];
    pthread_mutex_unlock(&scene->mutex);
    return post;
}

static struct scene *begin(void)
{
    struct scene *scene = calloc(1, sizeof *scene);
    assert_non_null(scene);
    pthread_mutex_init(&scene->mutex, NULL);
    pthread_cond_init(&scene->posted, NULL);
    for (unsigned i = 0; i < 6; i++) {
        scene->stored[i] = ERROR_NOT_FOUND;
    }
    struct reader_config config = {.slots = scene->slots,
                                   .slot_count = SLOTS,
                                   .seed = 1,
                                   .store_read = store_read,
                                   .post = post,
                                   .context = scene};
    assert_int_equal(reader_new(&config, &scene->reader), 0);
    const struct media_file_id id = {.root = {1}, .bytes = FILE_BYTES};
    assert_int_equal(reader_file_open(scene->reader, 7, 1, &id, &scene->file), 0);
    return scene;
}

static void finish(struct scene *scene)
{
    assert_int_equal(scene->taken, scene->count); /* nothing was posted that nobody expected */
    reader_file_close(scene->file);
    reader_free(scene->reader);
    pthread_cond_destroy(&scene->posted);
    pthread_mutex_destroy(&scene->mutex);
    free(scene);
}

static void *read_thread(void *context)
{
    struct reading *reading = context;
    reading->error =
        reader_file_read(reading->scene->file, reading->offset, reading->bytes, reading->count);
    return NULL;
}

static struct reading *start(struct scene *scene, uint64_t offset, uint32_t count)
{
    struct reading *reading = calloc(1, sizeof *reading);
    assert_non_null(reading);
    reading->scene = scene;
    reading->offset = offset;
    reading->count = count;
    assert_int_equal(pthread_create(&reading->thread, NULL, read_thread, reading), 0);
    return reading;
}

static void ends_with(struct reading *reading, int error)
{
    pthread_join(reading->thread, NULL);
    assert_int_equal(reading->error, error);
    free(reading);
}

static void expect(struct scene *scene, enum reader_post_kind kind, uint32_t first, uint32_t count)
{
    struct reader_post post = next(scene);
    assert_int_equal(post.kind, kind);
    assert_int_equal(post.first_chunk, first);
    assert_int_equal(post.count, count);
    assert_int_equal(post.entry, 7);
}

static void fill_slot(struct scene *scene, uint32_t slot, uint32_t chunk, char with)
{
    memset(scene->slots + (size_t)slot * CHUNK_BYTES, with, CHUNK_BYTES);
    assert_int_equal(reader_ready(scene->reader, 1, chunk, slot), 0);
}

static void test_slot_then_store(void **state)
{
    (void)state;
    struct scene *scene = begin();
    uint8_t bytes[2 * CHUNK_BYTES];
    scene->stored[0] = 0;
    scene->stored[1] = 0;
    fill_slot(scene, 2, 1, 'x');
    assert_int_equal(reader_file_read(scene->file, 10, bytes, 2 * CHUNK_BYTES - 10), 0);
    assert_int_equal(bytes[0], 's');
    assert_int_equal(bytes[CHUNK_BYTES - 11], 's');
    assert_int_equal(bytes[CHUNK_BYTES - 10], 'x');
    expect(scene, READER_POST_READ, 0, 1);
    expect(scene, READER_POST_READ, 1, 1);
    /* Again, another chunk between: told once only; and the slot's chunk is the store's now. */
    reader_release(scene->reader, 2);
    assert_int_equal(reader_file_read(scene->file, 0, bytes, 1), 0);
    assert_int_equal(reader_file_read(scene->file, CHUNK_BYTES, bytes, 1), 0);
    assert_int_equal(bytes[0], 's');
    finish(scene);
}

static void test_want(void **state)
{
    (void)state;
    struct scene *scene = begin();
    struct reading *reading = start(scene, 3 * CHUNK_BYTES, 2 * CHUNK_BYTES + 100);
    struct reader_post post = next(scene);
    assert_int_equal(post.kind, READER_POST_WANT);
    assert_int_equal(post.first_chunk, 3);
    assert_int_equal(post.count, 3);
    fill_slot(scene, 0, 3, 'a');
    fill_slot(scene, 1, 4, 'b');
    fill_slot(scene, 3, 5, 'c');
    reader_want_met(scene->reader, post.want + 1000); /* nobody's */
    reader_want_met(scene->reader, post.want);
    for (uint32_t chunk = 3; chunk < 6; chunk++) {
        expect(scene, READER_POST_READ, chunk, 1);
    }
    ends_with(reading, 0);
    finish(scene);
}

static void test_want_fails(void **state)
{
    (void)state;
    struct scene *scene = begin();
    struct reading *reading = start(scene, 0, 1);
    struct reader_post post = next(scene);
    reader_want_failed(scene->reader, post.want, ERROR_CANCELLED); /* a seek passed: asked again */
    struct reader_post again = next(scene);
    assert_int_equal(again.kind, READER_POST_WANT);
    assert_int_not_equal(again.want, post.want);
    reader_want_failed(scene->reader, again.want, ERROR_OFFLINE);
    ends_with(reading, ERROR_OFFLINE);
    finish(scene);
}

/* Answers so many wants, in turns: cancelled, and met without the chunk. */
static void answer_fruitlessly(struct scene *scene, uint32_t rounds)
{
    for (uint32_t i = 0; i < rounds; i++) {
        struct reader_post post = next(scene);
        assert_int_equal(post.kind, READER_POST_WANT);
        if (i % 2 == 0) {
            reader_want_failed(scene->reader, post.want, ERROR_CANCELLED);
        } else {
            reader_want_met(scene->reader, post.want);
        }
    }
}

/* What comes is evicted again and again, or the node never has a use for the want: not for ever. */
static void test_fruitless(void **state)
{
    (void)state;
    struct scene *scene = begin();
    struct reading *reading = start(scene, 0, 1);
    answer_fruitlessly(scene, READER_ROUNDS_MAX);
    ends_with(reading, ERROR_TIMEOUT);
    /* The last round may still bring it; another read begins to count anew. */
    reading = start(scene, 0, 1);
    answer_fruitlessly(scene, READER_ROUNDS_MAX - 1);
    struct reader_post post = next(scene);
    fill_slot(scene, 0, 0, 'a');
    reader_want_met(scene->reader, post.want);
    expect(scene, READER_POST_READ, 0, 1);
    ends_with(reading, 0);
    finish(scene);
}

static void test_unlock(void **state)
{
    (void)state;
    struct scene *scene = begin();
    struct reading *reading = start(scene, 0, 1);
    struct reader_post post = next(scene);
    reader_file_unlock(scene->file);
    struct reader_post dropped = next(scene);
    assert_int_equal(dropped.kind, READER_POST_DROPPED);
    assert_int_equal(dropped.want, post.want);
    ends_with(reading, ERROR_CANCELLED);
    uint8_t byte;
    assert_int_equal(reader_file_read(scene->file, 0, &byte, 1), ERROR_CANCELLED);
    reader_file_unlock_stop(scene->file);
    fill_slot(scene, 0, 0, 'z');
    assert_int_equal(reader_file_read(scene->file, 0, &byte, 1), 0);
    assert_int_equal(byte, 'z');
    expect(scene, READER_POST_READ, 0, 1);
    finish(scene);
}

static void test_rotten(void **state)
{
    (void)state;
    struct scene *scene = begin();
    scene->stored[2] = ERROR_MISMATCH;
    struct reading *reading = start(scene, 2 * CHUNK_BYTES, 1);
    expect(scene, READER_POST_ROTTEN, 2, 1);
    struct reader_post post = next(scene);
    assert_int_equal(post.kind, READER_POST_WANT);
    pthread_mutex_lock(&scene->mutex);
    scene->stored[2] = 0; /* fetched anew and stored before we looked */
    pthread_mutex_unlock(&scene->mutex);
    reader_want_met(scene->reader, post.want);
    expect(scene, READER_POST_READ, 2, 1);
    ends_with(reading, 0);
    finish(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slot_then_store), cmocka_unit_test(test_want),
        cmocka_unit_test(test_want_fails),      cmocka_unit_test(test_unlock),
        cmocka_unit_test(test_rotten),          cmocka_unit_test(test_fruitless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
