/*
 * table.c: linear probing over one array, backward-shift deletion, SipHash-1-3.
 *
 * Responsible for placement and growth. The entries' contents beyond the key are the caller's.
 *
 * Happy path: put finds the key or the first free place after its home place. Failure mode: a
 * growth that gets no memory leaves the table as it was.
 */
#include "common/table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define TABLE_CAPACITY_FIRST 8u /* places at the first put */

static uint64_t rotate_left(uint64_t value, unsigned bits)
{
    return value << bits | value >> (64 - bits);
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotate_left(v[1], 13) ^ v[0];
    v[0] = rotate_left(v[0], 32);
    v[2] += v[3];
    v[3] = rotate_left(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotate_left(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotate_left(v[1], 17) ^ v[2];
    v[2] = rotate_left(v[2], 32);
}

/* Up to 8 bytes as a little-endian number, so that places are the same on every machine. */
static uint64_t load_little(const uint8_t *bytes, size_t count)
{
    uint64_t value = 0;
    for (size_t i = 0; i < count; i++) {
        value |= (uint64_t)bytes[i] << (8 * i);
    }
    return value;
}

/* Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012, with one and three rounds. */
uint64_t table_hash(const uint64_t seed[2], const void *key, size_t count)
{
    const uint8_t *bytes = key;
    uint64_t v[4] = {
        seed[0] ^ UINT64_C(0x736f6d6570736575),
        seed[1] ^ UINT64_C(0x646f72616e646f6d),
        seed[0] ^ UINT64_C(0x6c7967656e657261),
        seed[1] ^ UINT64_C(0x7465646279746573),
    };
    size_t at = 0;
    for (; at + 8 <= count; at += 8) {
        uint64_t word = load_little(bytes + at, 8);
        v[3] ^= word;
        sip_round(v);
        v[0] ^= word;
    }
    uint64_t last = load_little(bytes + at, count - at) | (uint64_t)count << 56;
    v[3] ^= last;
    sip_round(v);
    v[0] ^= last;
    v[2] ^= 0xff;
    for (int i = 0; i < 3; i++) {
        sip_round(v);
    }
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static uint8_t *entry_at(const struct table *table, uint32_t place)
{
    return table->entries + (size_t)place * table->entry_bytes;
}

static bool is_taken(const struct table *table, uint32_t place)
{
    return table->taken[place / 64] >> (place % 64) & 1;
}

/* Marks a free place as taken, or a taken one as free. */
static void flip_taken(struct table *table, uint32_t place)
{
    table->taken[place / 64] ^= UINT64_C(1) << (place % 64);
}

/* Where a key would like to be: the hash scaled to the capacity, no modulo. */
static uint32_t home_of(const struct table *table, const void *key)
{
    uint64_t hash = table_hash(table->seed, key, table->key_bytes);
    return (uint32_t)((unsigned __int128)hash * table->capacity >> 64);
}

static uint32_t place_after(const struct table *table, uint32_t place)
{
    return place + 1 == table->capacity ? 0 : place + 1;
}

/* The key's place, or the free one where it would go. There is always a free place. */
static uint32_t find(const struct table *table, const void *key)
{
    uint32_t place = home_of(table, key);
    while (is_taken(table, place) && memcmp(entry_at(table, place), key, table->key_bytes) != 0) {
        place = place_after(table, place);
    }
    return place;
}

static size_t taken_words(uint32_t capacity)
{
    return ((size_t)capacity + 63) / 64;
}

void table_init(struct table *table, uint32_t entry_bytes, uint32_t key_bytes, uint64_t seed)
{
    assert(key_bytes > 0);
    assert(entry_bytes >= key_bytes);
    *table = (struct table){.entry_bytes = entry_bytes,
                            .key_bytes = key_bytes,
                            .seed = {seed, rotate_left(seed, 32) ^ UINT64_C(0x9e3779b97f4a7c15)}};
}

void table_deinit(struct table *table)
{
    free(table->entries);
    free(table->taken);
    *table = (struct table){0};
}

static bool grow(struct table *table)
{
    uint32_t capacity = table->capacity + table->capacity / 4;
    if (capacity < table->capacity) {
        return false; /* 2^32 places */
    }
    capacity = capacity == 0 ? TABLE_CAPACITY_FIRST : capacity;
    struct table grown = *table;
    grown.capacity = capacity;
    grown.entries = calloc(capacity, table->entry_bytes);
    grown.taken = calloc(taken_words(capacity), sizeof *grown.taken);
    if (grown.entries == NULL || grown.taken == NULL) {
        free(grown.entries);
        free(grown.taken);
        return false;
    }
    for (uint32_t i = 0; i < table->capacity; i++) {
        if (is_taken(table, i)) {
            uint32_t place = find(&grown, entry_at(table, i));
            memcpy(entry_at(&grown, place), entry_at(table, i), table->entry_bytes);
            flip_taken(&grown, place);
        }
    }
    free(table->entries);
    free(table->taken);
    *table = grown;
    return true;
}

void *table_get(const struct table *table, const void *key)
{
    if (table->count == 0) {
        return NULL;
    }
    uint32_t place = find(table, key);
    return is_taken(table, place) ? entry_at(table, place) : NULL;
}

void *table_put(struct table *table, const void *key, bool *ret_created)
{
    void *entry = table_get(table, key);
    bool created = entry == NULL;
    if (created) {
        /* The limit is 3/4, in 64 bits so that it cannot wrap. */
        if ((uint64_t)(table->count + 1) * 4 > (uint64_t)table->capacity * 3 && !grow(table)) {
            return NULL;
        }
        uint32_t place = find(table, key);
        assert(!is_taken(table, place));
        entry = entry_at(table, place);
        memset(entry, 0, table->entry_bytes);
        memcpy(entry, key, table->key_bytes);
        flip_taken(table, place);
        table->count++;
    }
    if (ret_created != NULL) {
        *ret_created = created;
    }
    return entry;
}

/* How far `place` is behind `home`, counting around the end. */
static uint32_t distance(const struct table *table, uint32_t home, uint32_t place)
{
    return place >= home ? place - home : place + (table->capacity - home);
}

bool table_remove(struct table *table, const void *key)
{
    if (table->count == 0) {
        return false;
    }
    uint32_t hole = find(table, key);
    if (!is_taken(table, hole)) {
        return false;
    }
    /* Whoever passed over the hole on the way from home may move into it, and leaves another. */
    for (uint32_t at = place_after(table, hole); is_taken(table, at); at = place_after(table, at)) {
        uint32_t home = home_of(table, entry_at(table, at));
        if (distance(table, home, at) >= distance(table, hole, at)) {
            memcpy(entry_at(table, hole), entry_at(table, at), table->entry_bytes);
            hole = at;
        }
    }
    flip_taken(table, hole);
    table->count--;
    return true;
}

void *table_next(const struct table *table, uint32_t *place)
{
    while (*place < table->capacity) {
        uint32_t at = (*place)++;
        if (is_taken(table, at)) {
            return entry_at(table, at);
        }
    }
    return NULL;
}

size_t table_heap_bytes(const struct table *table)
{
    return (size_t)table->capacity * table->entry_bytes +
           taken_words(table->capacity) * sizeof *table->taken;
}

void table_check_invariants(const struct table *table)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < table->capacity; i++) {
        if (is_taken(table, i)) {
            assert(find(table, entry_at(table, i)) == i);
            count++;
        }
    }
    assert(count == table->count);
    assert((uint64_t)count * 4 <= (uint64_t)table->capacity * 3);
}
