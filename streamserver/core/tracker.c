/*
 * tracker.c: announces and lookups split over the shards, and put together again.
 *
 * Responsible for what a link may do (keys, rates, memory), for the going of links, and for the
 * answer: its contacts, and who stands in which file's list.
 */
#include "streamserver/core/tracker.h"

#include "common/error.h"
#include "common/time_us.h"
#include "streamserver/core/tracker_shard.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* What a link's pair may take of memory for its share to be reckoned, and which part of what is
 * free a link may hold (Choudhury and Hahne, "Dynamic queue length thresholds for shared-memory
 * packet switches", 1998): something is always left for who comes next. */
#define TRACKER_PAIR_BYTES 16u
#define TRACKER_SHARE 4u
#define TRACKER_FILE_BYTES 13u /* of a file without contacts in an answer */
#define TRACKER_LISTED_BYTES 2u

/* A lookup under way. */
struct tracker_work {
    struct tracker_candidates candidates[P2P_LOOKUP_MAX];
    struct p2p_holders_file files[P2P_LOOKUP_MAX];
    uint32_t contacts[P2P_CONTACTS_MAX]; /* links */
    uint32_t contact_count;
    uint32_t bytes; /* of the answer so far */
    uint32_t bytes_max;
    uint8_t answer[TRACKER_ANSWER_BYTES_MAX];
};

struct tracker {
    struct tracker_config config;
    struct tracker_totals totals;
    struct prng prng;
    struct tracker_links links;
    struct tracker_shard *shards;
    uint32_t gone_first; /* links to be taken apart, the first that went first */
    uint32_t gone_last;
    struct tracker_work work;
};

static bool config_is_valid(const struct tracker_config *config)
{
    return config->announce_keys.per_s <= TIME_US_PER_S &&
           config->lookup_keys.per_s <= TIME_US_PER_S && config->shard_count >= 1 &&
           config->shard_count <= TRACKER_SHARDS_MAX && config->link_max >= 1 &&
           config->link_max <= TRACKER_LINKS_MAX && config->holders_max <= TRACKER_LEAF_MAX - 1 &&
           config->answer_max >= 1 && config->answer_max <= P2P_CONTACTS_MAX;
}

int tracker_new(const struct tracker_config *config, struct tracker **ret_tracker)
{
    assert(config_is_valid(config));
    struct tracker *tracker = calloc(1, sizeof *tracker);
    if (tracker == NULL) {
        return ERROR_NO_MEMORY;
    }
    tracker->config = *config;
    tracker->shards = calloc(config->shard_count, sizeof *tracker->shards);
    if (tracker->shards == NULL) {
        free(tracker);
        return ERROR_NO_MEMORY;
    }
    prng_init(&tracker->prng, config->seed);
    tracker_links_init(&tracker->links, prng_u64(&tracker->prng));
    uint64_t seed = prng_u64(&tracker->prng);
    for (uint32_t i = 0; i < config->shard_count; i++) {
        tracker_shard_init(&tracker->shards[i], seed + i, config->holders_max);
    }
    tracker->gone_first = TRACKER_NONE;
    tracker->gone_last = TRACKER_NONE;
    *ret_tracker = tracker;
    return 0;
}

void tracker_free(struct tracker *tracker)
{
    if (tracker == NULL) {
        return;
    }
    for (uint32_t i = 0; i < tracker->config.shard_count; i++) {
        tracker_shard_deinit(&tracker->shards[i]);
    }
    tracker_links_deinit(&tracker->links);
    free(tracker->shards);
    free(tracker);
}

static struct tracker_shard *shard_of(const struct tracker *tracker, uint64_t key)
{
    return &tracker->shards[key % tracker->config.shard_count];
}

static struct tracker_link *link_up(const struct tracker *tracker, uint32_t link)
{
    struct tracker_link *found = tracker_links_get(&tracker->links, link);
    assert(found->state == TRACKER_LINK_UP);
    return found;
}

int tracker_link_up(struct tracker *tracker, const struct tracker_peer *peer, uint32_t *ret_link)
{
    if (tracker->links.up_count >= tracker->config.link_max) {
        return ERROR_FULL;
    }
    return tracker_links_add(&tracker->links, peer, ret_link);
}

/* It has gone: last among those that are to be taken apart. */
static void queue_gone(struct tracker *tracker, uint32_t number)
{
    struct tracker_link *link = tracker_links_get(&tracker->links, number);
    link->next = TRACKER_NONE;
    tracker->totals.pairs -= link->pairs;
    if (tracker->gone_last == TRACKER_NONE) {
        tracker->gone_first = number;
    } else {
        tracker_links_get(&tracker->links, tracker->gone_last)->next = number;
    }
    tracker->gone_last = number;
}

void tracker_link_down(struct tracker *tracker, uint32_t link)
{
    tracker_links_leave(&tracker->links, link);
    queue_gone(tracker, link);
}

int tracker_link_listen(struct tracker *tracker, uint32_t link, const struct p2p_message *message)
{
    return tracker_links_listen(&tracker->links, link, message);
}

uint32_t tracker_number(const struct tracker *tracker, uint32_t link)
{
    return link_up(tracker, link)->number;
}

static size_t live_bytes(const struct tracker *tracker)
{
    size_t bytes = tracker->links.memory;
    for (uint32_t i = 0; i < tracker->config.shard_count; i++) {
        bytes += tracker_shard_live_bytes(&tracker->shards[i]);
    }
    return bytes;
}

/* How many pairs a link may have now. */
static uint32_t pairs_max(const struct tracker *tracker)
{
    size_t used = live_bytes(tracker);
    uint64_t free_bytes =
        used < tracker->config.heap_bytes_max ? tracker->config.heap_bytes_max - used : 0;
    uint64_t share = free_bytes / TRACKER_SHARE / TRACKER_PAIR_BYTES;
    return share < tracker->config.link_files_max ? (uint32_t)share
                                                  : tracker->config.link_files_max;
}

/* Forgets what a link has announced: it goes on under another number, and the old one is taken
 * apart like a link that has gone. */
static int start_afresh(struct tracker *tracker, uint32_t *link)
{
    if (link_up(tracker, *link)->pairs == 0) {
        return 0;
    }
    uint32_t old = *link;
    int error = tracker_links_replace(&tracker->links, old, link);
    if (error == 0) {
        queue_gone(tracker, old);
    }
    return error;
}

static int announce_key(struct tracker *tracker, uint32_t number, uint64_t key, bool is_partial,
                        bool may_add)
{
    bool was_added = false;
    uint32_t evicted = TRACKER_NONE;
    int error = tracker_shard_announce(shard_of(tracker, key), number, key, is_partial, may_add,
                                       &was_added, &evicted);
    if (error == ERROR_FULL) {
        tracker->totals.dropped_keys++;
        return 0;
    }
    if (error != 0) {
        return error;
    }
    tracker->totals.announced_keys++;
    if (was_added) {
        tracker_links_get(&tracker->links, number)->pairs++;
        tracker->totals.pairs++;
    }
    if (evicted != TRACKER_NONE) {
        struct tracker_link *link = tracker_links_get(&tracker->links, evicted);
        link->pairs--;
        tracker->totals.pairs -= link->state == TRACKER_LINK_UP;
    }
    return 0;
}

static void lose_key(struct tracker *tracker, uint32_t number, uint64_t key)
{
    if (tracker_shard_lose(shard_of(tracker, key), number, key)) {
        tracker_links_get(&tracker->links, number)->pairs--;
        tracker->totals.pairs--;
    }
}

int tracker_announce(struct tracker *tracker, uint64_t now_us, uint32_t *link,
                     const struct p2p_message *message)
{
    assert(message->type == P2P_ANNOUNCE);
    uint32_t whole = message->announce.whole;
    uint32_t adds = whole + message->announce.partial;
    uint32_t count = adds + message->announce.lost;
    if ((message->announce.flags & P2P_ANNOUNCE_FRESH) != 0) {
        int error = start_afresh(tracker, link);
        if (error != 0) {
            return error;
        }
    }
    struct tracker_link *known = link_up(tracker, *link);
    uint32_t granted = tracker_links_take(known, TRACKER_ALLOW_ANNOUNCE,
                                          &tracker->config.announce_keys, now_us, count);
    uint32_t most = pairs_max(tracker);
    if (tracker->config.shard_count == 1 && known->pairs + adds <= most) {
        tracker_shard_reserve(&tracker->shards[0], *link, adds);
    }
    for (uint32_t i = 0; i < granted; i++) {
        uint64_t key = p2p_key_read(message->announce.keys, i);
        if (i >= adds) {
            lose_key(tracker, *link, key);
            continue;
        }
        int error = announce_key(tracker, *link, key, i >= whole, known->pairs < most);
        if (error != 0) {
            return error;
        }
    }
    tracker->totals.dropped_keys += count - granted;
    return 0;
}

/* The place of a link among the answer's contacts; made when there is room; P2P_CONTACTS_MAX: no
 * room. */
static uint32_t contact_place(struct tracker_work *work, uint32_t link)
{
    uint32_t place = 0;
    while (place < work->contact_count && work->contacts[place] != link) {
        place++;
    }
    if (place == work->contact_count) {
        if (place == P2P_CONTACTS_MAX ||
            work->bytes + P2P_CONTACT_BYTES + TRACKER_LISTED_BYTES > work->bytes_max) {
            return P2P_CONTACTS_MAX;
        }
        work->contacts[work->contact_count++] = link;
        work->bytes += P2P_CONTACT_BYTES;
    }
    return place;
}

/* The next best of a file into its list. False: there is none that fits. */
static bool list_next(struct tracker *tracker, uint32_t at)
{
    struct tracker_work *work = &tracker->work;
    struct p2p_holders_file *file = &work->files[at];
    uint32_t link = 0;
    bool is_partial = false;
    if (work->bytes + TRACKER_LISTED_BYTES > work->bytes_max) {
        return false;
    }
    while (tracker_candidates_next(&work->candidates[at], &link, &is_partial)) {
        uint32_t place = contact_place(work, link);
        if (place < P2P_CONTACTS_MAX) {
            file->contacts[file->listed] = (uint8_t)place;
            file->kinds[file->listed] = is_partial ? P2P_HAVE_PARTIAL : P2P_HAVE_WHOLE;
            file->listed++;
            work->bytes += TRACKER_LISTED_BYTES;
            tracker->totals.told_contacts++;
            return true;
        }
    }
    return false;
}

/* One more for each file in turn, so that the first files do not take all the contacts. */
static void fill_lists(struct tracker *tracker, uint32_t count, uint32_t limit)
{
    bool any = true;
    for (uint32_t round = 0; round < limit && any; round++) {
        any = false;
        for (uint32_t i = 0; i < count; i++) {
            any = list_next(tracker, i) || any;
        }
    }
}

static void write_answer(struct tracker *tracker, uint32_t reader, uint32_t count,
                         struct tracker_answer *ret_answer)
{
    struct tracker_work *work = &tracker->work;
    for (uint32_t i = 0; i < work->contact_count; i++) {
        struct p2p_contact contact;
        tracker_links_contact(&tracker->links, work->contacts[i], reader, &contact);
        p2p_contact_write(work->answer, i, &contact);
    }
    uint8_t *files = &work->answer[work->contact_count * P2P_CONTACT_BYTES];
    uint32_t bytes = 0;
    for (uint32_t i = 0; i < count; i++) {
        bytes += p2p_holders_write(&files[bytes], &work->files[i]);
    }
    assert(work->contact_count * P2P_CONTACT_BYTES + bytes == work->bytes);
    *ret_answer = (struct tracker_answer){.contact_count = (uint8_t)work->contact_count,
                                          .file_count = (uint8_t)count,
                                          .contacts = work->answer,
                                          .files = files,
                                          .file_bytes = (uint16_t)bytes};
}

void tracker_lookup(struct tracker *tracker, uint64_t now_us, uint32_t link,
                    const struct p2p_message *message, uint32_t bytes_max,
                    struct tracker_answer *ret_answer)
{
    assert(message->type == P2P_LOOKUP);
    assert(bytes_max >= TRACKER_ANSWER_BYTES_MIN);
    struct tracker_work *work = &tracker->work;
    uint32_t count = message->lookup.count;
    uint32_t granted = tracker_links_take(link_up(tracker, link), TRACKER_ALLOW_LOOKUP,
                                          &tracker->config.lookup_keys, now_us, count);
    uint32_t near[TRACKER_NEAR_MAX];
    struct tracker_query query = {
        .links = &tracker->links, .asker = link, .chance = prng_u64(&tracker->prng), .near = near};
    query.near_count = tracker_links_near(&tracker->links, link, &tracker->prng, near);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t key = p2p_key_read(message->lookup.keys, i);
        struct tracker_candidates *candidates = &work->candidates[i];
        if (i < granted) {
            tracker_shard_find(shard_of(tracker, key), &query, key, candidates);
        } else {
            candidates->count = 0;
            candidates->holders = tracker_shard_holders(shard_of(tracker, key), link, key);
        }
        work->files[i].key = key;
        work->files[i].holders = candidates->holders;
        work->files[i].listed = 0;
    }
    work->contact_count = 0;
    work->bytes = count * TRACKER_FILE_BYTES;
    work->bytes_max = bytes_max;
    uint32_t limit = message->lookup.limit;
    fill_lists(tracker, count,
               limit < tracker->config.answer_max ? limit : tracker->config.answer_max);
    tracker->totals.lookup_keys += count;
    tracker->totals.denied_keys += count - granted;
    write_answer(tracker, link, count, ret_answer);
}

