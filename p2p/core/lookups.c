/*
 * lookups.c: the times of lookups and searches, and which answers are awaited.
 *
 * Responsible for what lookups.h says. A search takes the place of a tracker that is away, or that * has answered and knows nobody of an urgent one: then once, since it knows best. With
 * search_parallel both are asked always.
 */
#include "p2p/core/lookups.h"

#include "common/error.h"
#include "common/time_us.h"

#include <assert.h>

#define TRIES_MAX 30u

void lookups_init(struct lookups *lookups, const struct overlay_config *config)
{
    assert(config->lookup_backoff_us > 0);
    *lookups = (struct lookups){.config = config};
    for (uint32_t slot = 0; slot < OVERLAY_WISHES_MAX; slot++) {
        lookups->wishes[slot].next_us = TIME_NEVER_US;
        lookups->wishes[slot].search_next_us = TIME_NEVER_US;
    }
}

static bool is_in(uint64_t slots, uint32_t slot)
{
    return (slots >> slot & 1) != 0;
}

/* The slots of a LOOKUP that is over are no longer under way. */
static void open_end(struct lookups *lookups, struct lookups_open *open)
{
    for (uint32_t slot = 0; slot < OVERLAY_WISHES_MAX; slot++) {
        if (is_in(open->slots, slot)) {
            assert(lookups->wishes[slot].open > 0);
            lookups->wishes[slot].open--;
        }
    }
    *open = (struct lookups_open){.number = 0};
    lookups->open_count--;
}

void lookups_change(struct lookups *lookups, uint64_t now_us, uint64_t gone, uint64_t fresh)
{
    for (uint32_t i = 0; i < LOOKUPS_OPEN_MAX; i++) {
        lookups->open[i].slots &= ~gone; /* its answer may still come, for the others */
    }
    for (uint32_t slot = 0; slot < OVERLAY_WISHES_MAX; slot++) {
        struct lookups_wish *wish = &lookups->wishes[slot];
        if (is_in(gone, slot)) {
            *wish =
                (struct lookups_wish){.next_us = TIME_NEVER_US, .search_next_us = TIME_NEVER_US};
        }
        if (is_in(fresh, slot)) {
            wish->next_us = now_us;
            wish->search_next_us = now_us;
        }
    }
}

void lookups_set_urgent(struct lookups *lookups, uint64_t now_us, uint32_t slot, bool is_urgent)
{
    struct lookups_wish *wish = &lookups->wishes[slot];
    if (is_urgent && !wish->is_urgent && wish->open == 0) {
        wish->tries = 0;
        wish->was_soon = false;
        wish->searches = 0;
        wish->next_us = now_us;
        wish->search_next_us = time_min_us(wish->search_next_us, now_us);
    }
    wish->is_urgent = is_urgent;
}

void lookups_tracker_up(struct lookups *lookups, uint64_t now_us)
{
    assert(lookups->open_count == 0);
    lookups->is_up = true;
    lookups->last_us = 0;
    for (uint32_t slot = 0; slot < OVERLAY_WISHES_MAX; slot++) {
        struct lookups_wish *wish = &lookups->wishes[slot];
        if (wish->next_us != TIME_NEVER_US) {
            wish->next_us = now_us;
            wish->tries = 0;
        }
    }
}

void lookups_tracker_down(struct lookups *lookups)
{
    for (uint32_t i = 0; i < LOOKUPS_OPEN_MAX; i++) {
        if (lookups->open[i].number != 0) {
            open_end(lookups, &lookups->open[i]);
        }
    }
    for (uint32_t slot = 0; slot < OVERLAY_WISHES_MAX; slot++) {
        lookups->wishes[slot].is_answered = false;
    }
    lookups->is_up = false;
}

