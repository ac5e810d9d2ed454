/*
 * test_upload.c: who is served when, as strings.
 *
 * A job is "Aa1*3": link A, job a, priority 1, three units of 100 bytes to fetch. Each frame is
 * sent at once when it is ready. The result is the order of fetches, one letter a unit; a window
 * of W units a link, and "|" in the result where nothing more fits and all queues are emptied.
 */
#include "common/error.h"
#include "common/prng.h"
#include "p2p/core/upload.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define UNIT_BYTES 100u
#define LINKS 4u
#define JOBS 16u

struct bench {
    struct upload upload;
    struct upload_link links[LINKS];
    struct upload_job jobs[JOBS];
    uint32_t units_left[JOBS];
    char names[JOBS];
    uint32_t job_count;
};

static void bench_start(struct bench *bench, uint32_t window_units, uint32_t quantum_units)
{
    struct upload_config config = {.window_bytes = window_units * UNIT_BYTES,
                                   .fragment_bytes = UNIT_BYTES,
                                   .quantum_bytes = quantum_units * UNIT_BYTES,
                                   .control_bytes = 2 * UNIT_BYTES,
                                   .job_max = JOBS};
    memset(bench, 0, sizeof *bench);
    upload_init(&bench->upload, &config);
    for (uint32_t i = 0; i < LINKS; i++) {
        upload_link_open(&bench->upload, &bench->links[i], false);
    }
}

static void bench_end(struct bench *bench)
{
    for (uint32_t i = 0; i < JOBS; i++) {
        if (bench->jobs[i].link != NULL) {
            upload_job_remove(&bench->upload, &bench->jobs[i]);
        }
    }
    for (uint32_t i = 0; i < LINKS; i++) {
        assert_int_equal(bench->links[i].reserved_bytes, 0);
        upload_link_close(&bench->upload, &bench->links[i]);
    }
    upload_deinit(&bench->upload);
}

/* "Aa0*3 Bb1*2": adds these jobs. */
static void bench_ask(struct bench *bench, const char *text)
{
    for (; *text != '\0'; text += *text == ' ') {
        struct upload_link *link = &bench->links[text[0] - 'A'];
        uint32_t at = bench->job_count++;
        bench->names[at] = text[1];
        bench->units_left[at] = (uint32_t)(text[4] - '0');
        assert_int_equal(
            upload_job_add(&bench->upload, link, &bench->jobs[at], (uint8_t)(text[2] - '0')), 0);
        upload_job_want(&bench->upload, &bench->jobs[at], UNIT_BYTES);
        text += 5;
    }
}

/* Fetches, makes ready and sends one unit of the job. */
static void serve(struct bench *bench, struct upload_job *job)
{
    uint32_t at = (uint32_t)(job - bench->jobs);
    uint32_t bytes = 0;
    bench->units_left[at]--;
    upload_fetch(&bench->upload, job, bench->units_left[at] > 0 ? UNIT_BYTES : 0);
    upload_ready(&bench->upload, job, UNIT_BYTES);
    assert_ptr_equal(upload_next_send(&bench->upload, true, &bytes), job);
    assert_int_equal(bytes, UNIT_BYTES);
    upload_sent(&bench->upload, job, bytes);
    if (bench->units_left[at] == 0) {
        upload_job_remove(&bench->upload, job);
    }
    upload_check_invariants(&bench->upload);
}

static void bench_run(struct bench *bench, char *ret_order)
{
    uint32_t rounds = 0;
    for (;;) {
        struct upload_job *job = upload_next_fetch(&bench->upload);
        if (job != NULL) {
            assert_ptr_equal(upload_next_fetch(&bench->upload), job); /* the same until served */
            *ret_order++ = bench->names[job - bench->jobs];
            serve(bench, job);
            continue;
        }
        bool is_over = true;
        for (uint32_t i = 0; i < LINKS; i++) {
            is_over = is_over && bench->links[i].job_count == 0;
            upload_room(&bench->upload, &bench->links[i], 0);
        }
        if (is_over) {
            break;
        }
        *ret_order++ = '|';
        assert_true(++rounds < 20);
    }
    *ret_order = '\0';
}

