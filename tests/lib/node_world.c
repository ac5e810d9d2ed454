/*
 * node_world.c: see node_world.h.
 *
 * Responsible for carrying out effects and for what the world does by itself: the origin's wire,
 * reading ahead, the sound's clock.
 */
#include "tests/lib/node_world_parts.h"

#include "common/error.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define READ_AHEAD_US (8 * TIME_US_PER_S)
#define FAST_TICK_US (8 * TIME_US_PER_S)

/* --- what is to come ---------------------------------------------------------------------------*/

struct world_pending *world_later(struct world *world, uint64_t delay_us, enum pending_kind kind)
{
    assert(world->pending_count < PENDING_MAX);
    struct world_pending *pending = &world->pending[world->pending_count++];
    memset(pending, 0, sizeof *pending);
    pending->at_us = world->now_us + delay_us;
    pending->order = world->pending_order++;
    pending->kind = kind;
    return pending;
}

struct node_event *world_later_event(struct world *world, uint64_t delay_us,
                                     enum node_event_kind kind)
{
    struct node_event *event = &world_later(world, delay_us, PENDING_EVENT)->event;
    event->kind = kind;
    return event;
}

/* --- the origin --------------------------------------------------------------------------------*/

static struct p2p_message *send_at(struct world *world, uint64_t at_us, enum p2p_type type)
{
    struct world_pending *pending = world_later(world, at_us - world->now_us, PENDING_EVENT);
    pending->event.kind = NODE_EVENT_MESSAGE;
    pending->event.message.link = world->link;
    pending->link = world->link;
    pending->message.type = type;
    return &pending->message;
}

/* Puts a frame on the wire behind what is on it; when its last byte arrives. */
static uint64_t over_wire(struct world *world, uint64_t bytes)
{
    if (world->wire_free_us < world->now_us) {
        world->wire_free_us = world->now_us;
    }
    world->wire_free_us += bytes * TIME_US_PER_S / world->bytes_per_s;
    return world->wire_free_us + world->rtt_us / 2;
}

struct p2p_message *world_origin_says(struct world *world, uint32_t bytes, enum p2p_type type)
{
    return send_at(world, over_wire(world, bytes), type);
}

static void pump_soon(struct world *world)
{
    if (!world->is_pumping && world->job_count > 0) {
        world->is_pumping = true;
        uint64_t wait_us =
            world->wire_free_us > world->now_us ? world->wire_free_us - world->now_us : 0;
        world_later(world, wait_us, PENDING_PUMP);
    }
}

static void remove_job(struct world *world, uint32_t index)
{
    world->job_count--;
    memmove(&world->jobs[index], &world->jobs[index + 1],
            (world->job_count - index) * sizeof world->jobs[0]);
}

/* The most urgent job's next chunk goes onto the wire, its row's proof before it. */
static void pump(struct world *world)
{
    world->is_pumping = false;
    if (world->job_count == 0) {
        return;
    }
    uint32_t best = 0;
    for (uint32_t i = 1; i < world->job_count; i++) {
        if (world->jobs[i].priority < world->jobs[best].priority) {
            best = i;
        }
    }
    struct world_job *job = &world->jobs[best];
    const struct world_track *track = &world->tracks[job->track];
    uint32_t chunk = job->chunks[job->at];
    uint32_t row = chunk / ROW_CHUNKS;
    if (world->rejected == chunk + 1) {
        struct p2p_message *reject = send_at(world, over_wire(world, 9), P2P_REJECT);
        reject->reject.request = job->request;
        reject->reject.reason = world->reject_reason;
        remove_job(world, best);
        pump_soon(world);
        return;
    }
    if (job->wants_proofs && job->proven_row != row + 1) {
        job->proven_row = row + 1;
        struct p2p_message *proof = send_at(world, over_wire(world, 500), P2P_PROOF);
        proof->proof.request = job->request;
        proof->proof.row = row;
        proof->proof.proof = track->proofs[row];
    }
    struct p2p_message *fragment = send_at(world, over_wire(world, CHUNK_BYTES + 14), P2P_FRAGMENT);
    fragment->fragment.request = job->request;
    fragment->fragment.chunk = chunk;
    fragment->fragment.offset = 0;
    fragment->fragment.bytes = (uint16_t)media_chunk_bytes(track->file.bytes, chunk);
    if (++job->at == job->count) {
        remove_job(world, best);
    }
    pump_soon(world);
}