void lookups_expire(struct lookups *lookups, uint64_t now_us)
{
    for (uint32_t i = 0; i < LOOKUPS_OPEN_MAX; i++) {
        struct lookups_open *open = &lookups->open[i];
        if (open->number != 0 &&
            time_add_us(open->sent_us, lookups->config->lookup_timeout_us) <= now_us) {
            open_end(lookups, open);
        }
    }
}

/* When the next LOOKUP may leave. */
static uint64_t gap_end_us(const struct lookups *lookups)
{
    return lookups->last_us == 0 ? 0 : time_add_us(lookups->last_us, lookups->config->lookup_us);
}

uint64_t lookups_due(const struct lookups *lookups, uint64_t now_us, uint64_t needy)
{
    uint64_t due = 0;
    uint32_t count = 0;
    bool is_urgent = false;
    if (!lookups->is_up || lookups->open_count == LOOKUPS_OPEN_MAX) {
        return 0;
    }
    for (uint32_t pass = 0; pass < 2; pass++) { /* the urgent ones first */
        for (uint64_t left = needy; left != 0 && count < P2P_LOOKUP_MAX; left &= left - 1) {
            const struct lookups_wish *wish = &lookups->wishes[__builtin_ctzll(left)];
            if (wish->is_urgent == (pass == 0) && wish->open == 0 && wish->next_us <= now_us) {
                due |= left & -left;
                is_urgent = is_urgent || wish->is_urgent;
                count++;
            }
        }
    }
    return is_urgent || gap_end_us(lookups) <= now_us ? due : 0;
}

static uint64_t backoff_us(uint64_t first_us, uint64_t most_us, uint32_t tries)
{
    uint64_t us = first_us;
    for (uint32_t i = 0; i < tries && us < most_us; i++) {
        us *= 2;
    }
    return time_min_us(us, most_us);
}

/* When to look up again. Who clicked at the same moment was not known to the tracker either, and is
 * a moment later. */
static void set_next(const struct lookups *lookups, uint64_t now_us, struct lookups_wish *wish)
{
    const struct overlay_config *config = lookups->config;
    if (wish->is_urgent && !wish->was_soon && config->lookup_soon_us > 0) {
        wish->was_soon = true;
        wish->next_us = time_add_us(now_us, config->lookup_soon_us);
        return;
    }
    uint64_t us = backoff_us(config->lookup_backoff_us, config->lookup_backoff_max_us, wish->tries);
    /* With those that were looked up with it for the first time, in one LOOKUP. */
    bool is_third = wish->was_soon && wish->tries == 0;
    wish->next_us = time_add_us(now_us, us - (is_third ? config->lookup_soon_us : 0));
    wish->tries = (uint8_t)(wish->tries + (wish->tries < TRIES_MAX));
}

uint32_t lookups_sent(struct lookups *lookups, uint64_t now_us, uint64_t slots)
{
    uint32_t at = 0;
    while (lookups->open[at].number != 0) {
        at++;
        assert(at < LOOKUPS_OPEN_MAX);
    }
    lookups->last_number = lookups->last_number == UINT32_MAX ? 1 : lookups->last_number + 1;
    lookups->open[at] =
        (struct lookups_open){.number = lookups->last_number, .sent_us = now_us, .slots = slots};
    lookups->open_count++;
    lookups->last_us = now_us;
    for (uint32_t slot = 0; slot < OVERLAY_WISHES_MAX; slot++) {
        struct lookups_wish *wish = &lookups->wishes[slot];
        if (is_in(slots, slot)) {
            wish->open++;
            set_next(lookups, now_us, wish);
        }
    }
    return lookups->last_number;
}

int lookups_answered(struct lookups *lookups, uint32_t number, uint64_t *ret_slots)
{
    for (uint32_t i = 0; i < LOOKUPS_OPEN_MAX; i++) {
        struct lookups_open *open = &lookups->open[i];
        if (number == 0 || open->number != number) {
            continue;
        }
        uint64_t slots = open->slots;
        open_end(lookups, open);
        for (uint32_t slot = 0; slot < OVERLAY_WISHES_MAX; slot++) {
            lookups->wishes[slot].is_answered =
                lookups->wishes[slot].is_answered || is_in(slots, slot);
        }
        *ret_slots = slots;
        return 0;
    }
    return ERROR_NOT_FOUND;
}

