/*
 * server_bench.c: see server_bench.h.
 */
#include "tests/lib/server_bench.h"

#include "common/error.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

struct server_config bench_config(void)
{
    return (struct server_config){.slot_count = 4,
                                  .request_max = 4,
                                  .link_queue_bytes = 65536,
                                  .fragment_bytes_max = CHUNK_BYTES,
                                  .trace_word = ""};
}

static void tell(void *context, uint64_t now_us, uint32_t node, const char *line)
{
    struct bench *bench = context;
    (void)now_us;
    (void)node;
    size_t left = sizeof bench->story - bench->story_bytes;
    int count = snprintf(bench->story + bench->story_bytes, left, "%s\n", line);
    assert(count > 0 && (size_t)count < left);
    bench->story_bytes += (size_t)count;
}

static struct bench_pending *effect(struct bench *bench, enum bench_pending_kind kind)
{
    assert(bench->effects_left > 0);
    assert(bench->pending_count < BENCH_PENDING_MAX);
    bench->effects_left--;
    struct bench_pending *pending = &bench->pending[bench->pending_count++];
    *pending = (struct bench_pending){.kind = kind};
    return pending;
}

static void find_track(void *context, uint32_t operation, const uint8_t *track_id)
{
    struct bench_pending *pending = effect(context, BENCH_FIND_TRACK);
    pending->operation = operation;
    pending->track = track_id[0];
}

static void find_file(void *context, uint32_t operation, const struct media_file_id *file)
{
    struct bench_pending *pending = effect(context, BENCH_FIND_FILE);
    pending->operation = operation;
    pending->id = *file;
}

static void find_proof(void *context, uint32_t operation, media_handle file, uint32_t row)
{
    struct bench_pending *pending = effect(context, BENCH_FIND_PROOF);
    pending->operation = operation;
    pending->file = file;
    pending->row = row;
}

static void read_chunk(void *context, uint32_t slot, media_handle file, uint32_t chunk)
{
    struct bench *bench = context;
    assert(slot < BENCH_SLOTS_MAX);
    assert(!bench->slots[slot].is_reading);
    bench->slots[slot].is_reading = true;
    bench->slots[slot].is_filled = false;
    bench->slots[slot].file = file;
    bench->slots[slot].chunk = chunk;
    effect(bench, BENCH_READ)->slot = slot;
}

static void send_message(void *context, struct server_link *server_link,
                         const struct p2p_message *message, uint32_t frame_bytes, uint32_t slot)
{
    struct bench *bench = context;
    struct bench_link *link = (struct bench_link *)server_link;
    assert(link->is_up);
    assert(bench->effects_left > 0);
    bench->effects_left--;
    assert(frame_bytes == p2p_message_frame_bytes(message));
    bench->frame_bytes += frame_bytes;
    link->queued_bytes += frame_bytes;
    bench->budget_bytes -= frame_bytes < bench->budget_bytes ? frame_bytes : bench->budget_bytes;
    if (message->type == P2P_FRAGMENT) {
        uint32_t file = link->requests[message->fragment.request].file;
        assert(bench->slots[slot].is_filled);
        assert(bench->slots[slot].file == bench->handles[file]);
        assert(bench->slots[slot].chunk == message->fragment.chunk);
        bench->payload_bytes += message->fragment.bytes;
        if (message->fragment.bytes > bench->largest_fragment_bytes) {
            bench->largest_fragment_bytes = message->fragment.bytes;
        }
    }
    if (message->type != P2P_PONG) {
        asker_takes(link->requests, message);
    }
}

static void doom(void *context, struct server_link *server_link)
{
    (void)context;
    ((struct bench_link *)server_link)->is_doomed = true;
}

static bool has_room(void *context)
{
    const struct bench *bench = context;
    return bench->effects_left >= 8;
}

static bool may_send(void *context)
{
    const struct bench *bench = context;
    return bench->budget_bytes > 0;
}

static enum server_holding holding(void *context, media_handle handle, uint32_t chunk)
{
    const struct bench *bench = context;
    for (uint32_t file = 0; file < ASKER_FILES; file++) {
        if (bench->handles[file] == handle) {
            bool is_held = (bench->held[file] >> chunk & 1u) != 0;
            return bench->held[file] == 0 ? SERVER_HOLDS_NOTHING
                   : is_held              ? SERVER_HOLDS_CHUNK
                                          : SERVER_LACKS_CHUNK;
        }
    }
    return SERVER_HOLDS_NOTHING;
}

static const struct server_owner origin_owner = {.find_track = find_track,
                                                 .find_file = find_file,
                                                 .find_proof = find_proof,
                                                 .read = read_chunk,
                                                 .send = send_message,
                                                 .doom = doom,
                                                 .has_room = has_room};

static const struct server_owner player_owner = {.find_track = find_track,
                                                 .find_proof = find_proof,
                                                 .read = read_chunk,
                                                 .send = send_message,
                                                 .doom = doom,
                                                 .has_room = has_room,
                                                 .may_send = may_send,
                                                 .holding = holding};

