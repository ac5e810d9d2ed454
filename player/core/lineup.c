/*
 * lineup.c: one array in order of playing; shuffle sorts it by drawn keys, and back by places.
 */
#include "player/core/lineup.h"

#include "common/error.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define LINEUP_CAPACITY_FIRST 16u

void lineup_init(struct lineup *lineup, uint64_t seed)
{
    memset(lineup, 0, sizeof *lineup);
    prng_init(&lineup->prng, seed);
}

void lineup_deinit(struct lineup *lineup)
{
    free(lineup->entries);
    memset(lineup, 0, sizeof *lineup);
}

/* --- looking ------------------------------------------------------------------------------------- */

/* The entry's index in the order; `count` when there is none. */
static uint32_t index_of(const struct lineup *lineup, uint32_t number)
{
    uint32_t i = 0;
    while (i < lineup->count && lineup->entries[i].number != number) {
        i++;
    }
    return i;
}

struct lineup_entry *lineup_find(const struct lineup *lineup, uint32_t number)
{
    uint32_t i = index_of(lineup, number);
    return i < lineup->count ? &lineup->entries[i] : NULL;
}

uint32_t lineup_current(const struct lineup *lineup)
{
    return lineup->has_current ? lineup->entries[lineup->at].number : 0;
}

bool lineup_begin(struct lineup *lineup, uint32_t number)
{
    uint32_t i = index_of(lineup, number);
    if (i == lineup->count) {
        return false;
    }
    lineup->at = i;
    lineup->has_current = true;
    lineup->entries[i].is_played = true;
    lineup->entries[i].is_failed = false;
    return true;
}

uint32_t lineup_behind(const struct lineup *lineup)
{
    uint32_t i = lineup->at + (lineup->has_current ? 1 : 0);
    if (i >= lineup->count && lineup->repeat == LINEUP_REPEAT_ALL) {
        i = 0;
    }
    return i < lineup->count ? lineup->entries[i].number : 0;
}

uint32_t lineup_before(const struct lineup *lineup)
{
    if (lineup->at > 0) {
        return lineup->entries[lineup->at - 1].number;
    }
    bool wraps = lineup->count > 0 && lineup->repeat == LINEUP_REPEAT_ALL;
    return wraps ? lineup->entries[lineup->count - 1].number : 0;
}

uint32_t lineup_upcoming(const struct lineup *lineup, uint32_t *ret_numbers, uint32_t capacity)
{
    uint32_t found = 0;
    if (lineup->repeat == LINEUP_REPEAT_ONE && lineup->has_current) {
        const struct lineup_entry *entry = &lineup->entries[lineup->at];
        if (!entry->is_failed && capacity > 0) {
            ret_numbers[found++] = entry->number;
        }
        return found;
    }
    uint32_t from = lineup->at + (lineup->has_current ? 1 : 0);
    uint32_t until = lineup->repeat == LINEUP_REPEAT_ALL ? from + lineup->count : lineup->count;
    for (uint32_t i = from; i < until && found < capacity; i++) {
        const struct lineup_entry *entry = &lineup->entries[i % lineup->count];
        if (!entry->is_failed) {
            ret_numbers[found++] = entry->number;
        }
    }
    return found;
}

/* --- changing ------------------------------------------------------------------------------------ */

/* Room for `count` more. */
static int reserve(struct lineup *lineup, uint32_t count)
{
    uint32_t capacity = lineup->capacity == 0 ? LINEUP_CAPACITY_FIRST : lineup->capacity;
    while (capacity < lineup->count + count) {
        capacity *= 2;
    }
    if (capacity == lineup->capacity) {
        return 0;
    }
    struct lineup_entry *entries = calloc(capacity, sizeof *entries);
    if (entries == NULL) {
        return ERROR_NO_MEMORY;
    }
    if (lineup->count > 0) {
        memcpy(entries, lineup->entries, lineup->count * sizeof *entries);
    }
    free(lineup->entries);
    lineup->entries = entries;
    lineup->capacity = capacity;
    return 0;
}