static const struct {
    const char *jobs;
    uint32_t window_units;
    uint32_t quantum_units;
    const char *order;
} orders[] = {
    /* One link: priority first, then the order of asking, a whole job at a time. */
    {"Aa0*3", 9, 1, "aaa"},
    {"Aa0*2 Ab0*2", 9, 1, "aabb"},
    {"Aa1*2 Ab0*2", 9, 1, "bbaa"},
    {"Aa3*1 Ab2*1 Ac1*1 Ad0*1", 9, 1, "dcba"},
    {"Aa9*1 Ab3*1 Ac2*1", 9, 1, "cab"}, /* an unknown priority is the last */
    /* Several links: in turn, whatever priority a liar claims, however much one asks. */
    {"Aa0*3 Bb0*3", 9, 1, "ababab"},
    {"Aa0*3 Bb3*3", 9, 1, "ababab"},
    {"Aa0*5 Ab0*4 Bc0*2 Cd0*1", 9, 1, "acdacaaabbbb"},
    {"Aa0*4 Bb0*4", 9, 2, "aabbaabb"},
    {"Aa1*3 Ab0*1 Bc0*3", 9, 1, "bcacaca"},
    /* The window: what fits, then nothing until the queue is emptied. */
    {"Aa0*3", 2, 1, "aa|a"},
    {"Aa0*3 Bb0*1", 1, 1, "ab|a|a"},
    {"Aa0*2", 0, 1, "a|a"}, /* a window below a unit: one at a time */
};

static void test_orders(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        struct bench bench;
        char order[64];
        bench_start(&bench, orders[i].window_units, orders[i].quantum_units);
        bench_ask(&bench, orders[i].jobs);
        bench_run(&bench, order);
        assert_string_equal(order, orders[i].order);
        bench_end(&bench);
    }
}

/* What came later and is more urgent goes between the frames of what is ready. */
static void test_urgent_goes_between(void **state)
{
    (void)state;
    struct bench bench;
    uint32_t bytes = 0;
    bench_start(&bench, 9, 1);
    bench_ask(&bench, "Aa2*1");
    upload_job_want(&bench.upload, &bench.jobs[0], 3 * UNIT_BYTES);
    upload_fetch(&bench.upload, &bench.jobs[0], 0);
    upload_ready(&bench.upload, &bench.jobs[0], 3 * UNIT_BYTES);
    assert_ptr_equal(upload_next_send(&bench.upload, true, &bytes), &bench.jobs[0]);
    upload_sent(&bench.upload, &bench.jobs[0], bytes);

    bench_ask(&bench, "Ab0*1");
    upload_fetch(&bench.upload, &bench.jobs[1], 0);
    upload_ready(&bench.upload, &bench.jobs[1], UNIT_BYTES);
    assert_ptr_equal(upload_next_send(&bench.upload, true, &bytes), &bench.jobs[1]);
    upload_sent(&bench.upload, &bench.jobs[1], bytes);
    assert_ptr_equal(upload_next_send(&bench.upload, true, &bytes), &bench.jobs[0]);
    assert_int_equal(bench.links[0].queued_bytes, 2 * UNIT_BYTES);
    bench_end(&bench);
}

/* Who is free needs no leave, and goes before those who do. */
static void test_free_links(void **state)
{
    (void)state;
    struct bench bench;
    uint32_t bytes = 0;
    bench_start(&bench, 9, 1);
    upload_link_set_free(&bench.upload, &bench.links[1]);
    bench_ask(&bench, "Aa0*1 Bb3*1");
    for (uint32_t i = 0; i < 2; i++) {
        upload_fetch(&bench.upload, &bench.jobs[i], 0);
        upload_ready(&bench.upload, &bench.jobs[i], UNIT_BYTES);
    }
    upload_check_invariants(&bench.upload);
    assert_ptr_equal(upload_next_send(&bench.upload, true, &bytes), &bench.jobs[1]);
    assert_ptr_equal(upload_next_send(&bench.upload, false, &bytes), &bench.jobs[1]);
    upload_sent(&bench.upload, &bench.jobs[1], bytes);
    assert_null(upload_next_send(&bench.upload, false, &bytes));
    assert_ptr_equal(upload_next_send(&bench.upload, true, &bytes), &bench.jobs[0]);
    bench_end(&bench);
}