static struct world_job *new_job(struct world *world, uint32_t request, uint32_t track)
{
    assert(world->job_count < WORLD_JOBS);
    struct world_job *job = &world->jobs[world->job_count++];
    memset(job, 0, sizeof *job);
    job->link = world->link;
    job->request = request;
    job->track = track;
    world->request_tracks[request % WORLD_REQUESTS] = (uint8_t)track;
    return job;
}

static void answer_open(struct world *world, const struct p2p_message *message)
{
    uint32_t index = world_track_by_id(world, message->open.track_id);
    if (index == WORLD_TRACKS || world->tracks[index].is_unknown) {
        struct p2p_message *reject = send_at(world, over_wire(world, 9), P2P_REJECT);
        reject->reject.request = message->open.request;
        reject->reject.reason = P2P_REJECT_UNKNOWN;
        return;
    }
    const struct world_track *track = &world->tracks[index];
    struct p2p_message *opened = send_at(world, over_wire(world, 500), P2P_OPENED);
    opened->opened.request = message->open.request;
    opened->opened.manifest = track->manifest;
    opened->opened.manifest_bytes = (uint32_t)track->manifest_bytes;
    if (message->open.flags & P2P_OPEN_START_SET) {
        struct world_job *job = new_job(world, message->open.request, index);
        job->chunks[0] = 0;
        job->chunks[1] = track->chunk_count - 1;
        job->chunks[2] = 1;
        job->count = 3;
        job->wants_proofs = true;
    }
}

static void answer_request(struct world *world, const struct p2p_message *message)
{
    media_handle handle = media_intern_find(world->intern, &message->request.file);
    uint32_t index = world_track_by_handle(world, handle);
    struct world_job *job = new_job(world, message->request.request, index);
    assert(message->request.first_chunk + message->request.count <=
           world->tracks[index].chunk_count);
    for (uint32_t i = 0; i < message->request.count; i++) {
        job->chunks[i] = message->request.first_chunk + i;
    }
    job->count = message->request.count;
    job->priority = message->request.priority;
    job->wants_proofs = (message->request.flags & P2P_REQUEST_PROOFS) != 0;
}

static void answer(struct world *world, const struct p2p_message *message)
{
    if (world->is_origin_silent) {
        world->silent_link = world->link;
    }
    if (world->silent_link == world->link) {
        return; /* for this link's whole life */
    }
    switch ((int)message->type) {
    case P2P_HELLO:
        world_greet(world);
        break;
    case P2P_OPEN:
        answer_open(world, message);
        break;
    case P2P_REQUEST:
        answer_request(world, message);
        break;
    case P2P_CANCEL:
        for (uint32_t i = 0; i < world->job_count; i++) {
            if (world->jobs[i].request == message->cancel.request) {
                remove_job(world, i);
                break;
            }
        }
        break;
    case P2P_PING:
        send_at(world, over_wire(world, 12), P2P_PONG)->pong.token = message->ping.token;
        break;
    default:
        break;
    }
    pump_soon(world);
}

/* Nothing that was on the way arrives. */
static void cut_wire(struct world *world)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < world->pending_count; i++) {
        const struct world_pending *pending = &world->pending[i];
        bool is_lost = pending->kind == PENDING_FRAME ||
                       (pending->kind == PENDING_EVENT &&
                        pending->event.kind == NODE_EVENT_MESSAGE && pending->peer == 0);
        if (!is_lost) {
            world->pending[kept++] = *pending;
        }
    }
    world->pending_count = kept;
    world->job_count = 0;
    world->link = 0;
    world->wire_free_us = 0;
}

int world_break_link(struct world *world)
{
    struct node_event event = {.kind = NODE_EVENT_LINK_DOWN};
    event.link_down.link = world->link;
    event.link_down.error = ERROR_IO;
    if (world->link == 0) {
        return 0;
    }
    cut_wire(world);
    return world_step(world, event);
}

