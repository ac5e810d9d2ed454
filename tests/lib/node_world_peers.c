/*
 * node_world_peers.c: the others in the node's world, and the tracker; see node_world.h.
 *
 * Responsible for scripted peers: what they hold, say, send and ask. They answer over a wire of
 * their own, chunk by chunk. Lists that the node's messages borrow are read at once; what a peer
 * says about them comes a round trip later.
 */
#include "tests/lib/node_world_parts.h"

#include "common/error.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define PEER_PORT 4000u
#define PEER_REQUESTS 32u

void world_peers_init(struct world *world)
{
    world->peers = calloc(WORLD_PEERS, sizeof *world->peers);
    assert(world->peers != NULL);
}

uint32_t world_peer_of(const struct world *world, uint32_t link)
{
    for (uint32_t i = 0; i < world->peer_count; i++) {
        if (link != 0 && world->peers[i].link == link) {
            return i + 1;
        }
    }
    return 0;
}

uint32_t world_add_peer(struct world *world, uint32_t track, uint32_t chunks)
{
    assert(world->peer_count < WORLD_PEERS);
    uint32_t index = world->peer_count++;
    struct world_peer *peer = &world->peers[index];
    memset(peer->contact.peer_id, (int)index + 1, HASH_BYTES);
    peer->contact.flags = P2P_CONTACT_REACHABLE | P2P_CONTACT_GIVES;
    peer->contact.addresses[0] = (struct p2p_address){
        .family = 4, .address = {81, 2, (uint8_t)index, 7}, .port = (uint16_t)(PEER_PORT + index)};
    peer->has_manifests = true;
    peer->rtt_us = 20 * TIME_US_PER_MS;
    peer->bytes_per_s = 1000000;
    peer->next_request = 1;
    world_peer_gets(world, index, track, 0, chunks);
    return index;
}

/* --- what a peer says ----------------------------------------------------------------------------*/

/* A message that leaves the peer now, behind what is on its wire. */
static struct p2p_message *says(struct world *world, uint32_t index, uint64_t bytes,
                                enum p2p_type type)
{
    struct world_peer *peer = &world->peers[index];
    if (peer->wire_free_us < world->now_us) {
        peer->wire_free_us = world->now_us;
    }
    peer->wire_free_us += bytes * TIME_US_PER_S / peer->bytes_per_s;
    uint64_t at_us = peer->wire_free_us + peer->rtt_us / 2;
    struct world_pending *pending = world_later(world, at_us - world->now_us, PENDING_EVENT);
    pending->event.kind = NODE_EVENT_MESSAGE;
    pending->event.message.link = peer->link;
    pending->link = peer->link;
    pending->peer = index + 1;
    pending->message.type = type;
    return &pending->message;
}

static uint32_t count_chunks(const struct world *world, const struct world_peer *peer,
                             uint32_t track)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < world->tracks[track].chunk_count; i++) {
        count += peer->has[track][i / ROW_CHUNKS] >> (i % ROW_CHUNKS) & 1;
    }
    return count;
}

static bool holds(const struct world_peer *peer, uint32_t track, uint32_t chunk)
{
    return (peer->has[track][chunk / ROW_CHUNKS] >> (chunk % ROW_CHUNKS) & 1) != 0;
}

static enum p2p_have kind_of(const struct world *world, const struct world_peer *peer,
                             uint32_t track)
{
    uint32_t count = count_chunks(world, peer, track);
    if (peer->is_liar || count == world->tracks[track].chunk_count) {
        return P2P_HAVE_WHOLE;
    }
    return count > 0 ? P2P_HAVE_PARTIAL : P2P_HAVE_NONE;
}

