/*
 * give.c: who is served, who waits, who is told to come back later.
 *
 * Responsible for slots, waiting and merit as give.h promises. The limit is in give_limit.c.
 */
#include "p2p/core/give.h"

#include "common/limits.h"
#include "p2p/core/give_limit.h"

#include <assert.h>
#include <stddef.h>

const struct give_config give_config_default = {
    .slots_min = 4,
    .slots_max = 32,
    /* Three streams of 160 kbit/s: who gets a slot fills its buffer and leaves. */
    .slot_bytes_per_s = 65536,
    /* Longer than most requests of others take; shorter than who asks looks ahead. */
    .wait_us = 500 * TIME_US_PER_MS,
    .tenure_us = 2 * TIME_US_PER_S,
    .merit_half_us = 120 * TIME_US_PER_S,
    .is_local_free = true,
    .is_regulated = true,
    .start_bytes_per_s = 65536,
    /* 1.6 % of 2 Mbit/s. */
    .floor_bytes_per_s = 4096,
    .target_us = 25 * TIME_US_PER_MS,
    .interval_us = 100 * TIME_US_PER_MS,
    /* RFC 6817, 3.4.2: a history of ten minutes. */
    .base_us = 150 * TIME_US_PER_S,
    .slow_below_us = 3 * TIME_US_PER_S,
    .stop_below_us = 1 * TIME_US_PER_S,
    .retry_us = 2 * TIME_US_PER_S,
};

static bool config_is_valid(const struct give_config *config)
{
    return config->slots_min >= 2 && config->slots_min <= config->slots_max &&
           config->slots_max <= GIVE_SLOTS_MAX && config->slot_bytes_per_s > 0 &&
           config->merit_half_us > 0 && config->floor_bytes_per_s > 0 &&
           config->start_bytes_per_s >= config->floor_bytes_per_s && config->target_us > 1 &&
           config->interval_us > 0 && config->base_us > 0 && config->retry_us > 0 &&
           config->stop_below_us <=
               (config->slow_below_us > 0 ? config->slow_below_us : config->stop_below_us);
}

void give_init(struct give *give, const struct give_config *config, uint64_t now_us)
{
    assert(config_is_valid(config));
    *give = (struct give){.config = *config, .is_allowed = true, .buffer_us = TIME_NEVER_US};
    give_limit_init(give, now_us);
}

void give_deinit(struct give *give)
{
    assert(give->link_count == 0);
    assert(give->served_count == 0);
    assert(give->waiting_count == 0);
}

void give_link_open(struct give *give, struct give_link *link, uint32_t number, enum give_kind kind,
                    uint64_t now_us)
{
    *link = (struct give_link){.previous = give->last,
                               .number = number,
                               .kind = kind,
                               .is_told_served = true,
                               .merit_us = now_us,
                               .pinged_us = TIME_NEVER_US,
                               .delay_us = GIVE_UNKNOWN_US,
                               .base_since_us = now_us};
    for (uint32_t i = 0; i < GIVE_BASES; i++) {
        link->bases[i] = GIVE_UNKNOWN_US;
    }
    *(give->last != NULL ? &give->last->next : &give->first) = link;
    give->last = link;
    give->link_count++;
}

bool give_link_is_free(const struct give *give, const struct give_link *link)
{
    return link->kind == GIVE_LOCAL && give->config.is_local_free;
}

static uint32_t slots_now(const struct give *give)
{
    uint64_t limit = give_limit_now(give);
    if (limit == 0) {
        return 0;
    }
    uint64_t slots = limit / give->config.slot_bytes_per_s;
    return slots < give->config.slots_min   ? give->config.slots_min
           : slots > give->config.slots_max ? give->config.slots_max
                                            : (uint32_t)slots;
}

static void set_stage(struct give *give, struct give_link *link, enum give_stage stage,
                      uint64_t now_us)
{
    bool is_counted = !give_link_is_free(give, link);
    if (link->stage == GIVE_SERVED) {
        link->served_us = now_us;
        give->served_count -= is_counted;
    }
    give->waiting_count -= link->stage == GIVE_WAITING;
    link->stage = stage;
    link->since_us = now_us;
    link->is_optimistic = false;
    link->is_busy = false;
    give->waiting_count += stage == GIVE_WAITING;
    give->served_count += stage == GIVE_SERVED && is_counted;
    give->is_changed = true;
}