/* --- decoders and sound ------------------------------------------------------------------------*/

static bool is_here(const struct world *world, uint32_t track, uint32_t chunk)
{
    if (world->tracks[track].stored[chunk / ROW_CHUNKS] >> (chunk % ROW_CHUNKS) & 1) {
        return true;
    }
    for (uint32_t i = 0; i < world->config.slot_count; i++) {
        const struct world_slot *slot = &world->slots[i];
        if (slot->is_ready && slot->track == track && slot->chunk == chunk) {
            return true;
        }
    }
    return false;
}

static void sound_soon(struct world *world)
{
    if (!world->is_ticking) {
        world->is_ticking = true;
        world_later(world, WORLD_TICK_US, PENDING_SOUND);
    }
}

/* Reads one chunk, or posts a want for it. */
static bool read_chunk(struct world *world, struct world_chain *chain, uint32_t chunk)
{
    const struct world_track *track = &world->tracks[chain->track];
    if (is_here(world, chain->track, chunk)) {
        struct node_event *event = world_later_event(world, 0, NODE_EVENT_READ);
        event->read.entry = chain->entry;
        event->read.file = track->handle;
        event->read.first_chunk = chunk;
        event->read.count = 1;
        return true;
    }
    struct node_event *event = world_later_event(world, 0, NODE_EVENT_WANT);
    chain->want = ++world->next_want;
    event->want.want = chain->want;
    event->want.entry = chain->entry;
    event->want.file = track->handle;
    event->want.first_chunk = chunk;
    event->want.count = 1;
    return false;
}

/* Reads as far as a decoder would, or until it must wait. */
static void read_on(struct world *world, struct world_chain *chain)
{
    if (chain->entry == 0 || chain->want != 0 || chain->is_failed) {
        return;
    }
    const struct world_track *track = &world->tracks[chain->track];
    uint32_t start_set[3] = {0, track->chunk_count - 1, 1};
    while (chain->start_at < 3) {
        if (!read_chunk(world, chain, start_set[chain->start_at])) {
            return;
        }
        chain->start_at++;
    }
    bool is_first = chain == &world->chains[0];
    uint64_t from_us = is_first && world->is_sounding ? world->position_us : chain->position_us;
    uint64_t ahead_us = world->config.fast ? 2 * FAST_TICK_US : READ_AHEAD_US;
    while (chain->chunk < track->chunk_count &&
           chain->chunk * WORLD_CHUNK_US < from_us + ahead_us) {
        if (!read_chunk(world, chain, chain->chunk)) {
            return;
        }
        chain->chunk++;
    }
}

static void open_chain(struct world *world, uint32_t place, const struct node_effect *effect)
{
    struct world_chain *chain = &world->chains[place];
    assert(place == 0 || chain->entry == 0);
    memset(chain, 0, sizeof *chain);
    chain->entry = effect->open.entry;
    chain->track = world_track_by_handle(world, effect->open.file);
    chain->position_us = effect->open.position_us;
    chain->chunk = (uint32_t)(effect->open.position_us / WORLD_CHUNK_US);
    assert(memcmp(effect->open.manifest->track_id, world->tracks[chain->track].id,
                  TRACK_ID_BYTES) == 0);
    sound_soon(world);
}

static void close_chains(struct world *world)
{
    memset(world->chains, 0, sizeof world->chains);
    world->is_sounding = false;
    world->is_stalled = false;
}

static struct node_event *sound_event(struct world *world, enum node_event_kind kind)
{
    struct node_event *event = world_later_event(world, 0, kind);
    event->sound.entry = world->chains[0].entry;
    return event;
}

/* True when the decoder has read what sounds at this position. */
static bool can_sound(const struct world_chain *chain, uint64_t position_us, uint64_t end_us)
{
    return chain->start_at == 3 &&
           (position_us >= end_us || (uint64_t)chain->chunk * WORLD_CHUNK_US > position_us);
}

