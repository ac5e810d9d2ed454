/*
 * transfer.c: messages over links: queue, lines, arrival, and what the sender's engine hears of it.
 */
#include "common/error.h"
#include "measure/sim/world.h"

#include <assert.h>
#include <stdlib.h>

static bool is_of_peers(const struct sim_link *link)
{
    return link->ends[0].who != SIM_ORIGIN && link->ends[1].who != SIM_ORIGIN;
}

static struct sim_line *line_of(struct sim_world *world, const struct sim_link *link, uint32_t end,
                                uint32_t direction)
{
    uint32_t who = link->ends[end].who;
    struct sim_host *host = sim_network_host(world, who);
    bool is_trickling = who != SIM_ORIGIN && is_of_peers(link) &&
                        world->workload->listeners[who].deed == WORKLOAD_TRICKLE;
    if (is_trickling && direction == SIM_UP) {
        return &host->trickle;
    }
    const struct sim_host *other = sim_network_host(world, link->ends[1 - end].who);
    return sim_host_is_near(host, other) ? &host->lan_lines[direction] : &host->lines[direction];
}

static void tell_room(struct sim_world *world, const struct sim_link *link, uint32_t end)
{
    const struct sim_end *sender = &link->ends[end];
    uint32_t queued_bytes = (uint32_t)sim_stream_queued(&link->streams[end]);
    if (sender->who == SIM_ORIGIN) {
        struct origin_event room = {.kind = ORIGIN_EVENT_ROOM};
        room.room.link = sender->number;
        room.room.queued_bytes = queued_bytes;
        sim_origin_post(world, world->clock.now_us, room);
    } else if (is_of_peers(link)) {
        struct node_event room = {.kind = NODE_EVENT_ROOM};
        room.room.link = sender->number;
        room.room.queued_bytes = queued_bytes;
        sim_listener_post(world, &world->listeners[sender->who], world->clock.now_us, room);
    }
}

static void post(struct sim_world *world, const struct sim_link *link, uint64_t at_us,
                 enum sim_kind kind, uint32_t value)
{
    sim_clock_post(&world->clock, (struct sim_entry){.at_us = at_us,
                                                     .kind = kind,
                                                     .who = link->place,
                                                     .value = value,
                                                     .generation = link->generation});
}

/* Who sends into a link that the other side does not know (any more) is answered by a reset, if
 * anybody is there to answer. */
static void maybe_refuse(struct sim_world *world, struct sim_link *link, uint32_t end)
{
    bool is_unknown = link->ends[end].is_strange || !link->ends[1 - end].is_open;
    bool is_answered = sim_cut_is_on(world, link->ends[1 - end].who);
    if (link->is_dead && is_unknown && is_answered && !link->is_refused) {
        link->is_refused = true;
        post(world, link, world->clock.now_us + 2 * link->delay_us, SIM_CLOSED, end);
    }
}

static void pump(struct sim_world *world, struct sim_link *link, uint32_t end)
{
    struct sim_line *from = line_of(world, link, end, SIM_UP);
    struct sim_burst burst;
    bool has_sent = false;
    while (
        sim_stream_send(&link->streams[end], world->clock.now_us, from, link->delay_us, &burst)) {
        has_sent = true;
        if (!link->is_dead) {
            post(world, link, burst.reach_us, SIM_REACH, 2 * burst.bytes + end);
        }
    }
    if (has_sent) {
        tell_room(world, link, end);
        maybe_refuse(world, link, end);
    }
}

void sim_transfer_send(struct sim_world *world, struct sim_link *link, uint32_t end,
                       const struct p2p_message *message, struct sim_content content)
{
    struct sim_result *result = &world->result;
    assert(link->state == SIM_LINK_UP);
    if (message->type < SIM_TYPES) {
        result->messages[message->type]++;
        result->message_bytes[message->type] += p2p_message_frame_bytes(message);
    }
    sim_stream_write(&link->streams[end], message, content);
    pump(world, link, end);
}

/* What the codec makes of a message must be what went in; the engines see its result. */
static void pass_codec(struct p2p_message *message, uint8_t *buffer, size_t capacity)
{
    size_t bytes = 0;
    int error = p2p_message_encode(message, buffer, capacity, &bytes);
    assert(error == 0);
    if (message->type == P2P_FRAGMENT) {
        bytes += message->fragment.bytes;
    }
    error = p2p_message_decode((uint8_t)message->type, buffer, bytes, message);
    assert(error == 0);
    (void)error;
}

void sim_transfer_tell(struct sim_world *world, struct sim_link *link, uint32_t end,
                       const struct p2p_message *message, struct sim_content content)
{
    const struct sim_end *receiver = &link->ends[end];
    if (receiver->who == SIM_ORIGIN) {
        struct origin_event event = {.kind = ORIGIN_EVENT_MESSAGE};
        event.message.link = receiver->number;
        event.message.message = message;
        sim_origin_step(world, &event);
    } else {
        struct node_event event = {.kind = NODE_EVENT_MESSAGE};
        event.message.link = receiver->number;
        event.message.message = message;
        sim_listener_step(world, &world->listeners[receiver->who], &event, content);
    }
}

void sim_transfer_reach(struct sim_world *world, struct sim_link *link, uint32_t value)
{
    uint32_t end = value & 1;
    const struct sim_line *from = line_of(world, link, end, SIM_UP);
    struct sim_line *to = line_of(world, link, 1 - end, SIM_DOWN);
    uint64_t arrival_us = sim_stream_reach(&link->streams[end], world->clock.now_us, value / 2,
                                           from, to, link->delay_us);
    post(world, link, arrival_us, SIM_ARRIVE, value);
}

void sim_transfer_arrive(struct sim_world *world, struct sim_link *link, uint32_t value)
{
    uint8_t buffer[P2P_FRAGMENT_HEADER_BYTES + CHUNK_BYTES];
    uint32_t end = value & 1, bytes = value / 2;
    uint32_t generation = link->generation;
    struct sim_frame frame;
    _Static_assert(sizeof buffer >= P2P_ENCODED_BYTES_MAX, "every message fits");
    sim_stream_deliver(&link->streams[end], bytes);
    post(world, link, world->clock.now_us + link->delay_us, SIM_ACKNOWLEDGE, value);
    while (link->generation == generation && sim_stream_take(&link->streams[end], &frame)) {
        if (world->options.wire) {
            pass_codec(&frame.message, buffer, sizeof buffer);
        }
        sim_transfer_tell(world, link, 1 - end, &frame.message, frame.content);
        free(frame.list);
    }
}

void sim_transfer_acknowledge(struct sim_world *world, struct sim_link *link, uint32_t value)
{
    sim_stream_acknowledge(&link->streams[value & 1], value / 2);
    pump(world, link, value & 1);
}