/* Charges: reserved by a fetch, given back by return and removal; the queue by control and room. */
static void test_charges(void **state)
{
    (void)state;
    struct bench bench;
    bench_start(&bench, 4, 1);
    bench_ask(&bench, "Aa0*9 Ab0*9");
    struct upload_link *link = &bench.links[0];
    upload_fetch(&bench.upload, &bench.jobs[0], UNIT_BYTES);
    upload_fetch(&bench.upload, &bench.jobs[1], UNIT_BYTES);
    assert_int_equal(link->reserved_bytes, 2 * UNIT_BYTES);
    upload_return(&bench.upload, &bench.jobs[0], 40);
    assert_int_equal(link->reserved_bytes, 160);
    upload_job_remove(&bench.upload, &bench.jobs[1]);
    assert_int_equal(link->reserved_bytes, 60);

    /* 60 reserved, 300 queued, a unit of 100 does not fit into 400. */
    assert_int_equal(upload_control(&bench.upload, link, 300), 0);
    assert_null(upload_next_fetch(&bench.upload));
    upload_room(&bench.upload, link, 240);
    assert_ptr_equal(upload_next_fetch(&bench.upload), &bench.jobs[0]);
    /* Control may pass the window by two units and not by more. */
    assert_int_equal(upload_control(&bench.upload, link, 360), 0);
    assert_int_equal(upload_control(&bench.upload, link, 1), ERROR_FULL);
    upload_link_check_invariants(&bench.upload, link);
    bench_end(&bench);
}

static void test_limits(void **state)
{
    (void)state;
    struct bench bench;
    bench_start(&bench, 4, 1);
    bench.upload.config.job_max = 2;
    bench_ask(&bench, "Aa0*1 Ab0*1");
    struct upload_job one_more = {0};
    assert_int_equal(upload_job_add(&bench.upload, &bench.links[0], &one_more, 0), ERROR_FULL);
    assert_null(one_more.link);
    assert_int_equal(upload_job_add(&bench.upload, &bench.links[1], &one_more, 0), 0);
    upload_job_remove(&bench.upload, &one_more);
    bench_end(&bench);
}

static void test_held(void **state)
{
    (void)state;
    struct bench bench;
    bench_start(&bench, 4, 1);
    bench.links[0].is_held = true;
    bench_ask(&bench, "Aa0*1");
    assert_null(upload_next_fetch(&bench.upload));
    upload_link_hold(&bench.upload, &bench.links[0], false);
    assert_ptr_equal(upload_next_fetch(&bench.upload), &bench.jobs[0]);
    bench_end(&bench);
}

/* Units of different sizes: two links that always want get the same bytes, whatever their units. */
static void test_fair_by_bytes(void **state)
{
    (void)state;
    static const uint32_t unit_bytes[2] = {1700, 230};
    struct bench bench;
    uint64_t served[2] = {0};
    bench_start(&bench, 1000, 20);
    bench_ask(&bench, "Aa0*1 Bb0*1");
    for (int i = 0; i < 2; i++) {
        upload_job_want(&bench.upload, &bench.jobs[i], unit_bytes[i]);
    }
    for (int i = 0; i < 2000; i++) {
        struct upload_job *job = upload_next_fetch(&bench.upload);
        size_t which = (size_t)(job - bench.jobs);
        upload_fetch(&bench.upload, job, unit_bytes[which]);
        upload_return(&bench.upload, job, unit_bytes[which]);
        served[which] += unit_bytes[which];
        uint64_t apart = served[0] > served[1] ? served[0] - served[1] : served[1] - served[0];
        assert_true(apart <= 20 * UNIT_BYTES + 1700 + 230); /* a quantum and what is overdrawn */
    }
    bench_end(&bench);
}

/* Chance asks, fetches, answers, sends, drains and cancels; the verdict: what was asked and not
 * cancelled has been sent, nothing went past a more urgent job of its link, no window was passed,
 * and in the end nothing is charged. */
struct model {
    struct bench bench;
    uint64_t asked, cancelled, sent; /* bytes */
    uint64_t todo[JOBS];             /* not sent yet */
    uint64_t unfetched[JOBS];
};

static uint32_t next_unit(struct model *model, uint32_t at)
{
    return model->unfetched[at] < 250 ? (uint32_t)model->unfetched[at] : 250;
}

static void model_ask(struct model *model, struct prng *prng)
{
    uint32_t at = (uint32_t)prng_below(prng, JOBS);
    struct upload_job *job = &model->bench.jobs[at];
    if (job->link != NULL) {
        return;
    }
    struct upload_link *link = &model->bench.links[prng_below(prng, LINKS)];
    model->todo[at] = model->unfetched[at] = 1 + prng_below(prng, 2000);
    model->asked += model->todo[at];
    assert_int_equal(upload_job_add(&model->bench.upload, link, job, (uint8_t)prng_below(prng, 4)),
                     0);
    upload_job_want(&model->bench.upload, job, next_unit(model, at));
}

