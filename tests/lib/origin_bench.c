/*
 * origin_bench.c: see origin_bench.h.
 */
#include "tests/lib/origin_bench.h"

#include "common/error.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

struct origin_config bench_config(void)
{
    struct origin_config config = {.link_max = 4,
                                   .slot_count = 4,
                                   .request_max = 4,
                                   .link_queue_bytes = 65536,
                                   .fragment_bytes_max = CHUNK_BYTES,
                                   .idle_us = 60 * TIME_US_PER_S,
                                   .hello_us = 10 * TIME_US_PER_S};
    memset(config.identity, 0x1d, sizeof config.identity);
    return config;
}

static void tell(void *context, uint64_t now_us, uint32_t node, const char *line)
{
    struct bench *bench = context;
    (void)now_us;
    (void)node;
    if (bench->keeps_story) {
        size_t left = sizeof bench->story - bench->story_bytes;
        int count = snprintf(bench->story + bench->story_bytes, left, "%s\n", line);
        assert(count > 0 && (size_t)count < left);
        bench->story_bytes += (size_t)count;
    }
}

void bench_start(struct bench *bench, const struct origin_config *config)
{
    memset(bench, 0, sizeof *bench);
    bench->keeps_story = true;
    bench->intern = media_intern_new(1);
    assert(bench->intern != NULL);
    for (uint32_t i = 0; i < ASKER_TRACKS; i++) {
        bench->manifest_bytes[i] = asker_manifest(i + 1, bench->manifests[i]);
    }
    trace_init(&bench->trace, tell, bench);
    struct origin_config own = *config;
    own.intern = bench->intern;
    own.trace = &bench->trace;
    assert(own.slot_count <= BENCH_SLOTS_MAX);
    int error = origin_new(&own, &bench->origin);
    assert(error == 0);
}

void bench_end(struct bench *bench)
{
    struct origin_totals totals;
    origin_get_totals(bench->origin, &totals);
    assert(totals.payload_bytes == bench->payload_bytes);
    assert(totals.payload_bytes + totals.overhead_bytes == bench->frame_bytes);
    origin_free(bench->origin);
    media_intern_free(bench->intern);
}

/* What a fragment's slot holds is what the fragment says. */
static void check_slot(struct bench *bench, const struct bench_link *player,
                       const struct origin_effect *effect)
{
    const struct p2p_message *message = &effect->send.message;
    assert(bench->slots[effect->send.slot].is_filled);
    assert(bench->slots[effect->send.slot].chunk == message->fragment.chunk);
    assert(effect->send.slot_offset == message->fragment.offset);
    if (message->fragment.request < ASKER_REQUESTS) {
        uint32_t file = player->requests[message->fragment.request].file;
        assert(bench->slots[effect->send.slot].file == bench->handles[file]);
        bench->payload_bytes += message->fragment.bytes;
    }
}

/* Whom the tracker tells of is there, and somebody else. */
static void check_contact(const struct bench *bench, uint32_t reader,
                          const struct p2p_contact *contact)
{
    uint32_t link = contact->peer_id[0];
    assert(link >= 1 && link <= BENCH_LINKS && link != reader);
    assert(bench->links[link].is_up);
}

/* What the tracker says is well-formed; kept for the test. */
static void hear_tracker(const struct bench *bench, uint32_t link, struct bench_link *player,
                         const struct p2p_message *message)
{
    struct p2p_message decoded;
    int error = p2p_message_encode(message, player->holders, sizeof player->holders,
                                   &player->holders_bytes);
    assert(error == 0);
    error = p2p_message_decode((uint8_t)message->type, player->holders, player->holders_bytes,
                               &decoded);
    assert(error == 0);
    if (message->type == P2P_HOLDERS) {
        for (uint32_t i = 0; i < decoded.holders.contact_count; i++) {
            struct p2p_contact contact;
            p2p_contact_read(decoded.holders.contacts, i, &contact);
            check_contact(bench, link, &contact);
        }
        player->holders_count++;
        return;
    }
    assert(message->rendezvous.role <= P2P_RENDEZVOUS_AWAY);
    if (message->rendezvous.role != P2P_RENDEZVOUS_AWAY) {
        check_contact(bench, link, &decoded.rendezvous.contact);
    }
    player->rendezvous_count[message->rendezvous.role]++;
    player->contact = decoded.rendezvous.contact;
}

