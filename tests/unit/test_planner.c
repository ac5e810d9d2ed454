/*
 * test_planner.c: choices as pictures. A file's chunks: . missing, h held, P missing with the proof
 * of its row here. Sources: what each has, '.' for not; "*" = everything.
 */
#include "common/error.h"
#include "player/core/planner.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define CHUNKS 24u
#define SOURCES 3u

struct ground {
    struct file file;
    uint8_t chunks[CHUNKS];
    struct row rows[CHUNKS / ROW_CHUNKS];
    struct row *row_list[CHUNKS / ROW_CHUNKS];
    struct planner_demand demands[4];
    struct planner_source sources[SOURCES];
    struct node_preset preset;
    struct planner_view view;
};

static uint8_t picture_mask(const void *context, media_handle file, uint32_t row)
{
    const char *chunks = (const char *)context + (size_t)row * ROW_CHUNKS;
    uint8_t mask = 0;
    (void)file;
    for (uint32_t i = 0; i < ROW_CHUNKS; i++) {
        mask |= (uint8_t)((chunks[i] != '.') << i);
    }
    return mask;
}

static void set_up(struct ground *ground, const char *chunks)
{
    memset(ground, 0, sizeof *ground);
    ground->file = (struct file){.handle = 1,
                                 .bytes = CHUNKS * CHUNK_BYTES,
                                 .chunk_count = CHUNKS,
                                 .row_count = CHUNKS / ROW_CHUNKS,
                                 .missing_count = CHUNKS,
                                 .chunks = ground->chunks,
                                 .rows = ground->row_list};
    for (uint32_t i = 0; i < CHUNKS; i++) {
        if (chunks[i] == 'h') {
            files_set_state(&ground->file, i, CHUNK_STORED);
        } else if (chunks[i] == 'P') {
            ground->rows[i / ROW_CHUNKS].has_proof = true;
            ground->row_list[i / ROW_CHUNKS] = &ground->rows[i / ROW_CHUNKS];
        }
    }
    ground->preset = node_preset_refrain;
    ground->preset.request_chunks = 16;
    ground->view = (struct planner_view){.preset = &ground->preset,
                                         .demands = ground->demands,
                                         .sources = ground->sources,
                                         .slots_available = 100,
                                         .slots_count = 100};
}

static void demand(struct ground *ground, uint32_t begin, uint32_t end, uint8_t priority,
                   uint64_t due_us)
{
    ground->demands[ground->view.demand_count++] =
        (struct planner_demand){.file = &ground->file,
                                .begin = begin,
                                .end = end,
                                .priority = priority,
                                .due_us = due_us,
                                .step_us = TIME_US_PER_S};
}

static void source(struct ground *ground, enum node_source kind, const char *has, uint64_t rate,
                   uint64_t delay_us)
{
    ground->sources[ground->view.source_count++] =
        (struct planner_source){.kind = kind,
                                .bytes_per_s = rate,
                                .delay_us = delay_us,
                                .limit_bytes = 1u << 20,
                                .requests_left = 10,

                                .row_mask = has[0] == '*' ? NULL : picture_mask,
                                .context = has};
}

static const struct {
    const char *chunks;
    uint32_t begin, end;
    uint32_t first, count; /* of the run; count 0 = nothing to ask */
    bool wants_proofs;
} runs[] = {
    {"........................", 0, 24, 0, 16, true},  /* two whole rows */
    {"........................", 2, 24, 2, 14, true},  /* up to a row's end */
    {"........................", 2, 5, 2, 3, true},    /* no further than the demand */
    {"hhhh....hh..............", 0, 24, 4, 4, true},   /* what is held ends it */
    {"hhhhhhhhhhhhhhhhhhhhhhhh", 0, 24, 0, 0, false},  /* nothing is missing */
    {"hhPPPPPP................", 0, 24, 2, 6, false},  /* the proof is here: own request */
    {"hhhhhhhh....PPPP........", 0, 24, 8, 8, false},  /* a proof is a row's */
    {"........................", 20, 24, 20, 4, true}, /* the file's end */
};