void give_link_close(struct give *give, struct give_link *link)
{
    set_stage(give, link, GIVE_IDLE, 0);
    *(link->previous != NULL ? &link->previous->next : &give->first) = link->next;
    *(link->next != NULL ? &link->next->previous : &give->last) = link->previous;
    give->link_count--;
}

/* Has everybody who waits been served after it was? */
static bool is_longest_unserved(const struct give *give, const struct give_link *link)
{
    for (const struct give_link *other = give->first; other != NULL; other = other->next) {
        if (other->stage == GIVE_WAITING && other->served_us <= link->served_us) {
            return false;
        }
    }
    return true;
}

bool give_asks(struct give *give, struct give_link *link, uint64_t now_us)
{
    assert(link->kind != GIVE_ORIGIN);
    if (link->stage != GIVE_IDLE) {
        return true;
    }
    if (!give->is_allowed) {
        return false;
    }
    if (give_link_is_free(give, link)) {
        set_stage(give, link, GIVE_SERVED, now_us);
        return true;
    }
    /* Those who get a slot at once, and as many as there are slots; and one more when it is its
     * turn to be served at all. */
    uint32_t slots = slots_now(give);
    uint32_t waiting_max = slots == 0                   ? give->config.slots_min
                           : slots > give->served_count ? 2 * slots - give->served_count
                                                        : slots;
    if (give->waiting_count > waiting_max ||
        (give->waiting_count == waiting_max && !is_longest_unserved(give, link))) {
        return false;
    }
    set_stage(give, link, GIVE_WAITING, now_us);
    return true;
}

void give_answered(struct give *give, struct give_link *link, uint64_t now_us)
{
    if (link->stage != GIVE_IDLE) {
        set_stage(give, link, GIVE_IDLE, now_us);
    }
}

static void age_merit(const struct give *give, struct give_link *link, uint64_t now_us)
{
    uint64_t halves = (now_us - link->merit_us) / give->config.merit_half_us;
    link->merit_bytes = halves < 64 ? link->merit_bytes >> halves : 0;
    link->merit_us += halves * give->config.merit_half_us;
}

void give_received(struct give *give, struct give_link *link, uint64_t bytes, uint64_t now_us)
{
    age_merit(give, link, now_us);
    link->merit_bytes += bytes;
}

void give_buffer(struct give *give, uint64_t buffer_us)
{
    uint64_t before = give_limit_now(give);
    give->buffer_us = buffer_us;
    give->is_changed = give->is_changed || give_limit_now(give) != before;
}

void give_set(struct give *give, bool is_allowed, uint64_t bytes_per_s, uint64_t now_us)
{
    give_limit_count(give, now_us);
    give->is_allowed = is_allowed;
    give->limit.fixed_bytes_per_s = bytes_per_s;
    give->is_changed = true;
}

/* --- slots ---------------------------------------------------------------------------------------*/

/* Does `a` have a better claim to a slot than `b`: to the one that goes round, or to the others? */
static bool is_before(const struct give_link *a, const struct give_link *b, bool is_optimistic)
{
    if (is_optimistic && a->served_us != b->served_us) {
        return a->served_us < b->served_us;
    }
    if (!is_optimistic && a->merit_bytes != b->merit_bytes) {
        return a->merit_bytes > b->merit_bytes;
    }
    return a->since_us < b->since_us;
}

/* The waiting link with the best claim; NULL = none waits. */
static struct give_link *best_waiting(const struct give *give, bool is_optimistic)
{
    struct give_link *best = NULL;
    for (struct give_link *link = give->first; link != NULL; link = link->next) {
        if (link->stage == GIVE_WAITING && !link->is_busy &&
            (best == NULL || is_before(link, best, is_optimistic))) {
            best = link;
        }
    }
    return best;
}

/* When it may lose its slot to this one. Who has the slot that goes round loses it sooner to who was
 * not served for longer than it: else who asks at the wrong moments would never meet a free one. */