static void end_chain(struct world *world)
{
    sound_event(world, NODE_EVENT_SOUND_ENDED);
    world->chains[0] = world->chains[1];
    memset(&world->chains[1], 0, sizeof world->chains[1]);
    world->is_sounding = false;
    world->position_us = 0;
}

/* The sound's clock: some time passes, or it must stand still. */
static void sound(struct world *world)
{
    struct world_chain *chain = &world->chains[0];
    world->is_ticking = false;
    read_on(world, chain);
    read_on(world, &world->chains[1]);
    if (chain->entry == 0) {
        return;
    }
    sound_soon(world);
    if (world->is_paused) {
        return;
    }
    uint64_t end_us = world->tracks[chain->track].duration_us;
    if (!world->is_sounding) {
        if (!can_sound(chain, chain->position_us, end_us)) {
            world->silent_us += WORLD_TICK_US;
            return;
        }
        world->is_sounding = true;
        world->position_us = chain->position_us;
        struct node_event *event = sound_event(world, NODE_EVENT_SOUND_STARTED);
        event->sound_started.position_us = world->position_us;
        return;
    }
    if (!can_sound(chain, world->position_us, end_us)) {
        world->silent_us += WORLD_TICK_US;
        if (!world->is_stalled) {
            sound_event(world, NODE_EVENT_SOUND_STALLED);
        }
        world->is_stalled = true;
        return;
    }
    if (world->is_stalled) {
        sound_event(world, NODE_EVENT_SOUND_RESUMED);
        world->is_stalled = false;
    }
    world->position_us += world->config.fast ? FAST_TICK_US : WORLD_TICK_US;
    if (world->position_us >= end_us) {
        end_chain(world);
    } else if (world->config.fast || world->position_us % TIME_US_PER_S < WORLD_TICK_US) {
        sound_event(world, NODE_EVENT_POSITION)->position.position_us = world->position_us;
    }
}

static void answer_want(struct world *world, uint32_t want, int error)
{
    for (uint32_t i = 0; i < WORLD_CHAINS; i++) {
        struct world_chain *chain = &world->chains[i];
        if (chain->entry == 0 || chain->want != want) {
            continue;
        }
        chain->want = 0;
        if (error == 0) {
            sound_soon(world);
            read_on(world, chain);
        } else if (error != ERROR_CANCELLED) {
            chain->is_failed = true;
            struct node_event *event = world_later_event(world, 0, NODE_EVENT_SOUND_FAILED);
            event->sound.entry = chain->entry;
            event->sound.error = error;
            if (i == 1) {
                memset(chain, 0, sizeof *chain);
            }
        }
    }
}

/* --- effects -----------------------------------------------------------------------------------*/

static void fill(struct world *world, const struct node_effect *effect)
{
    const struct p2p_message *message = world->message;
    assert(message != NULL && message->type == P2P_FRAGMENT);
    struct world_slot *slot = &world->slots[effect->fill.slot];
    assert(!slot->is_ready && !slot->is_storing && !slot->is_hashing);
    assert(effect->fill.offset == message->fragment.offset);
    assert(effect->fill.bytes == message->fragment.bytes);
    if (effect->fill.offset == 0) {
        *slot = (struct world_slot){.chunk = message->fragment.chunk, .is_taken = true};
        uint32_t peer = world_peer_of(world, world->message_link);
        const struct world_peer *from = peer == 0 ? NULL : &world->peers[peer - 1];
        const uint8_t *tracks = from == NULL ? world->request_tracks : from->request_tracks;
        slot->is_bad =
            from == NULL ? world->bad_chunk == message->fragment.chunk + 1 : from->is_rotten;
        slot->track = tracks[message->fragment.request % WORLD_REQUESTS];
    }
    assert(slot->filled == effect->fill.offset);
    slot->filled += effect->fill.bytes;
}

static void hash(struct world *world, const struct node_effect *effect)
{
    struct world_slot *slot = &world->slots[effect->hash.slot];
    assert(slot->is_taken && slot->filled == effect->hash.bytes);
    slot->is_hashing = true;
    struct node_event *event = world_later_event(world, 20, NODE_EVENT_HASHED);
    event->hashed.slot = effect->hash.slot;
}

