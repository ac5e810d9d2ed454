/*
 * tracker_shard.c: pairs of links and files, kept from both sides, and the choice among holders.
 *
 * Responsible for keeping both sides alike and for the order of holders. What a link may announce
 * and how many contacts an answer has is tracker.c's.
 *
 * A place, smaller is better: 8 bits of class (place_class), 32 of chance, 24 of the link.
 */
#include "streamserver/core/tracker_shard.h"

#include "common/error.h"

#include <assert.h>
#include <stdlib.h>

#define SHARD_LINK_BITS 24u
#define SHARD_CHANCE_BITS 32u
#define SHARD_PARTIAL 1u /* the lowest bit of the class */

_Static_assert(TRACKER_LINKS_MAX * 2u <= UINT32_C(1) << SHARD_LINK_BITS, "links fit into a place");

void tracker_shard_init(struct tracker_shard *shard, uint64_t seed, uint32_t holders_max)
{
    *shard = (struct tracker_shard){.holders_max = holders_max};
    tracker_index_init(&shard->files, seed);
    tracker_blocks_init(&shard->links, sizeof(struct tracker_set));
}

/* The link's files; NULL when none were ever kept for so high a number. */
static struct tracker_set *files_of(const struct tracker_shard *shard, uint32_t link)
{
    return link < tracker_blocks_entries(&shard->links) ? tracker_blocks_get(&shard->links, link)
                                                        : NULL;
}

static struct tracker_set *make_files_of(struct tracker_shard *shard, uint32_t link)
{
    return tracker_blocks_reach(&shard->links, link, &shard->memory) ? files_of(shard, link) : NULL;
}

void tracker_shard_deinit(struct tracker_shard *shard)
{
    for (uint32_t link = 0; link < tracker_blocks_entries(&shard->links); link++) {
        tracker_set_clear(files_of(shard, link), &shard->memory);
    }
    tracker_index_deinit(&shard->files, &shard->memory);
    tracker_blocks_deinit(&shard->links, &shard->memory);
    assert(shard->memory == 0);
}

size_t tracker_shard_live_bytes(const struct tracker_shard *shard)
{
    return shard->memory - tracker_index_block_bytes(&shard->files) +
           (size_t)shard->files.count * TRACKER_RECORD_COST;
}

void tracker_shard_reserve(struct tracker_shard *shard, uint32_t link, uint32_t more)
{
    struct tracker_set *files = make_files_of(shard, link);
    if (files != NULL) {
        tracker_set_reserve(files, more, &shard->memory);
    }
}

static struct tracker_set *holders_of(const struct tracker_shard *shard, uint32_t file)
{
    return &tracker_index_get(&shard->files, file)->set;
}

/* Both sides of a pair that is there; the file goes with its last holder. */
static void unpair(struct tracker_shard *shard, uint32_t link, uint32_t file)
{
    bool was_in_both = tracker_set_remove(files_of(shard, link), file, &shard->memory) &&
                       tracker_set_remove(holders_of(shard, file), link, &shard->memory);
    assert(was_in_both);
    shard->pairs--;
    if (holders_of(shard, file)->count == 0) {
        tracker_index_remove(&shard->files, file);
    }
}

/* Both sides or none. */
static int pair(struct tracker_shard *shard, uint32_t link, uint64_t key, bool is_partial)
{
    struct tracker_set *files = make_files_of(shard, link);
    uint32_t file =
        files == NULL ? TRACKER_NONE : tracker_index_put(&shard->files, key, &shard->memory);
    if (file == TRACKER_NONE) {
        return ERROR_NO_MEMORY;
    }
    struct tracker_set *holders = holders_of(shard, file);
    int error = tracker_set_add(holders, link, is_partial, &shard->memory);
    if (error == 0) {
        error = tracker_set_add(files, file, is_partial, &shard->memory);
        if (error != 0) {
            (void)tracker_set_remove(holders, link, &shard->memory);
        }
    }
    if (error != 0 && holders->count == 0) {
        tracker_index_remove(&shard->files, file);
    }
    shard->pairs += error == 0;
    return error;
}

/* The pair is there already. */
static void repeat(struct tracker_shard *shard, uint32_t link, uint32_t file, bool is_partial)
{
    tracker_set_mark(files_of(shard, link), file, is_partial);
    if (shard->holders_max == 0) {
        tracker_set_mark(holders_of(shard, file), link, is_partial);
    } else {
        tracker_set_renew(holders_of(shard, file), link, is_partial);
    }
}

