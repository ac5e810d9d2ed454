/*
 * tracker_index.c: linear hashing over blocks of chain heads and blocks of records.
 *
 * Responsible for chains and places. Between 2^k and 2^(k+1) chains, those that have been split
 * already are told apart by k+1 bits of the hash, the others by k.
 *
 * Failure mode: without memory for another block of heads chains get longer; without memory for
 * a block of records nothing is put.
 */
#include "streamserver/core/tracker_index.h"

#include "common/error.h"
#include "common/table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void tracker_index_init(struct tracker_index *index, uint64_t seed)
{
    struct prng prng;
    prng_init(&prng, seed);
    *index = (struct tracker_index){.free_first = TRACKER_NONE};
    tracker_blocks_init(&index->records, sizeof(struct tracker_record));
    tracker_blocks_init(&index->heads, sizeof(uint32_t));
    index->seed[0] = prng_u64(&prng);
    index->seed[1] = prng_u64(&prng);
}

size_t tracker_index_block_bytes(const struct tracker_index *index)
{
    return tracker_blocks_bytes(&index->records) + tracker_blocks_bytes(&index->heads);
}

void tracker_index_deinit(struct tracker_index *index, size_t *memory)
{
    for (uint32_t i = 0; i < index->used_count; i++) {
        tracker_set_clear(&tracker_index_get(index, i)->set, memory);
    }
    tracker_blocks_deinit(&index->records, memory);
    tracker_blocks_deinit(&index->heads, memory);
    *index = (struct tracker_index){.free_first = TRACKER_NONE};
}

struct tracker_record *tracker_index_get(const struct tracker_index *index, uint32_t number)
{
    assert(number < index->used_count);
    return tracker_blocks_get(&index->records, number);
}

static uint32_t *head_at(const struct tracker_index *index, uint32_t chain)
{
    assert(chain < index->head_count);
    return tracker_blocks_get(&index->heads, chain);
}

static uint32_t *chain_of(const struct tracker_index *index, uint64_t key)
{
    uint8_t bytes[sizeof key];
    for (uint32_t i = 0; i < sizeof key; i++) {
        bytes[i] = (uint8_t)(key >> (8 * i));
    }
    uint32_t hash = (uint32_t)table_hash(index->seed, bytes, sizeof bytes);
    uint32_t top = UINT32_C(1) << (31 - __builtin_clz(index->head_count)); /* 2^k */
    uint32_t chain = hash & (top * 2 - 1);
    return head_at(index, chain < index->head_count ? chain : hash & (top - 1));
}

uint32_t tracker_index_find(const struct tracker_index *index, uint64_t key)
{
    if (index->head_count == 0) {
        return TRACKER_NONE;
    }
    uint32_t number = *chain_of(index, key);
    while (number != TRACKER_NONE) {
        const struct tracker_record *record = tracker_index_get(index, number);
        if (record->key == key) {
            return number;
        }
        number = record->next;
    }
    return TRACKER_NONE;
}

/* Splits the next chain in two: its records are told apart by one bit more. */
static void split(struct tracker_index *index, size_t *memory)
{
    if (!tracker_blocks_reach(&index->heads, index->head_count, memory)) {
        return;
    }
    uint32_t top = UINT32_C(1) << (31 - __builtin_clz(index->head_count));
    uint32_t *old = head_at(index, index->head_count - top);
    uint32_t number = *old;
    *old = TRACKER_NONE;
    index->head_count++;
    *head_at(index, index->head_count - 1) = TRACKER_NONE;
    while (number != TRACKER_NONE) {
        struct tracker_record *record = tracker_index_get(index, number);
        uint32_t next = record->next;
        uint32_t *head = chain_of(index, record->key);
        record->next = *head;
        *head = number;
        number = next;
    }
}

/* A record that is in no chain. */
static uint32_t take_record(struct tracker_index *index, size_t *memory)
{
    uint32_t number = index->free_first;
    if (number != TRACKER_NONE) {
        index->free_first = tracker_index_get(index, number)->next;
        return number;
    }
    if (index->used_count > TRACKER_VALUE_MAX) {
        return TRACKER_NONE;
    }
    if (!tracker_blocks_reach(&index->records, index->used_count, memory)) {
        return TRACKER_NONE;
    }
    return index->used_count++;
}

static bool begin(struct tracker_index *index, size_t *memory)
{
    if (index->head_count == 0) {
        if (!tracker_blocks_reach(&index->heads, 0, memory)) {
            return false;
        }
        index->head_count = 1;
        *head_at(index, 0) = TRACKER_NONE;
    }
    return true;
}

uint32_t tracker_index_put(struct tracker_index *index, uint64_t key, size_t *memory)
{
    uint32_t number = tracker_index_find(index, key);
    if (number != TRACKER_NONE) {
        return number;
    }
    if (!begin(index, memory)) {
        return TRACKER_NONE;
    }
    number = take_record(index, memory);
    if (number == TRACKER_NONE) {
        return TRACKER_NONE;
    }
    uint32_t *head = chain_of(index, key);
    *tracker_index_get(index, number) = (struct tracker_record){.key = key, .next = *head};
    *head = number;
    index->count++;
    if (index->count > index->head_count) {
        split(index, memory);
    }
    return number;
}

void tracker_index_remove(struct tracker_index *index, uint32_t number)
{
    struct tracker_record *record = tracker_index_get(index, number);
    assert(record->set.count == 0);
    uint32_t *at = chain_of(index, record->key);
    while (*at != number) {
        assert(*at != TRACKER_NONE);
        at = &tracker_index_get(index, *at)->next;
    }
    *at = record->next;
    *record = (struct tracker_record){.next = index->free_first};
    index->free_first = number;
    index->count--;
}

int tracker_index_add_value(struct tracker_index *index, uint64_t key, uint32_t value,
                            size_t *memory)
{
    uint32_t number = tracker_index_put(index, key, memory);
    if (number == TRACKER_NONE) {
        return ERROR_NO_MEMORY;
    }
    struct tracker_set *set = &tracker_index_get(index, number)->set;
    if (tracker_set_find(set, value, NULL)) {
        return 0;
    }
    int error = tracker_set_add(set, value, false, memory);
    if (error != 0 && set->count == 0) {
        tracker_index_remove(index, number);
    }
    return error;
}

void tracker_index_remove_value(struct tracker_index *index, uint64_t key, uint32_t value,
                                size_t *memory)
{
    uint32_t number = tracker_index_find(index, key);
    if (number == TRACKER_NONE) {
        return;
    }
    struct tracker_set *set = &tracker_index_get(index, number)->set;
    (void)tracker_set_remove(set, value, memory);
    if (set->count == 0) {
        tracker_set_clear(set, memory);
        tracker_index_remove(index, number);
    }
}

size_t tracker_index_check_invariants(const struct tracker_index *index)
{
    size_t memory = tracker_index_block_bytes(index);
    uint32_t count = 0;
    for (uint32_t chain = 0; chain < index->head_count; chain++) {
        uint32_t number = *head_at(index, chain);
        while (number != TRACKER_NONE) {
            const struct tracker_record *record = tracker_index_get(index, number);
            assert(chain_of(index, record->key) == head_at(index, chain));
            memory += tracker_set_check_invariants(&record->set);
            count++;
            assert(count <= index->count);
            number = record->next;
        }
    }
    assert(count == index->count);
    uint32_t free_count = 0;
    for (uint32_t at = index->free_first; at != TRACKER_NONE;
         at = tracker_index_get(index, at)->next) {
        free_count++;
        assert(free_count + count <= index->used_count);
    }
    assert(free_count + count == index->used_count);
    return memory;
}
