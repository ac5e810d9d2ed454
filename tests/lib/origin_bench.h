/*
 * origin_bench.h: the origin engine between a toy catalogue and players that check everything.
 *
 * For the unit tests and the fuzz target of streamserver/core. The bench is the engine's shell: it
 * answers SIGN, FIND_*, READ and drains sockets, at once or when told; and it is the other end of
 * every link: it asserts that our HELLO comes first, and by tests/lib/asker all that follows.
 */
#ifndef TESTS_LIB_ORIGIN_BENCH_H
#define TESTS_LIB_ORIGIN_BENCH_H

#include "streamserver/core/origin.h"
#include "tests/lib/asker.h"

#define BENCH_LINKS 8u /* numbers 1 to 8 have a player behind them */
#define BENCH_SLOTS_MAX 16u
#define BENCH_PENDING_MAX 512u
#define BENCH_STORY_BYTES 65536u

struct bench_link {
    bool is_up, has_greeted, is_greeted;
    uint8_t bye; /* the engine let it go with this reason */
    uint64_t queued_bytes;
    uint64_t pongs;
    uint64_t hello_features; /* of the engine's HELLO */
    uint32_t holders_count;  /* HOLDERS that came; the last one's body: */
    uint8_t holders[P2P_FRAME_BODY_BYTES_MAX];
    size_t holders_bytes;
    uint32_t rendezvous_count[P2P_RENDEZVOUS_AWAY + 1]; /* by role; the last one's contact: */
    struct p2p_contact contact;
    struct asker_request requests[ASKER_REQUESTS];
};

struct bench {
    struct origin *origin;
    struct media_intern *intern;
    struct trace trace;
    uint64_t now_us;
    uint64_t deadline_us;
    media_handle handles[ASKER_FILES + 1];
    uint8_t manifests[ASKER_TRACKS][MEDIA_MANIFEST_BYTES_MAX];
    uint32_t manifest_bytes[ASKER_TRACKS];
    struct bench_link links[BENCH_LINKS + 1];
    struct { /* what a slot holds */
        bool is_reading, is_filled;
        media_handle file;
        uint32_t chunk;
    } slots[BENCH_SLOTS_MAX];
    struct origin_effect pending[BENCH_PENDING_MAX]; /* not answered yet */
    uint32_t pending_count;
    bool holds_answers; /* SIGN, FIND and READ wait for bench_answer */
    bool holds_rooms;   /* sockets take bytes only with bench_drain */
    int read_error;     /* of every READ from now on */
    bool has_no_proofs;
    uint64_t payload_bytes, frame_bytes; /* sent by the engine */
    char story[BENCH_STORY_BYTES];       /* the engine's trace, lines with \n */
    size_t story_bytes;
    bool keeps_story;
    bool is_settling;
};

/* What the tests begin with: 4 links, 4 slots, 4 requests, a window of 64 KiB, whole chunks. */
struct origin_config bench_config(void);
/* `config` without intern and trace, which are the bench's; slot_count <= BENCH_SLOTS_MAX. */
void bench_start(struct bench *bench, const struct origin_config *config);
void bench_end(struct bench *bench);

/* Each of these is one event and all that follows from it. */
void bench_up(struct bench *bench, uint32_t link, bool is_tls);
void bench_down(struct bench *bench, uint32_t link);
void bench_down_for(struct bench *bench, uint32_t link, int error);
void bench_say(struct bench *bench, uint32_t link, const struct p2p_message *message);
void bench_hello(struct bench *bench, uint32_t link);
/* Up and a HELLO of a player of the overlay: from 10.0.X.1, its peer id is its number in all bytes,
 * it gives and listens on port 4000. `proven` is the number that TLS proved; 0 = none. */
void bench_join_peer(struct bench *bench, uint32_t link, uint8_t x, uint8_t proven);
/* Keys of files first to last, as tests/lib/tracker_world has them; whole. */
void bench_announce(struct bench *bench, uint32_t link, bool is_fresh, uint32_t first,
                    uint32_t last);
void bench_lookup(struct bench *bench, uint32_t link, uint32_t first, uint32_t last);
/* RENDEZVOUS, by a link's number. */
void bench_meet(struct bench *bench, uint32_t link, enum p2p_rendezvous role, uint32_t with);
void bench_open(struct bench *bench, uint32_t link, uint32_t request, uint32_t track, bool start);
void bench_ask(struct bench *bench, uint32_t link, uint32_t request, uint32_t file, uint32_t first,
               uint16_t count, uint8_t priority, bool proofs);
void bench_cancel(struct bench *bench, uint32_t link, uint32_t request);
void bench_ping(struct bench *bench, uint32_t link, uint64_t token);
/* The socket takes this many bytes at most. */
void bench_drain(struct bench *bench, uint32_t link, uint64_t bytes);
/* Answers the nth of what waits. */
void bench_answer(struct bench *bench, uint32_t nth);
void bench_answer_all(struct bench *bench);
void bench_at(struct bench *bench, uint64_t now_us);

/* Up, greeted, nothing in the story of it. */
void bench_join(struct bench *bench, uint32_t link);
/* Compares what the engine has decided since the last call with these lines, and forgets it. */
void bench_expect(struct bench *bench, const char *lines);
/* Does the request have all that it asked for? */
bool bench_is_served(const struct bench *bench, uint32_t link, uint32_t request);

#endif