uint32_t tracker_find_peer(struct tracker *tracker, const uint8_t peer_id[HASH_BYTES])
{
    return tracker_links_find_peer(&tracker->links, peer_id, &tracker->prng);
}

void tracker_contact(const struct tracker *tracker, uint32_t link, uint32_t reader,
                     struct p2p_contact *ret_contact)
{
    tracker_links_contact(&tracker->links, link, reader, ret_contact);
}

/* The first of a link's pairs that is found. */
static bool lose_any(struct tracker *tracker, uint32_t link)
{
    for (uint32_t i = 0; i < tracker->config.shard_count; i++) {
        if (tracker_shard_lose_any(&tracker->shards[i], link)) {
            return true;
        }
    }
    return false;
}

bool tracker_work(struct tracker *tracker, uint32_t pairs)
{
    while (tracker->gone_first != TRACKER_NONE && pairs > 0) {
        uint32_t number = tracker->gone_first;
        struct tracker_link *link = tracker_links_get(&tracker->links, number);
        if (lose_any(tracker, number)) {
            link->pairs--;
        } else {
            tracker->gone_first = link->next;
            if (link->next == TRACKER_NONE) {
                tracker->gone_last = TRACKER_NONE;
            }
            tracker_links_remove(&tracker->links, number);
        }
        pairs--;
    }
    return tracker->gone_first != TRACKER_NONE;
}

