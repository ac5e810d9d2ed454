/*
 * test_disk.c: jobs in their order, on another thread and back; none is lost when it closes.
 */
#include "player/uv/disk.h"

#include "common/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>

#define JOBS 100

struct scene {
    struct net_loop *loop;
    struct disk *disk;
    pthread_t loop_thread;
    unsigned worked, done; /* the thread's; the loop's */
    bool stops_when_all;
};

struct job {
    struct disk_job job;
    struct scene *scene;
    unsigned number;
    unsigned worked_as; /* the how manieth */
};

static void work(struct disk_job *base)
{
    struct job *job = (struct job *)base;
    assert_false(pthread_equal(pthread_self(), job->scene->loop_thread));
    job->worked_as = job->scene->worked++;
}

static void done(struct disk_job *base)
{
    struct job *job = (struct job *)base;
    assert_true(pthread_equal(pthread_self(), job->scene->loop_thread));
    assert_int_equal(job->worked_as, job->number);
    assert_int_equal(job->scene->done, job->number);
    if (++job->scene->done == JOBS && job->scene->stops_when_all) {
        net_loop_stop(job->scene->loop);
    }
}

static void begin(struct scene *scene, struct job *jobs)
{
    *scene = (struct scene){.loop_thread = pthread_self()};
    assert_int_equal(net_loop_new(&scene->loop), 0);
    assert_int_equal(disk_open(scene->loop, &scene->disk), 0);
    for (unsigned i = 0; i < JOBS; i++) {
        jobs[i] = (struct job){.job = {.work = work, .done = done}, .scene = scene, .number = i};
        assert_int_equal(disk_submit(scene->disk, &jobs[i].job), 0);
    }
    assert_int_equal(scene->done, 0); /* never from inside the call */
}

static void end(struct scene *scene)
{
    struct job late = {.job = {.work = work, .done = done}, .scene = scene};
    disk_close(scene->disk);
    assert_int_equal(scene->done, JOBS);
    assert_int_equal(disk_submit(scene->disk, &late.job), ERROR_FULL);
    net_loop_run(scene->loop);
    disk_free(scene->disk);
    net_loop_free(scene->loop);
}

static void test_jobs_come_back_in_order(void **state)
{
    (void)state;
    struct scene scene;
    struct job jobs[JOBS];
    begin(&scene, jobs);
    scene.stops_when_all = true;
    net_loop_run(scene.loop);
    assert_int_equal(scene.done, JOBS);
    end(&scene);
}

static void test_close_works_off_what_waits(void **state)
{
    (void)state;
    struct scene scene;
    struct job jobs[JOBS];
    begin(&scene, jobs);
    end(&scene);
}

static void test_it_is_bounded(void **state)
{
    (void)state;
    static struct job jobs[DISK_JOBS_MAX + 1];
    struct scene scene;
    begin(&scene, jobs);
    unsigned count = JOBS;
    int error = 0;
    /* None is done before the loop runs, so each one counts. */
    while (error == 0 && count <= DISK_JOBS_MAX) {
        jobs[count] =
            (struct job){.job = {.work = work, .done = done}, .scene = &scene, .number = count};
        error = disk_submit(scene.disk, &jobs[count].job);
        count++;
    }
    assert_int_equal(error, ERROR_FULL);
    assert_int_equal(count, DISK_JOBS_MAX + 1);
    disk_close(scene.disk);
    assert_int_equal(scene.done, DISK_JOBS_MAX);
    net_loop_run(scene.loop);
    disk_free(scene.disk);
    net_loop_free(scene.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_jobs_come_back_in_order),
        cmocka_unit_test(test_close_works_off_what_waits),
        cmocka_unit_test(test_it_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