uint64_t lookups_next_us(const struct lookups *lookups, uint64_t needy)
{
    uint64_t next_us = TIME_NEVER_US;
    for (uint32_t i = 0; i < LOOKUPS_OPEN_MAX; i++) {
        if (lookups->open[i].number != 0) {
            next_us = time_min_us(
                next_us, time_add_us(lookups->open[i].sent_us, lookups->config->lookup_timeout_us));
        }
    }
    if (!lookups->is_up || lookups->open_count == LOOKUPS_OPEN_MAX) {
        return next_us;
    }
    uint64_t gap_us = gap_end_us(lookups);
    for (uint64_t left = needy; left != 0; left &= left - 1) {
        const struct lookups_wish *wish = &lookups->wishes[__builtin_ctzll(left)];
        if (wish->open == 0 && wish->next_us != TIME_NEVER_US) {
            uint64_t at_us = wish->is_urgent || wish->next_us > gap_us ? wish->next_us : gap_us;
            next_us = time_min_us(next_us, at_us);
        }
    }
    return next_us;
}

/* The tracker does not do for this one. */
static bool may_search(const struct lookups *lookups, const struct lookups_wish *wish)
{
    return lookups->config->search_parallel || !lookups->is_up ||
           (wish->is_urgent && wish->is_answered && wish->holders == 0 && wish->searches == 0);
}

bool lookups_search_due(const struct lookups *lookups, uint64_t now_us, uint32_t slot)
{
    const struct lookups_wish *wish = &lookups->wishes[slot];
    return wish->search_next_us <= now_us && may_search(lookups, wish);
}

void lookups_searched(struct lookups *lookups, uint64_t now_us, uint32_t slot)
{
    struct lookups_wish *wish = &lookups->wishes[slot];
    wish->search_next_us =
        time_add_us(now_us, backoff_us(lookups->config->search_backoff_us,
                                       lookups->config->search_backoff_max_us, wish->searches));
    wish->searches = (uint8_t)(wish->searches + (wish->searches < TRIES_MAX));
    wish->search_until_us = time_add_us(now_us, lookups->config->search_wait_us);
}

uint64_t lookups_search_next_us(const struct lookups *lookups, uint64_t needy)
{
    uint64_t next_us = TIME_NEVER_US;
    for (uint64_t left = needy; left != 0; left &= left - 1) {
        const struct lookups_wish *wish = &lookups->wishes[__builtin_ctzll(left)];
        if (may_search(lookups, wish)) {
            next_us = time_min_us(next_us, wish->search_next_us);
        }
    }
    return next_us;
}

bool lookups_is_open(const struct lookups *lookups, uint64_t now_us, uint32_t slot)
{
    const struct lookups_wish *wish = &lookups->wishes[slot];
    return wish->open > 0 || wish->search_until_us > now_us ||
           (lookups->is_up && wish->next_us <= now_us);
}

void lookups_check_invariants(const struct lookups *lookups)
{
    uint32_t count = 0;
    uint8_t open[OVERLAY_WISHES_MAX] = {0};
    for (uint32_t i = 0; i < LOOKUPS_OPEN_MAX; i++) {
        count += lookups->open[i].number != 0;
        assert(lookups->open[i].number != 0 || lookups->open[i].slots == 0);
        for (uint32_t slot = 0; slot < OVERLAY_WISHES_MAX; slot++) {
            open[slot] = (uint8_t)(open[slot] + is_in(lookups->open[i].slots, slot));
        }
    }
    assert(count == lookups->open_count);
    for (uint32_t slot = 0; slot < OVERLAY_WISHES_MAX; slot++) {
        assert(lookups->wishes[slot].open == open[slot]);
    }
}