/* Puts one entry at an index of the order. */
static void insert(struct lineup *lineup, uint32_t index, const struct lineup_entry *entry)
{
    memmove(&lineup->entries[index + 1], &lineup->entries[index],
            (lineup->count - index) * sizeof *lineup->entries);
    lineup->entries[index] = *entry;
    lineup->count++;
}

int lineup_add(struct lineup *lineup, const struct lineup_track *tracks, uint32_t count,
               enum lineup_where where, uint32_t *ret_first)
{
    if (count > LINEUP_ENTRIES_MAX - lineup->count) {
        return ERROR_FULL;
    }
    int error = reserve(lineup, count);
    if (error != 0) {
        return error;
    }
    uint32_t behind = lineup->at + (lineup->has_current ? 1 : 0);
    uint32_t place = where == LINEUP_END   ? lineup->count
                     : lineup->has_current ? lineup->entries[lineup->at].place + 1
                                           : lineup->count;
    if (lineup->shuffle == LINEUP_SHUFFLE_OFF && where == LINEUP_NEXT) {
        place = behind;
    }
    for (uint32_t i = 0; i < lineup->count; i++) {
        lineup->entries[i].place += lineup->entries[i].place >= place ? count : 0;
    }
    *ret_first = lineup->last_number + 1;
    for (uint32_t i = 0; i < count; i++) {
        struct lineup_entry entry = {
            .number = ++lineup->last_number, .place = place + i, .album = tracks[i].album};
        memcpy(entry.track_id, tracks[i].track_id, TRACK_ID_BYTES);
        uint32_t index = where == LINEUP_NEXT ? behind + i : lineup->count;
        if (where == LINEUP_END && lineup->shuffle == LINEUP_SHUFFLE_TRACKS) {
            index = behind + (uint32_t)prng_below(&lineup->prng, lineup->count - behind + 1);
        }
        insert(lineup, index, &entry);
    }
    return 0;
}

/* Each place once, and without shuffle in order. ERROR_MALFORMED, ERROR_NO_MEMORY. */
static int check_places(const struct lineup_entry *entries, uint32_t count, bool is_shuffled)
{
    uint8_t *seen = calloc((size_t)count + 1, 1);
    int error = seen == NULL ? ERROR_NO_MEMORY : 0;
    for (uint32_t i = 0; i < count && error == 0; i++) {
        uint32_t place = entries[i].place;
        if (place >= count || seen[place] != 0 || (!is_shuffled && place != i)) {
            error = ERROR_MALFORMED;
        } else {
            seen[place] = 1;
        }
    }
    free(seen);
    return error;
}

int lineup_restore(struct lineup *lineup, const struct lineup_entry *entries, uint32_t count,
                   uint32_t at, bool has_current, enum lineup_shuffle shuffle)
{
    assert(lineup->count == 0);
    if (count > LINEUP_ENTRIES_MAX) {
        return ERROR_FULL;
    }
    if (at > count || (has_current && at == count)) {
        return ERROR_MALFORMED;
    }
    int error = check_places(entries, count, shuffle != LINEUP_SHUFFLE_OFF);
    if (error == 0) {
        error = reserve(lineup, count);
    }
    if (error != 0) {
        return error;
    }
    for (uint32_t i = 0; i < count; i++) {
        lineup->entries[i] = entries[i];
        lineup->entries[i].number = ++lineup->last_number;
    }
    lineup->count = count;
    lineup->at = at;
    lineup->has_current = has_current;
    lineup->shuffle = shuffle;
    return 0;
}

static int compare_numbers(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a;
    uint32_t right = *(const uint32_t *)b;
    return (left > right) - (left < right);
}

