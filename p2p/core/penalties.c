/*
 * penalties.c: points against peers and prefixes, halving with time.
 *
 * Responsible for the arithmetic of decay and for who is forgotten when a table is full. Between
 * two half-lives a value falls in a straight line, so that no exponential is needed and the result
 * is the same everywhere.
 */
#include "p2p/core/penalties.h"

#include "common/error.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define POINT 256u /* a value's unit: fractions of a point survive the halving */
#define TABLE_CAPACITY_FIRST 8u

uint32_t penalties_points(enum penalty penalty)
{
    static const uint8_t points[PENALTY_KINDS] = {
        [PENALTY_SILENT] = 15, [PENALTY_BAD_CHUNK] = 40, [PENALTY_LIE] = 30,
        [PENALTY_FLOOD] = 40,  [PENALTY_PROTOCOL] = 60,
    };
    assert(penalty < PENALTY_KINDS);
    return points[penalty];
}

/* ---- Values ---- */

static uint32_t decayed(uint32_t value, uint64_t half_life_us, uint64_t age_us)
{
    uint64_t halvings = age_us / half_life_us;
    if (halvings >= 32) {
        return 0;
    }
    value >>= halvings;
    return value - (uint32_t)time_scale(value, age_us % half_life_us, 2 * half_life_us);
}

static uint32_t value_now(const struct penalties *penalties, const struct penalty_entry *entry,
                          uint64_t now_us)
{
    assert(now_us >= entry->at_us);
    return decayed(entry->value, penalties->half_life_us, now_us - entry->at_us);
}

/* ---- Tables ---- */

static struct penalty_entry *find(const struct penalty_table *table, const uint8_t *key)
{
    for (uint32_t i = 0; i < table->count; i++) {
        if (memcmp(table->entries[i].key, key, HASH_BYTES) == 0) {
            return &table->entries[i];
        }
    }
    return NULL;
}

/* 0, or ERROR_NO_MEMORY; there is room for one more after it, or the table is at its maximum. */
static int grow(struct penalty_table *table)
{
    if (table->count < table->capacity || table->capacity == table->max) {
        return 0;
    }
    uint32_t capacity = table->capacity == 0 ? TABLE_CAPACITY_FIRST : 2 * table->capacity;
    capacity = capacity > table->max ? table->max : capacity;
    struct penalty_entry *entries = calloc(capacity, sizeof *entries);
    if (entries == NULL) {
        return ERROR_NO_MEMORY;
    }
    if (table->count > 0) {
        memcpy(entries, table->entries, table->count * sizeof *entries);
    }
    free(table->entries);
    table->entries = entries;
    table->capacity = capacity;
    return 0;
}

/* The one with the least points now; the longest untouched among equals. */
static struct penalty_entry *least(const struct penalties *penalties,
                                   const struct penalty_table *table, uint64_t now_us)
{
    struct penalty_entry *found = NULL;
    uint32_t found_value = 0;
    for (uint32_t i = 0; i < table->count; i++) {
        struct penalty_entry *entry = &table->entries[i];
        uint32_t value = value_now(penalties, entry, now_us);
        if (found == NULL || value < found_value ||
            (value == found_value && entry->at_us < found->at_us)) {
            found = entry;
            found_value = value;
        }
    }
    return found;
}

/* The key's entry, or a place for it: a new one, that of somebody without points, or that of the
 * least if `value` is no less. NULL: it is not worth a place. */
static struct penalty_entry *place(const struct penalties *penalties, struct penalty_table *table,
                                   uint64_t now_us, const uint8_t *key, uint32_t value)
{
    struct penalty_entry *entry = find(table, key);
    if (entry != NULL) {
        return entry;
    }
    if (table->count < table->capacity) {
        entry = &table->entries[table->count++];
    } else {
        entry = least(penalties, table, now_us);
        if (value < value_now(penalties, entry, now_us)) {
            return NULL;
        }
    }
    memcpy(entry->key, key, HASH_BYTES);
    entry->value = 0;
    entry->at_us = now_us;
    return entry;
}

static int charge(const struct penalties *penalties, struct penalty_table *table, uint64_t now_us,
                  const uint8_t *key, uint32_t value)
{
    if (find(table, key) == NULL) {
        int error = grow(table);
        if (error != 0) {
            return error;
        }
    }
    struct penalty_entry *entry = place(penalties, table, now_us, key, value);
    if (entry != NULL) {
        uint32_t sum = value_now(penalties, entry, now_us) + value;
        entry->value = sum > PENALTIES_POINTS_MAX * POINT ? PENALTIES_POINTS_MAX * POINT : sum;
        entry->at_us = now_us;
    }
    return 0;
}

/* ---- Keys ---- */

