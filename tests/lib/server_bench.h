/*
 * server_bench.h: the server between a toy store and askers that check everything.
 *
 * For the unit tests of p2p/core/server. The bench is the server's owner: it answers look-ups and
 * reads and drains sockets, at once or when told; as an origin, which has all of f1 and f2, or as a
 * player that holds some chunks. tests/lib/asker is the other end of every link.
 */
#ifndef TESTS_LIB_SERVER_BENCH_H
#define TESTS_LIB_SERVER_BENCH_H

#include "p2p/core/server.h"
#include "tests/lib/asker.h"

#define BENCH_LINKS 8u /* numbers 1 to 8 */
#define BENCH_SLOTS_MAX 16u
#define BENCH_PENDING_MAX 512u
#define BENCH_STORY_BYTES 65536u
#define BENCH_EFFECTS_A_STEP 24u
#define BENCH_ALL UINT32_MAX /* chunks held of a file */

struct bench_link {
    struct server_link server; /* first */
    bool is_up, is_doomed;
    uint64_t queued_bytes;
    struct asker_request requests[ASKER_REQUESTS];
};

enum bench_pending_kind {
    BENCH_FIND_TRACK = 1,
    BENCH_FIND_FILE,
    BENCH_FIND_PROOF,
    BENCH_READ,
};

struct bench_pending {
    enum bench_pending_kind kind;
    uint32_t operation, slot, row;
    uint8_t track;
    struct media_file_id id;
    media_handle file;
};

struct bench {
    struct server *server;
    struct media_intern *intern;
    struct trace trace;
    uint64_t now_us;
    media_handle handles[ASKER_FILES + 1];
    uint8_t manifests[ASKER_TRACKS][MEDIA_MANIFEST_BYTES_MAX];
    uint32_t manifest_bytes[ASKER_TRACKS];
    struct bench_link links[BENCH_LINKS + 1];
    struct { /* what a slot holds */
        bool is_reading, is_filled;
        media_handle file;
        uint32_t chunk;
    } slots[BENCH_SLOTS_MAX];
    struct bench_pending pending[BENCH_PENDING_MAX]; /* not answered yet */
    uint32_t pending_count;
    bool holds_answers;         /* look-ups and reads wait for bench_answer */
    bool holds_rooms;           /* sockets take bytes only with bench_drain */
    int read_error;             /* of every read from now on */
    bool has_no_proofs;         /* nor finds any from now on */
    uint32_t held[ASKER_FILES]; /* a player's: bit per chunk */
    uint64_t budget_bytes;      /* of frames, while above 0 fragments may go */
    uint32_t effects_left;      /* of this step */
    uint64_t payload_bytes, frame_bytes;
    uint32_t largest_fragment_bytes;
    char story[BENCH_STORY_BYTES]; /* the server's trace, lines with \n */
    size_t story_bytes;
    bool is_settling;
};

/* What the tests begin with: 4 slots, 4 requests, a window of 64 KiB, whole chunks. */
struct server_config bench_config(void);
/* `config` without intern, owner and trace, which are the bench's. As an origin. */
void bench_start(struct bench *bench, const struct server_config *config);
/* As a player that holds these chunks of f1 and f2, and knows their ids. */
void bench_start_player(struct bench *bench, const struct server_config *config, uint32_t held_1,
                        uint32_t held_2);
void bench_end(struct bench *bench);

/* Each of these is one step and all that follows from it. */
void bench_up(struct bench *bench, uint32_t link);
void bench_greet(struct bench *bench, uint32_t link);
void bench_down(struct bench *bench, uint32_t link);
void bench_say(struct bench *bench, uint32_t link, const struct p2p_message *message);
void bench_open(struct bench *bench, uint32_t link, uint32_t request, uint32_t track, bool start);
void bench_ask(struct bench *bench, uint32_t link, uint32_t request, uint32_t file, uint32_t first,
               uint16_t count, uint8_t priority, bool proofs);
void bench_cancel(struct bench *bench, uint32_t link, uint32_t request);
void bench_serve(struct bench *bench, uint32_t link, bool is_served);
void bench_reject(struct bench *bench, uint32_t link, enum p2p_reject reason);
void bench_refuse(struct bench *bench, uint32_t link, uint32_t request);
/* A PONG, as an example of control. */
void bench_pong(struct bench *bench, uint32_t link);
/* The socket takes this many bytes at most. */
void bench_drain(struct bench *bench, uint32_t link, uint64_t bytes);
/* Answers the nth of what waits. */
void bench_answer(struct bench *bench, uint32_t nth);
void bench_answer_all(struct bench *bench);
/* Lets this many more bytes go. */
void bench_allow(struct bench *bench, uint64_t bytes);

/* Up and greeted. */
void bench_join(struct bench *bench, uint32_t link);
/* Compares what the server has decided since the last call with these lines, and forgets it. */
void bench_expect(struct bench *bench, const char *lines);
void bench_forget_story(struct bench *bench);
bool bench_is_served(const struct bench *bench, uint32_t link, uint32_t request);

#endif