int tracker_shard_announce(struct tracker_shard *shard, uint32_t link, uint64_t key,
                           bool is_partial, bool may_add, bool *ret_added, uint32_t *ret_evicted)
{
    uint32_t evicted = TRACKER_NONE;
    uint32_t file = tracker_index_find(&shard->files, key);
    const struct tracker_set *files = files_of(shard, link);
    if (file != TRACKER_NONE && files != NULL && tracker_set_find(files, file, NULL)) {
        *ret_added = false;
        *ret_evicted = TRACKER_NONE;
        repeat(shard, link, file, is_partial);
        return 0;
    }
    if (!may_add) {
        return ERROR_FULL;
    }
    int error = pair(shard, link, key, is_partial);
    if (error != 0) {
        return error;
    }
    file = tracker_index_find(&shard->files, key);
    if (shard->holders_max != 0 && holders_of(shard, file)->count > shard->holders_max) {
        evicted = tracker_set_first(holders_of(shard, file));
        unpair(shard, evicted, file);
    }
    *ret_added = true;
    *ret_evicted = evicted;
    return 0;
}

bool tracker_shard_lose(struct tracker_shard *shard, uint32_t link, uint64_t key)
{
    uint32_t file = tracker_index_find(&shard->files, key);
    const struct tracker_set *files = files_of(shard, link);
    if (file == TRACKER_NONE || files == NULL || !tracker_set_find(files, file, NULL)) {
        return false;
    }
    unpair(shard, link, file);
    return true;
}

bool tracker_shard_lose_any(struct tracker_shard *shard, uint32_t link)
{
    struct tracker_set *files = files_of(shard, link);
    if (files == NULL) {
        return false;
    }
    if (files->count == 0) {
        tracker_set_clear(files, &shard->memory); /* what was reserved */
        return false;
    }
    unpair(shard, link, tracker_set_first(files));
    return true;
}

uint32_t tracker_shard_file_count(const struct tracker_shard *shard, uint32_t link)
{
    const struct tracker_set *files = files_of(shard, link);
    return files == NULL ? 0 : files->count;
}

static bool has_file(const struct tracker_shard *shard, uint32_t link, uint32_t file,
                     bool *ret_partial)
{
    const struct tracker_set *files = files_of(shard, link);
    return files != NULL && tracker_set_find(files, file, ret_partial);
}

uint32_t tracker_shard_holders(const struct tracker_shard *shard, uint32_t asker, uint64_t key)
{
    uint32_t file = tracker_index_find(&shard->files, key);
    if (file == TRACKER_NONE) {
        return 0;
    }
    bool is_partial = false;
    return holders_of(shard, file)->count - has_file(shard, asker, file, &is_partial);
}

/* Smaller is better; in this order: does it serve, is it near, can it be dialled, is it in the wide
 * prefix, has it all. */
static uint32_t place_class(const struct tracker_link *asker, const struct tracker_link *link,
                            bool is_partial)
{
    enum tracker_nearness near = tracker_links_nearness(asker, link);
    uint32_t class = (link->flags & P2P_CONTACT_GIVES) == 0;
    class = class << 2 | (near < TRACKER_NEAR_WIDE ? (uint32_t)near : TRACKER_NEAR_WIDE);
    class = class << 1 | ((link->flags & P2P_CONTACT_REACHABLE) == 0);
    class = class << 1 | (near == TRACKER_NEAR_NOT);
    return class << 1 | (is_partial ? SHARD_PARTIAL : 0);
}

static uint64_t chance_of(uint64_t chance, uint32_t link)
{
    uint64_t value = (chance ^ link) * UINT64_C(0x9e3779b97f4a7c15);
    value = (value ^ value >> 32) * UINT64_C(0xd6e8feb86659fd93);
    return value >> 32;
}

static void consider(const struct tracker_query *query, uint32_t link, bool is_partial,
                     struct tracker_candidates *candidates)
{
    const struct tracker_link *holder = tracker_links_get(query->links, link);
    const struct tracker_link *asker = tracker_links_get(query->links, query->asker);
    bool can_meet = holder->address.port != 0 || asker->address.port != 0;
    if (link == query->asker || holder->state != TRACKER_LINK_UP || !can_meet) {
        return;
    }
    uint64_t place = place_class(asker, holder, is_partial);
    place = place << SHARD_CHANCE_BITS | chance_of(query->chance, link);
    candidates->places[candidates->count++] = place << SHARD_LINK_BITS | link;
}

