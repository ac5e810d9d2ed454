/*
 * origin.c: the engine's door: a step, and what is asked about the whole.
 *
 * Responsible for the order within a step: the event, then what silence has ended, then what can be
 * sent and fetched, then the burial of links that are let go; and for the server's effects. The
 * work is in origin_link.c, origin_tracker.c and p2p/core/server.
 */
#include "streamserver/core/origin.h"

#include "common/error.h"
#include "streamserver/core/origin_state.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static bool config_is_valid(const struct origin_config *config)
{
    return config->link_max > 0 && config->idle_us > 0 && config->hello_us > 0;
}

/* The server's effects, as ours. */

static void find_track(void *context, uint32_t operation, const uint8_t *track_id)
{
    struct origin_effect *effect = origin_effect(context, ORIGIN_EFFECT_FIND_TRACK);
    effect->find_track.operation = operation;
    memcpy(effect->find_track.track_id, track_id, TRACK_ID_BYTES);
}

static void find_file(void *context, uint32_t operation, const struct media_file_id *file)
{
    struct origin_effect *effect = origin_effect(context, ORIGIN_EFFECT_FIND_FILE);
    effect->find_file.operation = operation;
    effect->find_file.file = *file;
}

static void find_proof(void *context, uint32_t operation, media_handle file, uint32_t row)
{
    struct origin_effect *effect = origin_effect(context, ORIGIN_EFFECT_FIND_PROOF);
    effect->find_proof.operation = operation;
    effect->find_proof.file = file;
    effect->find_proof.row = row;
}

static void read_chunk(void *context, uint32_t slot, media_handle file, uint32_t chunk)
{
    struct origin_effect *effect = origin_effect(context, ORIGIN_EFFECT_READ);
    effect->read.slot = slot;
    effect->read.file = file;
    effect->read.chunk = chunk;
}

static void send_message(void *context, struct server_link *link, const struct p2p_message *message,
                         uint32_t frame_bytes, uint32_t slot)
{
    (void)frame_bytes;
    struct origin_effect *effect = origin_effect(context, ORIGIN_EFFECT_SEND);
    effect->send.link = link->number;
    effect->send.slot = slot;
    effect->send.slot_offset = message->type == P2P_FRAGMENT ? message->fragment.offset : 0;
    effect->send.message = *message;
}

static void doom(void *context, struct server_link *link)
{
    origin_link_doom(context, (struct origin_link *)link, P2P_BYE_PROTOCOL);
}

static bool has_room(void *context)
{
    const struct origin *origin = context;
    return origin->effect_count + origin->doomed_count + ORIGIN_EFFECTS_SPARE < ORIGIN_EFFECTS_MAX;
}

static const struct server_owner server_owner = {.find_track = find_track,
                                                 .find_file = find_file,
                                                 .find_proof = find_proof,
                                                 .read = read_chunk,
                                                 .send = send_message,
                                                 .doom = doom,
                                                 .has_room = has_room};

static int open_server(struct origin *origin)
{
    const struct origin_config *config = &origin->config;
    struct server_config server = {.intern = config->intern,
                                   .slot_count = config->slot_count,
                                   .request_max = config->request_max,
                                   .link_queue_bytes = config->link_queue_bytes,
                                   .fragment_bytes_max = config->fragment_bytes_max,
                                   .owner = &server_owner,
                                   .context = origin,
                                   .trace = config->trace,
                                   .trace_node = config->trace_node,
                                   .trace_word = ""};
    return server_new(&server, &origin->server);
}

static int open_tracker(struct origin *origin)
{
    struct tracker_config tracker = origin->config.tracker;
    tracker.link_max =
        origin->config.link_max < TRACKER_LINKS_MAX ? origin->config.link_max : TRACKER_LINKS_MAX;
    return tracker_new(&tracker, &origin->tracker);
}

int origin_new(const struct origin_config *config, struct origin **ret_origin)
{
    assert(config_is_valid(config));
    struct origin *origin = calloc(1, sizeof *origin);
    if (origin == NULL) {
        return ERROR_NO_MEMORY;
    }
    origin->config = *config;
    origin->effects = calloc(ORIGIN_EFFECTS_MAX, sizeof *origin->effects);
    if (origin->effects == NULL || open_server(origin) != 0) {
        goto err_after_calloc;
    }
    if (config->has_tracker && open_tracker(origin) != 0) {
        goto err_after_server;
    }
    table_init(&origin->links, sizeof(struct origin_link_entry), sizeof(uint32_t), 0);
    origin->silent_new.span_us = config->hello_us;
    origin->silent_open.span_us = config->idle_us;
    *ret_origin = origin;
    return 0;

err_after_server:
    server_free(origin->server);
err_after_calloc:
    free(origin->effects);
    free(origin);
    return ERROR_NO_MEMORY;
}