static uint64_t tenure_end_us(const struct give *give, const struct give_link *link, bool is_sooner)
{
    uint64_t tenure_us = is_sooner ? give->config.tenure_us / 4 : give->config.tenure_us;
    return time_add_us(link->since_us, tenure_us);
}

/* The served link with the weakest claim of those that had their time; NULL = none. */
static struct give_link *weakest_served(const struct give *give, bool is_optimistic,
                                        const struct give_link *next, uint64_t now_us)
{
    struct give_link *weakest = NULL;
    for (struct give_link *link = give->first; link != NULL; link = link->next) {
        bool is_sooner = is_optimistic && next->served_us < link->served_us;
        if (link->stage == GIVE_SERVED && link->is_optimistic == is_optimistic &&
            tenure_end_us(give, link, is_sooner) <= now_us && !give_link_is_free(give, link) &&
            (weakest == NULL || link->merit_bytes < weakest->merit_bytes ||
             (link->merit_bytes == weakest->merit_bytes && link->since_us < weakest->since_us))) {
            weakest = link;
        }
    }
    return weakest;
}

static bool has_optimistic(const struct give *give)
{
    for (const struct give_link *link = give->first; link != NULL; link = link->next) {
        if (link->stage == GIVE_SERVED && link->is_optimistic) {
            return true;
        }
    }
    return false;
}

static void serve(struct give *give, struct give_link *link, bool is_optimistic, uint64_t now_us)
{
    set_stage(give, link, GIVE_SERVED, now_us);
    link->is_optimistic = is_optimistic;
}

/* Gives the slot of who had its time to who has a better claim. False: nobody loses one. */
static bool exchange(struct give *give, bool is_optimistic, uint64_t now_us)
{
    struct give_link *next = best_waiting(give, is_optimistic);
    struct give_link *weakest =
        next == NULL ? NULL : weakest_served(give, is_optimistic, next, now_us);
    if (weakest == NULL || (!is_optimistic && next->merit_bytes < weakest->merit_bytes)) {
        return false;
    }
    set_stage(give, weakest, GIVE_WAITING, now_us);
    serve(give, next, is_optimistic, now_us);
    return true;
}

/* Who has waited for too long, and who must wait as nothing may be given. */
static void look_at_waiting(struct give *give, uint64_t now_us)
{
    for (struct give_link *link = give->first; link != NULL; link = link->next) {
        age_merit(give, link, now_us);
        if (link->stage == GIVE_IDLE) {
            continue;
        }
        if (!give->is_allowed) {
            if (link->stage == GIVE_SERVED) {
                set_stage(give, link, GIVE_WAITING, now_us);
            }
            link->is_busy = true;
        } else if (give_link_is_free(give, link)) {
            assert(link->stage == GIVE_SERVED);
        } else if (link->stage == GIVE_WAITING) {
            link->is_busy = time_add_us(link->since_us, give->config.wait_us) <= now_us;
        } else if (slots_now(give) == 0) {
            set_stage(give, link, GIVE_WAITING, now_us);
        }
    }
}

static void look_at_slots(struct give *give, uint64_t now_us)
{
    uint32_t slots = slots_now(give);
    look_at_waiting(give, now_us);
    while (give->served_count < slots && best_waiting(give, false) != NULL) {
        /* The last free one goes round, unless one does already. */
        bool is_optimistic = give->served_count + 1 == slots && !has_optimistic(give);
        serve(give, best_waiting(give, is_optimistic), is_optimistic, now_us);
    }
    if (give->waiting_count > 0 && give->served_count >= slots) {
        exchange(give, true, now_us);
        for (uint32_t i = 0; i < slots && exchange(give, false, now_us); i++) {
        }
    }
}

/* The next thing to say about a link's stage. */
static bool tell(struct give *give, struct give_link *link, uint64_t now_us,
                 struct give_action *ret_action)
{
    if (link->is_busy) {
        bool is_changed = give->is_changed;
        set_stage(give, link, GIVE_IDLE, now_us);
        give->is_changed = is_changed; /* nobody else gains by it */
        *ret_action = (struct give_action){GIVE_BUSY, link};
        return true;
    }
    bool is_served = link->stage == GIVE_SERVED;
    if (link->stage == GIVE_IDLE || is_served == link->is_told_served) {
        return false;
    }
    link->is_told_served = is_served;
    *ret_action = (struct give_action){is_served ? GIVE_SERVE : GIVE_HOLD, link};
    return true;
}

