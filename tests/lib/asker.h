/*
 * asker.h: who asks a server for a toy catalogue's chunks, and checks every answer.
 *
 * For the benches of p2p/core/server and streamserver/core. It makes the messages OPEN, REQUEST and
 * CANCEL, remembers what they asked for, and asserts the contract of p2p/core/message.h on what
 * comes back: OPENED first, proofs once and before fragments, fragments gapless and in order,
 * nothing after the end.
 *
 * Two files: f1 has 21 chunks, the last of 100 bytes, three rows; f2 has 3 chunks. Three tracks:
 * t1 is f1 with the start set 0+2, 20+1, 2+1 (rows 0, 2, 0); t2 is f2, 0+3; t3 is a third file,
 * which who serves has lost.
 */
#ifndef TESTS_LIB_ASKER_H
#define TESTS_LIB_ASKER_H

#include "media/core/manifest.h"
#include "p2p/core/message.h"

#define ASKER_REQUESTS 64u /* numbers 1 to 63 are watched */
#define ASKER_FILES 2u     /* and the lost one behind them */
#define ASKER_TRACKS 3u

struct asker_request {
    bool is_asked, is_open, is_cancelled, is_over;
    bool wants_payload, wants_proofs;
    uint32_t file;            /* index */
    struct media_run runs[4]; /* still to come, in order */
    uint32_t run_count, run_at;
    uint32_t chunk, offset; /* next byte, within the run and the chunk */
    uint32_t proven;        /* bit per row */
    bool is_opened;
    uint8_t rejected; /* reason */
};

/* File by index, the lost one is ASKER_FILES. */
struct media_file_id asker_file(uint32_t file);
/* The file of a track (1 to ASKER_TRACKS), by index. */
uint32_t asker_track_file(uint32_t track);
/* Its manifest; returns the bytes. */
uint32_t asker_manifest(uint32_t track, uint8_t ret_manifest[static MEDIA_MANIFEST_BYTES_MAX]);
/* A proof of the right shape. */
void asker_proof(uint64_t file_bytes, uint32_t row, struct media_proof *ret_proof);

/* `requests` are ASKER_REQUESTS, zeroed at first. A number that was used before is not watched
 * again. */
struct p2p_message asker_open(struct asker_request *requests, uint32_t number, uint32_t track,
                              bool start);
/* `file` counts from 1; beyond the last: one that nobody has. */
struct p2p_message asker_ask(struct asker_request *requests, uint32_t number, uint32_t file,
                             uint32_t first, uint16_t count, uint8_t priority, bool proofs);
struct p2p_message asker_cancel(struct asker_request *requests, uint32_t number);
/* OPENED, PROOF, FRAGMENT or REJECT. */
void asker_takes(struct asker_request *requests, const struct p2p_message *message);
/* Has it all that it asked for? */
bool asker_is_served(const struct asker_request *request);

#endif