static void player_takes(struct bench *bench, const struct origin_effect *effect)
{
    const struct p2p_message *message = &effect->send.message;
    struct bench_link *player = &bench->links[effect->send.link];
    size_t bytes = p2p_message_frame_bytes(message);
    bench->frame_bytes += bytes;
    player->queued_bytes += bytes;
    assert(player->is_up);
    if (message->type == P2P_HELLO) {
        assert(!player->is_greeted);
        player->is_greeted = true;
        player->hello_features = message->hello.features;
        return;
    }
    assert(player->is_greeted);
    if (message->type == P2P_PONG) {
        player->pongs++;
        return;
    }
    if (message->type == P2P_HOLDERS || message->type == P2P_RENDEZVOUS) {
        hear_tracker(bench, effect->send.link, player, message);
        return;
    }
    if (message->type == P2P_FRAGMENT) {
        check_slot(bench, player, effect);
    }
    asker_takes(player->requests, message);
}

static void carry_out(struct bench *bench, const struct origin_effect *effect)
{
    switch (effect->kind) {
    case ORIGIN_EFFECT_READ:
        assert(!bench->slots[effect->read.slot].is_reading);
        bench->slots[effect->read.slot].is_reading = true;
        bench->slots[effect->read.slot].is_filled = false;
        bench->slots[effect->read.slot].file = effect->read.file;
        bench->slots[effect->read.slot].chunk = effect->read.chunk;
        /* fall through */
    case ORIGIN_EFFECT_SIGN:
    case ORIGIN_EFFECT_FIND_TRACK:
    case ORIGIN_EFFECT_FIND_FILE:
    case ORIGIN_EFFECT_FIND_PROOF:
        assert(bench->pending_count < BENCH_PENDING_MAX);
        bench->pending[bench->pending_count++] = *effect;
        break;
    case ORIGIN_EFFECT_SEND:
        player_takes(bench, effect);
        break;
    case ORIGIN_EFFECT_DISCONNECT:
        assert(bench->links[effect->disconnect.link].is_up);
        bench->links[effect->disconnect.link].is_up = false;
        bench->links[effect->disconnect.link].bye = effect->disconnect.reason;
        break;
    case ORIGIN_EFFECT_KINDS:
        assert(false);
        break;
    }
}

static void step(struct bench *bench, struct origin_event *event)
{
    uint32_t turns = 0;
    do {
        struct origin_update update;
        event->now_us = bench->now_us;
        int error = origin_step(bench->origin, event, &update);
        assert(error == 0);
        for (uint32_t i = 0; i < update.count; i++) {
            carry_out(bench, &update.effects[i]);
        }
        bench->deadline_us = update.next_deadline_us;
        origin_check_invariants(bench->origin);
        *event = (struct origin_event){.kind = ORIGIN_EVENT_TICK};
        assert(++turns < 1000);
    } while (bench->deadline_us <= bench->now_us);
}

static void tell_room(struct bench *bench, uint32_t link)
{
    struct origin_event event = {.kind = ORIGIN_EVENT_ROOM};
    event.room.link = link;
    event.room.queued_bytes = (uint32_t)bench->links[link].queued_bytes;
    step(bench, &event);
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
                bench->links[link].queued_bytes = 0;
                tell_room(bench, link);
                moves = true;
            }
        }
    }
}

static void step_and_settle(struct bench *bench, struct origin_event *event)
{
    step(bench, event);
    if (!bench->is_settling) { /* settling steps too */
        bench->is_settling = true;
        settle(bench);
        bench->is_settling = false;
    }
}

static media_handle know(struct bench *bench, uint32_t file)
{
    struct media_file_id id = asker_file(file);
    bench->handles[file] = media_intern_put(bench->intern, &id);
    return bench->handles[file];
}

static media_handle find_file(struct bench *bench, const struct media_file_id *id)
{
    for (uint32_t i = 0; i < ASKER_FILES; i++) {
        struct media_file_id own = asker_file(i);
        if (media_file_id_equal(id, &own)) {
            return know(bench, i);
        }
    }
    return 0;
}

