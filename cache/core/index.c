/*
 * index.c: two tables: all files (8 bytes each), and the partial ones with their masks.
 *
 * Responsible for the sums and for choosing who leaves. Not for ranks (policy.c), nor for doing
 * what was chosen (the node's effects, the store).
 *
 * Happy path: rows are added until the file is complete; then its masks are freed. Failure mode:
 * no memory for masks or tables leaves the index as it was, but for a row lost from a complete
 * file, where forgetting the file is the safe side.
 */
#include "cache/core/index.h"

#include "common/error.h"
#include "common/table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Played once since it came. With probation only. */
#define HEARD_FLAG (UINT32_C(1) << 22)
/* In the main part: not on probation. */
#define MAIN_FLAG (UINT32_C(1) << 23)
#define PROTECTION_SHIFT 24
#define PROTECTION_MASK (UINT32_C(3) << PROTECTION_SHIFT)
#define PARTIAL_FLAG (UINT32_C(1) << 26)
#define HOLDERS_SHIFT 27
#define HOLDERS_MAX UINT32_C(31)
/* What each doubling of the holders takes off a rank: this part of the number of files. */
#define HOLDERS_DIVISOR 32u

#define GHOSTS_MAX 4096u
#define GHOSTS_FIRST 32u

/* word = rank (22 bits), heard (1), main (1), protection (2), partial (1), bits of the holders' number
 * (5). Partial: the file is in `partials` too. */
struct file_entry {
    media_handle file;
    uint32_t word;
};

struct partial_entry {
    media_handle file;
    uint32_t chunks; /* bits in the masks; 1 to all but one */
    uint8_t *masks;  /* a byte a row; owned */
};

/* Who left from probation, the last ones: a ring. */
struct ghosts {
    media_handle *files; /* 0 = none; owned; NULL before the first */
    uint32_t capacity;
    uint32_t next; /* place of the next one */
};

struct cache_index {
    const struct media_intern *intern;
    const struct cache_policy *policy;
    struct table files;    /* of file_entry */
    struct table partials; /* of partial_entry */
    struct ghosts ghosts;
    uint64_t limit_bytes;
    uint64_t payload_bytes;
    uint64_t probation_bytes; /* of payload */
    size_t masks_bytes;       /* on the heap, of all masks */
    uint32_t clock;           /* of the main part: the last arrival or use; see policy.h */
    uint32_t probation_clock; /* of the last arrival there */
    uint32_t main_count;      /* files of the main part */
};

_Static_assert(sizeof(struct file_entry) == 8, "8 of 12 bytes a complete file");

static const struct media_file_id *id_of(const struct cache_index *index, media_handle file)
{
    return media_intern_id(index->intern, file);
}

static uint32_t rank_of(const struct file_entry *entry)
{
    return entry->word & CACHE_RANK_MAX;
}

static enum cache_protection protection_of(const struct file_entry *entry)
{
    return (enum cache_protection)((entry->word & PROTECTION_MASK) >> PROTECTION_SHIFT);
}

static void set_rank(struct file_entry *entry, uint32_t rank)
{
    assert(rank <= CACHE_RANK_MAX);
    entry->word = (entry->word & ~CACHE_RANK_MAX) | rank;
}

static uint32_t bits(uint8_t mask)
{
    return (uint32_t)__builtin_popcount(mask);
}

/* The mask of a row of which all chunks are there. */
static uint8_t full_mask(uint64_t bytes, uint32_t row)
{
    return (uint8_t)((1u << media_row_chunks(bytes, row)) - 1);
}

/* Payload of the chunks in a mask. */
static uint64_t mask_bytes(uint64_t bytes, uint32_t row, uint8_t mask)
{
    uint64_t sum = (uint64_t)bits(mask) * CHUNK_BYTES;
    uint32_t last = media_chunk_count(bytes) - 1;
    if (row == last / ROW_CHUNKS && mask >> (last % ROW_CHUNKS) & 1) {
        sum -= CHUNK_BYTES - media_chunk_bytes(bytes, last);
    }
    return sum;
}

static bool is_main(const struct file_entry *entry)
{
    return (entry->word & MAIN_FLAG) != 0;
}