static void says_have(struct world *world, uint32_t index, uint32_t track)
{
    struct world_peer *peer = &world->peers[index];
    struct p2p_message *message = says(world, index, 100, P2P_HAVE);
    message->have.file = world->tracks[track].file;
    enum p2p_have kind = kind_of(world, peer, track);
    message->have.kind = (uint8_t)(kind == P2P_HAVE_PARTIAL ? P2P_HAVE_RUNS : kind);
    if (kind != P2P_HAVE_PARTIAL) {
        return;
    }
    uint32_t chunks = world->tracks[track].chunk_count;
    message->have.runs = peer->runs[track];
    for (uint32_t first = 0; first < chunks;) {
        uint32_t end = first;
        while (end < chunks && holds(peer, track, end)) {
            end++;
        }
        if (end > first) {
            struct p2p_have_run run = {.first = first, .count = end - first};
            p2p_have_run_write(peer->runs[track], message->have.count++, &run);
        }
        first = end + 1;
    }
}

void world_peer_gets(struct world *world, uint32_t index, uint32_t track, uint32_t first,
                     uint32_t count)
{
    struct world_peer *peer = &world->peers[index];
    assert(first + count <= world->tracks[track].chunk_count);
    for (uint32_t i = first; i < first + count; i++) {
        peer->has[track][i / ROW_CHUNKS] =
            (uint8_t)(peer->has[track][i / ROW_CHUNKS] | 1u << (i % ROW_CHUNKS));
    }
    if (peer->link != 0) {
        says_have(world, index, track);
    }
}

static void says_hello(struct world *world, uint32_t index)
{
    struct world_peer *peer = &world->peers[index];
    struct p2p_message *message = says(world, index, 190, P2P_HELLO);
    message->hello.version = P2P_VERSION;
    message->hello.features = P2P_FEATURE_GIVES | P2P_FEATURE_OVERLAY;
    message->hello.request_max = PEER_REQUESTS;
    message->hello.listen_port = peer->contact.addresses[0].port;
    memcpy(message->hello.peer_id, peer->contact.peer_id, HASH_BYTES);
    peer->is_greeted = true;
}

/* --- requests of the node ------------------------------------------------------------------------*/

static void pump_soon(struct world *world, uint32_t index)
{
    struct world_peer *peer = &world->peers[index];
    if (!peer->is_pumping && peer->job_count > 0) {
        peer->is_pumping = true;
        uint64_t wait_us =
            peer->wire_free_us > world->now_us ? peer->wire_free_us - world->now_us : 0;
        world_later(world, wait_us, PENDING_PEER_PUMP)->peer = index + 1;
    }
}

static void remove_job(struct world_peer *peer, uint32_t at)
{
    peer->job_count--;
    memmove(&peer->jobs[at], &peer->jobs[at + 1], (peer->job_count - at) * sizeof peer->jobs[0]);
}

static void says_reject(struct world *world, uint32_t index, uint32_t request, uint8_t reason)
{
    struct p2p_message *message = says(world, index, 9, P2P_REJECT);
    message->reject.request = request;
    message->reject.reason = reason;
}

void world_peer_pump(struct world *world, uint32_t index)
{
    struct world_peer *peer = &world->peers[index];
    peer->is_pumping = false;
    if (peer->job_count == 0 || peer->is_silent) {
        return;
    }
    uint32_t best = 0;
    for (uint32_t i = 1; i < peer->job_count; i++) {
        best = peer->jobs[i].priority < peer->jobs[best].priority ? i : best;
    }
    struct world_job *job = &peer->jobs[best];
    const struct world_track *track = &world->tracks[job->track];
    uint32_t chunk = job->chunks[job->at];
    uint32_t row = chunk / ROW_CHUNKS;
    if (!holds(peer, job->track, chunk)) {
        says_reject(world, index, job->request, P2P_REJECT_NOT_HELD);
        remove_job(peer, best);
        pump_soon(world, index);
        return;
    }
    if (job->wants_proofs && job->proven_row != row + 1) {
        job->proven_row = row + 1;
        struct p2p_message *proof = says(world, index, 500, P2P_PROOF);
        proof->proof.request = job->request;
        proof->proof.row = row;
        proof->proof.proof = track->proofs[row];
    }
    struct p2p_message *fragment = says(world, index, CHUNK_BYTES + 14, P2P_FRAGMENT);
    fragment->fragment.request = job->request;
    fragment->fragment.chunk = chunk;
    fragment->fragment.bytes = (uint16_t)media_chunk_bytes(track->file.bytes, chunk);
    peer->sent++;
    if (++job->at == job->count) {
        remove_job(peer, best);
    }
    pump_soon(world, index);
}

