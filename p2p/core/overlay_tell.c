/*
 * overlay_tell.c: messages that go: INTEREST, HAVE, EXCHANGE, LOOKUP, SEARCH, LISTEN, ANNOUNCE.
 *
 * Responsible for what is told to whom and not too often. What does not fit into the outbox stays
 * due. Increments are differences between what is stored and what was told (interests.h).
 */
#include "common/error.h"
#include "common/time_us.h"
#include "p2p/core/overlay_state.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define SEARCHES_MAX 4u /* begun in one settle */
/* Of our own files that are looked up at a time; drawn from so many of the cache's. */
#define OWN_LOOKUP_FILES 8u
#define OWN_LOOKUP_WALK 1024u

static bool takes_overlay(const struct neighbour *neighbour)
{
    return !neighbour->has_hello || (neighbour->features & P2P_FEATURE_OVERLAY) != 0;
}

/* --- where we are ------------------------------------------------------------------------------- */

static int send_listen(struct overlay *overlay, uint32_t link, bool with_addresses)
{
    struct p2p_message *message = outbox_send(overlay->outbox, link, P2P_LISTEN);
    uint32_t count = with_addresses ? overlay->listen_count : 0;
    if (message == NULL) {
        return ERROR_NO_MEMORY;
    }
    message->listen.port = overlay->listen_port;
    message->listen.flags = overlay->listen_flags;
    message->listen.count = (uint8_t)count;
    if (count > 0) {
        uint8_t *list = outbox_list(overlay->outbox, count * P2P_ADDRESS_BYTES);
        if (list == NULL) {
            return ERROR_NO_MEMORY;
        }
        for (uint32_t i = 0; i < count; i++) {
            p2p_address_write(list, i, &overlay->listen_addresses[i]);
        }
        message->listen.addresses = list;
    }
    return 0;
}

/* The tracker hears our own addresses too, for who is behind the same one; neighbours do not. */
static int tell_listen(struct overlay *overlay)
{
    uint32_t slot = 0;
    if (!overlay->is_listen_due) {
        return 0;
    }
    overlay->is_listen_due = false;
    int error = overlay->tracker != 0 && overlay_may_send(overlay)
                    ? send_listen(overlay, overlay->tracker, true)
                    : 0;
    for (struct neighbour *each; (each = neighbours_next(&overlay->neighbours, &slot)) != NULL;) {
        each->is_listen_due = true;
    }
    overlay->due_us = 0;
    return error;
}

/* --- what we wish for --------------------------------------------------------------------------- */

int overlay_unwish(struct overlay *overlay, const struct holders_wish *wish)
{
    uint64_t slots = 0;
    uint32_t slot = 0;
    for (struct neighbour *each; (each = neighbours_next(&overlay->neighbours, &slot)) != NULL;) {
        if ((each->interested >> wish->slot & 1) != 0) {
            slots |= UINT64_C(1) << each->slot;
        }
    }
    if (slots == 0) {
        return 0;
    }
    if (overlay->unwished == NULL) {
        overlay->unwished = calloc(OVERLAY_UNWISHED_MAX, sizeof overlay->unwished[0]);
        if (overlay->unwished == NULL) {
            return ERROR_NO_MEMORY;
        }
    }
    if (overlay->unwished_count == OVERLAY_UNWISHED_MAX) {
        overlay->unwished_count--;
        memmove(&overlay->unwished[0], &overlay->unwished[1],
                overlay->unwished_count * sizeof overlay->unwished[0]);
    }
    overlay->unwished[overlay->unwished_count++] =
        (struct overlay_unwished){.id = wish->id, .slots = slots};
    return 0;
}

/* Takes those out that nobody is left to be told of. */
static void unwished_compact(struct overlay *overlay)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < overlay->unwished_count; i++) {
        if (overlay->unwished[i].slots != 0) {
            overlay->unwished[kept++] = overlay->unwished[i];
        }
    }
    overlay->unwished_count = kept;
}

