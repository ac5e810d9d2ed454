/*
 * network.c: links between listeners and the origin over the stream model.
 */
#include "common/error.h"
#include "measure/sim/world.h"
#include "measure/workload/grow.h"

#include <assert.h>

/* TCP's handshake and TLS 1.3's take a round trip each before the first flight leaves. */
#define HANDSHAKE_DELAYS 4u

static void begin(struct sim_link *link, uint32_t number)
{
    sim_stream_deinit(&link->streams[SIM_UP]);
    sim_stream_deinit(&link->streams[SIM_DOWN]);
    sim_stream_init(&link->streams[SIM_UP]);
    sim_stream_init(&link->streams[SIM_DOWN]);
    link->number = number;
    link->generation++;
}

static void tell_node_down(struct sim_world *world, struct sim_listener *listener, uint64_t at_us)
{
    struct node_event event = {.kind = NODE_EVENT_LINK_DOWN};
    event.link_down.link = listener->link.number;
    event.link_down.error = ERROR_CLOSED;
    sim_listener_post(world, listener, at_us, event);
}

void sim_network_connect(struct sim_world *world, struct sim_listener *listener, uint32_t number)
{
    struct sim_link *link = &listener->link;
    assert(!link->is_up && !link->is_connecting);
    begin(link, number);
    uint64_t now_us = world->clock.now_us;
    if (!world->origin_is_up) {
        tell_node_down(world, listener, now_us + 2 * listener->delay_us);
        return;
    }
    link->is_connecting = true;
    sim_clock_post(&world->clock,
                   (struct sim_entry){.at_us = now_us + HANDSHAKE_DELAYS * listener->delay_us,
                                      .kind = SIM_CONNECTED,
                                      .who = listener->number,
                                      .generation = link->generation});
}

static uint32_t number_link(struct sim_world *world, uint32_t listener)
{
    if ((world->origin_links & (world->origin_links + 1)) == 0) {
        world->link_owners = measure_grow(world->link_owners, 2 * (world->origin_links + 1),
                                          sizeof *world->link_owners);
    }
    world->link_owners[world->origin_links] = listener;
    return ++world->origin_links;
}

void sim_network_connected(struct sim_world *world, struct sim_listener *listener)
{
    struct sim_link *link = &listener->link;
    uint64_t now_us = world->clock.now_us;
    link->is_connecting = false;
    link->is_up = true;
    link->origin_number = number_link(world, listener->number);
    struct node_event up = {.kind = NODE_EVENT_LINK_UP};
    up.link_up.link = link->number;
    up.link_up.link_kind = NODE_LINK_ORIGIN;
    sim_listener_post(world, listener, now_us, up);
    struct origin_event accepted = {.kind = ORIGIN_EVENT_LINK_UP};
    accepted.link_up.link = link->origin_number;
    accepted.link_up.is_tls = true;
    accepted.link_up.address_family = 4;
    sim_origin_post(world, now_us + listener->delay_us, accepted);
}

void sim_network_close(struct sim_world *world, struct sim_listener *listener, bool by_origin)
{
    struct sim_link *link = &listener->link;
    uint64_t now_us = world->clock.now_us;
    uint64_t later_us = now_us + listener->delay_us;
    if (!link->is_up && !link->is_connecting) {
        return;
    }
    link->generation++;
    tell_node_down(world, listener, by_origin ? later_us : now_us);
    if (link->is_up) {
        struct origin_event down = {.kind = ORIGIN_EVENT_LINK_DOWN};
        down.link_down.link = link->origin_number;
        down.link_down.error = ERROR_CLOSED;
        sim_origin_post(world, by_origin ? now_us : later_us, down);
    }
    link->is_up = false;
    link->is_connecting = false;
}

static void tell_origin_room(struct sim_world *world, const struct sim_link *link)
{
    struct origin_event room = {.kind = ORIGIN_EVENT_ROOM};
    room.room.link = link->origin_number;
    room.room.queued_bytes = (uint32_t)sim_stream_queued(&link->streams[SIM_DOWN]);
    sim_origin_post(world, world->clock.now_us, room);
}

static void pump(struct sim_world *world, struct sim_listener *listener, uint32_t direction)
{
    struct sim_link *link = &listener->link;
    bool is_up = direction == SIM_UP;
    struct sim_line *from = is_up ? &listener->lines[SIM_UP] : &world->origin_lines[SIM_UP];
    struct sim_line *to = is_up ? &world->origin_lines[SIM_DOWN] : &listener->lines[SIM_DOWN];
    struct sim_burst burst;
    bool has_sent = false;
    while (sim_stream_send(&link->streams[direction], world->clock.now_us, from, to,
                           listener->delay_us, &burst)) {
        has_sent = true;
        sim_clock_post(&world->clock,
                       (struct sim_entry){.at_us = burst.arrival_us,
                                          .kind = is_up ? SIM_TO_ORIGIN : SIM_TO_LISTENER,
                                          .who = listener->number,
                                          .value = burst.bytes,
                                          .generation = link->generation});
    }
    if (has_sent && !is_up) {
        tell_origin_room(world, link);
    }
}

void sim_network_send(struct sim_world *world, struct sim_listener *listener, uint32_t direction,
                      const struct p2p_message *message, struct sim_content content)
{
    if (!listener->link.is_up) {
        return;
    }
    sim_stream_write(&listener->link.streams[direction], message, content);
    pump(world, listener, direction);
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

static void deliver(struct sim_world *world, struct sim_listener *listener, uint32_t direction,
                    struct sim_frame *frame)
{
    uint8_t buffer[P2P_FRAGMENT_HEADER_BYTES + CHUNK_BYTES];
    if (world->options.wire) {
        pass_codec(&frame->message, buffer, sizeof buffer);
    }
    if (direction == SIM_UP) {
        struct origin_event event = {.kind = ORIGIN_EVENT_MESSAGE};
        event.message.link = listener->link.origin_number;
        event.message.message = &frame->message;
        sim_origin_step(world, &event);
    } else {
        struct node_event event = {.kind = NODE_EVENT_MESSAGE};
        event.message.link = listener->link.number;
        event.message.message = &frame->message;
        sim_listener_step(world, listener, &event, frame->content);
    }
}

void sim_network_arrive(struct sim_world *world, struct sim_listener *listener, uint32_t direction,
                        uint32_t bytes)
{
    struct sim_link *link = &listener->link;
    struct sim_frame frame;
    uint32_t generation = link->generation;
    sim_stream_deliver(&link->streams[direction], bytes);
    sim_clock_post(
        &world->clock,
        (struct sim_entry){.at_us = world->clock.now_us + listener->delay_us,
                           .kind = direction == SIM_UP ? SIM_ACK_LISTENER : SIM_ACK_ORIGIN,
                           .who = listener->number,
                           .value = bytes,
                           .generation = generation});
    while (link->generation == generation && sim_stream_take(&link->streams[direction], &frame)) {
        deliver(world, listener, direction, &frame);
    }
}

void sim_network_acknowledge(struct sim_world *world, struct sim_listener *listener,
                             uint32_t direction, uint32_t bytes)
{
    sim_stream_acknowledge(&listener->link.streams[direction], bytes);
    pump(world, listener, direction);
}