static void ready(struct world *world, const struct node_effect *effect)
{
    struct world_slot *slot = &world->slots[effect->ready.slot];
    assert(!slot->is_hashing && !slot->is_bad && slot->chunk == effect->ready.chunk);
    assert(slot->track == world_track_by_handle(world, effect->ready.file));
    slot->is_ready = true;
}

static void store_row(struct world *world, const struct node_effect *effect)
{
    uint32_t index = world_track_by_handle(world, effect->store_row.file);
    struct world_track *track = &world->tracks[index];
    uint32_t row = effect->store_row.row;
    assert(effect->store_row.mask != 0);
    assert(memcmp(effect->store_row.proof, &track->proofs[row], sizeof track->proofs[row]) == 0);
    for (uint32_t i = 0; i < ROW_CHUNKS; i++) {
        if (effect->store_row.mask >> i & 1) {
            struct world_slot *slot = &world->slots[effect->store_row.slots[i]];
            assert(slot->is_taken && !slot->is_bad && !slot->is_storing);
            assert(slot->chunk == row * ROW_CHUNKS + i);
            slot->is_storing = true;
        }
    }
    struct node_event *event = world_later_event(world, world->store_us, NODE_EVENT_STORED);
    event->stored.file = effect->store_row.file;
    event->stored.row = row;
    event->stored.mask = effect->store_row.mask;
    event->stored.error = world->store_error;
    if (world->store_error == 0) {
        track->stored[row] = (uint8_t)(track->stored[row] | effect->store_row.mask);
        world->rows_stored++;
    }
}

/* The slots of a row are not being stored any more. */
static void stored(struct world *world, const struct node_event *event)
{
    for (uint32_t i = 0; i < world->config.slot_count; i++) {
        struct world_slot *slot = &world->slots[i];
        if (slot->is_storing && slot->chunk / ROW_CHUNKS == event->stored.row &&
            world->tracks[slot->track].handle == event->stored.file) {
            slot->is_storing = false;
            slot->is_taken = slot->is_ready;
        }
    }
}

static void connect_origin(struct world *world, const struct node_effect *effect)
{
    struct node_event *event;
    if (world->is_origin_away) {
        event = world_later_event(world, world->rtt_us, NODE_EVENT_LINK_DOWN);
        event->link_down.link = effect->connect.link;
        event->link_down.error = ERROR_CLOSED;
        return;
    }
    event = world_later_event(world, 2 * world->rtt_us, NODE_EVENT_LINK_UP);
    event->link_up.link = effect->connect.link;
    event->link_up.link_kind = NODE_LINK_ORIGIN;
}

static void disconnect(struct world *world, const struct node_effect *effect)
{
    if (effect->disconnect.link == world->link) {
        cut_wire(world);
    }
    struct node_event *event = world_later_event(world, 1000, NODE_EVENT_LINK_DOWN);
    event->link_down.link = effect->disconnect.link;
    event->link_down.error = ERROR_CLOSED;
}

static void send(struct world *world, const struct node_effect *effect)
{
    const struct p2p_message *message = &effect->send.message;
    world->sent[message->type]++;
    if (effect->send.link == world->link && world_peers_track(world, message)) {
        return;
    }
    if (message->type == P2P_REQUEST) {
        media_handle handle = media_intern_find(world->intern, &message->request.file);
        uint32_t index = world_track_by_handle(world, handle);
        for (uint32_t i = 0; i < message->request.count; i++) {
            world->requested[index][message->request.first_chunk + i]++;
        }
    }
    if (effect->send.link != world->link) {
        return;
    }
    struct world_pending *pending = world_later(world, world->rtt_us / 2, PENDING_FRAME);
    pending->link = effect->send.link;
    pending->message = *message;
}

static void note(struct world *world, const struct node_note *note)
{
    world->notes[note->kind]++;
    world->last_note[note->kind] = *note;
    if (note->kind == NODE_NOTE_PLAY && world->records < 16) {
        world->waits_ms[world->records] = (uint32_t)(note->play.wait_us / 1000);
        world->cached[world->records] = note->play.cached;
        world->records++;
    }
}