static void forget_all(struct origin *origin, const struct origin_silence *silence)
{
    while (silence->first != NULL) {
        origin_link_forget(origin, silence->first);
    }
}

void origin_free(struct origin *origin)
{
    if (origin == NULL) {
        return;
    }
    forget_all(origin, &origin->silent_new);
    forget_all(origin, &origin->silent_open);
    assert(origin->links.count == 0);
    server_free(origin->server);
    tracker_free(origin->tracker);
    table_deinit(&origin->links);
    free(origin->effects);
    free(origin);
}

struct origin_effect *origin_effect(struct origin *origin, enum origin_effect_kind kind)
{
    assert(origin->effect_count < ORIGIN_EFFECTS_MAX);
    struct origin_effect *effect = &origin->effects[origin->effect_count++];
    effect->kind = kind;
    return effect;
}

/* What a player says on an open link; an origin asks for nothing, so answers are impossible. */
static int message_open(struct origin *origin, struct origin_link *link,
                        const struct p2p_message *message)
{
    switch (message->type) {
    case P2P_OPEN:
    case P2P_REQUEST:
    case P2P_CANCEL:
        return server_message(origin->server, &link->server, message);
    case P2P_PING:
        link->owes_pong = true; /* before our HELLO only the last counts */
        link->pong_token = message->ping.token;
        return 0;
    case P2P_PONG:
        return 0;
    case P2P_LISTEN:
    case P2P_ANNOUNCE:
    case P2P_LOOKUP:
    case P2P_RENDEZVOUS:
        return origin_tracker_message(origin, link, message);
    case P2P_BYE:
        origin_link_doom(origin, link, P2P_BYE_DONE);
        return 0;
    case P2P_HELLO:
    case P2P_OPENED:
    case P2P_FRAGMENT:
    case P2P_PROOF:
    case P2P_REJECT:
    case P2P_INTEREST: /* what only peers say to each other */
    case P2P_HAVE:
    case P2P_HOLDERS:
    case P2P_EXCHANGE:
    case P2P_SEARCH:
    case P2P_FOUND:
    default:
        origin_link_doom(origin, link, P2P_BYE_PROTOCOL);
        return 0;
    }
}

static int handle_message(struct origin *origin, const struct origin_event *event)
{
    struct origin_link *link = origin_link_find(origin, event->message.link);
    const struct p2p_message *message = event->message.message;
    if (link == NULL) {
        return 0;
    }
    if (link->stage == ORIGIN_LINK_NEW) {
        if (message->type == P2P_HELLO) {
            return origin_link_hello(origin, link, &message->hello);
        }
        origin_link_doom(origin, link, P2P_BYE_PROTOCOL);
        return 0;
    }
    origin_link_heard(origin, link);
    int error = message_open(origin, link, message);
    if (error == 0) {
        origin_link_pong(origin, link);
    }
    return error;
}

static void handle_room(struct origin *origin, const struct origin_event *event)
{
    struct origin_link *link = origin_link_find(origin, event->room.link);
    if (link == NULL) {
        return;
    }
    if (event->room.queued_bytes < link->server.upload.queued_bytes &&
        link->stage == ORIGIN_LINK_OPEN) {
        origin_link_heard(origin, link); /* the other side takes bytes: it is there */
    }
    server_link_room(origin->server, &link->server, event->room.queued_bytes);
}

static int handle(struct origin *origin, const struct origin_event *event)
{
    switch (event->kind) {
    case ORIGIN_EVENT_TICK:
        return 0;
    case ORIGIN_EVENT_LINK_UP:
        return origin_link_up(origin, event);
    case ORIGIN_EVENT_LINK_DOWN:
        origin_link_down(origin, event->link_down.link, event->link_down.error);
        return 0;
    case ORIGIN_EVENT_MESSAGE:
        return handle_message(origin, event);
    case ORIGIN_EVENT_ROOM:
        handle_room(origin, event);
        return 0;
    case ORIGIN_EVENT_SIGNED:
        origin_link_signed(origin, event);
        return 0;
    case ORIGIN_EVENT_TRACK_FOUND:
        server_track_found(origin->server, event->track_found.operation,
                           event->track_found.manifest, event->track_found.manifest_bytes);
        return 0;
    case ORIGIN_EVENT_FILE_FOUND:
        server_file_found(origin->server, event->file_found.operation, event->file_found.file);
        return 0;
    case ORIGIN_EVENT_PROOF_FOUND:
        server_proof_found(origin->server, event->proof_found.operation, event->proof_found.proof);
        return 0;
    case ORIGIN_EVENT_READ_DONE:
        server_read_done(origin->server, event->read_done.slot, event->read_done.error);
        return 0;
    case ORIGIN_EVENT_KINDS:
        break;
    }
    assert(0 && "an event kind of origin.h");
    return 0;
}

