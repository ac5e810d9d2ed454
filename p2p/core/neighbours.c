/*
 * neighbours.c: slots of neighbours, fading sums, and a score of integers.
 *
 * Responsible for what neighbours.h says. Links are compared in an array of numbers, so that
 * finding a neighbour touches four cache lines; records are made when a link comes up.
 */
#include "p2p/core/neighbours.h"

#include "common/error.h"
#include "common/time_us.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define MIB (UINT64_C(1) << 20)
#define RTT_UNIT_US (100 * TIME_US_PER_MS)
#define RTT_MAX_US (10 * TIME_US_PER_S)

void neighbours_init(struct neighbours *neighbours, const struct neighbours_config *config)
{
    assert(config->score_window_us > 0);
    *neighbours = (struct neighbours){.config = *config};
}

void neighbours_deinit(struct neighbours *neighbours)
{
    for (uint32_t slot = 0; slot < OVERLAY_LINKS_MAX; slot++) {
        free(neighbours->slots[slot]);
    }
}

int neighbours_add(struct neighbours *neighbours, uint64_t now_us, uint32_t link,
                   const uint8_t *peer_id, struct neighbour **ret_neighbour)
{
    uint32_t slot = 0;
    assert(link != 0);
    while (slot < OVERLAY_LINKS_MAX && neighbours->links[slot] != 0) {
        slot++;
    }
    if (slot == OVERLAY_LINKS_MAX) {
        return ERROR_FULL;
    }
    struct neighbour *neighbour = calloc(1, sizeof *neighbour);
    if (neighbour == NULL) {
        return ERROR_NO_MEMORY;
    }
    neighbour->link = link;
    neighbour->slot = slot;
    neighbour->up_us = now_us;
    neighbour->interest_due_us = TIME_NEVER_US;
    neighbour->remember_due_us = TIME_NEVER_US;
    memcpy(neighbour->peer_id, peer_id, HASH_BYTES);
    neighbours->links[slot] = link;
    neighbours->slots[slot] = neighbour;
    neighbours->count++;
    *ret_neighbour = neighbour;
    return 0;
}

void neighbours_remove(struct neighbours *neighbours, struct neighbour *neighbour)
{
    uint32_t slot = neighbour->slot;
    assert(neighbours->slots[slot] == neighbour);
    assert(neighbour->holder_bytes == 0);
    neighbours->count--;
    neighbours->dropped_count -= neighbour->drop != NEIGHBOURS_DROP_NONE;
    neighbours->links[slot] = 0;
    neighbours->slots[slot] = NULL;
    free(neighbour);
}

struct neighbour *neighbours_find(const struct neighbours *neighbours, uint32_t link)
{
    for (uint32_t slot = 0; link != 0 && slot < OVERLAY_LINKS_MAX; slot++) {
        if (neighbours->links[slot] == link) {
            return neighbours->slots[slot];
        }
    }
    return NULL;
}

struct neighbour *neighbours_find_peer(const struct neighbours *neighbours, const uint8_t *peer_id)
{
    for (uint32_t slot = 0; slot < OVERLAY_LINKS_MAX; slot++) {
        struct neighbour *each = neighbours->slots[slot];
        if (each != NULL && each->drop == NEIGHBOURS_DROP_NONE &&
            memcmp(each->peer_id, peer_id, HASH_BYTES) == 0) {
            return each;
        }
    }
    return NULL;
}

struct neighbour *neighbours_next(const struct neighbours *neighbours, uint32_t *slot)
{
    while (*slot < OVERLAY_LINKS_MAX) {
        struct neighbour *each = neighbours->slots[(*slot)++];
        if (each != NULL && each->drop == NEIGHBOURS_DROP_NONE) {
            return each;
        }
    }
    return NULL;
}

uint32_t neighbours_count(const struct neighbours *neighbours)
{
    return neighbours->count - neighbours->dropped_count;
}

void neighbours_drop(struct neighbours *neighbours, struct neighbour *neighbour, uint8_t reason)
{
    assert(reason != NEIGHBOURS_DROP_NONE);
    if (neighbour->drop == NEIGHBOURS_DROP_NONE) {
        neighbour->drop = reason;
        neighbours->dropped_count++;
    }
}

static void window_turn(struct neighbours_window *window, uint64_t now_us, uint64_t window_us)
{
    uint64_t passed_us = now_us - window->begin_us;
    if (passed_us < window_us) {
        return;
    }
    window->before = passed_us < 2 * window_us ? window->now : 0;
    window->now = 0;
    window->begin_us = now_us - passed_us % window_us;
}