static void take_request(struct world *world, uint32_t index, const struct p2p_message *message)
{
    struct world_peer *peer = &world->peers[index];
    media_handle handle = media_intern_find(world->intern, &message->request.file);
    uint32_t track = world_track_by_handle(world, handle);
    peer->requested += message->request.count;
    peer->request_tracks[message->request.request % WORLD_REQUESTS] = (uint8_t)track;
    if (peer->is_busy) {
        says_reject(world, index, message->request.request, P2P_REJECT_BUSY);
        return;
    }
    assert(peer->job_count < WORLD_JOBS);
    struct world_job *job = &peer->jobs[peer->job_count++];
    memset(job, 0, sizeof *job);
    job->link = peer->link;
    job->request = message->request.request;
    job->track = track;
    for (uint32_t i = 0; i < message->request.count; i++) {
        job->chunks[i] = message->request.first_chunk + i;
    }
    job->count = message->request.count;
    job->priority = message->request.priority;
    job->wants_proofs = (message->request.flags & P2P_REQUEST_PROOFS) != 0;
}

static void take_open(struct world *world, uint32_t index, const struct p2p_message *message)
{
    uint32_t track = world_track_by_id(world, message->open.track_id);
    if (track == WORLD_TRACKS || !world->peers[index].has_manifests) {
        says_reject(world, index, message->open.request, P2P_REJECT_UNKNOWN);
        return;
    }
    struct p2p_message *opened = says(world, index, 500, P2P_OPENED);
    opened->opened.request = message->open.request;
    opened->opened.manifest = world->tracks[track].manifest;
    opened->opened.manifest_bytes = (uint32_t)world->tracks[track].manifest_bytes;
}

/* What the node says of itself, and what it answers when the peer asks. */
static void take_answer(struct world_peer *peer, const struct p2p_message *message)
{
    switch ((int)message->type) {
    case P2P_FRAGMENT:
        peer->got_bytes += message->fragment.bytes;
        break;
    case P2P_PROOF:
        peer->got_proofs++;
        break;
    case P2P_OPENED:
        peer->got_opened++;
        break;
    case P2P_REJECT:
        peer->got_rejects++;
        peer->last_reject = message->reject.reason;
        break;
    default:
        break;
    }
}

void world_peer_frame(struct world *world, uint32_t index, uint32_t link,
                      const struct p2p_message *message)
{
    struct world_peer *peer = &world->peers[index];
    if (peer->link != link) {
        return;
    }
    switch ((int)message->type) {
    case P2P_HELLO:
        if (!peer->is_greeted) {
            says_hello(world, index);
        }
        break;
    case P2P_OPEN:
        take_open(world, index, message);
        break;
    case P2P_REQUEST:
        take_request(world, index, message);
        break;
    case P2P_CANCEL:
        for (uint32_t i = 0; i < peer->job_count; i++) {
            if (peer->jobs[i].request == message->cancel.request) {
                remove_job(peer, i);
                break;
            }
        }
        break;
    case P2P_PING:
        says(world, index, 12, P2P_PONG)->pong.token = message->ping.token;
        break;
    default:
        take_answer(peer, message);
        break;
    }
    pump_soon(world, index);
}

