/*
 * holders.c: wishes in slots, and for each the holdings of all neighbours.
 *
 * Responsible for what holders.h says. chunk_counts counts partial holders only, since whole ones
 * have every chunk: a HAVE WHOLE, the usual one, changes one number. Every change of a holding goes
 * through holding_clear and holding_add_row, so that counts, charges and masks agree.
 */
#include "p2p/core/holders.h"

#include "common/error.h"
#include "common/time_us.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void holders_init(struct holders *holders, const struct media_intern *intern,
                  uint32_t neighbour_bytes_max, uint32_t lies_max, uint64_t distrust_us)
{
    assert(lies_max > 0);
    *holders = (struct holders){.intern = intern,
                                .neighbour_bytes_max = neighbour_bytes_max,
                                .lies_max = lies_max,
                                .distrust_us = distrust_us};
}

static void counts_free(struct holders *holders, struct holders_wish *wish)
{
    if (wish->chunk_counts != NULL) {
        holders->heap_bytes -= wish->chunk_count;
        free(wish->chunk_counts);
        wish->chunk_counts = NULL;
    }
}

static void wish_free(struct holders *holders, struct holders_wish *wish)
{
    counts_free(holders, wish);
    holders->wishes[wish->slot] = NULL;
    holders->heap_bytes -= sizeof *wish;
    free(wish);
}

void holders_deinit(struct holders *holders)
{
    for (uint32_t slot = 0; slot < OVERLAY_WISHES_MAX; slot++) {
        if (holders->wishes[slot] != NULL) {
            assert(holders->wishes[slot]->part_count == 0);
            wish_free(holders, holders->wishes[slot]);
        }
    }
    assert(holders->heap_bytes == 0);
}

static void counts_change(struct holders_wish *wish, uint32_t row, uint8_t mask, bool is_more)
{
    for (uint32_t i = 0; i < ROW_CHUNKS; i++) {
        if ((mask >> i & 1) != 0) {
            uint8_t *count = &wish->chunk_counts[row * ROW_CHUNKS + i];
            assert(is_more ? *count < OVERLAY_LINKS_MAX : *count > 0);
            *count = (uint8_t)(is_more ? *count + 1 : *count - 1);
        }
    }
}

/* NONE from whatever it was; trust and the rest stay. */
static void holding_clear(struct holders *holders, struct holders_wish *wish, uint32_t slot,
                          uint32_t *charge)
{
    struct holding *holding = &wish->holdings[slot];
    if (holding->kind == P2P_HAVE_WHOLE) {
        wish->whole_count--;
    } else if (holding->kind == P2P_HAVE_PARTIAL) {
        for (uint32_t row = 0; row < wish->row_count; row++) {
            counts_change(wish, row, holding->row_masks[row], false);
        }
        wish->part_count--;
        assert(*charge >= wish->row_count);
        *charge -= wish->row_count;
        holders->heap_bytes -= wish->row_count;
        free(holding->row_masks);
        holding->row_masks = NULL;
        if (wish->part_count == 0) {
            counts_free(holders, wish);
        }
    }
    holding->kind = P2P_HAVE_NONE;
    holding->chunks = 0;
}

/* Empty masks for a holding that is NONE. */
static int holding_open(struct holders *holders, struct holders_wish *wish, uint32_t slot,
                        uint32_t *charge)
{
    struct holding *holding = &wish->holdings[slot];
    assert(holding->kind == P2P_HAVE_NONE);
    if (*charge + wish->row_count > holders->neighbour_bytes_max) {
        return ERROR_FULL;
    }
    if (wish->chunk_counts == NULL) {
        wish->chunk_counts = calloc(wish->chunk_count, 1);
        if (wish->chunk_counts == NULL) {
            return ERROR_NO_MEMORY;
        }
        holders->heap_bytes += wish->chunk_count;
    }
    holding->row_masks = calloc(wish->row_count, 1);
    if (holding->row_masks == NULL) {
        return ERROR_NO_MEMORY;
    }
    *charge += wish->row_count;
    holders->heap_bytes += wish->row_count;
    holding->kind = P2P_HAVE_PARTIAL;
    wish->part_count++;
    return 0;
}

static bool holding_add_row(struct holders_wish *wish, uint32_t slot, uint32_t row, uint8_t mask)
{
    struct holding *holding = &wish->holdings[slot];
    uint8_t fresh = mask & (uint8_t)~holding->row_masks[row];
    if (fresh == 0) {
        return false;
    }
    holding->row_masks[row] |= fresh;
    holding->chunks += (uint32_t)__builtin_popcount(fresh);
    counts_change(wish, row, fresh, true);
    return true;
}

