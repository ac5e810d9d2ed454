/*
 * overlay_ask.c: the questions that overlay.h lets the node ask.
 *
 * Responsible for answers only; nothing changes here.
 */
#include "common/time_us.h"
#include "p2p/core/overlay_state.h"

#include <assert.h>
#include <string.h>

/* A neighbour of the planner's: up and not to be dropped. */
static const struct neighbour *find_live(const struct overlay *overlay, uint32_t link)
{
    const struct neighbour *neighbour = neighbours_find(&overlay->neighbours, link);
    return neighbour != NULL && neighbour->drop == NEIGHBOURS_DROP_NONE ? neighbour : NULL;
}

bool overlay_holding(const struct overlay *overlay, uint32_t link, media_handle file,
                     struct overlay_holding *ret_holding)
{
    const struct neighbour *neighbour = find_live(overlay, link);
    const struct holders_wish *wish =
        neighbour == NULL ? NULL : holders_find(&overlay->holders, file);
    if (wish == NULL || wish->holdings[neighbour->slot].kind == P2P_HAVE_NONE) {
        return false;
    }
    const struct holding *holding = &wish->holdings[neighbour->slot];
    *ret_holding = (struct overlay_holding){.is_whole = holding->kind == P2P_HAVE_WHOLE,
                                            .row_masks = holding->row_masks};
    return true;
}

bool overlay_has(const struct overlay *overlay, uint32_t link, media_handle file, uint32_t chunk)
{
    const struct neighbour *neighbour = find_live(overlay, link);
    const struct holders_wish *wish =
        neighbour == NULL ? NULL : holders_find(&overlay->holders, file);
    return wish != NULL && chunk < wish->chunk_count && holders_has(wish, neighbour->slot, chunk);
}

uint32_t overlay_count_holders(const struct overlay *overlay, media_handle file, uint32_t chunk)
{
    const struct holders_wish *wish = holders_find(&overlay->holders, file);
    return wish == NULL || chunk >= wish->chunk_count ? 0 : holders_count(wish, chunk);
}

void overlay_get_sources(const struct overlay *overlay, media_handle file,
                         struct overlay_sources *ret_sources)
{
    struct overlay_sources sources = {.up = 0};
    const struct holders_wish *wish = holders_find(&overlay->holders, file);
    if (wish != NULL) {
        sources.up = overlay_count_up(wish);
        sources.connecting = overlay_count_coming(overlay, overlay->now_us, wish);
        sources.known = contacts_count_holders(&overlay->contacts, wish->slot);
        sources.holders = overlay->lookups.wishes[wish->slot].holders;
        sources.is_looking = sources.connecting > 0 ||
                             lookups_is_open(&overlay->lookups, overlay->now_us, wish->slot);
    }
    *ret_sources = sources;
}

/* Inserts a neighbour into a list that is ordered by falling rank. */
static uint32_t insert(const struct neighbour **list, int64_t *ranks, uint32_t count,
                       uint32_t capacity, const struct neighbour *neighbour, int64_t rank)
{
    uint32_t at = count;
    while (at > 0 && ranks[at - 1] < rank) {
        at--;
    }
    if (at >= capacity) {
        return count;
    }
    uint32_t last = count < capacity ? count : capacity - 1;
    memmove(&list[at + 1], &list[at], (last - at) * sizeof list[0]);
    memmove(&ranks[at + 1], &ranks[at], (last - at) * sizeof ranks[0]);
    list[at] = neighbour;
    ranks[at] = rank;
    return last + 1;
}

static uint32_t give_links(const struct neighbour **list, uint32_t count, uint32_t *ret_links)
{
    for (uint32_t i = 0; i < count; i++) {
        ret_links[i] = list[i]->link;
    }
    return count;
}