static void start(struct bench *bench, const struct server_config *config,
                  const struct server_owner *owner)
{
    memset(bench, 0, sizeof *bench);
    bench->budget_bytes = UINT64_MAX;
    bench->intern = media_intern_new(1);
    assert(bench->intern != NULL);
    for (uint32_t i = 0; i < ASKER_TRACKS; i++) {
        bench->manifest_bytes[i] = asker_manifest(i + 1, bench->manifests[i]);
    }
    trace_init(&bench->trace, tell, bench);
    struct server_config own = *config;
    own.intern = bench->intern;
    own.owner = owner;
    own.context = bench;
    own.trace = &bench->trace;
    assert(own.slot_count <= BENCH_SLOTS_MAX);
    int error = server_new(&own, &bench->server);
    assert(error == 0);
}

static media_handle know(struct bench *bench, uint32_t file)
{
    struct media_file_id id = asker_file(file);
    bench->handles[file] = media_intern_put(bench->intern, &id);
    return bench->handles[file];
}

void bench_start(struct bench *bench, const struct server_config *config)
{
    start(bench, config, &origin_owner);
}

void bench_start_player(struct bench *bench, const struct server_config *config, uint32_t held_1,
                        uint32_t held_2)
{
    start(bench, config, &player_owner);
    bench->held[0] = held_1;
    bench->held[1] = held_2;
    know(bench, 0);
    know(bench, 1);
}

void bench_end(struct bench *bench)
{
    struct server_totals totals;
    server_get_totals(bench->server, &totals);
    assert(totals.payload_bytes == bench->payload_bytes);
    assert(totals.payload_bytes + totals.overhead_bytes == bench->frame_bytes);
    for (uint32_t link = 1; link <= BENCH_LINKS; link++) {
        if (bench->links[link].is_up) {
            server_link_close(bench->server, &bench->links[link].server);
        }
    }
    server_get_totals(bench->server, &totals);
    assert(totals.requests_now == 0);
    server_free(bench->server);
    media_intern_free(bench->intern);
}

static void begin(struct bench *bench)
{
    bench->effects_left = BENCH_EFFECTS_A_STEP;
    server_begin(bench->server, bench->now_us);
}

static void check(struct bench *bench)
{
    server_check_invariants(bench->server);
    for (uint32_t link = 1; link <= BENCH_LINKS; link++) {
        if (bench->links[link].is_up) {
            server_link_check_invariants(bench->server, &bench->links[link].server);
        }
    }
}

static void finish(struct bench *bench)
{
    for (uint32_t turns = 0; server_pump(bench->server); turns++) {
        assert(turns < 1000);
        begin(bench);
    }
    for (uint32_t link = 1; link <= BENCH_LINKS; link++) {
        if (bench->links[link].is_up && bench->links[link].is_doomed) {
            server_link_close(bench->server, &bench->links[link].server);
            bench->links[link].is_up = false;
        }
    }
    check(bench);
}

/* What is pending and what is queued, until nothing moves; as far as it is not held. */
static void settle(struct bench *bench)
{
    for (bool moves = true; moves;) {
        moves = false;
        if (!bench->holds_answers && bench->pending_count > 0) {
            bench_answer(bench, 0);
            moves = true;
        }
        for (uint32_t link = 1; !bench->holds_rooms && link <= BENCH_LINKS; link++) {
            if (bench->links[link].is_up && bench->links[link].queued_bytes > 0) {
                bench_drain(bench, link, UINT64_MAX);
                moves = true;
            }
        }
    }
}

static void finish_and_settle(struct bench *bench)
{
    finish(bench);
    if (!bench->is_settling) { /* settling steps too */
        bench->is_settling = true;
        settle(bench);
        bench->is_settling = false;
    }
}

static void answer_track(struct bench *bench, const struct bench_pending *pending)
{
    uint32_t track = pending->track;
    if (track < 1 || track > ASKER_TRACKS) {
        server_track_found(bench->server, pending->operation, NULL, 0);
        return;
    }
    if (asker_track_file(track) < ASKER_FILES) {
        know(bench, asker_track_file(track));
    }
    server_track_found(bench->server, pending->operation, bench->manifests[track - 1],
                       bench->manifest_bytes[track - 1]);
}

static void answer_file(struct bench *bench, const struct bench_pending *pending)
{
    media_handle handle = 0;
    for (uint32_t i = 0; i < ASKER_FILES; i++) {
        struct media_file_id own = asker_file(i);
        if (media_file_id_equal(&pending->id, &own)) {
            handle = know(bench, i);
        }
    }
    server_file_found(bench->server, pending->operation, handle);
}

static void answer_proof(struct bench *bench, const struct bench_pending *pending)
{
    struct media_proof proof;
    asker_proof(media_intern_id(bench->intern, pending->file)->bytes, pending->row, &proof);
    server_proof_found(bench->server, pending->operation, bench->has_no_proofs ? NULL : &proof);
}