static void find_track(struct bench *bench, const struct origin_effect *effect,
                       struct origin_event *event)
{
    uint32_t track = effect->find_track.track_id[0];
    event->kind = ORIGIN_EVENT_TRACK_FOUND;
    event->track_found.operation = effect->find_track.operation;
    event->track_found.manifest = NULL;
    event->track_found.manifest_bytes = 0;
    if (track >= 1 && track <= ASKER_TRACKS) {
        event->track_found.manifest = bench->manifests[track - 1];
        event->track_found.manifest_bytes = bench->manifest_bytes[track - 1];
        if (asker_track_file(track) < ASKER_FILES) {
            know(bench, asker_track_file(track));
        }
    }
}

void bench_answer(struct bench *bench, uint32_t nth)
{
    assert(nth < bench->pending_count);
    struct origin_effect effect = bench->pending[nth];
    struct origin_event event = {0};
    struct media_proof proof;
    bench->pending_count--;
    memmove(&bench->pending[nth], &bench->pending[nth + 1],
            (bench->pending_count - nth) * sizeof effect);
    switch (effect.kind) {
    case ORIGIN_EFFECT_SIGN:
        event.kind = ORIGIN_EVENT_SIGNED;
        event.signed_hello.link = effect.sign.link;
        break;
    case ORIGIN_EFFECT_FIND_TRACK:
        find_track(bench, &effect, &event);
        break;
    case ORIGIN_EFFECT_FIND_FILE:
        event.kind = ORIGIN_EVENT_FILE_FOUND;
        event.file_found.operation = effect.find_file.operation;
        event.file_found.file = find_file(bench, &effect.find_file.file);
        break;
    case ORIGIN_EFFECT_FIND_PROOF:
        asker_proof(media_intern_id(bench->intern, effect.find_proof.file)->bytes,
                    effect.find_proof.row, &proof);
        event.kind = ORIGIN_EVENT_PROOF_FOUND;
        event.proof_found.operation = effect.find_proof.operation;
        event.proof_found.proof = bench->has_no_proofs ? NULL : &proof;
        break;
    case ORIGIN_EFFECT_READ:
        event.kind = ORIGIN_EVENT_READ_DONE;
        event.read_done.slot = effect.read.slot;
        event.read_done.error = bench->read_error;
        bench->slots[effect.read.slot].is_reading = false;
        bench->slots[effect.read.slot].is_filled = true;
        break;
    case ORIGIN_EFFECT_SEND:
    case ORIGIN_EFFECT_DISCONNECT:
    case ORIGIN_EFFECT_KINDS:
    default:
        assert(false);
    }
    step_and_settle(bench, &event);
}

void bench_answer_all(struct bench *bench)
{
    while (bench->pending_count > 0) {
        bench_answer(bench, 0);
    }
}

void bench_up(struct bench *bench, uint32_t link, bool is_tls)
{
    struct origin_event event = {.kind = ORIGIN_EVENT_LINK_UP};
    event.link_up.link = link;
    event.link_up.is_tls = is_tls;
    event.link_up.address_family = 4;
    bench->links[link] = (struct bench_link){.is_up = true};
    step_and_settle(bench, &event);
}

void bench_down(struct bench *bench, uint32_t link)
{
    bench_down_for(bench, link, ERROR_CLOSED);
}

void bench_down_for(struct bench *bench, uint32_t link, int error)
{
    struct origin_event event = {.kind = ORIGIN_EVENT_LINK_DOWN};
    event.link_down.link = link;
    event.link_down.error = error;
    bench->links[link].is_up = false;
    step_and_settle(bench, &event);
}

void bench_say(struct bench *bench, uint32_t link, const struct p2p_message *message)
{
    struct origin_event event = {.kind = ORIGIN_EVENT_MESSAGE};
    event.message.link = link;
    event.message.message = message;
    step_and_settle(bench, &event);
}

void bench_hello(struct bench *bench, uint32_t link)
{
    struct p2p_message message = {.type = P2P_HELLO, .hello = {.version = P2P_VERSION}};
    bench->links[link].has_greeted = true;
    bench_say(bench, link, &message);
}

