/*
 * overlay_bench.h: one overlay with a toy around it, and what it does as text.
 *
 * Files are the letters A to Z, of 20 chunks each (3 rows, the last one of 4 chunks). Peers are the
 * letters a to z; ours is m, so that a to l have lower ids. Peer x lives at 203.0.x.1, port 7000.
 * A picture of a file has a sign a chunk: x is there, . is not; "all" and "none" are short for it.
 *
 * What a settle does is written as one string, an action after the other with blanks between:
 *
 *   connect:b#101      dials b; the bench has answered with overlay_dialling, link 101
 *   connect:b#102*     the same, arranged
 *   drop:7/full        drops link 7
 *   7:interest+A-B     what we wish for, and not any more, to link 7
 *   7:have A=all       HAVE to link 7; A=none, A=0-3,8-9 (RUNS), A+4-4 (MORE)
 *   t:lookup1:AB       to the tracker (link 1); number, keys
 *   t:announce!A/B-C   fresh (!), whole, partial after /, lost after -
 *   7:search:A2        key, hops       7:found:A=all
 *   7:exchange:bc      7:ask:b  7:invite:b  7:go:b  7:away:b  7:listen:7000/1  remember:b/30
 */
#ifndef TESTS_LIB_OVERLAY_BENCH_H
#define TESTS_LIB_OVERLAY_BENCH_H

#include "p2p/core/overlay.h"

#define BENCH_CHUNKS 20u
#define BENCH_ROWS 3u
#define BENCH_FILES 26u
#define BENCH_TRACKER 1u
#define BENCH_TEXT_BYTES 8192u

struct overlay_bench {
    struct overlay *overlay;
    struct overlay_config config; /* of its own; changed between start and begin */
    struct media_intern *intern;
    media_handle files[BENCH_FILES];
    uint8_t masks[BENCH_FILES][BENCH_ROWS];
    uint64_t now_us;
    uint32_t next_link;  /* of connects */
    uint64_t last_query; /* of the last SEARCH that it sent */
    bool hides_searches; /* they are not written */
    bool refuses_dials;  /* connects are answered with link 0 */
    char text[BENCH_TEXT_BYTES];
};

/* The config is refrain's without exchange and rendezvous, degree_low 0; change it, then begin. */
void bench_start(struct overlay_bench *bench);
void bench_begin(struct overlay_bench *bench);
void bench_end(struct overlay_bench *bench);

void bench_wait_ms(struct overlay_bench *bench, uint32_t ms);
/* Settles (as often as it takes) and asserts what it did. */
void bench_expect(struct overlay_bench *bench, const char *text);
/* Settles and returns the text. */
const char *bench_settle(struct overlay_bench *bench);
/* How often `word` stands in the text of the last settle. */
uint32_t bench_count(const struct overlay_bench *bench, const char *word);

void bench_peer_id(char peer, uint8_t *ret_id);
void bench_address(char peer, struct p2p_address *ret_address);
void bench_contact(char peer, uint8_t flags, struct p2p_contact *ret_contact);
void bench_file_id(char file, struct media_file_id *ret_id);
media_handle bench_file(const struct overlay_bench *bench, char file);

/* "A!B" wishes for A, urgent, of weight 1000, then B, of 500. */
void bench_wish(struct overlay_bench *bench, const char *wishes);
/* Our own file changes to a picture, and the overlay is told. */
void bench_own(struct overlay_bench *bench, char file, const char *picture);
/* The same before bench_begin, or silently. */
void bench_put(struct overlay_bench *bench, char file, const char *picture);
void bench_contact_heard(struct overlay_bench *bench, char peer, bool is_lan);

void bench_up(struct overlay_bench *bench, uint32_t link, char peer, bool is_incoming);
void bench_down(struct overlay_bench *bench, uint32_t link, int error);
void bench_tracker_up(struct overlay_bench *bench);

/* Messages that come; each returns what overlay_message did. */
int bench_hear(struct overlay_bench *bench, uint32_t link, const struct p2p_message *message);
int bench_hello(struct overlay_bench *bench, uint32_t link, uint32_t features, uint16_t port);
int bench_interest(struct overlay_bench *bench, uint32_t link, const char *files); /* "+A-B" */
int bench_have(struct overlay_bench *bench, uint32_t link, char file, const char *picture);
int bench_have_more(struct overlay_bench *bench, uint32_t link, char file, const char *picture);
/* "A=bc/d E=": b and c hold A whole, d a part; nobody E. All are REACHABLE. */
int bench_holders(struct overlay_bench *bench, uint32_t lookup, const char *files);
int bench_exchange(struct overlay_bench *bench, uint32_t link, const char *peers);
int bench_rendezvous(struct overlay_bench *bench, uint32_t link, enum p2p_rendezvous role,
                     char peer);
int bench_search(struct overlay_bench *bench, uint32_t link, uint64_t query, uint8_t hops,
                 char file, char searcher);
int bench_found(struct overlay_bench *bench, uint32_t link, uint64_t query, char file, char holder);

#endif