void overlay_rewish(struct overlay *overlay, const struct media_file_id *id)
{
    for (uint32_t i = 0; i < overlay->unwished_count; i++) {
        if (media_file_id_equal(&overlay->unwished[i].id, id)) {
            overlay->unwished[i].slots = 0;
        }
    }
    unwished_compact(overlay);
}

/* One INTEREST: what left first, then what is new; how many are written. */
static uint32_t write_interest(struct overlay *overlay, struct neighbour *neighbour, uint8_t *list)
{
    uint64_t bit = UINT64_C(1) << neighbour->slot;
    uint32_t count = 0;
    for (uint32_t i = 0; i < overlay->unwished_count && count < P2P_INTEREST_MAX; i++) {
        if ((overlay->unwished[i].slots & bit) != 0) {
            p2p_interest_write(list, count++, &overlay->unwished[i].id, false);
            overlay->unwished[i].slots &= ~bit;
        }
    }
    for (uint32_t i = 0; i < overlay->holders.count && count < P2P_INTEREST_MAX; i++) {
        const struct holders_wish *wish = holders_at(&overlay->holders, i);
        if ((neighbour->interested >> wish->slot & 1) == 0) {
            p2p_interest_write(list, count++, &wish->id, true);
            neighbour->interested |= UINT64_C(1) << wish->slot;
        }
    }
    return count;
}

static int tell_interest(struct overlay *overlay, uint64_t now_us, struct neighbour *neighbour)
{
    if (!takes_overlay(neighbour)) {
        neighbour->interest_due_us = TIME_NEVER_US;
        return 0;
    }
    uint8_t *list = outbox_list(overlay->outbox, P2P_INTEREST_MAX * P2P_INTEREST_BYTES);
    if (list == NULL) {
        return ERROR_NO_MEMORY;
    }
    uint32_t count = write_interest(overlay, neighbour, list);
    neighbour->interest_due_us = count == P2P_INTEREST_MAX
                                     ? time_add_us(now_us, overlay->config->interest_us)
                                     : TIME_NEVER_US;
    if (count == 0) {
        return 0;
    }
    struct p2p_message *message = outbox_send(overlay->outbox, neighbour->link, P2P_INTEREST);
    if (message == NULL) {
        return ERROR_NO_MEMORY;
    }
    message->interest.count = (uint8_t)count;
    message->interest.files = list;
    neighbour->interest_last_us = now_us;
    return 0;
}

/* --- what we have ------------------------------------------------------------------------------- */

static bool has_bit(const uint8_t *masks, const uint8_t *minus, uint32_t chunk)
{
    uint32_t row = chunk / ROW_CHUNKS;
    uint8_t mask = minus == NULL ? masks[row] : masks[row] & (uint8_t)~minus[row];
    return (mask >> chunk % ROW_CHUNKS & 1) != 0;
}

/* The next run of chunks that are in `masks` and not in `minus` (may be NULL), from *at on. */
static bool next_run(const uint8_t *masks, const uint8_t *minus, uint32_t chunks, uint32_t *at,
                     struct p2p_have_run *ret_run)
{
    uint32_t first = *at;
    while (first < chunks && !has_bit(masks, minus, first)) {
        first++;
    }
    uint32_t end = first;
    while (end < chunks && has_bit(masks, minus, end)) {
        end++;
    }
    *at = end;
    *ret_run = (struct p2p_have_run){.first = first, .count = end - first};
    return end > first;
}

static struct p2p_message *add_have(struct overlay *overlay, uint32_t link,
                                    const struct media_file_id *id, enum p2p_have kind)
{
    struct p2p_message *message = outbox_send(overlay->outbox, link, P2P_HAVE);
    if (message != NULL) {
        message->have.file = *id;
        message->have.kind = (uint8_t)kind;
    }
    return message;
}

/* RUNS or MORE of what is in `masks` and not in `minus`, in as many messages as it takes.
 * ERROR_FULL: the outbox is, and not all was told. */