/* False: its prefix is not counted. */
static bool prefix_key(const struct p2p_address *address, uint8_t ret_key[HASH_BYTES])
{
    struct p2p_address prefix;
    if (address == NULL || p2p_address_is_local(address) || !p2p_address_prefix(address, &prefix)) {
        return false;
    }
    memset(ret_key, 0, HASH_BYTES);
    ret_key[0] = prefix.family;
    memcpy(ret_key + 1, prefix.address, sizeof prefix.address);
    return true;
}

static int charge_prefix(struct penalties *penalties, uint64_t now_us,
                         const struct p2p_address *address, uint32_t value)
{
    uint8_t key[HASH_BYTES];
    if (!prefix_key(address, key)) {
        return 0;
    }
    return charge(penalties, &penalties->prefixes, now_us, key, value / PENALTIES_PREFIX_PART);
}

/* ---- What others call ---- */

void penalties_init(struct penalties *penalties, uint32_t ban_points, uint64_t half_life_us)
{
    assert(ban_points > 0 && ban_points <= PENALTIES_POINTS_MAX);
    assert(half_life_us > 0 && half_life_us < TIME_NEVER_US / 2);
    memset(penalties, 0, sizeof *penalties);
    penalties->ban_points = ban_points;
    penalties->half_life_us = half_life_us;
    penalties->peers.max = PENALTIES_PEERS_MAX;
    penalties->prefixes.max = PENALTIES_PREFIXES_MAX;
}

void penalties_deinit(struct penalties *penalties)
{
    free(penalties->peers.entries);
    free(penalties->prefixes.entries);
    memset(penalties, 0, sizeof *penalties);
}

int penalties_add(struct penalties *penalties, uint64_t now_us, const uint8_t peer_id[HASH_BYTES],
                  const struct p2p_address *address, enum penalty penalty)
{
    uint32_t value = penalties_points(penalty) * POINT;
    int error = charge(penalties, &penalties->peers, now_us, peer_id, value);
    return error != 0 ? error : charge_prefix(penalties, now_us, address, value);
}

static bool is_above(const struct penalties *penalties, const struct penalty_table *table,
                     uint64_t now_us, const uint8_t *key)
{
    const struct penalty_entry *entry = find(table, key);
    return entry != NULL && value_now(penalties, entry, now_us) >= penalties->ban_points * POINT;
}

bool penalties_is_banned(const struct penalties *penalties, uint64_t now_us, const uint8_t *peer_id,
                         const struct p2p_address *address)
{
    uint8_t key[HASH_BYTES];
    return (peer_id != NULL && is_above(penalties, &penalties->peers, now_us, peer_id)) ||
           (prefix_key(address, key) && is_above(penalties, &penalties->prefixes, now_us, key));
}

uint32_t penalties_get(const struct penalties *penalties, uint64_t now_us,
                       const uint8_t peer_id[HASH_BYTES])
{
    const struct penalty_entry *entry = find(&penalties->peers, peer_id);
    return entry == NULL ? 0 : (value_now(penalties, entry, now_us) + POINT / 2) / POINT;
}

int penalties_restore(struct penalties *penalties, uint64_t now_us,
                      const uint8_t peer_id[HASH_BYTES], const struct p2p_address *address,
                      uint32_t points, uint64_t age_us)
{
    points = points > PENALTIES_POINTS_MAX ? PENALTIES_POINTS_MAX : points;
    uint32_t value = decayed(points * POINT, penalties->half_life_us, age_us);
    const struct penalty_entry *entry = find(&penalties->peers, peer_id);
    uint32_t known = entry == NULL ? 0 : value_now(penalties, entry, now_us);
    if (value <= known) {
        return 0;
    }
    int error = charge(penalties, &penalties->peers, now_us, peer_id, value - known);
    return error != 0 ? error : charge_prefix(penalties, now_us, address, value - known);
}

size_t penalties_heap_bytes(const struct penalties *penalties)
{
    return ((size_t)penalties->peers.capacity + penalties->prefixes.capacity) *
           sizeof(struct penalty_entry);
}

static void check_table(const struct penalty_table *table)
{
    assert(table->count <= table->capacity);
    assert(table->capacity <= table->max);
    for (uint32_t i = 0; i < table->count; i++) {
        assert(table->entries[i].value <= PENALTIES_POINTS_MAX * POINT);
        assert(find(table, table->entries[i].key) == &table->entries[i]);
    }
}

void penalties_check_invariants(const struct penalties *penalties)
{
    assert(penalties->peers.max == PENALTIES_PEERS_MAX);
    assert(penalties->prefixes.max == PENALTIES_PREFIXES_MAX);
    check_table(&penalties->peers);
    check_table(&penalties->prefixes);
}