static void test_runs(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof runs / sizeof runs[0]; i++) {
        struct ground ground;
        set_up(&ground, runs[i].chunks);
        demand(&ground, runs[i].begin, runs[i].end, P2P_PRIORITY_AHEAD, 0);
        source(&ground, NODE_SOURCE_ORIGIN, "*", 0, 0);
        struct planner_run run = {0};
        assert_int_equal(planner_next(&ground.view, &run), runs[i].count > 0);
        if (runs[i].count > 0) {
            assert_int_equal(run.first_chunk, runs[i].first);
            assert_int_equal(run.count, runs[i].count);
            assert_int_equal(run.wants_proofs, runs[i].wants_proofs);
        }
    }
}

static void test_order(void **state)
{
    (void)state;
    struct ground ground;
    set_up(&ground, "........................");
    demand(&ground, 20, 22, P2P_PRIORITY_PLAY, 0);
    demand(&ground, 0, 24, P2P_PRIORITY_AHEAD, 0);
    source(&ground, NODE_SOURCE_ORIGIN, "*", 0, 0);
    struct planner_run run;
    assert_true(planner_next(&ground.view, &run));
    assert_int_equal(run.first_chunk, 20);
    assert_int_equal(run.count, 2);
    assert_int_equal(run.priority, P2P_PRIORITY_PLAY);
}

/* The pipeline: full for what is not urgent, a row more for what is. */
static void test_pipeline(void **state)
{
    (void)state;
    struct ground ground;
    set_up(&ground, "........................");
    demand(&ground, 0, 24, P2P_PRIORITY_AHEAD, 0);
    source(&ground, NODE_SOURCE_ORIGIN, "*", 0, 0);
    struct planner_run run;
    ground.sources[0].limit_bytes = 4 * ROW_BYTES;
    ground.sources[0].outstanding_bytes = 3 * ROW_BYTES + CHUNK_BYTES;
    assert_false(planner_next(&ground.view, &run)); /* waits until a row fits */
    ground.sources[0].outstanding_bytes = 3 * ROW_BYTES;
    assert_true(planner_next(&ground.view, &run));
    assert_int_equal(run.count, ROW_CHUNKS);
    ground.sources[0].outstanding_bytes = 4 * ROW_BYTES;
    ground.demands[0].priority = P2P_PRIORITY_PLAY;
    assert_true(planner_has_room(&ground.view, true));
    assert_false(planner_has_room(&ground.view, false));
    assert_true(planner_next(&ground.view, &run));
    ground.sources[0].outstanding_bytes = 5 * ROW_BYTES;
    assert_false(planner_next(&ground.view, &run));
    ground.sources[0].outstanding_bytes = 0;
    ground.sources[0].requests_left = 0;
    assert_false(planner_next(&ground.view, &run));
}

/* A quarter of the slots is kept for what is due soon. */
static void test_slots(void **state)
{
    (void)state;
    struct ground ground;
    set_up(&ground, "........................");
    demand(&ground, 0, 24, P2P_PRIORITY_AHEAD, 0);
    source(&ground, NODE_SOURCE_ORIGIN, "*", 0, 0);
    struct planner_run run;
    ground.view.slots_available = 25;
    assert_false(planner_next(&ground.view, &run));
    ground.view.slots_available = 28;
    assert_true(planner_next(&ground.view, &run));
    assert_int_equal(run.count, 3);
    ground.demands[0].priority = P2P_PRIORITY_PLAY;
    ground.view.slots_available = 2;
    assert_true(planner_next(&ground.view, &run));
    assert_int_equal(run.count, 2);
    ground.view.slots_available = 0;
    assert_false(planner_next(&ground.view, &run));
}