void neighbours_window_add(struct neighbours_window *window, uint64_t now_us, uint64_t window_us,
                           uint64_t amount)
{
    window_turn(window, now_us, window_us);
    window->now += amount;
}

uint64_t neighbours_window_sum(const struct neighbours_window *window, uint64_t now_us,
                               uint64_t window_us)
{
    struct neighbours_window turned = *window;
    window_turn(&turned, now_us, window_us);
    uint64_t left_us = window_us - (now_us - turned.begin_us);
    return turned.now + time_scale(turned.before, left_us, window_us);
}

int64_t neighbours_score(const struct neighbours *neighbours, struct neighbour *neighbour,
                         uint64_t now_us, uint64_t overlap)
{
    const struct neighbours_config *config = &neighbours->config;
    uint64_t window_us = config->score_window_us;
    uint64_t received = neighbours_window_sum(&neighbour->received, now_us, window_us);
    uint64_t sent = neighbours_window_sum(&neighbour->sent, now_us, window_us);
    uint64_t answers = neighbours_window_sum(&neighbour->answers, now_us, window_us);
    uint64_t good = overlap + time_scale(received, config->score_received_per_mib, MIB) +
                    time_scale(sent, config->score_sent_per_mib, MIB) +
                    answers * config->score_answer + (neighbour->is_lan ? config->score_lan : 0);
    uint64_t rtt_us = time_min_us(neighbour->rtt_us, RTT_MAX_US);
    uint64_t bad = time_scale(rtt_us, config->score_rtt_per_100ms, RTT_UNIT_US);
    neighbour->score = (int64_t)time_min_us(good, INT64_MAX) - (int64_t)bad;
    return neighbour->score;
}

struct neighbour *neighbours_worst(const struct neighbours *neighbours, uint64_t now_us)
{
    struct neighbour *worst = NULL;
    uint32_t slot = 0;
    for (struct neighbour *each; (each = neighbours_next(neighbours, &slot)) != NULL;) {
        if (each->is_random || now_us - each->up_us < neighbours->config.grace_us) {
            continue;
        }
        if (worst == NULL || each->score < worst->score ||
            (each->score == worst->score && each->up_us > worst->up_us)) {
            worst = each;
        }
    }
    return worst;
}

/* The oldest that is not random, or the youngest that is. */
static struct neighbour *find_aged(const struct neighbours *neighbours, bool is_random)
{
    struct neighbour *found = NULL;
    uint32_t slot = 0;
    for (struct neighbour *each; (each = neighbours_next(neighbours, &slot)) != NULL;) {
        if (each->is_random != is_random) {
            continue;
        }
        if (found == NULL ||
            (is_random ? each->up_us > found->up_us : each->up_us < found->up_us)) {
            found = each;
        }
    }
    return found;
}

void neighbours_mark_random(struct neighbours *neighbours, uint32_t wanted)
{
    uint32_t marked = 0;
    uint32_t slot = 0;
    for (struct neighbour *each; (each = neighbours_next(neighbours, &slot)) != NULL;) {
        marked += each->is_random;
    }
    while (marked != wanted) {
        struct neighbour *found = find_aged(neighbours, marked > wanted);
        if (found == NULL) {
            return;
        }
        found->is_random = marked < wanted;
        marked = marked < wanted ? marked + 1 : marked - 1;
    }
}

bool neighbours_older_stays(const uint8_t *own_id, const uint8_t *peer_id, bool older_is_incoming,
                            bool newer_is_incoming)
{
    if (older_is_incoming == newer_is_incoming) {
        return false;
    }
    bool own_is_lower = memcmp(own_id, peer_id, HASH_BYTES) < 0;
    return older_is_incoming != own_is_lower;
}

size_t neighbours_heap_bytes(const struct neighbours *neighbours)
{
    return neighbours->count * sizeof(struct neighbour);
}

void neighbours_check_invariants(const struct neighbours *neighbours)
{
    uint32_t count = 0;
    uint32_t dropped = 0;
    for (uint32_t slot = 0; slot < OVERLAY_LINKS_MAX; slot++) {
        const struct neighbour *each = neighbours->slots[slot];
        assert((each == NULL) == (neighbours->links[slot] == 0));
        if (each == NULL) {
            continue;
        }
        assert(each->link == neighbours->links[slot]);
        assert(each->slot == slot);
        assert(!each->is_dropped || each->drop != NEIGHBOURS_DROP_NONE);
        count++;
        dropped += each->drop != NEIGHBOURS_DROP_NONE;
    }
    assert(count == neighbours->count);
    assert(dropped == neighbours->dropped_count);
}