static void check_manifest(struct world *world, const struct node_effect *effect)
{
    struct node_event *event = world_later_event(world, 200, NODE_EVENT_MANIFEST_CHECKED);
    memcpy(event->manifest_checked.track_id, effect->check_manifest.track_id, TRACK_ID_BYTES);
    event->manifest_checked.valid = true;
}

static void check_identity(struct world *world, const struct node_effect *effect)
{
    struct node_event *event = world_later_event(world, 200, NODE_EVENT_IDENTITY_CHECKED);
    event->identity_checked.link = effect->check_identity.link;
    event->identity_checked.valid = !world->is_origin_false;
}

static void release(struct world *world, const struct node_effect *effect)
{
    struct world_slot *slot = &world->slots[effect->release.slot];
    assert(slot->is_ready && !slot->is_storing);
    slot->is_ready = slot->is_taken = false;
}

static void carry_out_sound(struct world *world, const struct node_effect *effect)
{
    switch ((int)effect->kind) {
    case NODE_EFFECT_WANT_MET:
        answer_want(world, effect->want.want, 0);
        break;
    case NODE_EFFECT_WANT_FAILED:
        answer_want(world, effect->want.want, effect->want.error);
        break;
    case NODE_EFFECT_SWITCH:
        close_chains(world);
        open_chain(world, 0, effect);
        break;
    case NODE_EFFECT_PREPARE:
        open_chain(world, 1, effect);
        break;
    case NODE_EFFECT_SILENCE:
        close_chains(world);
        break;
    case NODE_EFFECT_UNPREPARE:
        world->chains[1] = (struct world_chain){0};
        break;
    case NODE_EFFECT_SET_PAUSED:
        world->is_paused = effect->set_paused.paused;
        break;
    case NODE_EFFECT_NOTE:
        note(world, &effect->note);
        break;
    default:
        break;
    }
}

static void carry_out_store(struct world *world, const struct node_effect *effect)
{
    uint32_t row = effect->evict.row;
    switch ((int)effect->kind) {
    case NODE_EFFECT_LOAD_MANIFEST:
        world_load_manifest(world, effect);
        break;
    case NODE_EFFECT_STORE_ROW:
        store_row(world, effect);
        break;
    case NODE_EFFECT_STORE_MANIFEST:
        world->tracks[world_track_by_id(world, effect->store_manifest.track_id)].has_manifest =
            true;
        break;
    case NODE_EFFECT_EVICT_FILE:
        memset(world->tracks[world_track_by_handle(world, effect->evict.file)].stored, 0,
               sizeof world->tracks[0].stored);
        break;
    case NODE_EFFECT_EVICT_ROW:
        world->tracks[world_track_by_handle(world, effect->evict.file)].stored[row] = 0;
        break;
    default:
        break;
    }
}

static void carry_out(struct world *world, const struct node_effect *effect)
{
    world->effects[effect->kind]++;
    if (world_peers_carry_out(world, effect)) {
        return;
    }
    carry_out_store(world, effect);
    carry_out_sound(world, effect);
    switch ((int)effect->kind) {
    case NODE_EFFECT_FILL:
        fill(world, effect);
        break;
    case NODE_EFFECT_HASH:
        hash(world, effect);
        break;
    case NODE_EFFECT_CHECK_IDENTITY:
        check_identity(world, effect);
        break;
    case NODE_EFFECT_CHECK_MANIFEST:
        check_manifest(world, effect);
        break;
    case NODE_EFFECT_READY:
        ready(world, effect);
        break;
    case NODE_EFFECT_RELEASE:
        release(world, effect);
        break;
    case NODE_EFFECT_SEND:
        send(world, effect);
        break;
    case NODE_EFFECT_CONNECT:
        connect_origin(world, effect);
        break;
    case NODE_EFFECT_DISCONNECT:
        disconnect(world, effect);
        break;
    default:
        break;
    }
}