/* The next moment of a part's clock. At its end all ranks are halved, so that their order remains. */
static uint32_t tick(struct cache_index *index, bool of_main)
{
    uint32_t *clock = of_main ? &index->clock : &index->probation_clock;
    if (*clock == CACHE_RANK_MAX) {
        uint32_t place = 0;
        for (struct file_entry *entry; (entry = table_next(&index->files, &place)) != NULL;) {
            if (is_main(entry) == of_main) {
                set_rank(entry, rank_of(entry) / 2);
            }
        }
        *clock /= 2;
    }
    return ++*clock;
}

static void count_bytes(struct cache_index *index, const struct file_entry *entry, int64_t bytes)
{
    index->payload_bytes += (uint64_t)bytes;
    if (!is_main(entry)) {
        index->probation_bytes += (uint64_t)bytes;
    }
}

/* Puts an entry whose bytes are counted under probation, or not at all yet, into the main part. */
static void enter_main(struct cache_index *index, struct file_entry *entry, uint64_t counted_bytes)
{
    index->probation_bytes -= counted_bytes;
    index->main_count++;
    entry->word = (entry->word | MAIN_FLAG) & ~HEARD_FLAG;
    set_rank(entry, index->policy->arrived(tick(index, true)));
}

/* --- who left lately ---------------------------------------------------------------------------- */

/* Doubles the ring up to as many as there are files: who left longer ago is no better than a newcomer.
 * Without memory it stays as it is. */
static void widen_ghosts(struct cache_index *index)
{
    struct ghosts *ghosts = &index->ghosts;
    uint32_t wanted = index->files.count < GHOSTS_MAX ? index->files.count : GHOSTS_MAX;
    if (ghosts->next < ghosts->capacity ||
        (ghosts->capacity > 0 && ghosts->capacity * 2 > wanted)) {
        return;
    }
    uint32_t capacity = ghosts->capacity == 0 ? GHOSTS_FIRST : ghosts->capacity * 2;
    media_handle *files = calloc(capacity, sizeof *files);
    if (files == NULL) {
        return;
    }
    if (ghosts->capacity > 0) {
        memcpy(files, ghosts->files, ghosts->capacity * sizeof *files);
    }
    free(ghosts->files);
    ghosts->files = files;
    ghosts->capacity = capacity;
}

static void remember(struct cache_index *index, media_handle file)
{
    struct ghosts *ghosts = &index->ghosts;
    widen_ghosts(index);
    if (ghosts->capacity > 0) {
        ghosts->next = ghosts->next < ghosts->capacity ? ghosts->next : 0;
        ghosts->files[ghosts->next++] = file;
    }
}

/* True when it left lately; it is forgotten. */
static bool recall(struct cache_index *index, media_handle file)
{
    for (uint32_t i = 0; i < index->ghosts.capacity; i++) {
        if (index->ghosts.files[i] == file) {
            index->ghosts.files[i] = 0;
            return true;
        }
    }
    return false;
}

/* A file that was not here: on probation, or in the main part. Its bytes are not counted yet. */
static void arrive(struct cache_index *index, struct file_entry *entry)
{
    if (!index->policy->has_probation || recall(index, entry->file)) {
        enter_main(index, entry, 0);
    } else {
        set_rank(entry, tick(index, false));
    }
}

/* --- tables ---------------------------------------------------------------------------------------- */

int cache_index_new(const struct cache_index_config *config, struct cache_index **ret_index)
{
    assert(config->intern != NULL);
    struct cache_index *index = calloc(1, sizeof *index);
    if (index == NULL) {
        return ERROR_NO_MEMORY;
    }
    index->intern = config->intern;
    index->policy = config->policy == NULL ? &cache_policy_probation : config->policy;
    index->limit_bytes = config->limit_bytes;
    table_init(&index->files, sizeof(struct file_entry), sizeof(media_handle), config->seed);
    table_init(&index->partials, sizeof(struct partial_entry), sizeof(media_handle), config->seed);
    *ret_index = index;
    return 0;
}

void cache_index_free(struct cache_index *index)
{
    if (index == NULL) {
        return;
    }
    uint32_t place = 0;
    for (struct partial_entry *entry; (entry = table_next(&index->partials, &place)) != NULL;) {
        free(entry->masks);
    }
    table_deinit(&index->partials);
    table_deinit(&index->files);
    free(index->ghosts.files);
    free(index);
}