/* The published pipeline is two seconds of the rate, ours the bandwidth-delay product. */
static void test_pipeline_bytes(void **state)
{
    (void)state;
    const struct node_preset *ours = &node_preset_refrain;
    const struct node_preset *theirs = &node_preset_spotify2010;
    assert_int_equal(planner_pipeline_bytes(ours, 0, 0), ours->pipeline_bytes_min);
    assert_int_equal(planner_pipeline_bytes(ours, 10000000, 50000), 1000000);
    assert_int_equal(planner_pipeline_bytes(ours, 1000000000, 50000), ours->pipeline_bytes_max);
    assert_int_equal(planner_pipeline_bytes(theirs, 0, 50000), 32768);
    assert_int_equal(planner_pipeline_bytes(theirs, 100000, 50000), 200000);
}

#define EVERYTHING "hhhhhhhhhhhhhhhhhhhhhhhh"

static const struct {
    const char *first_peer, *second_peer; /* NULL = not there */
    uint64_t due_us;                      /* of chunk 0 */
    uint32_t source;                      /* index; 0 is the origin; SOURCES = nobody */
    uint32_t chunk;
} sharing[] = {
    {NULL, NULL, 60000000, 0, 0},                             /* the origin alone */
    {EVERYTHING, NULL, 60000000, 1, 0},                       /* a peer has it */
    {EVERYTHING, NULL, 1000000, 0, 0},                        /* and it is due soon */
    {EVERYTHING, EVERYTHING, 60000000, 2, 0},                 /* the faster peer */
    {EVERYTHING, "........hhhhhhhhhhhhhhhh", 60000000, 1, 0}, /* who has it */
    {"....hhhhhhhhhhhhhhhhhhhh", NULL, 60000000, 0, 0},       /* nobody else has it */
};

static void test_sharing(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof sharing / sizeof sharing[0]; i++) {
        struct ground ground;
        set_up(&ground, "........................");
        demand(&ground, 0, 24, P2P_PRIORITY_AHEAD, sharing[i].due_us);
        source(&ground, NODE_SOURCE_ORIGIN, "*", 1000000, 20000);
        if (sharing[i].first_peer != NULL) {
            source(&ground, NODE_SOURCE_PEERS, sharing[i].first_peer, 50000, 80000);
        }
        if (sharing[i].second_peer != NULL) {
            source(&ground, NODE_SOURCE_PEERS, sharing[i].second_peer, 200000, 80000);
        }
        struct planner_run run;
        assert_true(planner_next(&ground.view, &run));
        assert_int_equal(run.source, sharing[i].source);
        assert_int_equal(run.first_chunk, sharing[i].chunk);
    }
}

/* While peers are busy with what they have, the origin is left alone. */
static void test_origin_is_spared(void **state)
{
    (void)state;
    struct ground ground;
    set_up(&ground, "........................");
    demand(&ground, 0, 24, P2P_PRIORITY_AHEAD, 60 * TIME_US_PER_S);
    source(&ground, NODE_SOURCE_ORIGIN, "*", 1000000, 20000);
    source(&ground, NODE_SOURCE_PEERS, EVERYTHING, 50000, 80000);
    ground.sources[1].outstanding_bytes = ground.sources[1].limit_bytes;
    struct planner_run run;
    assert_false(planner_next(&ground.view, &run));
    ground.sources[1].outstanding_bytes = 0;
    ground.sources[1].requests_left = 0; /* it rests, and has it all the same */
    assert_false(planner_next(&ground.view, &run));
    ground.sources[1].outstanding_bytes = ground.sources[1].limit_bytes;
    /* Unless it would come too late from there: a full pipeline of 1 MiB takes 21 s. */
    ground.demands[0].due_us = 20 * TIME_US_PER_S;
    assert_true(planner_next(&ground.view, &run));
    assert_int_equal(run.source, 0);
}

static uint64_t given_ahead_us;

