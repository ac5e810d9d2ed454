/*
 * mem_store.c: two tables. Responsible for nothing but remembering.
 */
#include "cache/mem/mem_store.h"

#include "common/error.h"

#include <assert.h>
#include <stdlib.h>

struct file_entry {
    media_handle file;
    uint32_t rows;
    uint8_t *masks; /* a byte a row; owned */
};

struct manifest_entry {
    uint8_t track_id[TRACK_ID_BYTES];
    const uint8_t *bytes; /* the simulator's */
    uint32_t count;
};

void mem_store_init(struct mem_store *store, uint64_t seed)
{
    table_init(&store->files, sizeof(struct file_entry), sizeof(media_handle), seed);
    table_init(&store->manifests, sizeof(struct manifest_entry), TRACK_ID_BYTES, seed);
}

void mem_store_deinit(struct mem_store *store)
{
    uint32_t place = 0;
    for (struct file_entry *entry; (entry = table_next(&store->files, &place)) != NULL;) {
        free(entry->masks);
    }
    table_deinit(&store->files);
    table_deinit(&store->manifests);
}

int mem_store_put_row(struct mem_store *store, media_handle file, uint32_t row_count, uint32_t row,
                      uint8_t mask)
{
    assert(row < row_count);
    struct file_entry *entry = table_get(&store->files, &file);
    if (entry == NULL) {
        uint8_t *masks = calloc(row_count, 1);
        entry = masks == NULL ? NULL : table_put(&store->files, &file, NULL);
        if (entry == NULL) {
            free(masks);
            return ERROR_NO_MEMORY;
        }
        entry->rows = row_count;
        entry->masks = masks;
    }
    assert(entry->rows == row_count);
    entry->masks[row] |= mask;
    return 0;
}

void mem_store_evict_file(struct mem_store *store, media_handle file)
{
    struct file_entry *entry = table_get(&store->files, &file);
    if (entry != NULL) {
        free(entry->masks);
        table_remove(&store->files, &file);
    }
}

void mem_store_evict_row(struct mem_store *store, media_handle file, uint32_t row)
{
    struct file_entry *entry = table_get(&store->files, &file);
    if (entry != NULL && row < entry->rows) {
        entry->masks[row] = 0;
    }
}

const uint8_t *mem_store_masks(const struct mem_store *store, media_handle file)
{
    const struct file_entry *entry = table_get(&store->files, &file);
    return entry == NULL ? NULL : entry->masks;
}

uint8_t mem_store_row_mask(const struct mem_store *store, media_handle file, uint32_t row)
{
    const struct file_entry *entry = table_get(&store->files, &file);
    return entry == NULL || row >= entry->rows ? 0 : entry->masks[row];
}

bool mem_store_has_chunk(const struct mem_store *store, media_handle file, uint32_t chunk)
{
    return (mem_store_row_mask(store, file, chunk / ROW_CHUNKS) >> (chunk % ROW_CHUNKS) & 1) != 0;
}

int mem_store_put_manifest(struct mem_store *store, const uint8_t track_id[TRACK_ID_BYTES],
                           const uint8_t *bytes, uint32_t count)
{
    struct manifest_entry *entry = table_put(&store->manifests, track_id, NULL);
    if (entry == NULL) {
        return ERROR_NO_MEMORY;
    }
    entry->bytes = bytes;
    entry->count = count;
    return 0;
}

const uint8_t *mem_store_manifest(const struct mem_store *store,
                                  const uint8_t track_id[TRACK_ID_BYTES], uint32_t *ret_count)
{
    const struct manifest_entry *entry = table_get(&store->manifests, track_id);
    if (entry == NULL) {
        return NULL;
    }
    *ret_count = entry->count;
    return entry->bytes;
}

size_t mem_store_heap_bytes(const struct mem_store *store)
{
    size_t sum = table_heap_bytes(&store->files) + table_heap_bytes(&store->manifests);
    uint32_t place = 0;
    for (struct file_entry *entry; (entry = table_next(&store->files, &place)) != NULL;) {
        sum += entry->rows;
    }
    return sum;
}