/* Messages whose lists are borrowed: read now. */
static bool take_lists(struct world *world, uint32_t index, const struct p2p_message *message)
{
    struct world_peer *peer = &world->peers[index];
    if (message->type == P2P_INTEREST) {
        if (!peer->is_greeted) {
            says_hello(world, index); /* it has read the node's, which came before */
        }
        for (uint32_t i = 0; i < message->interest.count; i++) {
            struct media_file_id file;
            bool is_wanted;
            p2p_interest_read(message->interest.files, i, &file, &is_wanted);
            if (is_wanted) {
                media_handle handle = media_intern_find(world->intern, &file);
                says_have(world, index, world_track_by_handle(world, handle));
            }
        }
        return true;
    }
    if (message->type == P2P_HAVE) {
        media_handle handle = media_intern_find(world->intern, &message->have.file);
        if (handle == 0) {
            assert(message->have.kind == P2P_HAVE_NONE); /* of a file that nobody knows */
            return true;
        }
        peer->told[world_track_by_handle(world, handle)] = message->have.kind;
        return true;
    }
    return message->type == P2P_EXCHANGE || message->type == P2P_LISTEN;
}

/* --- links ---------------------------------------------------------------------------------------*/

static void forget_link(struct world_peer *peer)
{
    peer->link = 0;
    peer->job_count = 0;
    peer->is_greeted = false;
    peer->wire_free_us = 0;
}

static struct node_event *link_event(struct world *world, uint64_t delay_us,
                                     enum node_event_kind kind, uint32_t link)
{
    struct node_event *event = world_later_event(world, delay_us, kind);
    event->link_up.link = link;
    return event;
}

static void fill_up(struct node_event *event, const struct world_peer *peer)
{
    event->link_up.link_kind = NODE_LINK_PEER;
    memcpy(event->link_up.peer_id, peer->contact.peer_id, HASH_BYTES);
    event->link_up.address = peer->contact.addresses[0];
}

static void take_connect(struct world *world, const struct node_effect *effect)
{
    uint32_t link = effect->connect.link;
    for (uint32_t i = 0; i < world->peer_count; i++) {
        struct world_peer *peer = &world->peers[i];
        bool is_meant =
            memcmp(peer->contact.peer_id, effect->connect.contact.peer_id, HASH_BYTES) == 0;
        if (is_meant && !peer->is_away && peer->link == 0) {
            peer->link = link;
            peer->links++;
            fill_up(link_event(world, 2 * peer->rtt_us, NODE_EVENT_LINK_UP, link), peer);
            return;
        }
    }
    struct node_event *event = link_event(world, world->rtt_us, NODE_EVENT_LINK_DOWN, link);
    event->link_down.error = ERROR_CLOSED;
}

int world_peer_dials(struct world *world, uint32_t index)
{
    struct world_peer *peer = &world->peers[index];
    struct node_event event = {.kind = NODE_EVENT_LINK_UP};
    assert(peer->link == 0);
    peer->link = NODE_LINK_INCOMING | ++world->incoming;
    peer->links++;
    event.link_up.link = peer->link;
    fill_up(&event, peer);
    says_hello(world, index);
    return world_step(world, event);
}

int world_peer_leaves(struct world *world, uint32_t index)
{
    struct world_peer *peer = &world->peers[index];
    struct node_event event = {.kind = NODE_EVENT_LINK_DOWN};
    event.link_down.link = peer->link;
    event.link_down.error = ERROR_CLOSED;
    forget_link(peer);
    return event.link_down.link == 0 ? 0 : world_step(world, event);
}

/* --- a peer asks the node ------------------------------------------------------------------------*/

static int step_message(struct world *world, uint32_t index, const struct p2p_message *message)
{
    struct node_event event = {.kind = NODE_EVENT_MESSAGE};
    event.message.link = world->peers[index].link;
    event.message.message = message;
    return world_step(world, event);
}