static struct partial_entry *partial_of(const struct cache_index *index, media_handle file)
{
    return table_get(&index->partials, &file);
}

static void drop_masks(struct cache_index *index, const struct partial_entry *partial,
                       const struct media_file_id *id)
{
    media_handle file = partial->file;
    index->masks_bytes -= media_row_count(id->bytes);
    free(partial->masks);
    table_remove(&index->partials, &file);
}

/* Masks for a file that has none yet, all zero. NULL: no memory, nothing has changed. */
static struct partial_entry *make_masks(struct cache_index *index, media_handle file,
                                        const struct media_file_id *id)
{
    uint32_t rows = media_row_count(id->bytes);
    uint8_t *masks = calloc(rows, 1);
    if (masks == NULL) {
        return NULL;
    }
    struct partial_entry *partial = table_put(&index->partials, &file, NULL);
    if (partial == NULL) {
        free(masks);
        return NULL;
    }
    partial->masks = masks;
    index->masks_bytes += rows;
    return partial;
}

/* Takes a file out of both tables; the sums are the caller's. */
static void forget(struct cache_index *index, media_handle file)
{
    struct partial_entry *partial = partial_of(index, file);
    if (partial != NULL) {
        drop_masks(index, partial, id_of(index, file));
    }
    const struct file_entry *entry = table_get(&index->files, &file);
    index->main_count -= is_main(entry);
    table_remove(&index->files, &file);
}

/* A new entry; the file's chunks follow. ERROR_NO_MEMORY, ERROR_FULL. */
static int make_entry(struct cache_index *index, media_handle file, bool partial,
                      struct file_entry **ret_entry)
{
    if (index->files.count >= CACHE_FILES_MAX) {
        return ERROR_FULL;
    }
    struct file_entry *entry = table_put(&index->files, &file, NULL);
    if (entry == NULL) {
        return ERROR_NO_MEMORY;
    }
    if (partial && make_masks(index, file, id_of(index, file)) == NULL) {
        table_remove(&index->files, &file);
        return ERROR_NO_MEMORY;
    }
    entry->word = partial ? PARTIAL_FLAG : 0;
    *ret_entry = entry;
    return 0;
}

/* Sums up masks; asserts that none has bits beyond the end. */
static uint64_t sum_masks(const struct media_file_id *id, const uint8_t *masks,
                          uint32_t *ret_chunks)
{
    uint64_t payload = 0;
    *ret_chunks = 0;
    for (uint32_t row = 0; row < media_row_count(id->bytes); row++) {
        assert((masks[row] & ~full_mask(id->bytes, row)) == 0);
        *ret_chunks += bits(masks[row]);
        payload += mask_bytes(id->bytes, row, masks[row]);
    }
    return payload;
}

int cache_index_add_file(struct cache_index *index, media_handle file, const uint8_t *row_masks,
                         uint64_t last_use, bool is_main_part)
{
    assert(table_get(&index->files, &file) == NULL);
    const struct media_file_id *id = id_of(index, file);
    uint32_t chunks = media_chunk_count(id->bytes);
    uint64_t payload = id->bytes;
    if (row_masks != NULL) {
        payload = sum_masks(id, row_masks, &chunks);
    }
    if (chunks == 0) {
        return 0;
    }
    bool partial = chunks < media_chunk_count(id->bytes);
    struct file_entry *entry = NULL;
    int error = make_entry(index, file, partial, &entry);
    if (error != 0) {
        return error;
    }
    if (partial) {
        struct partial_entry *masks = partial_of(index, file);
        memcpy(masks->masks, row_masks, media_row_count(id->bytes));
        masks->chunks = chunks;
    }
    index->payload_bytes += payload;
    uint32_t rank = last_use > CACHE_RANK_MAX ? CACHE_RANK_MAX : (uint32_t)last_use;
    bool to_main = is_main_part || !index->policy->has_probation;
    uint32_t *clock = to_main ? &index->clock : &index->probation_clock;
    entry->word |= to_main ? MAIN_FLAG : HEARD_FLAG;
    index->main_count += to_main;
    index->probation_bytes += to_main ? 0 : payload;
    set_rank(entry, rank);
    *clock = *clock > rank ? *clock : rank;
    return 0;
}