/* The bits of a run that lie in a row. */
static uint8_t row_part(uint32_t row, uint32_t first, uint32_t end)
{
    uint32_t begin = row * ROW_CHUNKS;
    uint32_t from = first > begin ? first - begin : 0;
    uint32_t to = end < begin + ROW_CHUNKS ? end - begin : ROW_CHUNKS;
    return (uint8_t)(((1u << to) - 1) & ~((1u << from) - 1));
}

static bool add_runs(struct holders_wish *wish, uint32_t slot, const struct p2p_message *have)
{
    bool is_more = false;
    for (uint32_t i = 0; i < have->have.count; i++) {
        struct p2p_have_run run;
        p2p_have_run_read(have->have.runs, i, &run);
        uint32_t end = run.first + run.count;
        assert(run.count > 0 && end <= wish->chunk_count); /* the decoder's promise */
        for (uint32_t row = run.first / ROW_CHUNKS; row * ROW_CHUNKS < end; row++) {
            is_more = holding_add_row(wish, slot, row, row_part(row, run.first, end)) || is_more;
        }
    }
    return is_more;
}

static void make_whole(struct holders *holders, struct holders_wish *wish, uint32_t slot,
                       uint32_t *charge)
{
    holding_clear(holders, wish, slot, charge);
    wish->holdings[slot].kind = P2P_HAVE_WHOLE;
    wish->whole_count++;
}

/* RUNS and MORE. */
static int have_runs(struct holders *holders, struct holders_wish *wish, uint32_t slot,
                     uint32_t *charge, const struct p2p_message *have, bool *ret_is_more)
{
    struct holding *holding = &wish->holdings[slot];
    uint32_t chunks_before = holding->chunks;
    bool is_anew = have->have.kind == P2P_HAVE_RUNS;
    if (holding->kind == P2P_HAVE_WHOLE && !is_anew) {
        return 0;
    }
    if (is_anew) {
        holding_clear(holders, wish, slot, charge);
    }
    int error = holding->kind == P2P_HAVE_NONE ? holding_open(holders, wish, slot, charge) : 0;
    if (error != 0) {
        return error;
    }
    bool is_more = add_runs(wish, slot, have);
    *ret_is_more = is_anew ? holding->chunks > chunks_before : is_more;
    if (holding->chunks == wish->chunk_count) {
        make_whole(holders, wish, slot, charge);
    }
    return 0;
}

int holders_have(struct holders *holders, struct holders_wish *wish, uint32_t neighbour_slot,
                 uint32_t *charge, uint64_t now_us, const struct p2p_message *have,
                 bool *ret_is_more)
{
    struct holding *holding = &wish->holdings[neighbour_slot];
    holding->is_heard = true;
    if (holding->distrusted_until_s * TIME_US_PER_S > now_us) {
        return ERROR_NOT_FOUND;
    }
    bool is_more = false;
    int error = 0;
    if (have->have.kind == P2P_HAVE_NONE) {
        holding_clear(holders, wish, neighbour_slot, charge);
    } else if (have->have.kind == P2P_HAVE_WHOLE) {
        is_more = holding->kind != P2P_HAVE_WHOLE;
        if (is_more) {
            make_whole(holders, wish, neighbour_slot, charge);
        }
    } else {
        error = have_runs(holders, wish, neighbour_slot, charge, have, &is_more);
    }
    if (error == 0) {
        *ret_is_more = is_more;
    }
    return error;
}

bool holders_not_held(struct holders *holders, struct holders_wish *wish, uint32_t neighbour_slot,
                      uint32_t *charge, uint64_t now_us, uint32_t chunk)
{
    struct holding *holding = &wish->holdings[neighbour_slot];
    uint32_t row = chunk / ROW_CHUNKS;
    uint8_t bit = (uint8_t)(1u << chunk % ROW_CHUNKS);
    if (!holders_has(wish, neighbour_slot, chunk)) {
        return false;
    }
    holding->lies++;
    if (holding->lies >= holders->lies_max) {
        holding_clear(holders, wish, neighbour_slot, charge);
        holding->distrusted_until_s =
            (uint32_t)((now_us + holders->distrust_us) / TIME_US_PER_S) + 1;
        holding->lies = 0;
        return true;
    }
    if (holding->kind == P2P_HAVE_PARTIAL) {
        holding->row_masks[row] &= (uint8_t)~bit;
        holding->chunks--;
        counts_change(wish, row, bit, false);
    }
    return false;
}