/* Restores the heap below a place. */
static void sink(struct tracker_candidates *candidates, uint32_t at)
{
    uint64_t *places = candidates->places;
    for (uint32_t child = 2 * at + 1; child < candidates->count; child = 2 * at + 1) {
        child += child + 1 < candidates->count && places[child + 1] < places[child];
        if (places[at] <= places[child]) {
            return;
        }
        uint64_t place = places[at];
        places[at] = places[child];
        places[child] = place;
        at = child;
    }
}

void tracker_shard_find(const struct tracker_shard *shard, const struct tracker_query *query,
                        uint64_t key, struct tracker_candidates *ret_candidates)
{
    ret_candidates->holders = 0;
    ret_candidates->count = 0;
    uint32_t file = tracker_index_find(&shard->files, key);
    if (file == TRACKER_NONE) {
        return;
    }
    bool is_partial = false;
    const struct tracker_set *holders = holders_of(shard, file);
    ret_candidates->holders = holders->count - has_file(shard, query->asker, file, &is_partial);
    uint32_t items[TRACKER_SAMPLE_MAX];
    struct prng prng;
    prng_init(&prng, query->chance ^ key); /* the same in any number of shards */
    uint32_t count = tracker_set_sample(holders, &prng, TRACKER_SAMPLE_MAX, items);
    for (uint32_t i = 0; i < count; i++) {
        consider(query, items[i] & TRACKER_VALUE_MAX, (items[i] & TRACKER_FLAG) != 0,
                 ret_candidates);
    }
    bool saw_all = holders->count <= TRACKER_SAMPLE_MAX;
    for (uint32_t i = 0; !saw_all && i < query->near_count; i++) {
        if (has_file(shard, query->near[i], file, &is_partial)) {
            consider(query, query->near[i], is_partial, ret_candidates);
        }
    }
    for (uint32_t i = ret_candidates->count / 2; i > 0; i--) {
        sink(ret_candidates, i - 1);
    }
}

bool tracker_candidates_next(struct tracker_candidates *candidates, uint32_t *ret_link,
                             bool *ret_partial)
{
    if (candidates->count == 0) {
        return false;
    }
    uint64_t place = candidates->places[0];
    do { /* who was both sampled and near stands there twice */
        candidates->places[0] = candidates->places[--candidates->count];
        sink(candidates, 0);
    } while (candidates->count > 0 && candidates->places[0] == place);
    *ret_link = (uint32_t)(place & ((UINT32_C(1) << SHARD_LINK_BITS) - 1));
    *ret_partial = (place >> (SHARD_LINK_BITS + SHARD_CHANCE_BITS) & SHARD_PARTIAL) != 0;
    return true;
}

struct pair_check {
    const struct tracker_shard *shard;
    uint32_t link;
    uint64_t pairs;
};

/* A file of a link: the link is in the file's set, with the same bit. */
static void check_pair(void *context, uint32_t item)
{
    struct pair_check *check = context;
    bool is_partial = false;
    bool is_there = tracker_set_find(holders_of(check->shard, item & TRACKER_VALUE_MAX),
                                     check->link, &is_partial);
    assert(is_there);
    assert(is_partial == ((item & TRACKER_FLAG) != 0));
    check->pairs++;
}

void tracker_shard_check_invariants(const struct tracker_shard *shard)
{
    struct pair_check check = {.shard = shard};
    size_t memory =
        tracker_blocks_bytes(&shard->links) + tracker_index_check_invariants(&shard->files);
    for (; check.link < tracker_blocks_entries(&shard->links); check.link++) {
        const struct tracker_set *files = files_of(shard, check.link);
        memory += tracker_set_check_invariants(files);
        tracker_set_visit(files, check_pair, &check);
    }
    assert(check.pairs == shard->pairs);
    uint64_t holders = 0;
    for (uint32_t file = 0; file < shard->files.used_count; file++) {
        const struct tracker_set *set = holders_of(shard, file);
        assert(shard->holders_max == 0 || set->count <= shard->holders_max);
        holders += set->count;
    }
    assert(holders == shard->pairs);
    assert(memory == shard->memory);
}