int cache_index_row_stored(struct cache_index *index, media_handle file, uint32_t row, uint8_t mask)
{
    const struct media_file_id *id = id_of(index, file);
    assert(row < media_row_count(id->bytes));
    assert((mask & ~full_mask(id->bytes, row)) == 0);
    if (mask == 0) {
        return 0;
    }
    struct file_entry *entry = table_get(&index->files, &file);
    uint32_t all = media_chunk_count(id->bytes);
    if (entry == NULL) {
        int error = make_entry(index, file, bits(mask) < all, &entry);
        if (error != 0) {
            return error;
        }
        arrive(index, entry);
        if ((entry->word & PARTIAL_FLAG) == 0) {
            count_bytes(index, entry, (int64_t)id->bytes);
        }
    }
    if ((entry->word & PARTIAL_FLAG) == 0) {
        return 0;
    }
    struct partial_entry *partial = partial_of(index, file);
    uint8_t added = (uint8_t)(mask & ~partial->masks[row]);
    partial->masks[row] |= added;
    partial->chunks += bits(added);
    count_bytes(index, entry, (int64_t)mask_bytes(id->bytes, row, added));
    if (partial->chunks == all) {
        drop_masks(index, partial, id);
        entry->word &= ~PARTIAL_FLAG;
    }
    return 0;
}

/* Gives a complete file masks, so that it may lose a row. */
static int make_partial(struct cache_index *index, struct file_entry *entry)
{
    const struct media_file_id *id = id_of(index, entry->file);
    struct partial_entry *partial = make_masks(index, entry->file, id);
    if (partial == NULL) {
        return ERROR_NO_MEMORY;
    }
    for (uint32_t row = 0; row < media_row_count(id->bytes); row++) {
        partial->masks[row] = full_mask(id->bytes, row);
    }
    partial->chunks = media_chunk_count(id->bytes);
    entry->word |= PARTIAL_FLAG;
    return 0;
}

int cache_index_row_lost(struct cache_index *index, media_handle file, uint32_t row)
{
    const struct media_file_id *id = id_of(index, file);
    assert(row < media_row_count(id->bytes));
    struct file_entry *entry = table_get(&index->files, &file);
    if (entry == NULL) {
        return 0;
    }
    if ((entry->word & PARTIAL_FLAG) == 0 && make_partial(index, entry) != 0) {
        cache_index_remove_file(index, file);
        return ERROR_NO_MEMORY;
    }
    struct partial_entry *partial = partial_of(index, file);
    count_bytes(index, entry, -(int64_t)mask_bytes(id->bytes, row, partial->masks[row]));
    partial->chunks -= bits(partial->masks[row]);
    partial->masks[row] = 0;
    if (partial->chunks == 0) {
        forget(index, file);
    }
    return 0;
}

void cache_index_remove_file(struct cache_index *index, media_handle file)
{
    const struct file_entry *entry = table_get(&index->files, &file);
    if (entry != NULL) {
        count_bytes(index, entry, -(int64_t)cache_index_file_bytes(index, file));
        forget(index, file);
    }
}

void cache_index_touch(struct cache_index *index, media_handle file)
{
    struct file_entry *entry = table_get(&index->files, &file);
    if (entry == NULL) {
        return;
    }
    if (!is_main(entry)) {
        if (entry->word & HEARD_FLAG) {
            enter_main(index, entry, cache_index_file_bytes(index, file));
        } else {
            entry->word |= HEARD_FLAG;
        }
        return;
    }
    /* With probation only those who come move the clock. A tick may halve the entry's rank. */
    uint32_t now = index->policy->has_probation ? index->clock : tick(index, true);
    set_rank(entry, index->policy->used(now, rank_of(entry), index->main_count));
}

void cache_index_protect(struct cache_index *index, media_handle file,
                         enum cache_protection protection)
{
    struct file_entry *entry = table_get(&index->files, &file);
    if (entry != NULL) {
        entry->word &= ~PROTECTION_MASK;
        entry->word |= (uint32_t)protection << PROTECTION_SHIFT;
    }
}