static uint64_t ahead(const void *context, media_handle file, uint32_t chunk)
{
    (void)context;
    (void)file;
    (void)chunk;
    return given_ahead_us;
}

/* Holders in a picture: a digit for each chunk. */
static uint32_t pictured(const void *context, media_handle file, uint32_t chunk)
{
    (void)file;
    return (uint32_t)(((const char *)context)[chunk] - '0');
}

/* Among peers: what no peer has is asked of the origin as far ahead as its share says, and while
 * holders are sought only when it would soon be late. */
static const struct {
    uint64_t due_us, ahead_us;
    bool is_sought, is_speculative;
    uint8_t priority, use_percent;
    bool is_asked;
} alone[] = {
    {10000000, 30000000, false, false, P2P_PRIORITY_AHEAD, 0, true},
    {40000000, 30000000, false, false, P2P_PRIORITY_AHEAD, 0, false},
    {10000000, 3000000, false, false, P2P_PRIORITY_AHEAD, 0, false}, /* it falls to another */
    {2000000, 3000000, false, false, P2P_PRIORITY_AHEAD, 0, true},
    {10000000, 30000000, true, false, P2P_PRIORITY_AHEAD, 0, false}, /* somebody may come */
    {1500000, 30000000, true, false, P2P_PRIORITY_AHEAD, 0, true},
    {TIME_NEVER_US, 0, false, true, P2P_PRIORITY_PREFETCH, 61, true},  /* a head, likely played */
    {TIME_NEVER_US, 0, false, true, P2P_PRIORITY_PREFETCH, 37, false}, /* and one that is not */
    {TIME_NEVER_US, 0, false, false, P2P_PRIORITY_PREFETCH, 0, false}, /* before the play point */
    {TIME_NEVER_US, 0, false, false, P2P_PRIORITY_OFFLINE, 0, true},
    {TIME_NEVER_US, 0, true, false, P2P_PRIORITY_OFFLINE, 0, false},
};

static void test_alone_among_peers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof alone / sizeof alone[0]; i++) {
        struct ground ground;
        set_up(&ground, "........................");
        demand(&ground, 0, 24, alone[i].priority, alone[i].due_us);
        ground.demands[0].is_sought = alone[i].is_sought;
        ground.demands[0].is_speculative = alone[i].is_speculative;
        ground.demands[0].use_percent = alone[i].use_percent;
        source(&ground, NODE_SOURCE_ORIGIN, "*", 1000000, 20000);
        ground.view.with_peers = true;
        ground.view.ahead_us = ahead;
        given_ahead_us = alone[i].ahead_us;
        struct planner_run run;
        assert_int_equal(planner_next(&ground.view, &run), alone[i].is_asked);
    }
}

/* Of the origin no more is asked than what is due: 24 s of chunks, four of them now; a row at a
 * time where nobody has them. */
static void test_origin_chunk_by_chunk(void **state)
{
    (void)state;
    struct ground ground;
    set_up(&ground, "........................");
    demand(&ground, 0, 24, P2P_PRIORITY_PLAY, 0);
    ground.demands[0].is_sought = true;
    source(&ground, NODE_SOURCE_ORIGIN, "*", 1000000, 20000);
    ground.view.with_peers = true;
    ground.view.ahead_us = ahead;
    struct planner_run run;
    assert_true(planner_next(&ground.view, &run));
    assert_int_equal(run.count, 4); /* due at 0 to 3 s */
    ground.demands[0].is_sought = false;
    given_ahead_us = 10 * TIME_US_PER_S;
    assert_true(planner_next(&ground.view, &run));
    assert_int_equal(run.count, 2 * ROW_CHUNKS);
}

/* The row that the fewest have goes first, where that is asked for; the salt decides between
 * equals. */
static const struct {
    const char *holders;
    uint32_t salt;
    uint32_t first;
} rare[] = {
    {"333333331111111122222222", 0, 8},
    {"333333330000000022222222", 0, 16}, /* what nobody has is no peer's to give */
    {"222222222222222222222222", 0, 0},
    {"222222222222222222222222", 1, 8},
    {"222222222222222222222222", 5, 16},
};

