/*
 * replay.c: reads a recording step by step into a fresh node.
 */
#include "measure/replay.h"

#include "common/error.h"
#include "common/exit_code.h"
#include "common/net/crypto.h"
#include "measure/workload/grow.h"
#include "player/core/record.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define READ_BYTES (1u << 20)

struct replay {
    const char *path;
    uint8_t *bytes; /* the whole recording; owned */
    size_t count, used;
    struct media_intern *intern;
    struct node *node;
    struct trace trace;
    uint64_t steps;
};

static int complain(const struct replay *replay, const char *reason, int code)
{
    fprintf(stderr, "refrain-measure: %s: %s; record it anew with `refrain play --record`\n",
            replay->path, reason);
    return code;
}

static int read_file(struct replay *replay)
{
    size_t got = 0;
    FILE *file = fopen(replay->path, "rb");
    if (file == NULL) {
        return complain(replay, strerror(errno), EXIT_CODE_NOT_FOUND);
    }
    do {
        replay->bytes = measure_grow(replay->bytes, replay->count + READ_BYTES, 1);
        got = fread(replay->bytes + replay->count, 1, READ_BYTES, file);
        replay->count += got;
    } while (got > 0);
    int code = ferror(file) ? complain(replay, strerror(errno), EXIT_CODE_STORAGE) : 0;
    fclose(file);
    return code;
}

static int make_node(struct replay *replay)
{
    struct record_head head;
    int error = record_head_decode(replay->bytes, replay->count, &head, &replay->used);
    if (error != 0) {
        return complain(replay, error_text(error), EXIT_CODE_STORAGE);
    }
    const struct node_preset *preset = node_preset_find(head.preset);
    if (preset == NULL) {
        return complain(replay, "names a preset that this version does not have",
                        EXIT_CODE_STORAGE);
    }
    struct node_config config = {.intern = replay->intern,
                                 .hasher = {.pair = crypto_sha256_pair},
                                 .preset = preset,
                                 .seed = head.seed,
                                 .cache_limit_bytes = head.cache_limit_bytes,
                                 .slot_count = head.slot_count,
                                 .offline = head.offline,
                                 .fast = head.fast,
                                 .with_peers = head.with_peers,
                                 .give_slot_count = head.give_slot_count,
                                 .trace = &replay->trace,
                                 .trace_node = 1};
    memcpy(config.peer_id, head.peer_id, HASH_BYTES);
    return node_new(&config, &replay->node) == 0
               ? 0
               : complain(replay, "no memory for its node", EXIT_CODE_INTERNAL);
}

static int step(struct replay *replay)
{
    struct record record;
    struct node_update update;
    size_t used = 0;
    int error = record_decode(replay->bytes + replay->used, replay->count - replay->used,
                              replay->intern, &record, &used);
    if (error != 0) {
        return complain(replay, error_text(error), EXIT_CODE_STORAGE);
    }
    replay->used += used;
    error = node_step(replay->node, &record.event, &update);
    if (error != 0) {
        return complain(replay, error_text(error), EXIT_CODE_INTERNAL);
    }
    replay->steps++;
    if (record_update_hash(&update) != record.update_hash) {
        printf("step %" PRIu64 " (event kind %d): the update differs\n", replay->steps,
               (int)record.event.kind);
        return EXIT_CODE_IDENTITY;
    }
    return 0;
}

int replay_run(const char *path, trace_sink *sink)
{
    struct replay replay = {.path = path, .intern = media_intern_new(1)};
    trace_init(&replay.trace, sink, NULL);
    int code = replay.intern == NULL ? EXIT_CODE_INTERNAL : read_file(&replay);
    code = code == 0 ? make_node(&replay) : code;
    while (code == 0 && replay.used < replay.count) {
        code = step(&replay);
    }
    if (code == 0) {
        printf("%" PRIu64 " steps, every update the same, trace hash %016" PRIx64 "\n",
               replay.steps, replay.trace.hash);
    }
    node_free(replay.node);
    media_intern_free(replay.intern);
    free(replay.bytes);
    return code;
}