static void model_fetch(struct model *model)
{
    struct upload_job *job = upload_next_fetch(&model->bench.upload);
    if (job == NULL) {
        return;
    }
    uint32_t at = (uint32_t)(job - model->bench.jobs);
    uint64_t charged = job->link->queued_bytes + job->link->reserved_bytes;
    assert_true(charged == 0 ||
                charged + job->wanted_bytes <= model->bench.upload.config.window_bytes);
    model->unfetched[at] -= job->wanted_bytes;
    upload_fetch(&model->bench.upload, job, next_unit(model, at));
}

static void model_answer(struct model *model, struct prng *prng)
{
    struct upload_job *job = &model->bench.jobs[prng_below(prng, JOBS)];
    uint64_t fetching = job->reserved_bytes - job->ready_bytes;
    if (job->link != NULL && fetching > 0) {
        upload_ready(&model->bench.upload, job, (uint32_t)(1 + prng_below(prng, fetching)));
    }
}

static void model_send(struct model *model, bool has_leave)
{
    uint32_t bytes = 0;
    struct upload_job *job = upload_next_send(&model->bench.upload, has_leave, &bytes);
    if (job == NULL) {
        return;
    }
    assert_true(has_leave || job->link->is_free);
    for (uint32_t i = 0; i < JOBS; i++) {
        const struct upload_job *other = &model->bench.jobs[i];
        assert_false(other->link == job->link && other->ready_bytes > 0 &&
                     other->priority < job->priority);
    }
    uint32_t at = (uint32_t)(job - model->bench.jobs);
    model->todo[at] -= bytes;
    model->sent += bytes;
    upload_sent(&model->bench.upload, job, bytes);
    assert_true(model->todo[at] > 0 || job->reserved_bytes == 0);
    if (model->todo[at] == 0) {
        upload_job_remove(&model->bench.upload, job);
    }
}

static void model_cancel(struct model *model, struct prng *prng)
{
    uint32_t at = (uint32_t)prng_below(prng, JOBS);
    if (model->bench.jobs[at].link != NULL) {
        model->cancelled += model->todo[at];
        upload_job_remove(&model->bench.upload, &model->bench.jobs[at]);
    }
}

static void model_drain(struct model *model, struct prng *prng)
{
    struct upload_link *link = &model->bench.links[prng_below(prng, LINKS)];
    upload_room(&model->bench.upload, link, prng_below(prng, link->queued_bytes + 1));
}

static void model_step(struct model *model, struct prng *prng)
{
    switch (prng_below(prng, 12)) {
    case 0:
        model_ask(model, prng);
        break;
    case 1:
    case 2:
        model_drain(model, prng);
        break;
    case 3:
        if (prng_below(prng, 8) == 0) {
            model_cancel(model, prng);
        }
        break;
    case 4:
    case 5:
    case 6:
        model_fetch(model);
        break;
    case 7:
    case 8:
        model_answer(model, prng);
        break;
    default:
        model_send(model, prng_below(prng, 2) == 0);
        break;
    }
}

static bool model_is_idle(const struct model *model)
{
    for (uint32_t i = 0; i < LINKS; i++) {
        if (model->bench.links[i].job_count > 0) {
            return false;
        }
    }
    return true;
}

static void test_against_a_model(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct model model;
        struct prng prng;
        memset(&model, 0, sizeof model);
        prng_init(&prng, seed);
        bench_start(&model.bench, 1 + (uint32_t)seed % 5, 1 + (uint32_t)seed % 3);
        if (seed % 2 == 0) {
            upload_link_set_free(&model.bench.upload, &model.bench.links[LINKS - 1]);
        }
        for (int i = 0; i < 5000; i++) {
            model_step(&model, &prng);
            upload_check_invariants(&model.bench.upload);
            for (uint32_t at = 0; at < LINKS; at++) {
                upload_link_check_invariants(&model.bench.upload, &model.bench.links[at]);
            }
        }
        for (int i = 0; i < 100000 && !model_is_idle(&model); i++) {
            model_fetch(&model);
            model_answer(&model, &prng);
            model_send(&model, true);
            model_drain(&model, &prng);
        }
        assert_true(model_is_idle(&model));
        assert_true(model.sent > 0 && model.cancelled > 0);
        assert_int_equal(model.sent + model.cancelled, model.asked);
        bench_end(&model.bench);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_orders),        cmocka_unit_test(test_urgent_goes_between),
        cmocka_unit_test(test_free_links),    cmocka_unit_test(test_charges),
        cmocka_unit_test(test_limits),        cmocka_unit_test(test_held),
        cmocka_unit_test(test_fair_by_bytes), cmocka_unit_test(test_against_a_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
