/*
 * interests.c: a table of files that somebody wants to hear of.
 *
 * Responsible for what interests.h says. A fresh neighbour makes its file due at once, a change of
 * what is stored makes it due with the next batch; both are counted, so that nobody looks through
 * the table when nothing is due.
 */
#include "p2p/core/interests.h"

#include "common/error.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void interests_init(struct interests *interests, const struct media_intern *intern, uint64_t seed)
{
    *interests = (struct interests){.intern = intern};
    table_init(&interests->table, sizeof(struct interest), sizeof(uint64_t), seed);
}

static void masks_free(struct interests *interests, struct interest *interest)
{
    if (interest->told_masks != NULL) {
        interests->masks_bytes -= media_row_count(interest->id.bytes);
        free(interest->told_masks);
        interest->told_masks = NULL;
    }
}

void interests_deinit(struct interests *interests)
{
    uint32_t place = 0;
    for (struct interest *each; (each = table_next(&interests->table, &place)) != NULL;) {
        masks_free(interests, each);
    }
    assert(interests->masks_bytes == 0);
    table_deinit(&interests->table);
}

/* Keeps the counts right around a change of fresh and is_dirty. */
static void set_due(struct interests *interests, struct interest *interest, uint64_t fresh,
                    bool is_dirty)
{
    interests->fresh_count -= interest->fresh != 0;
    interests->dirty_count -= interest->is_dirty && interest->fresh == 0;
    interest->fresh = fresh;
    interest->is_dirty = is_dirty;
    interests->fresh_count += interest->fresh != 0;
    interests->dirty_count += interest->is_dirty && interest->fresh == 0;
}

int interests_want(struct interests *interests, uint32_t slot, const struct media_file_id *id)
{
    uint64_t key = p2p_file_key(id);
    uint64_t bit = UINT64_C(1) << slot;
    struct interest *interest = table_get(&interests->table, &key);
    if (interest != NULL && !media_file_id_equal(&interest->id, id)) {
        return ERROR_EXISTS;
    }
    bool is_new = interest == NULL || (interest->slots & bit) == 0;
    if (is_new && interests->counts[slot] >= P2P_INTEREST_MAX) {
        return ERROR_FULL;
    }
    if (interest == NULL) {
        interest = table_put(&interests->table, &key, NULL);
        if (interest == NULL) {
            return ERROR_NO_MEMORY;
        }
        interest->id = *id;
        interest->file = media_intern_find(interests->intern, id);
    }
    interests->counts[slot] = (uint8_t)(interests->counts[slot] + is_new);
    interest->slots |= bit;
    set_due(interests, interest, interest->fresh | bit, interest->is_dirty);
    return 0;
}

/* Takes a neighbour off a record; true when the record was the last one's and is to go. */
static bool leave(struct interests *interests, struct interest *interest, uint32_t slot)
{
    uint64_t bit = UINT64_C(1) << slot;
    if ((interest->slots & bit) == 0) {
        return false;
    }
    assert(interests->counts[slot] > 0);
    interests->counts[slot]--;
    interest->slots &= ~bit;
    set_due(interests, interest, interest->fresh & ~bit, interest->is_dirty);
    return interest->slots == 0;
}

static void record_remove(struct interests *interests, struct interest *interest)
{
    uint64_t key = interest->key;
    set_due(interests, interest, 0, false);
    masks_free(interests, interest);
    table_remove(&interests->table, &key);
}

void interests_drop(struct interests *interests, uint32_t slot, const struct media_file_id *id)
{
    uint64_t key = p2p_file_key(id);
    struct interest *interest = table_get(&interests->table, &key);
    if (interest != NULL && media_file_id_equal(&interest->id, id) &&
        leave(interests, interest, slot)) {
        record_remove(interests, interest);
    }
}

void interests_forget(struct interests *interests, uint32_t slot)
{
    uint32_t place = 0;
    while (interests->counts[slot] > 0) {
        struct interest *each = table_next(&interests->table, &place);
        if (each == NULL) { /* a removal moved some to places before */
            place = 0;
        } else if (leave(interests, each, slot)) {
            record_remove(interests, each);
            place--;
        }
    }
}

void interests_changed(struct interests *interests, media_handle file)
{
    if (interests->table.count == 0) {
        return;
    }
    const struct media_file_id *id = media_intern_id(interests->intern, file);
    uint64_t key = p2p_file_key(id);
    struct interest *interest = table_get(&interests->table, &key);
    if (interest != NULL && media_file_id_equal(&interest->id, id)) {
        interest->file = file;
        set_due(interests, interest, interest->fresh, true);
    }
}

struct interest *interests_next(const struct interests *interests, bool with_dirty, uint32_t *place)
{
    if (interests->fresh_count == 0 && !(with_dirty && interests->dirty_count > 0)) {
        return NULL;
    }
    for (struct interest *each; (each = table_next(&interests->table, place)) != NULL;) {
        if (each->fresh != 0 || (with_dirty && each->is_dirty)) {
            return each;
        }
    }
    return NULL;
}

int interests_told(struct interests *interests, struct interest *interest, uint8_t kind,
                   const uint8_t *row_masks, uint64_t still_fresh)
{
    assert((kind == P2P_HAVE_PARTIAL) == (row_masks != NULL));
    assert((still_fresh & ~interest->slots) == 0);
    uint32_t rows = media_row_count(interest->id.bytes);
    if (kind != P2P_HAVE_PARTIAL) {
        masks_free(interests, interest);
    } else if (interest->told_masks == NULL) {
        interest->told_masks = calloc(rows, 1);
        if (interest->told_masks == NULL) {
            return ERROR_NO_MEMORY;
        }
        interests->masks_bytes += rows;
    }
    if (row_masks != NULL) {
        memcpy(interest->told_masks, row_masks, rows);
    }
    interest->told_kind = kind;
    set_due(interests, interest, still_fresh, false);
    return 0;
}

size_t interests_heap_bytes(const struct interests *interests)
{
    return table_heap_bytes(&interests->table) + interests->masks_bytes;
}

void interests_check_invariants(const struct interests *interests)
{
    uint32_t counts[OVERLAY_LINKS_MAX] = {0};
    uint32_t fresh = 0;
    uint32_t dirty = 0;
    uint32_t place = 0;
    table_check_invariants(&interests->table);
    for (struct interest *each; (each = table_next(&interests->table, &place)) != NULL;) {
        assert(each->slots != 0);
        assert((each->fresh & ~each->slots) == 0);
        assert((each->told_kind == P2P_HAVE_PARTIAL) == (each->told_masks != NULL));
        fresh += each->fresh != 0;
        dirty += each->is_dirty && each->fresh == 0;
        for (uint32_t slot = 0; slot < OVERLAY_LINKS_MAX; slot++) {
            counts[slot] += (uint32_t)(each->slots >> slot & 1);
        }
    }
    assert(fresh == interests->fresh_count);
    assert(dirty == interests->dirty_count);
    for (uint32_t slot = 0; slot < OVERLAY_LINKS_MAX; slot++) {
        assert(counts[slot] == interests->counts[slot]);
    }
}