uint32_t overlay_get_holders(const struct overlay *overlay, media_handle file, uint32_t *ret_links,
                             uint32_t capacity)
{
    const struct neighbour *list[OVERLAY_LINKS_MAX];
    int64_t ranks[OVERLAY_LINKS_MAX];
    const struct holders_wish *wish = holders_find(&overlay->holders, file);
    uint32_t count = 0;
    uint32_t slot = 0;
    uint64_t window_us = overlay->config->score_window_us;
    capacity = capacity < OVERLAY_LINKS_MAX ? capacity : OVERLAY_LINKS_MAX;
    if (wish == NULL) {
        return 0;
    }
    for (struct neighbour *each; (each = neighbours_next(&overlay->neighbours, &slot)) != NULL;) {
        if (wish->holdings[each->slot].kind == P2P_HAVE_NONE) {
            continue;
        }
        uint64_t given = neighbours_window_sum(&each->received, overlay->now_us, window_us);
        uint64_t rtt_ms = each->rtt_us / TIME_US_PER_MS;
        int64_t rank = (int64_t)(given / 1024) - (int64_t)time_min_us(rtt_ms, 10000);
        count = insert(list, ranks, count, capacity, each, rank);
    }
    return give_links(list, count, ret_links);
}

uint32_t overlay_get_best(const struct overlay *overlay, uint64_t now_us, uint32_t *ret_links,
                          uint32_t capacity)
{
    const struct neighbour *list[OVERLAY_LINKS_MAX];
    int64_t ranks[OVERLAY_LINKS_MAX];
    uint32_t count = 0;
    uint32_t slot = 0;
    capacity = capacity < OVERLAY_LINKS_MAX ? capacity : OVERLAY_LINKS_MAX;
    for (struct neighbour *each; (each = neighbours_next(&overlay->neighbours, &slot)) != NULL;) {
        bool gives = !each->has_hello || (each->features & P2P_FEATURE_GIVES) != 0;
        if (gives) {
            struct neighbour scored = *each;
            int64_t rank = neighbours_score(&overlay->neighbours, &scored, now_us,
                                            holders_overlap(&overlay->holders, each->slot));
            count = insert(list, ranks, count, capacity, each, rank);
        }
    }
    return give_links(list, count, ret_links);
}

bool overlay_get_neighbour(const struct overlay *overlay, uint32_t link,
                           struct overlay_neighbour *ret_neighbour)
{
    const struct neighbour *neighbour = find_live(overlay, link);
    if (neighbour == NULL) {
        return false;
    }
    *ret_neighbour = (struct overlay_neighbour){
        .address = neighbour->address,
        .is_incoming = neighbour->is_incoming,
        .is_lan = neighbour->is_lan,
        .up_us = neighbour->up_us,
        .received_bytes = neighbour->received_bytes,
        .sent_bytes = neighbour->sent_bytes,
        .rtt_us = neighbour->rtt_us,
        .score = neighbour->score,
        .files = holders_files(&overlay->holders, neighbour->slot),
        .features = neighbour->features,
    };
    memcpy(ret_neighbour->peer_id, neighbour->peer_id, HASH_BYTES);
    return true;
}

static bool is_translated(const struct overlay *overlay)
{
    const struct p2p_address *observed = &overlay->observed;
    if (observed->family != 4 || observed->address[0] == 127) {
        return false;
    }
    for (uint32_t i = 0; i < overlay->listen_count; i++) {
        const struct p2p_address *own = &overlay->listen_addresses[i];
        if (own->family == 4 && memcmp(own->address, observed->address, 4) == 0) {
            return false;
        }
    }
    return overlay->listen_count > 0;
}

void overlay_get_status(const struct overlay *overlay, struct overlay_status *ret_status)
{
    *ret_status = overlay->counts;
    ret_status->observed = overlay->observed;
    ret_status->is_translated = is_translated(overlay);
    ret_status->neighbours = neighbours_count(&overlay->neighbours);
    ret_status->attempts = overlay->contacts.busy_count;
    ret_status->contacts = contacts_count(&overlay->contacts) - overlay->contacts.linked_count;
    ret_status->is_tracked = overlay->tracker != 0;
}