void bench_join_peer(struct bench *bench, uint32_t link, uint8_t x, uint8_t proven)
{
    struct origin_event event = {.kind = ORIGIN_EVENT_LINK_UP};
    event.link_up.link = link;
    event.link_up.is_tls = true;
    event.link_up.address_family = 4;
    event.link_up.address[0] = 10;
    event.link_up.address[2] = x;
    event.link_up.address[3] = 1;
    memset(event.link_up.peer_id, proven, sizeof event.link_up.peer_id);
    bench->links[link] = (struct bench_link){.is_up = true, .has_greeted = true};
    step_and_settle(bench, &event);
    struct p2p_message message = {.type = P2P_HELLO, .hello = {.version = P2P_VERSION}};
    message.hello.features = P2P_FEATURE_GIVES | P2P_FEATURE_OVERLAY;
    message.hello.listen_port = 4000;
    memset(message.hello.peer_id, (int)link, sizeof message.hello.peer_id);
    bench_say(bench, link, &message);
}

static uint32_t write_keys(uint8_t *keys, uint32_t first, uint32_t last)
{
    for (uint32_t file = first; file <= last; file++) {
        p2p_key_write(keys, file - first, file * UINT64_C(0x9e3779b97f4a7c15));
    }
    return last - first + 1;
}

void bench_announce(struct bench *bench, uint32_t link, bool is_fresh, uint32_t first,
                    uint32_t last)
{
    uint8_t keys[P2P_ANNOUNCE_KEYS_MAX * P2P_KEY_BYTES];
    struct p2p_message message = {.type = P2P_ANNOUNCE};
    assert(last - first < P2P_ANNOUNCE_KEYS_MAX);
    message.announce.flags = is_fresh ? P2P_ANNOUNCE_FRESH : 0;
    message.announce.whole = (uint16_t)write_keys(keys, first, last);
    message.announce.keys = keys;
    bench_say(bench, link, &message);
}

void bench_lookup(struct bench *bench, uint32_t link, uint32_t first, uint32_t last)
{
    uint8_t keys[P2P_LOOKUP_MAX * P2P_KEY_BYTES];
    struct p2p_message message = {.type = P2P_LOOKUP, .lookup = {.lookup = 1, .limit = 20}};
    assert(last - first < P2P_LOOKUP_MAX);
    message.lookup.count = (uint8_t)write_keys(keys, first, last);
    message.lookup.keys = keys;
    bench_say(bench, link, &message);
}

void bench_meet(struct bench *bench, uint32_t link, enum p2p_rendezvous role, uint32_t with)
{
    struct p2p_message message = {.type = P2P_RENDEZVOUS};
    message.rendezvous.role = (uint8_t)role;
    memset(message.rendezvous.contact.peer_id, (int)with, HASH_BYTES);
    bench_say(bench, link, &message);
}

void bench_open(struct bench *bench, uint32_t link, uint32_t number, uint32_t track, bool start)
{
    struct p2p_message message = asker_open(bench->links[link].requests, number, track, start);
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

void bench_ping(struct bench *bench, uint32_t link, uint64_t token)
{
    struct p2p_message message = {.type = P2P_PING, .ping = {.token = token}};
    bench_say(bench, link, &message);
}

void bench_drain(struct bench *bench, uint32_t link, uint64_t bytes)
{
    struct bench_link *player = &bench->links[link];
    player->queued_bytes -= bytes < player->queued_bytes ? bytes : player->queued_bytes;
    struct origin_event event = {.kind = ORIGIN_EVENT_ROOM};
    event.room.link = link;
    event.room.queued_bytes = (uint32_t)player->queued_bytes;
    step_and_settle(bench, &event);
}

void bench_at(struct bench *bench, uint64_t now_us)
{
    struct origin_event event = {.kind = ORIGIN_EVENT_TICK};
    bench->now_us = now_us;
    step_and_settle(bench, &event);
}

void bench_join(struct bench *bench, uint32_t link)
{
    bool held = bench->holds_answers;
    bench->holds_answers = false;
    bench->keeps_story = false;
    bench_up(bench, link, true);
    bench_hello(bench, link);
    bench->holds_answers = held;
    bench->keeps_story = true;
    assert(bench->links[link].is_greeted);
}

void bench_expect(struct bench *bench, const char *lines)
{
    if (strcmp(bench->story, lines) != 0) {
        (void)fprintf(stderr, "--- decided:\n%s--- expected:\n%s---\n", bench->story, lines);
        assert(0 && "the engine's decisions are the expected ones");
    }
    bench->story[0] = '\0';
    bench->story_bytes = 0;
}

bool bench_is_served(const struct bench *bench, uint32_t link, uint32_t number)
{
    return asker_is_served(&bench->links[link].requests[number]);
}