int world_peer_asks(struct world *world, uint32_t index, uint32_t track, uint32_t first,
                    uint32_t count)
{
    struct p2p_message message = {.type = P2P_REQUEST};
    message.request.request = world->peers[index].next_request++;
    message.request.file = world->tracks[track].file;
    message.request.first_chunk = first;
    message.request.count = (uint16_t)count;
    message.request.flags = P2P_REQUEST_PROOFS;
    return step_message(world, index, &message);
}

int world_peer_opens(struct world *world, uint32_t index, uint32_t track)
{
    struct p2p_message message = {.type = P2P_OPEN};
    message.open.request = world->peers[index].next_request++;
    memcpy(message.open.track_id, world->tracks[track].id, TRACK_ID_BYTES);
    return step_message(world, index, &message);
}

int world_peer_is_interested(struct world *world, uint32_t index, uint32_t track)
{
    uint8_t files[P2P_INTEREST_BYTES];
    struct p2p_message message = {.type = P2P_INTEREST};
    p2p_interest_write(files, 0, &world->tracks[track].file, true);
    message.interest.count = 1;
    message.interest.files = files;
    return step_message(world, index, &message);
}

/* --- effects -------------------------------------------------------------------------------------*/

static void find_track(struct world *world, const struct node_effect *effect)
{
    struct node_event *event = world_later_event(world, 100, NODE_EVENT_TRACK_FOUND);
    uint32_t track = world_track_by_id(world, effect->find_track.track_id);
    event->track_found.operation = effect->find_track.operation;
    if (track < WORLD_TRACKS && world->tracks[track].has_manifest) {
        event->track_found.manifest = world->tracks[track].manifest;
        event->track_found.manifest_bytes = (uint32_t)world->tracks[track].manifest_bytes;
    }
}

static void find_proof(struct world *world, const struct node_effect *effect)
{
    struct node_event *event = world_later_event(world, 100, NODE_EVENT_PROOF_FOUND);
    uint32_t track = world_track_by_handle(world, effect->find_proof.file);
    event->proof_found.operation = effect->find_proof.operation;
    event->proof_found.proof = &world->tracks[track].proofs[effect->find_proof.row];
}

static void read_chunk(struct world *world, const struct node_effect *effect)
{
    uint32_t track = world_track_by_handle(world, effect->read.file);
    uint32_t chunk = effect->read.chunk;
    struct node_event *event = world_later_event(world, 300, NODE_EVENT_GIVE_READ);
    assert(effect->read.slot < WORLD_GIVE_SLOTS);
    event->give_read.slot = effect->read.slot;
    world->give_slots[effect->read.slot] = (struct world_slot){.track = track, .chunk = chunk};
    bool is_stored =
        (world->tracks[track].stored[chunk / ROW_CHUNKS] >> (chunk % ROW_CHUNKS) & 1) != 0;
    event->give_read.error = is_stored ? 0 : ERROR_NOT_FOUND;
}

static void send_to_peer(struct world *world, uint32_t index, const struct node_effect *effect)
{
    const struct p2p_message *message = &effect->send.message;
    world->sent[message->type]++;
    if (take_lists(world, index, message)) {
        return;
    }
    if (message->type == P2P_FRAGMENT) {
        assert(effect->send.slot < WORLD_GIVE_SLOTS);
        assert(world->give_slots[effect->send.slot].chunk == message->fragment.chunk);
    }
    struct world_pending *pending =
        world_later(world, world->peers[index].rtt_us / 2, PENDING_PEER_FRAME);
    pending->link = effect->send.link;
    pending->peer = index + 1;
    pending->message = *message;
    /* The node's own line takes everything at once. */
    struct node_event *event = world_later_event(world, 10, NODE_EVENT_ROOM);
    event->room.link = effect->send.link;
}

static void disconnect(struct world *world, uint32_t link)
{
    uint32_t peer = world_peer_of(world, link);
    if (peer > 0) {
        forget_link(&world->peers[peer - 1]);
    }
    struct node_event *event = link_event(world, 1000, NODE_EVENT_LINK_DOWN, link);
    event->link_down.error = ERROR_CLOSED;
}