bool cache_index_is_main(const struct cache_index *index, media_handle file)
{
    const struct file_entry *entry = table_get(&index->files, &file);
    return entry != NULL && is_main(entry);
}

enum cache_protection cache_index_protection(const struct cache_index *index, media_handle file)
{
    const struct file_entry *entry = table_get(&index->files, &file);
    return entry == NULL ? CACHE_PROTECTION_NONE : protection_of(entry);
}

void cache_index_set_holders(struct cache_index *index, media_handle file, uint32_t holders)
{
    struct file_entry *entry = table_get(&index->files, &file);
    if (entry != NULL) {
        uint32_t doublings = 0;
        for (uint32_t left = holders; left > 0 && doublings < HOLDERS_MAX; left /= 2) {
            doublings++;
        }
        entry->word = (entry->word & ((UINT32_C(1) << HOLDERS_SHIFT) - 1));
        entry->word |= doublings << HOLDERS_SHIFT;
    }
}

bool cache_index_next(const struct cache_index *index, uint32_t *place, media_handle *ret_file)
{
    const struct file_entry *entry = table_next(&index->files, place);
    if (entry == NULL) {
        return false;
    }
    *ret_file = entry->file;
    return true;
}

bool cache_index_has_chunk(const struct cache_index *index, media_handle file, uint32_t chunk)
{
    assert(chunk < media_chunk_count(id_of(index, file)->bytes));
    uint8_t mask = cache_index_row_mask(index, file, chunk / ROW_CHUNKS);
    return (mask >> (chunk % ROW_CHUNKS) & 1) != 0;
}

uint8_t cache_index_row_mask(const struct cache_index *index, media_handle file, uint32_t row)
{
    const struct media_file_id *id = id_of(index, file);
    assert(row < media_row_count(id->bytes));
    const struct file_entry *entry = table_get(&index->files, &file);
    if (entry == NULL) {
        return 0;
    }
    return entry->word & PARTIAL_FLAG ? partial_of(index, file)->masks[row]
                                      : full_mask(id->bytes, row);
}

bool cache_index_complete(const struct cache_index *index, media_handle file)
{
    const struct file_entry *entry = table_get(&index->files, &file);
    return entry != NULL && (entry->word & PARTIAL_FLAG) == 0;
}

uint32_t cache_index_chunk_count(const struct cache_index *index, media_handle file)
{
    const struct file_entry *entry = table_get(&index->files, &file);
    if (entry == NULL) {
        return 0;
    }
    return entry->word & PARTIAL_FLAG ? partial_of(index, file)->chunks
                                      : media_chunk_count(id_of(index, file)->bytes);
}

uint64_t cache_index_file_bytes(const struct cache_index *index, media_handle file)
{
    const struct file_entry *entry = table_get(&index->files, &file);
    if (entry == NULL) {
        return 0;
    }
    const struct media_file_id *id = id_of(index, file);
    if ((entry->word & PARTIAL_FLAG) == 0) {
        return id->bytes;
    }
    /* All chunks have 16 KiB but the file's last one. */
    const struct partial_entry *partial = partial_of(index, file);
    uint32_t row = media_row_count(id->bytes) - 1;
    uint8_t last_row = partial->masks[row];
    return (uint64_t)(partial->chunks - bits(last_row)) * CHUNK_BYTES +
           mask_bytes(id->bytes, row, last_row);
}

/* The rank, less what the holders elsewhere are worth. */
static int64_t standing_of(const struct cache_index *index, const struct file_entry *entry)
{
    uint32_t step = (index->files.count + HOLDERS_DIVISOR - 1) / HOLDERS_DIVISOR;
    return (int64_t)rank_of(entry) - (int64_t)step * (entry->word >> HOLDERS_SHIFT);
}

/* Who of two on the same level and in the same part leaves first. Ties go by handle, so that the order of places in the table,
 * which depends on its history, does not show. */
static bool leaves_before(const struct cache_index *index, const struct file_entry *a,
                          const struct file_entry *b)
{
    int64_t first = standing_of(index, a);
    int64_t second = standing_of(index, b);
    if (first != second) {
        return first < second;
    }
    return a->file < b->file;
}