static int send_runs(struct overlay *overlay, uint32_t link, const struct media_file_id *id,
                     enum p2p_have kind, const uint8_t *masks, const uint8_t *minus)
{
    uint32_t chunks = media_chunk_count(id->bytes);
    uint32_t at = 0;
    struct p2p_have_run run;
    bool is_more = next_run(masks, minus, chunks, &at, &run);
    while (is_more) {
        if (!overlay_may_send(overlay)) {
            return ERROR_FULL;
        }
        uint8_t *list = outbox_list(overlay->outbox, P2P_HAVE_RUNS_MAX * P2P_HAVE_RUN_BYTES);
        struct p2p_message *message = list == NULL ? NULL : add_have(overlay, link, id, kind);
        if (message == NULL) {
            return ERROR_NO_MEMORY;
        }
        uint32_t count = 0;
        while (is_more && count < P2P_HAVE_RUNS_MAX) {
            p2p_have_run_write(list, count++, &run);
            is_more = next_run(masks, minus, chunks, &at, &run);
        }
        message->have.runs = list;
        message->have.count = (uint16_t)count;
        kind = P2P_HAVE_MORE;
    }
    return 0;
}

/* What is stored of a file now. */
struct overlay_stored {
    enum p2p_have kind;
    uint8_t *masks;  /* owned; PARTIAL only */
    bool is_smaller; /* than what was told: an increment does not do */
};

static int find_stored(struct overlay *overlay, const struct interest *interest,
                       struct overlay_stored *ret_stored)
{
    struct overlay_stored stored = {.kind = P2P_HAVE_NONE};
    uint32_t rows = media_row_count(interest->id.bytes);
    uint8_t any = 0;
    if (interest->file != 0 && overlay->gives) {
        stored.kind = announce_kind(&overlay->announce, interest->file);
    }
    stored.is_smaller = stored.kind == P2P_HAVE_PARTIAL && interest->told_kind == P2P_HAVE_WHOLE;
    if (stored.kind == P2P_HAVE_PARTIAL) {
        stored.masks = calloc(rows, 1);
        if (stored.masks == NULL) {
            return ERROR_NO_MEMORY;
        }
        for (uint32_t row = 0; row < rows; row++) {
            stored.masks[row] = overlay->own.row_mask(overlay->own.context, interest->file, row);
            any |= stored.masks[row];
            uint8_t told = interest->told_masks == NULL ? 0 : interest->told_masks[row];
            stored.is_smaller = stored.is_smaller || (told & ~stored.masks[row]) != 0;
        }
        if (any == 0) {
            free(stored.masks);
            stored = (struct overlay_stored){.kind = P2P_HAVE_NONE};
        }
    }
    *ret_stored = stored;
    return 0;
}

/* Tells one neighbour all (is_fresh), or what is new. ERROR_FULL: not all was told. */
static int tell_have(struct overlay *overlay, const struct interest *interest,
                     const struct overlay_stored *stored, uint32_t link, bool is_fresh)
{
    if (!overlay_may_send(overlay)) {
        return ERROR_FULL;
    }
    if (stored->kind != P2P_HAVE_PARTIAL) {
        bool is_known = !is_fresh && interest->told_kind == stored->kind;
        return is_known || add_have(overlay, link, &interest->id, stored->kind) != NULL
                   ? 0
                   : ERROR_NO_MEMORY;
    }
    bool is_increment = !is_fresh && !stored->is_smaller && interest->told_kind == P2P_HAVE_PARTIAL;
    return send_runs(overlay, link, &interest->id, is_increment ? P2P_HAVE_MORE : P2P_HAVE_RUNS,
                     stored->masks, is_increment ? interest->told_masks : NULL);
}