bool world_peers_carry_out(struct world *world, const struct node_effect *effect)
{
    uint32_t peer;
    switch ((int)effect->kind) {
    case NODE_EFFECT_FIND_TRACK:
        find_track(world, effect);
        return true;
    case NODE_EFFECT_FIND_PROOF:
        find_proof(world, effect);
        return true;
    case NODE_EFFECT_READ:
        read_chunk(world, effect);
        return true;
    case NODE_EFFECT_REMEMBER:
        return true;
    case NODE_EFFECT_CONNECT:
        if (effect->connect.link_kind == NODE_LINK_PEER) {
            take_connect(world, effect);
            return true;
        }
        return false;
    case NODE_EFFECT_DISCONNECT:
        if (effect->disconnect.link == world->link) {
            return false;
        }
        disconnect(world, effect->disconnect.link);
        return true;
    case NODE_EFFECT_SEND:
        peer = world_peer_of(world, effect->send.link);
        if (peer > 0) {
            send_to_peer(world, peer - 1, effect);
        }
        return peer > 0;
    default:
        return false;
    }
}

/* --- the tracker ---------------------------------------------------------------------------------*/

static void answer_lookup(struct world *world, const struct p2p_message *message)
{
    uint8_t *buffer = world->answers[world->answer_count++ % 16];
    uint8_t *at = buffer;
    for (uint32_t i = 0; i < world->peer_count; i++) {
        p2p_contact_write(buffer, i, &world->peers[i].contact);
        at += P2P_CONTACT_BYTES;
    }
    struct p2p_message *answer = world_origin_says(world, 500, P2P_HOLDERS);
    answer->holders.lookup = message->lookup.lookup;
    answer->holders.contact_count = (uint8_t)world->peer_count;
    answer->holders.file_count = message->lookup.count;
    answer->holders.contacts = buffer;
    answer->holders.files = at;
    for (uint32_t i = 0; i < message->lookup.count; i++) {
        struct p2p_holders_file file = {.key = p2p_key_read(message->lookup.keys, i)};
        for (uint32_t track = 0; track < WORLD_TRACKS; track++) {
            for (uint32_t j = 0;
                 p2p_file_key(&world->tracks[track].file) == file.key && j < world->peer_count;
                 j++) {
                enum p2p_have kind = kind_of(world, &world->peers[j], track);
                if (kind != P2P_HAVE_NONE) {
                    file.contacts[file.listed] = (uint8_t)j;
                    file.kinds[file.listed++] = (uint8_t)kind;
                }
            }
        }
        file.holders = file.listed;
        at += p2p_holders_write(at, &file);
    }
    answer->holders.file_bytes = (uint16_t)(at - answer->holders.files);
    assert((size_t)(at - buffer) <= sizeof world->answers[0]);
}

void world_greet(struct world *world)
{
    struct p2p_message *hello = world_origin_says(world, 190, P2P_HELLO);
    hello->hello.version = P2P_VERSION;
    hello->hello.request_max = 32;
    hello->hello.form = P2P_IDENTITY_TLS;
    hello->hello.features = world->config.with_peers ? P2P_FEATURE_TRACKER : 0;
    hello->hello.observed_family = 4;
    memcpy(hello->hello.observed_address, (const uint8_t[]){203, 0, 113, 9}, 4);
    hello->hello.observed_port = 4000;
}

bool world_peers_track(struct world *world, const struct p2p_message *message)
{
    if (message->type == P2P_ANNOUNCE) {
        world->announced += message->announce.whole + message->announce.partial;
    } else if (message->type == P2P_LOOKUP) {
        world->lookups += message->lookup.count;
        answer_lookup(world, message);
    } else {
        return message->type == P2P_LISTEN || message->type == P2P_RENDEZVOUS;
    }
    world->sent[message->type]++;
    return true;
}
