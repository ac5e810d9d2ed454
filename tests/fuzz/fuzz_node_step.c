/*
 * fuzz_node_step.c: any sequence of events leaves the node in order.
 *
 * Bytes are a program for tests/lib/node_world: what the listener does, what goes wrong, what the
 * other side says out of turn. The world asserts the contract of node.h on every effect and the
 * node's invariants after every step. In the end all faults are taken away: then every want has
 * been answered once, no slot is left behind, and one more track plays to its end.
 */
#include "common/cursor.h"
#include "common/error.h"
#include "tests/lib/node_world.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define OPERATIONS_MAX 200u
#define ENTRIES_MAX 20u
#define WANTS_MAX 40u /* of the program's own; the world's decoders have others */

struct program {
    struct world *world;
    struct cursor cursor;
    uint32_t entries;
    uint32_t wants;
};

static void give(struct program *program, const struct p2p_message *message)
{
    struct node_event event = {.kind = NODE_EVENT_MESSAGE};
    event.message.link = program->world->link;
    event.message.message = message;
    int rc = world_step(program->world, event);
    assert(rc == 0);
}

/* What the other side says out of turn, often almost right. */
static void say(struct program *program)
{
    struct world *world = program->world;
    struct cursor *cursor = &program->cursor;
    uint32_t request = cursor_u8(cursor) % 12;
    const struct world_track *track = &world->tracks[cursor_u8(cursor) % WORLD_TRACKS];
    uint8_t value = cursor_u8(cursor);
    struct p2p_message message = {.type = (enum p2p_type)(cursor_u8(cursor) % (P2P_FOUND + 1))};
    switch ((int)message.type) {
    case P2P_HELLO:
        message.hello.version = value % 2;
        message.hello.request_max = value;
        message.hello.form = value % 3;
        break;
    case P2P_OPENED:
        message.opened.request = request;
        message.opened.manifest = track->manifest;
        message.opened.manifest_bytes = (uint32_t)track->manifest_bytes - value % 2;
        break;
    case P2P_FRAGMENT:
        message.fragment.request = request;
        message.fragment.chunk = value;
        message.fragment.offset = value % 3 == 0 ? 0 : 100;
        message.fragment.bytes = value % 2 == 0 ? 100 : CHUNK_BYTES - 100;
        world->request_tracks[request] = (uint8_t)(track - world->tracks);
        break;
    case P2P_PROOF:
        message.proof.request = request;
        message.proof.row = value % 30;
        message.proof.proof = track->proofs[value % media_row_count(track->file.bytes)];
        break;
    case P2P_REJECT:
        message.reject.request = request;
        message.reject.reason = value % 6;
        break;
    default:
        break;
    }
    give(program, &message);
}

/* What goes wrong from now on, or is right again. */
static void fault(struct program *program)
{
    struct world *world = program->world;
    uint8_t value = cursor_u8(&program->cursor);
    switch (cursor_u8(&program->cursor) % 9) {
    case 0:
        world->is_origin_away = value % 2;
        break;
    case 1:
        world->is_origin_silent = value % 2;
        break;
    case 2:
        world->bad_chunk = value;
        break;
    case 3:
        world->rejected = value;
        world->reject_reason = value % 6;
        break;
    case 4:
        world->store_error = value % 2 == 0 ? 0 : ERROR_FULL;
        break;
    case 5:
        world->store_us = (uint64_t)value * 20 * TIME_US_PER_MS;
        break;
    case 6:
        world->bytes_per_s = 1000 + (uint64_t)value * value * 50;
        break;
    case 7:
        world->tracks[value % WORLD_TRACKS].is_unknown = value >= 128;
        break;
    default:
        assert(world_break_link(world) == 0);
        break;
    }
}

static void want(struct program *program)
{
    struct node_event event = {.kind = NODE_EVENT_WANT};
    uint32_t index = cursor_u8(&program->cursor) % WORLD_TRACKS;
    uint32_t chunk_count = program->world->tracks[index].chunk_count;
    event.want.first_chunk = cursor_u8(&program->cursor) % chunk_count;
    event.want.count = 1 + cursor_u8(&program->cursor) % ROW_CHUNKS;
    if (event.want.count > chunk_count - event.want.first_chunk) {
        event.want.count = chunk_count - event.want.first_chunk;
    }
    event.want.file = program->world->tracks[index].handle;
    event.want.entry = program->world->chains[0].entry;
    if (program->wants < WANTS_MAX && event.want.entry != 0) {
        event.want.want = 100000 + program->wants++;
        assert(world_step(program->world, event) == 0);
    }
}