int origin_step(struct origin *origin, const struct origin_event *event,
                struct origin_update *ret_update)
{
    assert(!origin->is_stepping);
    assert(event->now_us >= origin->now_us);
    origin->is_stepping = true;
    origin->now_us = event->now_us;
    origin->effect_count = 0;
    origin->has_more = false;
    server_begin(origin->server, event->now_us);
    int error = handle(origin, event);
    if (error == 0) {
        origin_link_expire(origin);
        origin_link_bury(origin);
        origin_tracker_work(origin);
        origin->has_more = server_pump(origin->server) || origin->has_more;
        origin_link_bury(origin);
        uint64_t deadline_us = origin_link_next_deadline_us(origin);
        *ret_update = (struct origin_update){.effects = origin->effects,
                                             .count = origin->effect_count,
                                             .next_deadline_us =
                                                 origin->has_more ? origin->now_us : deadline_us};
    }
    origin->is_stepping = false;
    return error;
}

void origin_get_totals(const struct origin *origin, struct origin_totals *ret_totals)
{
    struct server_totals server;
    server_get_totals(origin->server, &server);
    *ret_totals = origin->totals;
    ret_totals->links_now = origin->links.count;
    ret_totals->requests = server.requests;
    ret_totals->rejects = server.rejects;
    ret_totals->payload_bytes = server.payload_bytes;
    ret_totals->overhead_bytes = server.overhead_bytes;
    ret_totals->cancelled_bytes = server.cancelled_bytes;
    if (origin->tracker != NULL) {
        tracker_get_totals(origin->tracker, &ret_totals->tracker);
    }
}

size_t origin_heap_bytes(const struct origin *origin)
{
    return sizeof *origin + ORIGIN_EFFECTS_MAX * sizeof *origin->effects +
           table_heap_bytes(&origin->links) + origin->links.count * sizeof(struct origin_link) +
           server_heap_bytes(origin->server) +
           (origin->tracker == NULL ? 0 : tracker_heap_bytes(origin->tracker));
}

static void check_link(const struct origin *origin, const struct origin_link *link)
{
    server_link_check_invariants(origin->server, &link->server);
    assert(link->server.is_greeted == (link->stage == ORIGIN_LINK_OPEN));
    assert(link->doom == 0);
    assert(link->tracked == TRACKER_LINK_NONE ||
           tracker_number(origin->tracker, link->tracked) == link->server.number);
    assert(link->early == NULL || link->stage == ORIGIN_LINK_GREETED);
}

static uint32_t check_silence(const struct origin *origin, const struct origin_silence *silence,
                              uint32_t *requests)
{
    uint32_t count = 0;
    for (const struct origin_link *link = silence->first; link != NULL; link = link->next) {
        assert(origin_link_find(origin, link->server.number) == link);
        assert(link->next == NULL ? silence->last == link : link->next->heard_us >= link->heard_us);
        assert((link->stage == ORIGIN_LINK_NEW) == (silence == &origin->silent_new));
        check_link(origin, link);
        *requests += server_link_requests(&link->server);
        count++;
    }
    return count;
}

void origin_check_invariants(const struct origin *origin)
{
    uint32_t requests = 0;
    uint32_t links = check_silence(origin, &origin->silent_new, &requests) +
                     check_silence(origin, &origin->silent_open, &requests);
    assert(links == origin->links.count);
    assert(links <= origin->config.link_max);
    struct server_totals server;
    server_get_totals(origin->server, &server);
    assert(requests == server.requests_now);
    assert(origin->doomed == NULL);
    table_check_invariants(&origin->links);
    server_check_invariants(origin->server);
    if (origin->tracker != NULL) {
        tracker_check_invariants(origin->tracker);
    }
}
