/*
 * fuzz_node_peers.c: whatever peers do and say, the node stays in order and the music plays on.
 *
 * Bytes are a program for tests/lib/node_world with peers: what the listener does, what goes wrong
 * with the origin and with each peer, who comes and goes, what they ask, and what they say out of
 * turn. The world asserts the contract of node.h on every effect and the node's invariants as it
 * goes. In the end all faults are taken away and everybody leaves: then no slot is left behind, and
 * one more track plays to its end with an honest peer.
 */
#include "common/error.h"
#include "tests/lib/node_world.h"
#include "tests/lib/overlay_talk.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define OPERATIONS_MAX 60u
#define ENTRIES_MAX 10u
#define PEERS_MAX 5u /* one place is kept for the honest one of the end */

struct program {
    struct world *world;
    struct overlay_talk talk;
    uint32_t entries;
};

static uint8_t next(struct program *program)
{
    return overlay_talk_next(&program->talk);
}

/* --- what a peer says out of turn --------------------------------------------------------------- */

static void say_about_requests(struct program *program, uint32_t index, struct p2p_message *message)
{
    struct world *world = program->world;
    uint32_t request = next(program) % 12;
    uint32_t which = next(program) % WORLD_TRACKS;
    const struct world_track *track = &world->tracks[which];
    uint8_t value = next(program);
    switch ((int)message->type) {
    case P2P_OPENED:
        message->opened.request = request;
        message->opened.manifest = track->manifest;
        message->opened.manifest_bytes = (uint32_t)track->manifest_bytes - value % 2;
        break;
    case P2P_FRAGMENT:
        message->fragment.request = request;
        message->fragment.chunk = value;
        message->fragment.offset = value % 3 == 0 ? 0 : 100;
        message->fragment.bytes = value % 2 == 0 ? 100 : CHUNK_BYTES - 100;
        world->peers[index].request_tracks[request] = (uint8_t)which;
        break;
    case P2P_PROOF:
        message->proof.request = request;
        message->proof.row = value % 30;
        message->proof.proof = track->proofs[value % media_row_count(track->file.bytes)];
        break;
    case P2P_REQUEST:
        message->request.request = request;
        message->request.file = track->file;
        message->request.file.root[20] ^= value > 200; /* one that nobody has */
        message->request.first_chunk = value;
        message->request.count = 1 + value % P2P_REQUEST_CHUNKS_MAX;
        message->request.priority = value % 4;
        message->request.flags = value % 2;
        break;
    default: /* OPEN, CANCEL, REJECT begin with the request, too */
        message->reject.request = request;
        message->reject.reason = value % 7;
        break;
    }
    if (message->type == P2P_OPEN) {
        memset(&message->open, 0, sizeof message->open);
        message->open.request = request;
        message->open.flags = value % 2;
        memcpy(message->open.track_id, track->id, TRACK_ID_BYTES);
        message->open.track_id[0] ^= value > 200;
    }
}

static void say_of_files(struct program *program, struct p2p_message *message, uint8_t *list)
{
    const struct world *world = program->world;
    uint32_t which = next(program) % WORLD_TRACKS;
    const struct world_track *track = &world->tracks[which];
    uint8_t value = next(program);
    if (message->type == P2P_INTEREST) {
        message->interest.count = 2;
        message->interest.files = list;
        p2p_interest_write(list, 0, &track->file, value % 2 == 0);
        p2p_interest_write(list, 1, &overlay_talk_files[value % OVERLAY_TALK_FILES], value % 4 > 0);
        return;
    }
    message->have.file = track->file;
    message->have.kind = value % 4;
    if (message->have.kind >= P2P_HAVE_RUNS) {
        uint32_t first = value % track->chunk_count;
        struct p2p_have_run run = {first, 1 + next(program) % (track->chunk_count - first)};
        p2p_have_run_write(list, 0, &run);
        message->have.count = 1;
        message->have.runs = list;
    }
}