void holders_gave(struct holders_wish *wish, uint32_t neighbour_slot)
{
    wish->holdings[neighbour_slot].lies = 0;
}

void holders_forget(struct holders *holders, uint32_t neighbour_slot, uint32_t *charge)
{
    for (uint32_t slot = 0; slot < OVERLAY_WISHES_MAX; slot++) {
        struct holders_wish *wish = holders->wishes[slot];
        if (wish != NULL) {
            holding_clear(holders, wish, neighbour_slot, charge);
            wish->holdings[neighbour_slot] = (struct holding){.kind = P2P_HAVE_NONE};
        }
    }
}

/* Takes a wish out, and its charges back. */
static void wish_remove(struct holders *holders, struct holders_wish *wish,
                        uint32_t *const charges[OVERLAY_LINKS_MAX])
{
    for (uint32_t slot = 0; slot < OVERLAY_LINKS_MAX; slot++) {
        if (charges[slot] != NULL) {
            holding_clear(holders, wish, slot, charges[slot]);
        }
    }
    wish_free(holders, wish);
}

static struct holders_wish *wish_add(struct holders *holders, media_handle file)
{
    uint32_t slot = 0;
    while (holders->wishes[slot] != NULL) {
        slot++;
        assert(slot < OVERLAY_WISHES_MAX);
    }
    struct holders_wish *wish = calloc(1, sizeof *wish);
    if (wish == NULL) {
        return NULL;
    }
    wish->file = file;
    wish->slot = slot;
    wish->id = *media_intern_id(holders->intern, file);
    wish->key = p2p_file_key(&wish->id);
    wish->chunk_count = media_chunk_count(wish->id.bytes);
    wish->row_count = media_row_count(wish->id.bytes);
    holders->wishes[slot] = wish;
    holders->heap_bytes += sizeof *wish;
    return wish;
}

static uint64_t remove_left(struct holders *holders, uint32_t *const charges[OVERLAY_LINKS_MAX])
{
    uint64_t gone = 0;
    for (uint32_t slot = 0; slot < OVERLAY_WISHES_MAX; slot++) {
        struct holders_wish *wish = holders->wishes[slot];
        if (wish != NULL && !wish->is_kept) {
            gone |= UINT64_C(1) << slot;
            wish_remove(holders, wish, charges);
        } else if (wish != NULL) {
            wish->is_kept = false;
        }
    }
    return gone;
}

int holders_set(struct holders *holders, const struct overlay_wish *wishes, uint32_t count,
                uint32_t *const charges[OVERLAY_LINKS_MAX], uint64_t *ret_gone, uint64_t *ret_new)
{
    assert(count <= OVERLAY_WISHES_MAX);
    for (uint32_t i = 0; i < count; i++) {
        struct holders_wish *wish = holders_find(holders, wishes[i].file);
        if (wish != NULL) {
            assert(!wish->is_kept); /* each file once */
            wish->is_kept = true;
        }
    }
    uint64_t gone = remove_left(holders, charges);
    uint64_t fresh = 0;
    int error = 0;
    holders->count = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct holders_wish *wish = holders_find(holders, wishes[i].file);
        if (wish == NULL) {
            wish = wish_add(holders, wishes[i].file);
            if (wish == NULL) {
                error = ERROR_NO_MEMORY;
                break;
            }
            fresh |= UINT64_C(1) << wish->slot;
        }
        wish->weight = wishes[i].weight;
        wish->is_urgent = wishes[i].is_urgent;
        holders->order[holders->count++] = wish->slot;
    }
    *ret_gone = gone;
    *ret_new = fresh;
    return error;
}

struct holders_wish *holders_find(const struct holders *holders, media_handle file)
{
    for (uint32_t slot = 0; slot < OVERLAY_WISHES_MAX; slot++) {
        struct holders_wish *wish = holders->wishes[slot];
        if (wish != NULL && wish->file == file) {
            return wish;
        }
    }
    return NULL;
}

struct holders_wish *holders_find_key(const struct holders *holders, uint64_t key)
{
    for (uint32_t i = 0; i < holders->count; i++) {
        struct holders_wish *wish = holders_at(holders, i);
        if (wish->key == key) {
            return wish;
        }
    }
    return NULL;
}