/* Places without gaps: each becomes the number of kept places below it. `is_kept` by place. */
static void close_gaps(struct lineup *lineup, uint32_t *below, uint32_t places)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < places; i++) {
        uint32_t is_kept = below[i];
        below[i] = kept;
        kept += is_kept;
    }
    for (uint32_t i = 0; i < lineup->count; i++) {
        lineup->entries[i].place = below[lineup->entries[i].place];
    }
}

int lineup_remove(struct lineup *lineup, const uint32_t *numbers, uint32_t count,
                  uint32_t *ret_removed)
{
    uint32_t before = lineup->count;
    uint32_t *sorted = calloc((size_t)count + 1, sizeof *sorted);
    uint32_t *below = calloc((size_t)before + 1, sizeof *below);
    if (sorted == NULL || below == NULL) {
        free(sorted);
        free(below);
        return ERROR_NO_MEMORY;
    }
    memcpy(sorted, numbers, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, compare_numbers);
    uint32_t kept = 0;
    uint32_t at = lineup->at;
    for (uint32_t i = 0; i < before; i++) {
        struct lineup_entry entry = lineup->entries[i];
        if (bsearch(&entry.number, sorted, count, sizeof *sorted, compare_numbers) == NULL) {
            below[entry.place] = 1;
            lineup->entries[kept++] = entry;
            continue;
        }
        lineup->has_current = lineup->has_current && i != lineup->at;
        at -= i < lineup->at ? 1 : 0;
    }
    lineup->at = at;
    lineup->count = kept;
    close_gaps(lineup, below, before);
    free(sorted);
    free(below);
    *ret_removed = before - kept;
    return 0;
}

/* Without shuffle, the order is the places'. */
static void settle_places(struct lineup *lineup)
{
    for (uint32_t i = 0; i < lineup->count && lineup->shuffle == LINEUP_SHUFFLE_OFF; i++) {
        lineup->entries[i].place = i;
    }
}

bool lineup_move(struct lineup *lineup, uint32_t number, uint32_t to)
{
    uint32_t from = index_of(lineup, number);
    if (from == lineup->count) {
        return false;
    }
    to = to < lineup->count ? to : lineup->count - 1;
    uint32_t current = lineup_current(lineup);
    struct lineup_entry moved = lineup->entries[from];
    lineup->count--;
    memmove(&lineup->entries[from], &lineup->entries[from + 1],
            (lineup->count - from) * sizeof moved);
    insert(lineup, to, &moved);
    settle_places(lineup);
    if (current != 0) {
        lineup->at = index_of(lineup, current);
    }
    return true;
}

void lineup_clear(struct lineup *lineup)
{
    if (lineup->has_current) {
        lineup->entries[0] = lineup->entries[lineup->at];
        lineup->entries[0].place = 0;
    }
    lineup->count = lineup->has_current ? 1 : 0;
    lineup->at = 0;
}

/* --- shuffle --------------------------------------------------------------------------------------- */

struct key {
    uint64_t first, second;
    uint32_t index; /* of the entry, before */
};

static int compare_keys(const void *a, const void *b)
{
    const struct key *left = a;
    const struct key *right = b;
    if (left->first != right->first) {
        return left->first < right->first ? -1 : 1;
    }
    return (left->second > right->second) - (left->second < right->second);
}

/* What drawn key an album has in this shuffle; tracks of none are albums of their own. */
static uint64_t album_key(const struct lineup_entry *entry, uint64_t salt)
{
    struct prng prng;
    uint64_t of = entry->album != 0 ? entry->album : (uint64_t)entry->number << 32 | 1u;
    prng_init(&prng, salt ^ of);
    return prng_u64(&prng) | 1u; /* 0 is what plays */
}