/* The earlier of two, unless the second had come when the slots were last looked at: who had its
 * time and kept its slot keeps it until something changes. */
static uint64_t earlier_us(const struct give *give, uint64_t deadline_us, uint64_t moment_us)
{
    return moment_us > give->looked_us ? time_min_us(deadline_us, moment_us) : deadline_us;
}

static uint64_t slots_deadline_us(const struct give *give)
{
    uint64_t deadline_us = TIME_NEVER_US;
    for (const struct give_link *link = give->first; link != NULL && give->waiting_count > 0;
         link = link->next) {
        if (link->stage == GIVE_WAITING) {
            deadline_us =
                time_min_us(deadline_us, time_add_us(link->since_us, give->config.wait_us));
        } else if (link->stage == GIVE_SERVED && !give_link_is_free(give, link)) {
            deadline_us = earlier_us(give, deadline_us, tenure_end_us(give, link, false));
            if (link->is_optimistic) {
                deadline_us = earlier_us(give, deadline_us, tenure_end_us(give, link, true));
            }
        }
    }
    return deadline_us;
}

uint32_t give_settle(struct give *give, uint64_t now_us,
                     struct give_action ret_actions[static GIVE_ACTIONS_MAX])
{
    bool is_due = give->is_changed || slots_deadline_us(give) <= now_us;
    if (is_due) {
        look_at_slots(give, now_us);
        give->looked_us = now_us;
    }
    give->is_changed = false;
    struct give_link *pings[GIVE_WITNESSES];
    uint32_t count = give_limit_settle(give, now_us, pings);
    for (uint32_t i = 0; i < count; i++) {
        ret_actions[i] = (struct give_action){GIVE_PING, pings[i]};
    }
    struct give_link *link = is_due ? give->first : NULL;
    while (link != NULL && count < GIVE_ACTIONS_MAX) {
        count += tell(give, link, now_us, &ret_actions[count]);
        link = link->next;
    }
    give->is_changed = give->is_changed || link != NULL;
    return count;
}

uint64_t give_next_deadline_us(const struct give *give, uint64_t now_us)
{
    if (give->is_changed) {
        return now_us;
    }
    return time_min_us(slots_deadline_us(give), give_limit_next_deadline_us(give, now_us));
}

uint32_t give_fragment_bytes(const struct give *give)
{
    uint64_t limit = give_limit_now(give);
    uint64_t bytes = time_scale(limit, GIVE_QUANTUM_US, TIME_US_PER_S);
    uint32_t fragment = CHUNK_BYTES;
    while (fragment > 2048 && fragment > bytes) {
        fragment /= 2;
    }
    return fragment;
}

void give_get_status(const struct give *give, struct give_status *ret_status)
{
    *ret_status = (struct give_status){.limit_bytes_per_s = give_limit_now(give),
                                       .slots = slots_now(give),
                                       .waiting = give->waiting_count,
                                       .delay_us = give->limit.delay_us};
    for (const struct give_link *link = give->first; link != NULL; link = link->next) {
        ret_status->served += link->stage == GIVE_SERVED;
    }
}

void give_check_invariants(const struct give *give)
{
    uint32_t links = 0;
    uint32_t served = 0;
    uint32_t waiting = 0;
    uint32_t optimistic = 0;
    for (const struct give_link *link = give->first; link != NULL; link = link->next) {
        assert(link->next == NULL ? give->last == link : link->next->previous == link);
        assert(!link->is_optimistic || link->stage == GIVE_SERVED);
        assert(!link->is_busy || link->stage == GIVE_WAITING);
        assert(link->kind != GIVE_ORIGIN || link->stage == GIVE_IDLE);
        links++;
        served += link->stage == GIVE_SERVED && !give_link_is_free(give, link);
        waiting += link->stage == GIVE_WAITING;
        optimistic += link->is_optimistic;
    }
    assert(links == give->link_count);
    assert(served == give->served_count);
    assert(waiting == give->waiting_count);
    assert(served <= give->config.slots_max);
    assert(optimistic <= 1);
}