static void test_rarest_first(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rare / sizeof rare[0]; i++) {
        struct ground ground;
        set_up(&ground, "........................");
        demand(&ground, 0, 24, P2P_PRIORITY_AHEAD, 60 * TIME_US_PER_S);
        source(&ground, NODE_SOURCE_PEERS, EVERYTHING, 50000, 80000);
        ground.view.with_peers = true;
        ground.view.salt = rare[i].salt;
        ground.view.ahead_us = ahead;
        ground.view.count_holders = pictured;
        ground.view.context = rare[i].holders;
        struct planner_run run;
        ground.demands[0].is_rarest_first = true;
        assert_true(planner_next(&ground.view, &run));
        assert_int_equal(run.first_chunk, rare[i].first);
        ground.demands[0].is_rarest_first = false;
        assert_true(planner_next(&ground.view, &run));
        assert_int_equal(run.first_chunk, 0);
    }
}

/* What a peer would bring with time to spare is not the origin's; what it would not, is. */
static void test_margin(void **state)
{
    (void)state;
    static const struct {
        uint64_t due_us, lateness_us;
        uint32_t source;
    } rows[] = {
        {5000000, 0, 1},
        {1300000, 0, 0},       /* 0.41 s and the margin of 1.5 s */
        {5000000, 4000000, 0}, /* it comes too irregularly */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ground ground;
        set_up(&ground, "........................");
        demand(&ground, 0, 24, P2P_PRIORITY_PLAY, rows[i].due_us);
        source(&ground, NODE_SOURCE_ORIGIN, "*", 1000000, 20000);
        source(&ground, NODE_SOURCE_PEERS, EVERYTHING, 50000, 80000);
        ground.sources[1].lateness_us = rows[i].lateness_us;
        ground.view.with_peers = true;
        ground.view.ahead_us = ahead;
        struct planner_run run;
        assert_true(planner_next(&ground.view, &run));
        assert_int_equal(run.source, rows[i].source);
    }
}

static void test_peer_pipeline(void **state)
{
    (void)state;
    const struct node_preset *ours = &node_preset_refrain;
    const struct node_preset *theirs = &node_preset_spotify2010;
    assert_int_equal(planner_peer_pipeline_bytes(ours, 0), ours->peer_pipeline_bytes);
    assert_int_equal(planner_peer_pipeline_bytes(ours, 2000), CHUNK_BYTES); /* it trickles */
    assert_int_equal(planner_peer_pipeline_bytes(ours, 250000), 250000);
    assert_int_equal(planner_peer_pipeline_bytes(theirs, 2000), 32768);
    assert_int_equal(planner_peer_pipeline_bytes(theirs, 100000), 200000);
    assert_int_equal(planner_peer_pipeline_bytes(theirs, 100000000), theirs->pipeline_bytes_max);
}

static void test_refused(void **state)
{
    (void)state;
    struct ground ground;
    set_up(&ground, "........................");
    demand(&ground, 0, 24, P2P_PRIORITY_PLAY, 0);
    source(&ground, NODE_SOURCE_ORIGIN, "*", 0, 0);
    ground.file.refused = ERROR_NOT_FOUND;
    struct planner_run run;
    assert_false(planner_next(&ground.view, &run));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_runs),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_pipeline),
        cmocka_unit_test(test_slots),
        cmocka_unit_test(test_pipeline_bytes),
        cmocka_unit_test(test_sharing),
        cmocka_unit_test(test_origin_is_spared),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_alone_among_peers),
        cmocka_unit_test(test_origin_chunk_by_chunk),
        cmocka_unit_test(test_rarest_first),
        cmocka_unit_test(test_margin),
        cmocka_unit_test(test_peer_pipeline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
