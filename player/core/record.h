/*
 * record.h: what a node was told, as bytes, so that another node can be told the same.
 *
 * `refrain play --record FILE` writes such a recording; the replay test steps a fresh node through
 * it and compares the hash of each update (docs/ENGINE.md). Borrowed data (messages, manifests,
 * masks) stand in the record; payload does not: a node never sees any.
 *
 * A recording, numbers big-endian:
 *   head    "RFREC2\0\0" 8, seed u64, cache limit u64, slots u32, give slots u32, flags u8
 *           (1 offline, 2 fast, 4 with peers), peer id 32, preset's name: u8 length, bytes
 *   then for each step a record:
 *   length  u32 of what follows, 17 to RECORD_BYTES_MAX
 *   update  u64: record_update_hash of what the node answered
 *   event   kind u8, now_us u64, then the kind's fields in the order of node.h
 * File handles mean nothing outside a process: a CACHED_FILE carries its file id too, and reading it
 * interns that id. With a fresh intern table the handles come out the same, since all others are
 * interned by the node itself (asserted by the reader's caller through *ret_handle).
 */
#ifndef PLAYER_CORE_RECORD_H
#define PLAYER_CORE_RECORD_H

#include "player/core/node.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RECORD_HEAD_BYTES_MAX 96u
#define RECORD_PRESET_BYTES_MAX 32u
/* The largest: a CACHED_FILE of FILE_ROWS_MAX masks. */
#define RECORD_BYTES_MAX (FILE_ROWS_MAX + 128u)

struct record_head {
    uint64_t seed;
    uint64_t cache_limit_bytes;
    uint32_t slot_count;
    uint32_t give_slot_count;
    bool offline;
    bool fast;
    bool with_peers;
    uint8_t peer_id[HASH_BYTES];
    char preset[RECORD_PRESET_BYTES_MAX + 1]; /* node_preset.name */
};

/* The buffer has RECORD_HEAD_BYTES_MAX bytes. Returns how many were written. */
size_t record_head_encode(const struct record_head *head, uint8_t *buffer);
/* Reads the head; *ret_used is where the records begin. ERROR_TRUNCATED, ERROR_MALFORMED,
 * ERROR_VERSION. */
int record_head_decode(const uint8_t *bytes, size_t count, struct record_head *ret_head,
                       size_t *ret_used);

/* One record, its length included. `intern` gives the ids of CACHED_FILE. ERROR_TOO_LARGE:
 * `capacity` does not do (it always does with RECORD_BYTES_MAX + 4). */
int record_encode(const struct node_event *event, uint64_t update_hash,
                  const struct media_intern *intern, uint8_t *buffer, size_t capacity,
                  size_t *ret_bytes);

/* A record that was read. The event borrows from `message` and from the bytes read. */
struct record {
    struct node_event event;
    struct p2p_message message;
    struct media_proof proof; /* of a PROOF_FOUND */
    uint64_t update_hash;
    media_handle handle_recorded; /* CACHED_FILE: the handle in the recorder's process; else 0 */
};

/* Reads one record into *ret_record (which must stay where it is while the event is used);
 * *ret_used is its length. `intern` takes the ids of CACHED_FILE. ERROR_TRUNCATED (also at the end
 * of a recording that was cut off), ERROR_MALFORMED, ERROR_TOO_LARGE, ERROR_NO_MEMORY. */
int record_decode(const uint8_t *bytes, size_t count, struct media_intern *intern,
                  struct record *ret_record, size_t *ret_used);

/* A hash (FNV-1a, 64 bits) over all that an update says, what its pointers point to included. */
uint64_t record_update_hash(const struct node_update *update);

#endif