/* Types that both a peer and a fool may say; false: nothing of it now. */
static bool compose(struct program *program, uint32_t index, struct p2p_message *message,
                    uint8_t *list)
{
    const struct world_peer *peer = &program->world->peers[index];
    switch ((int)message->type) {
    case P2P_OPEN:
    case P2P_OPENED:
    case P2P_REQUEST:
    case P2P_CANCEL:
    case P2P_FRAGMENT:
    case P2P_PROOF:
    case P2P_REJECT:
        say_about_requests(program, index, message);
        return true;
    case P2P_PING:
    case P2P_PONG:
        message->ping.token = next(program);
        return true;
    case P2P_BYE:
        message->bye.reason = next(program) % 9;
        message->bye.text = "";
        return true;
    case P2P_INTEREST:
    case P2P_HAVE:
        say_of_files(program, message, list);
        return true;
    case P2P_ANNOUNCE:
    case P2P_LOOKUP: /* no neighbour is a tracker */
        message->lookup.lookup = 1;
        message->lookup.limit = 1;
        return message->type == P2P_LOOKUP;
    default:
        break;
    }
    bool is_said = overlay_talk_compose(&program->talk, message->type, index, message, list);
    if (is_said && message->type == P2P_SEARCH && message->search.query % 4 > 0) {
        message->search.contact = peer->contact;
        message->search.key = p2p_file_key(&program->world->tracks[0].file);
    }
    return is_said;
}

static void say(struct program *program, uint32_t index)
{
    static uint8_t list[OVERLAY_TALK_LIST_BYTES];
    struct world *world = program->world;
    struct p2p_message message = {.type = (enum p2p_type)(1 + next(program) % P2P_FOUND)};
    if (world->peers[index].link == 0 || !compose(program, index, &message, list)) {
        return;
    }
    struct node_event event = {.kind = NODE_EVENT_MESSAGE};
    event.message.link = world->peers[index].link;
    event.message.message = &message;
    assert(world_step(world, event) == 0);
}

/* --- what they do ------------------------------------------------------------------------------- */

static void change_peer(struct program *program, uint32_t index)
{
    struct world *world = program->world;
    struct world_peer *peer = &world->peers[index];
    uint32_t track = next(program) % WORLD_TRACKS;
    uint8_t value = next(program);
    switch (next(program) % 8) {
    case 0:
        peer->is_away = value % 2;
        break;
    case 1:
        peer->is_silent = value % 2;
        break;
    case 2:
        peer->is_liar = value % 2;
        break;
    case 3:
        peer->is_rotten = value % 2;
        break;
    case 4:
        peer->is_busy = value % 2;
        break;
    case 5:
        peer->bytes_per_s = 500 + (uint64_t)value * value * 20;
        break;
    case 6:
        peer->has_manifests = value % 2;
        break;
    default:
        world_peer_gets(world, index, track, value % world->tracks[track].chunk_count, 1);
        break;
    }
}

static void act(struct program *program, uint32_t index)
{
    struct world *world = program->world;
    uint8_t what = next(program);
    uint8_t value = next(program);
    uint32_t track = value % WORLD_TRACKS;
    if (world->peers[index].link == 0) {
        assert(what % 2 == 0 || world_peer_dials(world, index) == 0);
        return;
    }
    switch (what % 8) {
    case 0:
        assert(world_peer_leaves(world, index) == 0);
        break;
    case 1:
    case 2:
        assert(world_peer_asks(world, index, track, value % world->tracks[track].chunk_count,
                               1 + value % 8) == 0);
        break;
    case 3:
        assert(world_peer_opens(world, index, track) == 0);
        break;
    case 4:
        assert(world_peer_is_interested(world, index, track) == 0);
        break;
    default:
        say(program, index);
        break;
    }
}

static void fault(struct program *program)
{
    struct world *world = program->world;
    uint8_t value = next(program);
    switch (next(program) % 6) {
    case 0:
        world->is_origin_away = value % 2;
        break;
    case 1:
        world->is_origin_silent = value % 2;
        break;
    case 2:
        world->bytes_per_s = 1000 + (uint64_t)value * value * 50;
        break;
    case 3:
        world->store_error = value % 2 == 0 ? 0 : ERROR_FULL;
        break;
    case 4:
        world->tracks[value % WORLD_TRACKS].is_unknown = value >= 128;
        break;
    default:
        assert(world_break_link(world) == 0);
        break;
    }
}

static void shell(struct program *program)
{
    struct node_event event = {.kind = NODE_EVENT_NETWORK};
    uint8_t value = next(program);
    if (value % 4 == 0) {
        event.kind = NODE_EVENT_GIVING;
        event.giving.is_allowed = value % 8 == 0;
        event.giving.bytes_per_s = next(program) * 1000u;
    } else if (value % 4 == 1) {
        event.kind = NODE_EVENT_LISTENING;
        event.listening.port = value;
        event.listening.flags = value / 4 % 4;
        event.listening.address_count = value / 16 % 2;
        event.listening.addresses[0] = overlay_talk_address(7, 3);
    } else if (value % 4 == 2) {
        event.kind = NODE_EVENT_CONTACT;
        event.contact.contact = overlay_talk_any_contact(&program->talk);
        event.contact.is_lan = value % 8 == 2;
        event.contact.penalty = value;
        event.contact.age_us = value * TIME_US_PER_S;
    }
    assert(world_step(program->world, event) == 0);
}