void bench_answer(struct bench *bench, uint32_t nth)
{
    assert(nth < bench->pending_count);
    struct bench_pending pending = bench->pending[nth];
    bench->pending_count--;
    memmove(&bench->pending[nth], &bench->pending[nth + 1],
            (bench->pending_count - nth) * sizeof pending);
    begin(bench);
    switch (pending.kind) {
    case BENCH_FIND_TRACK:
        answer_track(bench, &pending);
        break;
    case BENCH_FIND_FILE:
        answer_file(bench, &pending);
        break;
    case BENCH_FIND_PROOF:
        answer_proof(bench, &pending);
        break;
    case BENCH_READ:
        bench->slots[pending.slot].is_reading = false;
        bench->slots[pending.slot].is_filled = true;
        server_read_done(bench->server, pending.slot, bench->read_error);
        break;
    }
    finish_and_settle(bench);
}

void bench_answer_all(struct bench *bench)
{
    while (bench->pending_count > 0) {
        bench_answer(bench, 0);
    }
}

void bench_up(struct bench *bench, uint32_t link)
{
    begin(bench);
    bench->links[link] = (struct bench_link){.is_up = true};
    server_link_open(bench->server, &bench->links[link].server, link);
    finish_and_settle(bench);
}

void bench_greet(struct bench *bench, uint32_t link)
{
    begin(bench);
    server_link_greet(bench->server, &bench->links[link].server);
    finish_and_settle(bench);
}

void bench_down(struct bench *bench, uint32_t link)
{
    begin(bench);
    server_link_close(bench->server, &bench->links[link].server);
    bench->links[link].is_up = false;
    finish_and_settle(bench);
}

void bench_say(struct bench *bench, uint32_t link, const struct p2p_message *message)
{
    begin(bench);
    if (bench->links[link].is_up) {
        int error = server_message(bench->server, &bench->links[link].server, message);
        assert(error == 0);
    }
    finish_and_settle(bench);
}

void bench_open(struct bench *bench, uint32_t link, uint32_t number, uint32_t track, bool start_set)
{
    struct p2p_message message = asker_open(bench->links[link].requests, number, track, start_set);
    bench_say(bench, link, &message);
}

void bench_ask(struct bench *bench, uint32_t link, uint32_t number, uint32_t file, uint32_t first,
               uint16_t count, uint8_t priority, bool proofs)
{
    struct p2p_message message =
        asker_ask(bench->links[link].requests, number, file, first, count, priority, proofs);
    bench_say(bench, link, &message);
}

void bench_cancel(struct bench *bench, uint32_t link, uint32_t number)
{
    struct p2p_message message = asker_cancel(bench->links[link].requests, number);
    bench_say(bench, link, &message);
}

void bench_serve(struct bench *bench, uint32_t link, bool is_served)
{
    begin(bench);
    server_link_serve(bench->server, &bench->links[link].server, is_served);
    finish_and_settle(bench);
}

void bench_reject(struct bench *bench, uint32_t link, enum p2p_reject reason)
{
    begin(bench);
    server_link_reject(bench->server, &bench->links[link].server, reason);
    finish_and_settle(bench);
}

void bench_refuse(struct bench *bench, uint32_t link, uint32_t number)
{
    struct p2p_message message = asker_ask(bench->links[link].requests, number, 1, 0, 1, 0, false);
    begin(bench);
    server_refuse(bench->server, &bench->links[link].server, &message);
    finish_and_settle(bench);
}

void bench_pong(struct bench *bench, uint32_t link)
{
    struct p2p_message message = {.type = P2P_PONG, .pong = {.token = 1}};
    begin(bench);
    server_control(bench->server, &bench->links[link].server, &message);
    finish_and_settle(bench);
}

void bench_drain(struct bench *bench, uint32_t link, uint64_t bytes)
{
    struct bench_link *asker = &bench->links[link];
    asker->queued_bytes -= bytes < asker->queued_bytes ? bytes : asker->queued_bytes;
    begin(bench);
    if (asker->is_up) {
        server_link_room(bench->server, &asker->server, asker->queued_bytes);
    }
    finish_and_settle(bench);
}

void bench_allow(struct bench *bench, uint64_t bytes)
{
    begin(bench);
    bench->budget_bytes += bytes;
    finish_and_settle(bench);
}

void bench_join(struct bench *bench, uint32_t link)
{
    bench_up(bench, link);
    bench_greet(bench, link);
}

void bench_forget_story(struct bench *bench)
{
    bench->story[0] = '\0';
    bench->story_bytes = 0;
}

void bench_expect(struct bench *bench, const char *lines)
{
    if (strcmp(bench->story, lines) != 0) {
        (void)fprintf(stderr, "--- decided:\n%s--- expected:\n%s---\n", bench->story, lines);
        assert(0 && "the server's decisions are the expected ones");
    }
    bench_forget_story(bench);
}

bool bench_is_served(const struct bench *bench, uint32_t link, uint32_t number)
{
    return asker_is_served(&bench->links[link].requests[number]);
}