/* A key for each entry, in their order without shuffle, so that no earlier shuffle matters. */
static void draw_keys(struct lineup *lineup, enum lineup_shuffle shuffle, struct key *keys)
{
    const struct lineup_entry *current = lineup->has_current ? &lineup->entries[lineup->at] : NULL;
    uint64_t salt = shuffle == LINEUP_SHUFFLE_OFF ? 0 : prng_u64(&lineup->prng);
    for (uint32_t i = 0; i < lineup->count; i++) {
        const struct lineup_entry *entry = &lineup->entries[i];
        struct prng prng;
        keys[i] = (struct key){.second = entry->place, .index = i};
        bool is_first = entry == current;
        if (shuffle == LINEUP_SHUFFLE_TRACKS) {
            prng_init(&prng, salt ^ (uint64_t)entry->place << 20);
            keys[i].first = is_first ? 0 : prng_u64(&prng) | 1u;
        } else if (shuffle == LINEUP_SHUFFLE_ALBUMS) {
            bool is_with = current != NULL && entry->album == current->album && entry->album != 0;
            keys[i].first = is_first || is_with ? 0 : album_key(entry, salt);
        }
    }
}

int lineup_set_shuffle(struct lineup *lineup, enum lineup_shuffle shuffle)
{
    struct key *keys = calloc((size_t)lineup->count + 1, sizeof *keys);
    struct lineup_entry *entries = calloc((size_t)lineup->count + 1, sizeof *entries);
    if (keys == NULL || entries == NULL) {
        free(keys);
        free(entries);
        return ERROR_NO_MEMORY;
    }
    uint32_t current = lineup_current(lineup);
    draw_keys(lineup, shuffle, keys);
    qsort(keys, lineup->count, sizeof *keys, compare_keys);
    for (uint32_t i = 0; i < lineup->count; i++) {
        entries[i] = lineup->entries[keys[i].index];
    }
    if (lineup->count > 0) {
        memcpy(lineup->entries, entries, lineup->count * sizeof *entries);
    }
    free(keys);
    free(entries);
    lineup->shuffle = shuffle;
    lineup->at = current != 0 ? index_of(lineup, current) : 0;
    return 0;
}

/* --- names, sizes ----------------------------------------------------------------------------------- */

static const char *const shuffle_names[] = {"off", "tracks", "albums"};
static const char *const repeat_names[] = {"off", "all", "one"};

const char *lineup_shuffle_name(enum lineup_shuffle shuffle)
{
    return shuffle_names[shuffle];
}

const char *lineup_repeat_name(enum lineup_repeat repeat)
{
    return repeat_names[repeat];
}

/* The index of a name; 3 = none. */
static unsigned find_name(const char *const names[3], const char *name)
{
    unsigned i = 0;
    while (i < 3 && strcmp(names[i], name) != 0) {
        i++;
    }
    return i;
}

bool lineup_shuffle_parse(const char *name, enum lineup_shuffle *ret_shuffle)
{
    unsigned found = find_name(shuffle_names, name);
    if (found < 3) {
        *ret_shuffle = (enum lineup_shuffle)found;
    }
    return found < 3;
}

bool lineup_repeat_parse(const char *name, enum lineup_repeat *ret_repeat)
{
    unsigned found = find_name(repeat_names, name);
    if (found < 3) {
        *ret_repeat = (enum lineup_repeat)found;
    }
    return found < 3;
}

size_t lineup_heap_bytes(const struct lineup *lineup)
{
    return lineup->capacity * sizeof *lineup->entries;
}

void lineup_check_invariants(const struct lineup *lineup)
{
    uint64_t places = 0;
    assert(lineup->count <= LINEUP_ENTRIES_MAX && lineup->count <= lineup->capacity);
    assert(lineup->at <= lineup->count);
    assert(!lineup->has_current || lineup->at < lineup->count);
    for (uint32_t i = 0; i < lineup->count; i++) {
        const struct lineup_entry *entry = &lineup->entries[i];
        assert(entry->number > 0 && entry->number <= lineup->last_number);
        assert(entry->place < lineup->count);
        assert(lineup->shuffle != LINEUP_SHUFFLE_OFF || entry->place == i);
        places += entry->place;
    }
    assert(lineup->count == 0 || places == (uint64_t)lineup->count * (lineup->count - 1) / 2);
}