/* Of the lowest level that has somebody who may leave: the first of the main part, and of those on
 * probation; NULL where there is none. */
struct candidates {
    const struct file_entry *of_main, *of_probation;
};

static void consider(const struct cache_index *index, const struct file_entry *entry,
                     struct candidates *candidates)
{
    const struct file_entry *known =
        candidates->of_main != NULL ? candidates->of_main : candidates->of_probation;
    if (known != NULL && protection_of(entry) != protection_of(known)) {
        if (protection_of(entry) > protection_of(known)) {
            return;
        }
        *candidates = (struct candidates){0};
    }
    const struct file_entry **place =
        is_main(entry) ? &candidates->of_main : &candidates->of_probation;
    if (*place == NULL || leaves_before(index, entry, *place)) {
        *place = entry;
    }
}

bool cache_index_next_victim(struct cache_index *index, uint64_t needed_bytes, media_handle keep,
                             media_handle *ret_victim)
{
    /* What can never fit drives nobody out. */
    if (needed_bytes > index->limit_bytes || cache_index_fits(index, needed_bytes)) {
        return false;
    }
    struct candidates candidates = {0};
    uint32_t place = 0;
    for (struct file_entry *entry; (entry = table_next(&index->files, &place)) != NULL;) {
        if (entry->file != keep && protection_of(entry) != CACHE_PROTECTION_PINNED) {
            consider(index, entry, &candidates);
        }
    }
    bool is_crowded = index->probation_bytes >= index->limit_bytes / CACHE_PROBATION_DIVISOR;
    bool takes_newcomer =
        candidates.of_probation != NULL && (is_crowded || candidates.of_main == NULL);
    const struct file_entry *victim = takes_newcomer ? candidates.of_probation : candidates.of_main;
    if (victim == NULL) {
        return false;
    }
    *ret_victim = victim->file;
    if (takes_newcomer) {
        remember(index, victim->file);
    }
    cache_index_remove_file(index, *ret_victim);
    return true;
}

bool cache_index_fits(const struct cache_index *index, uint64_t needed_bytes)
{
    return index->payload_bytes <= index->limit_bytes &&
           needed_bytes <= index->limit_bytes - index->payload_bytes;
}

uint64_t cache_index_payload_bytes(const struct cache_index *index)
{
    return index->payload_bytes;
}

uint32_t cache_index_file_count(const struct cache_index *index)
{
    return index->files.count;
}

size_t cache_index_heap_bytes(const struct cache_index *index)
{
    return sizeof *index + table_heap_bytes(&index->files) + table_heap_bytes(&index->partials) +
           index->masks_bytes + index->ghosts.capacity * sizeof *index->ghosts.files;
}

void cache_index_check_invariants(const struct cache_index *index)
{
    table_check_invariants(&index->files);
    table_check_invariants(&index->partials);
    uint64_t payload = 0;
    uint64_t probation = 0;
    uint32_t partials = 0;
    uint32_t mains = 0;
    uint32_t place = 0;
    for (struct file_entry *entry; (entry = table_next(&index->files, &place)) != NULL;) {
        uint32_t clock = is_main(entry) ? index->clock : index->probation_clock;
        assert(rank_of(entry) <= clock || (is_main(entry) && index->policy->has_probation));
        mains += is_main(entry);
        payload += cache_index_file_bytes(index, entry->file);
        probation += is_main(entry) ? 0 : cache_index_file_bytes(index, entry->file);
        const struct partial_entry *partial = partial_of(index, entry->file);
        assert((partial != NULL) == ((entry->word & PARTIAL_FLAG) != 0));
        if (partial != NULL) {
            uint32_t chunks = 0;
            const struct media_file_id *id = id_of(index, entry->file);
            uint64_t sum = sum_masks(id, partial->masks, &chunks);
            assert(sum == cache_index_file_bytes(index, entry->file));
            assert(chunks == partial->chunks);
            assert(chunks > 0 && chunks < media_chunk_count(id->bytes));
            partials++;
        }
    }
    assert(payload == index->payload_bytes && probation == index->probation_bytes);
    assert(mains == index->main_count);
    assert(partials == index->partials.count);
}