static int tell_file(struct overlay *overlay, struct interest *interest)
{
    struct overlay_stored stored = {.kind = P2P_HAVE_NONE};
    uint64_t still_fresh = 0;
    int error = find_stored(overlay, interest, &stored);
    for (uint32_t slot = 0; error == 0 && slot < OVERLAY_LINKS_MAX; slot++) {
        uint64_t bit = UINT64_C(1) << slot;
        const struct neighbour *neighbour = overlay->neighbours.slots[slot];
        bool is_fresh = (interest->fresh & bit) != 0;
        if ((interest->slots & bit) == 0 || neighbour->drop != NEIGHBOURS_DROP_NONE ||
            !(is_fresh || interest->is_dirty)) {
            continue;
        }
        error = tell_have(overlay, interest, &stored, neighbour->link, is_fresh);
        if (error == ERROR_FULL) {
            still_fresh |= bit;
            error = 0;
        }
    }
    if (error == 0) {
        error = interests_told(&overlay->interests, interest, (uint8_t)stored.kind, stored.masks,
                               still_fresh);
    }
    free(stored.masks);
    return error;
}

static int tell_haves(struct overlay *overlay, uint64_t now_us)
{
    bool with_dirty = overlay->have_us <= now_us && overlay->interests.dirty_count > 0;
    uint32_t place = 0;
    struct interest *interest;
    while (overlay_may_send(overlay) &&
           (interest = interests_next(&overlay->interests, with_dirty, &place)) != NULL) {
        int error = tell_file(overlay, interest);
        if (error != 0) {
            return error;
        }
    }
    if (with_dirty) {
        overlay->have_us = time_add_us(now_us, overlay->config->have_us);
    }
    return 0;
}

/* --- where it is -------------------------------------------------------------------------------- */

static int tell_lookup(struct overlay *overlay, uint64_t now_us)
{
    uint32_t count = 0;
    uint64_t due =
        overlay->tracker == 0 ? 0 : lookups_due(&overlay->lookups, now_us, overlay->needy);
    if (due == 0 || !overlay_may_send(overlay)) {
        return 0;
    }
    uint8_t *list = outbox_list(overlay->outbox, P2P_LOOKUP_MAX * P2P_KEY_BYTES);
    struct p2p_message *message =
        list == NULL ? NULL : outbox_send(overlay->outbox, overlay->tracker, P2P_LOOKUP);
    if (message == NULL) {
        return ERROR_NO_MEMORY;
    }
    for (uint32_t slot = 0; slot < OVERLAY_WISHES_MAX; slot++) {
        if ((due >> slot & 1) != 0) {
            p2p_key_write(list, count++, overlay->holders.wishes[slot]->key);
        }
    }
    message->lookup.lookup = lookups_sent(&overlay->lookups, now_us, due);
    message->lookup.limit = (uint8_t)overlay->config->lookup_limit;
    message->lookup.count = (uint8_t)count;
    message->lookup.keys = list;
    overlay->counts.lookups++;
    return 0;
}

static bool is_own_lookup_due(const struct overlay *overlay, uint64_t now_us)
{
    return overlay->config->own_lookup_us != 0 && overlay->tracker != 0 &&
           overlay->own_lookup_at_us <= now_us && overlay_may_send(overlay);
}

/* Some of our files, by chance. */
static uint32_t draw_own(struct overlay *overlay, media_handle ret_files[OWN_LOOKUP_FILES])
{
    uint32_t place = 0;
    uint32_t seen = 0;
    media_handle file;
    while (seen < OWN_LOOKUP_WALK && overlay->own.next(overlay->own.context, &place, &file)) {
        uint64_t at = seen < OWN_LOOKUP_FILES ? seen : prng_below(&overlay->prng, seen + 1);
        if (at < OWN_LOOKUP_FILES) {
            ret_files[at] = file;
        }
        seen++;
    }
    return seen < OWN_LOOKUP_FILES ? seen : OWN_LOOKUP_FILES;
}

/* Who wishes for nothing, or finds too few, asks who else has what it has: neighbours for what comes
 * next, and who finds nobody else finds them. */
