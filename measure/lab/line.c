/*
 * line.c: rates, queues, delay and loss of the lab's lines; a heap of packets by time.
 */
#include "measure/lab/line.h"

#include "common/error.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int line_set_init(struct line_set *lines, const struct line_host *hosts, uint32_t host_count,
                  uint64_t seed)
{
    memset(lines, 0, sizeof *lines);
    lines->hosts = calloc(host_count, sizeof *lines->hosts);
    if (lines->hosts == NULL) {
        return ERROR_NO_MEMORY;
    }
    lines->host_count = host_count;
    for (uint32_t i = 0; i < host_count; i++) {
        assert(hosts[i].up_bytes_per_s > 0 && hosts[i].down_bytes_per_s > 0);
        lines->hosts[i].host = hosts[i];
    }
    prng_init(&lines->prng, seed);
    return 0;
}

void line_set_deinit(struct line_set *lines)
{
    for (uint32_t i = 0; i < lines->count; i++) {
        free(lines->heap[i]);
    }
    free(lines->heap);
    free(lines->hosts);
}

/* --- the heap ------------------------------------------------------------------------------ */

static bool is_sooner(const struct line_packet *a, const struct line_packet *b)
{
    return a->due_us != b->due_us ? a->due_us < b->due_us : a->number < b->number;
}

static bool heap_grow(struct line_set *lines)
{
    if (lines->count < lines->capacity) {
        return true;
    }
    uint32_t capacity = lines->capacity == 0 ? 256 : lines->capacity * 2;
    struct line_packet **heap = realloc(lines->heap, capacity * sizeof *heap);
    if (heap == NULL) {
        return false;
    }
    lines->heap = heap;
    lines->capacity = capacity;
    return true;
}

static void heap_put(struct line_set *lines, struct line_packet *packet)
{
    uint32_t at = lines->count++;
    while (at > 0 && is_sooner(packet, lines->heap[(at - 1) / 2])) {
        lines->heap[at] = lines->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    lines->heap[at] = packet;
}

static struct line_packet *heap_take(struct line_set *lines)
{
    struct line_packet *first = lines->heap[0];
    struct line_packet *last = lines->heap[--lines->count];
    uint32_t at = 0;
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= lines->count) {
            break;
        }
        if (child + 1 < lines->count && is_sooner(lines->heap[child + 1], lines->heap[child])) {
            child++;
        }
        if (!is_sooner(lines->heap[child], last)) {
            break;
        }
        lines->heap[at] = lines->heap[child];
        at = child;
    }
    lines->heap[at] = last;
    return first;
}

/* --- lines --------------------------------------------------------------------------------- */

/* Puts a packet on a line; false: its queue is full. */
static bool pass(uint64_t now_us, uint64_t bytes_per_s, uint32_t queue_bytes, uint32_t bytes,
                 uint64_t *busy_until_us)
{
    uint64_t begin_us = *busy_until_us > now_us ? *busy_until_us : now_us;
    uint64_t waiting_bytes = (begin_us - now_us) * bytes_per_s / TIME_US_PER_S;
    if (waiting_bytes + bytes > queue_bytes) {
        return false;
    }
    *busy_until_us = begin_us + (uint64_t)bytes * TIME_US_PER_S / bytes_per_s;
    return true;
}

static bool is_lost(struct line_set *lines, const struct line_state *state)
{
    return state->host.loss_ppm > 0 && prng_below(&lines->prng, 1000000) < state->host.loss_ppm;
}

bool line_set_send(struct line_set *lines, uint64_t now_us, uint32_t from, uint32_t to,
                   const uint8_t *bytes, uint16_t count)
{
    assert(from < lines->host_count && to < lines->host_count && count <= LINE_PACKET_BYTES_MAX);
    struct line_state *state = &lines->hosts[from];
    if (lines->count == LINE_PACKETS_MAX || !heap_grow(lines) ||
        !pass(now_us, state->host.up_bytes_per_s, state->host.queue_bytes, count,
              &state->up_busy_until_us)) {
        state->dropped_packets++;
        return false;
    }
    state->sent_bytes += count;
    if (is_lost(lines, state)) {
        state->lost_packets++;
        return false;
    }
    struct line_packet *packet = malloc(sizeof *packet);
    if (packet == NULL) {
        return false;
    }
    packet->from = from;
    packet->to = to;
    packet->is_at_router = false;
    packet->bytes = count;
    packet->number = ++lines->last_number;
    packet->due_us = state->up_busy_until_us + state->host.delay_us;
    memcpy(packet->payload, bytes, count);
    heap_put(lines, packet);
    return true;
}

uint64_t line_set_next_us(const struct line_set *lines)
{
    return lines->count == 0 ? TIME_NEVER_US : lines->heap[0]->due_us;
}

/* From the router onto the receiver's line; false: dropped or lost. */
static bool forward(struct line_set *lines, struct line_packet *packet)
{
    struct line_state *state = &lines->hosts[packet->to];
    if (!pass(packet->due_us, state->host.down_bytes_per_s, state->host.queue_bytes, packet->bytes,
              &state->down_busy_until_us)) {
        state->dropped_packets++;
        return false;
    }
    if (is_lost(lines, state)) {
        state->lost_packets++;
        return false;
    }
    packet->is_at_router = true;
    packet->number = ++lines->last_number;
    packet->due_us = state->down_busy_until_us + state->host.delay_us;
    return true;
}

struct line_packet *line_set_next(struct line_set *lines, uint64_t now_us)
{
    while (lines->count > 0 && lines->heap[0]->due_us <= now_us) {
        struct line_packet *packet = heap_take(lines);
        if (packet->is_at_router) {
            lines->hosts[packet->to].received_bytes += packet->bytes;
            return packet;
        }
        if (forward(lines, packet)) {
            heap_put(lines, packet);
        } else {
            free(packet);
        }
    }
    return NULL;
}