static void listen(struct program *program)
{
    struct world *world = program->world;
    uint8_t what = next(program);
    uint8_t value = next(program);
    if (what % 4 == 0 && program->entries < ENTRIES_MAX) {
        uint32_t entry = ++program->entries; /* odd ones are played, even ones fetched */
        assert(world_enqueue(world, entry, value % 3, entry % 2 == 0) == 0);
    } else if (what % 4 == 1 && program->entries > 0) {
        uint32_t entry = value % program->entries / 2 * 2 + 1;
        assert(world_play(world, entry, value / 32 * 4 * TIME_US_PER_S) == 0);
    } else if (what % 4 == 2) {
        assert(world_command(world, NODE_EVENT_SEEK, value * TIME_US_PER_S) == 0);
    } else if (what >= 192) {
        assert(world_command(world, NODE_EVENT_STOP, 0) == 0);
    }
}

static void operate(struct program *program)
{
    struct world *world = program->world;
    uint8_t what = next(program);
    uint32_t index = what / 16 % PEERS_MAX;
    switch (what % 8) {
    case 0:
        listen(program);
        break;
    case 1:
        fault(program);
        break;
    case 2:
        change_peer(program, index);
        break;
    case 3:
        shell(program);
        break;
    case 4:
        assert(world_run(world, world->now_us + next(program) * 10 * TIME_US_PER_MS) == 0);
        break;
    default:
        act(program, index);
        break;
    }
}

/* --- the end ------------------------------------------------------------------------------------ */

static void take_faults_away(struct world *world)
{
    world->is_origin_away = false;
    world->is_origin_silent = false;
    world->store_error = 0;
    world->bytes_per_s = 1000000;
    for (uint32_t i = 0; i < WORLD_TRACKS; i++) {
        world->tracks[i].is_unknown = false;
    }
    for (uint32_t i = 0; i < world->peer_count; i++) {
        world->peers[i].is_away = true;
        assert(world_peer_leaves(world, i) == 0);
    }
}

static void end_well(struct program *program)
{
    struct world *world = program->world;
    take_faults_away(world);
    assert(world_command(world, NODE_EVENT_STOP, 0) == 0);
    assert(world->effects[NODE_EFFECT_WANT_MET] + world->effects[NODE_EFFECT_WANT_FAILED] ==
           world->wants_posted);
    assert(world_run(world, world->now_us + 60 * TIME_US_PER_S) == 0);
    for (uint32_t i = 0; i < world->config.slot_count; i++) {
        assert(!world->slots[i].is_ready && !world->slots[i].is_storing);
    }
    (void)world_add_peer(world, 2, 9);
    uint32_t failed = world->notes[NODE_NOTE_ENTRY_FAILED];
    assert(world_enqueue(world, ENTRIES_MAX + 1, 2, false) == 0);
    assert(world_play(world, ENTRIES_MAX + 1, 0) == 0);
    assert(world_run(world, world->now_us + 80 * TIME_US_PER_S) == 0);
    assert(world->notes[NODE_NOTE_ENTRY_FAILED] == failed);
    assert(world->last_note[NODE_NOTE_STARTED].entry == ENTRIES_MAX + 1);
    struct node_status status;
    node_get_status(world->node, world->now_us, &status);
    assert(status.entry == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct program program = {0};
    cursor_init(&program.talk.cursor, data, size);
    uint8_t how = next(&program);
    struct world_config config = {.cache_limit_bytes = (how % 64 + 16u) * 4 * CHUNK_BYTES,
                                  .slot_count = how % 2 == 0 ? 64 : 128,
                                  .preset = how % 16 == 9 ? &node_preset_spotify2010 : NULL,
                                  .seed = how,
                                  .check_every = 17,
                                  .with_peers = true};
    program.world = world_new(config, false);
    world_cache(program.world, 3, next(&program) % 100);
    for (uint32_t i = 0; i < PEERS_MAX; i++) {
        uint8_t value = next(&program);
        uint32_t track = value % 3;
        (void)world_add_peer(program.world, track,
                             1 + value % program.world->tracks[track].chunk_count);
    }
    assert(world_start(program.world) == 0);
    for (uint32_t i = 0; i < OPERATIONS_MAX && cursor_left(&program.talk.cursor) > 0; i++) {
        operate(&program);
    }
    end_well(&program);
    world_free(program.world);
    return 0;
}