static int tell_own_lookup(struct overlay *overlay, uint64_t now_us)
{
    const struct overlay_config *config = overlay->config;
    media_handle files[OWN_LOOKUP_FILES];
    if (!is_own_lookup_due(overlay, now_us)) {
        return 0;
    }
    overlay->own_lookup_at_us = time_add_us(now_us, overlay->own_lookup_wait_us);
    overlay->own_lookup_wait_us =
        time_min_us(2 * overlay->own_lookup_wait_us, config->own_lookup_max_us);
    uint32_t taken = neighbours_count(&overlay->neighbours) + overlay->contacts.busy_count;
    uint32_t count = taken < config->degree_low && overlay->lookups.open_count < LOOKUPS_OPEN_MAX
                         ? draw_own(overlay, files)
                         : 0;
    if (count == 0) {
        return 0;
    }
    uint8_t *list = outbox_list(overlay->outbox, count * P2P_KEY_BYTES);
    struct p2p_message *message =
        list == NULL ? NULL : outbox_send(overlay->outbox, overlay->tracker, P2P_LOOKUP);
    if (message == NULL) {
        return ERROR_NO_MEMORY;
    }
    for (uint32_t i = 0; i < count; i++) {
        p2p_key_write(list, i, p2p_file_key(media_intern_id(overlay->intern, files[i])));
    }
    message->lookup.lookup = lookups_sent(&overlay->lookups, now_us, 0);
    message->lookup.limit = (uint8_t)config->degree_low;
    message->lookup.count = (uint8_t)count;
    message->lookup.keys = list;
    overlay->counts.lookups++;
    return 0;
}

/* Wishes, by slot, that may be searched for: short of sources, and among the heaviest. */
static uint64_t searchable(const struct overlay *overlay)
{
    uint64_t slots = 0;
    for (uint32_t i = 0; i < overlay->holders.count && i < overlay->config->search_wishes; i++) {
        slots |= UINT64_C(1) << holders_at(&overlay->holders, i)->slot;
    }
    return slots & overlay->needy;
}

static int tell_search(struct overlay *overlay, uint64_t now_us)
{
    uint32_t begun = 0;
    uint64_t slots = searchable(overlay);
    if (neighbours_count(&overlay->neighbours) == 0) {
        return 0;
    }
    for (uint32_t i = 0; i < overlay->holders.count && begun < SEARCHES_MAX; i++) {
        const struct holders_wish *wish = holders_at(&overlay->holders, i);
        if ((slots >> wish->slot & 1) == 0 || !overlay_may_send(overlay) ||
            !lookups_search_due(&overlay->lookups, now_us, wish->slot)) {
            continue;
        }
        struct p2p_contact ourselves;
        struct p2p_message message;
        overlay_own_contact(overlay, &ourselves);
        search_begin(&overlay->search, now_us, prng_u64(&overlay->prng), wish->key, &ourselves,
                     &message);
        lookups_searched(&overlay->lookups, now_us, wish->slot);
        overlay->counts.searches++;
        begun++;
        int error = overlay_search_out(overlay, 0, &message);
        if (error != 0) {
            return error;
        }
    }
    return 0;
}

int overlay_exchange(struct overlay *overlay, uint64_t now_us, struct neighbour *neighbour)
{
    struct p2p_contact offered[OVERLAY_LINKS_MAX];
    uint32_t offered_count = 0;
    uint32_t slot = 0;
    if (overlay->config->exchange == NULL || !overlay_may_send(overlay)) {
        return 0;
    }
    for (struct neighbour *each; (each = neighbours_next(&overlay->neighbours, &slot)) != NULL;) {
        offered_count += each != neighbour && overlay_export(each, &offered[offered_count]);
    }
    uint8_t *list =
        outbox_list(overlay->outbox, overlay->config->exchange->count * P2P_CONTACT_BYTES);
    if (list == NULL) {
        return ERROR_NO_MEMORY;
    }
    uint32_t count =
        exchange_tell(&neighbour->exchange, overlay->config->exchange, now_us, &overlay->prng,
                      neighbour->peer_id, &neighbour->address, offered, offered_count, list);
    if (count == 0) {
        return 0;
    }
    struct p2p_message *message = outbox_send(overlay->outbox, neighbour->link, P2P_EXCHANGE);
    if (message == NULL) {
        return ERROR_NO_MEMORY;
    }
    message->exchange.count = (uint8_t)count;
    message->exchange.contacts = list;
    return 0;
}