void tracker_get_totals(const struct tracker *tracker, struct tracker_totals *ret_totals)
{
    *ret_totals = tracker->totals;
    ret_totals->peers = tracker->links.up_count;
    ret_totals->files = 0;
    for (uint32_t i = 0; i < tracker->config.shard_count; i++) {
        ret_totals->files += tracker->shards[i].files.count;
    }
}

size_t tracker_heap_bytes(const struct tracker *tracker)
{
    size_t bytes = sizeof *tracker + tracker->links.memory;
    for (uint32_t i = 0; i < tracker->config.shard_count; i++) {
        bytes += sizeof *tracker->shards + tracker->shards[i].memory;
    }
    return bytes;
}

/* A link's pairs are those of all shards. */
static void check_link(const struct tracker *tracker, uint32_t number, uint64_t *pairs_up)
{
    const struct tracker_link *link = tracker_links_get(&tracker->links, number);
    uint32_t pairs = 0;
    for (uint32_t i = 0; i < tracker->config.shard_count; i++) {
        pairs += tracker_shard_file_count(&tracker->shards[i], number);
    }
    assert(pairs == link->pairs);
    assert(link->state != TRACKER_LINK_FREE || pairs == 0);
    *pairs_up += link->state == TRACKER_LINK_UP ? pairs : 0;
}

void tracker_check_invariants(const struct tracker *tracker)
{
    uint64_t pairs = 0;
    uint32_t gone = 0;
    tracker_links_check_invariants(&tracker->links);
    for (uint32_t i = 0; i < tracker->config.shard_count; i++) {
        tracker_shard_check_invariants(&tracker->shards[i]);
    }
    for (uint32_t link = 0; link < tracker->links.used_count; link++) {
        check_link(tracker, link, &pairs);
    }
    for (uint32_t link = tracker->gone_first; link != TRACKER_NONE;
         link = tracker_links_get(&tracker->links, link)->next) {
        assert(tracker_links_get(&tracker->links, link)->state == TRACKER_LINK_GONE);
        gone++;
        assert(gone <= tracker->links.gone_count);
    }
    assert(gone == tracker->links.gone_count);
    assert(pairs == tracker->totals.pairs);
}