/* Before the node sees it: what the event means for the world itself. */
static bool foresee(struct world *world, struct node_event *event)
{
    if (event->kind == NODE_EVENT_LINK_UP && event->link_up.link_kind == NODE_LINK_ORIGIN) {
        world->link = event->link_up.link;
    } else if (event->kind == NODE_EVENT_HASHED) {
        struct world_slot *slot = &world->slots[event->hashed.slot];
        slot->is_hashing = false;
        world_leaf(slot->track, slot->chunk, event->hashed.digest);
        event->hashed.digest[0] = (uint8_t)(event->hashed.digest[0] ^ slot->is_bad);
    } else if (event->kind == NODE_EVENT_STORED) {
        stored(world, event);
    } else if (event->kind == NODE_EVENT_WANT || event->kind == NODE_EVENT_READ) {
        uint32_t entry = event->kind == NODE_EVENT_WANT ? event->want.entry : event->read.entry;
        bool is_open = entry == world->chains[0].entry || entry == world->chains[1].entry;
        world->wants_posted += is_open && event->kind == NODE_EVENT_WANT;
        return is_open || (entry & NODE_ENTRY_LENT) != 0;
    }
    return true;
}

int world_step(struct world *world, struct node_event event)
{
    if (!foresee(world, &event)) {
        return 0; /* its chain was forgotten meanwhile */
    }
    event.now_us = world->now_us;
    struct node_update update;
    world->message = event.kind == NODE_EVENT_MESSAGE ? event.message.message : NULL;
    world->message_link = event.kind == NODE_EVENT_MESSAGE ? event.message.link : 0;
    int rc = node_step(world->node, &event, &update);
    if (rc != 0) {
        return rc;
    }
    if (world->config.check_every == 0 || ++world->steps % world->config.check_every == 0) {
        node_check_invariants(world->node);
    }
    world->deadline_us = update.next_deadline_us;
    for (uint32_t i = 0; i < update.count; i++) {
        assert(i == 0 || update.effects[i - 1].kind <= update.effects[i].kind);
        world->effects_hash =
            (world->effects_hash ^ update.effects[i].kind) * UINT64_C(0x100000001b3);
        carry_out(world, &update.effects[i]);
    }
    return 0;
}

static int happen(struct world *world, struct world_pending *pending)
{
    switch (pending->kind) {
    case PENDING_EVENT:
        if (pending->event.kind == NODE_EVENT_MESSAGE) {
            pending->event.message.message = &pending->message;
        }
        return world_step(world, pending->event);
    case PENDING_FRAME:
        answer(world, &pending->message);
        return 0;
    case PENDING_PUMP:
        pump(world);
        return 0;
    case PENDING_SOUND:
        sound(world);
        return 0;
    case PENDING_PEER_FRAME:
        world_peer_frame(world, pending->peer - 1, pending->link, &pending->message);
        return 0;
    case PENDING_PEER_PUMP:
        world_peer_pump(world, pending->peer - 1);
        return 0;
    }
    return 0;
}

int world_run(struct world *world, uint64_t until_us)
{
    for (;;) {
        uint32_t first = 0;
        for (uint32_t i = 1; i < world->pending_count; i++) {
            const struct world_pending *a = &world->pending[i];
            const struct world_pending *b = &world->pending[first];
            if (a->at_us < b->at_us || (a->at_us == b->at_us && a->order < b->order)) {
                first = i;
            }
        }
        uint64_t next_us = world->pending_count == 0 ? TIME_NEVER_US : world->pending[first].at_us;
        bool is_tick = world->deadline_us < next_us;
        next_us = time_min_us(next_us, world->deadline_us);
        if (next_us > until_us || next_us == TIME_NEVER_US) {
            world->now_us = until_us == TIME_NEVER_US ? world->now_us : until_us;
            return 0;
        }
        world->now_us = next_us > world->now_us ? next_us : world->now_us;
        int rc;
        if (is_tick) {
            rc = world_step(world, (struct node_event){.kind = NODE_EVENT_TICK});
        } else {
            struct world_pending pending = world->pending[first];
            world->pending_count--;
            world->pending[first] = world->pending[world->pending_count];
            rc = happen(world, &pending);
        }
        if (rc != 0) {
            return rc;
        }
    }
}