/* --- all of it ---------------------------------------------------------------------------------- */

static uint64_t exchange_due_us(const struct overlay *overlay, const struct neighbour *neighbour)
{
    return overlay->config->exchange == NULL || !takes_overlay(neighbour)
               ? TIME_NEVER_US
               : neighbour->exchange.due_us;
}

static int tell_neighbour(struct overlay *overlay, uint64_t now_us, struct neighbour *neighbour)
{
    int error = 0;
    if (neighbour->is_listen_due && takes_overlay(neighbour) && overlay_may_send(overlay)) {
        neighbour->is_listen_due = false;
        error = send_listen(overlay, neighbour->link, false);
    }
    if (error == 0 && neighbour->interest_due_us <= now_us && overlay_may_send(overlay)) {
        error = tell_interest(overlay, now_us, neighbour);
    }
    if (error == 0 && exchange_due_us(overlay, neighbour) <= now_us) {
        error = overlay_exchange(overlay, now_us, neighbour);
    }
    if (error == 0 && neighbour->remember_due_us <= now_us) {
        neighbour->remember_due_us = time_add_us(now_us, overlay->config->remember_us);
        error = neighbours_window_sum(&neighbour->received, now_us,
                                      overlay->config->score_window_us) > 0
                    ? overlay_remember(overlay, now_us, neighbour)
                    : 0;
    }
    uint64_t due_us = time_min_us(neighbour->interest_due_us, neighbour->remember_due_us);
    due_us = time_min_us(due_us, exchange_due_us(overlay, neighbour));
    overlay->due_us = time_min_us(overlay->due_us, due_us);
    return error;
}

static int tell_neighbours(struct overlay *overlay, uint64_t now_us)
{
    uint32_t slot = 0;
    if (overlay->due_us > now_us) {
        return 0;
    }
    overlay->due_us = TIME_NEVER_US;
    for (struct neighbour *each; (each = neighbours_next(&overlay->neighbours, &slot)) != NULL;) {
        int error = tell_neighbour(overlay, now_us, each);
        if (error != 0) {
            return error;
        }
    }
    unwished_compact(overlay);
    return 0;
}

int overlay_tell(struct overlay *overlay, uint64_t now_us)
{
    if (overlay->is_needy_stale) {
        overlay_find_needy(overlay, now_us);
    }
    int error = tell_listen(overlay);
    error = error != 0 ? error : tell_lookup(overlay, now_us);
    error = error != 0 ? error : tell_own_lookup(overlay, now_us);
    error = error != 0 ? error : tell_neighbours(overlay, now_us);
    error = error != 0 ? error : tell_haves(overlay, now_us);
    error = error != 0 ? error : tell_search(overlay, now_us);
    if (error == 0 && overlay->tracker != 0 && overlay_may_send(overlay)) {
        error = announce_send(&overlay->announce, now_us, overlay->tracker, overlay->outbox);
    }
    return error;
}

uint64_t overlay_tell_next_us(const struct overlay *overlay)
{
    uint64_t next_us = time_min_us(overlay->due_us, announce_next_us(&overlay->announce));
    next_us = time_min_us(next_us, lookups_next_us(&overlay->lookups, overlay->needy));
    if (overlay->config->own_lookup_us != 0 && overlay->tracker != 0) {
        next_us = time_min_us(next_us, overlay->own_lookup_at_us);
    }
    if (overlay->is_listen_due || overlay->interests.fresh_count > 0) {
        return overlay->now_us;
    }
    if (overlay->interests.dirty_count > 0) {
        next_us = time_min_us(next_us, overlay->have_us);
    }
    return neighbours_count(&overlay->neighbours) == 0
               ? next_us
               : time_min_us(next_us,
                             lookups_search_next_us(&overlay->lookups, searchable(overlay)));
}