/* Events of the shell and of sound that nothing led up to. */
static void surprise(struct program *program)
{
    static const enum node_event_kind kinds[] = {
        NODE_EVENT_SOUND_FAILED,  NODE_EVENT_SOUND_STALLED,
        NODE_EVENT_SOUND_RESUMED, NODE_EVENT_MANIFEST_CHECKED,
        NODE_EVENT_ROTTEN,        NODE_EVENT_CACHE_STATE,
        NODE_EVENT_TICK,          NODE_EVENT_POSITION};
    uint8_t value = cursor_u8(&program->cursor);
    struct node_event event = {.kind = kinds[value % 8]};
    value = cursor_u8(&program->cursor);
    const struct world_track *track = &program->world->tracks[value % WORLD_TRACKS];
    switch ((int)event.kind) {
    case NODE_EVENT_MANIFEST_CHECKED:
        memcpy(event.manifest_checked.track_id, track->id, TRACK_ID_BYTES);
        break;
    case NODE_EVENT_ROTTEN:
        event.rotten.file = track->handle;
        event.rotten.row = value / 4 % media_row_count(track->file.bytes);
        break;
    case NODE_EVENT_CACHE_STATE:
        event.cache_state.writable = value % 2;
        break;
    case NODE_EVENT_POSITION:
        event.position.entry = program->world->chains[0].entry;
        event.position.position_us = value * TIME_US_PER_S;
        break;
    default:
        event.sound.entry = program->world->chains[value % 2].entry;
        event.sound.error = event.kind == NODE_EVENT_SOUND_FAILED ? ERROR_MALFORMED : 0;
        break;
    }
    assert(world_step(program->world, event) == 0);
}

static void listen(struct program *program)
{
    struct world *world = program->world;
    uint8_t what = cursor_u8(&program->cursor);
    uint8_t value = cursor_u8(&program->cursor);
    if (what % 6 == 0 && program->entries < ENTRIES_MAX) {
        /* Odd entries are played, even ones fetched. */
        uint32_t entry = ++program->entries;
        assert(world_enqueue(world, entry, value % WORLD_TRACKS, entry % 2 == 0) == 0);
    } else if (what % 6 == 1 && program->entries > 0) {
        uint32_t entry = value % program->entries / 2 * 2 + 1;
        assert(world_play(world, entry, value / 32 * 20 * TIME_US_PER_S) == 0);
    } else if (what % 6 == 2) {
        assert(world_command(world, NODE_EVENT_SEEK, value * 4 * TIME_US_PER_S) == 0);
    } else if (what % 6 == 3) {
        assert(world_command(world, NODE_EVENT_PAUSE, 0) == 0);
    } else if (what % 6 == 4) {
        assert(world_command(world, NODE_EVENT_RESUME, 0) == 0);
    } else if (what >= 192) {
        assert(world_command(world, NODE_EVENT_STOP, 0) == 0);
    }
}

static void operate(struct program *program)
{
    struct world *world = program->world;
    uint8_t what = cursor_u8(&program->cursor);
    uint8_t value = cursor_u8(&program->cursor);
    switch (what % 8) {
    case 0:
    case 1:
        listen(program);
        break;
    case 2:
        fault(program);
        break;
    case 3:
        say(program);
        break;
    case 4:
        want(program);
        break;
    case 5:
        surprise(program);
        break;
    case 6:
        assert(world_run(world, world->now_us + (uint64_t)value * 20) == 0);
        break;
    default:
        assert(world_run(world, world->now_us + (uint64_t)value * value * 50) == 0);
        break;
    }
}

static void take_faults_away(struct world *world)
{
    world->is_origin_away = false;
    world->is_origin_silent = false;
    world->bad_chunk = 0;
    world->rejected = 0;
    world->store_error = 0;
    world->store_us = TIME_US_PER_MS;
    world->bytes_per_s = 1000000;
    for (uint32_t i = 0; i < WORLD_TRACKS; i++) {
        world->tracks[i].is_unknown = false;
    }
}

/* With nothing wrong any more: silence leaves nothing behind, and one more track plays. */
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
    if (world->last_note[NODE_NOTE_LINK].error == ERROR_DENIED) {
        return; /* it said something that made it a stranger for ever */
    }
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
    cursor_init(&program.cursor, data, size);
    uint8_t how = cursor_u8(&program.cursor);
    struct world_config config = {.cache_limit_bytes =
                                      how % 4 == 0 ? 0 : (how % 64) * 4 * CHUNK_BYTES,
                                  .slot_count = how % 2 == 0 ? 64 : 128,
                                  .fast = how % 8 == 7,
                                  .preset = how % 16 == 9 ? &node_preset_spotify2010 : NULL,
                                  .seed = how,
                                  .check_every = 17};
    program.world = world_new(config, false);
    for (uint32_t i = 0; i < WORLD_TRACKS; i++) {
        world_cache(program.world, i, cursor_u8(&program.cursor) % 10);
    }
    assert(world_start(program.world) == 0);
    for (uint32_t i = 0; i < OPERATIONS_MAX && cursor_left(&program.cursor) > 0; i++) {
        operate(&program);
    }
    end_well(&program);
    world_free(program.world);
    return 0;
}