struct holders_wish *holders_find_id(const struct holders *holders, const struct media_file_id *id)
{
    struct holders_wish *wish = holders_find_key(holders, p2p_file_key(id));
    return wish != NULL && media_file_id_equal(&wish->id, id) ? wish : NULL;
}

struct holders_wish *holders_at(const struct holders *holders, uint32_t index)
{
    assert(index < holders->count);
    return holders->wishes[holders->order[index]];
}

bool holders_has(const struct holders_wish *wish, uint32_t neighbour_slot, uint32_t chunk)
{
    const struct holding *holding = &wish->holdings[neighbour_slot];
    assert(chunk < wish->chunk_count);
    if (holding->kind != P2P_HAVE_PARTIAL) {
        return holding->kind == P2P_HAVE_WHOLE;
    }
    return (holding->row_masks[chunk / ROW_CHUNKS] >> chunk % ROW_CHUNKS & 1) != 0;
}

uint32_t holders_count(const struct holders_wish *wish, uint32_t chunk)
{
    assert(chunk < wish->chunk_count);
    return wish->whole_count + (wish->chunk_counts == NULL ? 0 : wish->chunk_counts[chunk]);
}

uint64_t holders_overlap(const struct holders *holders, uint32_t neighbour_slot)
{
    uint64_t overlap = 0;
    for (uint32_t i = 0; i < holders->count; i++) {
        const struct holders_wish *wish = holders_at(holders, i);
        const struct holding *holding = &wish->holdings[neighbour_slot];
        if (holding->kind == P2P_HAVE_WHOLE) {
            overlap += wish->weight;
        } else if (holding->kind == P2P_HAVE_PARTIAL && holding->chunks > 0) {
            uint64_t share = time_scale(wish->weight, holding->chunks, wish->chunk_count);
            overlap += share > wish->weight / 8 ? share : wish->weight / 8;
        }
    }
    return overlap;
}

uint32_t holders_files(const struct holders *holders, uint32_t neighbour_slot)
{
    uint32_t files = 0;
    for (uint32_t i = 0; i < holders->count; i++) {
        const struct holding *holding = &holders_at(holders, i)->holdings[neighbour_slot];
        files += holding->kind == P2P_HAVE_WHOLE || holding->chunks > 0;
    }
    return files;
}

size_t holders_heap_bytes(const struct holders *holders)
{
    return holders->heap_bytes;
}

static void wish_check(const struct holders_wish *wish, uint32_t *ret_masks)
{
    uint32_t whole = 0;
    uint32_t part = 0;
    for (uint32_t slot = 0; slot < OVERLAY_LINKS_MAX; slot++) {
        const struct holding *holding = &wish->holdings[slot];
        uint32_t chunks = 0;
        whole += holding->kind == P2P_HAVE_WHOLE;
        part += holding->kind == P2P_HAVE_PARTIAL;
        assert((holding->kind == P2P_HAVE_PARTIAL) == (holding->row_masks != NULL));
        for (uint32_t row = 0; holding->row_masks != NULL && row < wish->row_count; row++) {
            chunks += (uint32_t)__builtin_popcount(holding->row_masks[row]);
        }
        assert(chunks == holding->chunks);
        ret_masks[slot] += holding->row_masks == NULL ? 0 : wish->row_count;
    }
    assert(whole == wish->whole_count);
    assert(part == wish->part_count);
    assert((part > 0) == (wish->chunk_counts != NULL));
}

void holders_check_invariants(const struct holders *holders,
                              uint32_t *const charges[OVERLAY_LINKS_MAX])
{
    uint32_t masks[OVERLAY_LINKS_MAX] = {0};
    uint32_t count = 0;
    for (uint32_t slot = 0; slot < OVERLAY_WISHES_MAX; slot++) {
        const struct holders_wish *wish = holders->wishes[slot];
        if (wish != NULL) {
            count++;
            assert(wish->slot == slot);
            assert(!wish->is_kept);
            wish_check(wish, masks);
        }
    }
    assert(count == holders->count);
    for (uint32_t slot = 0; slot < OVERLAY_LINKS_MAX; slot++) {
        assert(masks[slot] == (charges[slot] == NULL ? 0 : *charges[slot]));
        assert(charges[slot] == NULL || *charges[slot] <= holders->neighbour_bytes_max);
    }
}
