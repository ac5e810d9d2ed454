/*
 * files.c: records of files and of open rows.
 *
 * Responsible for memory and for the counts that follow from the chunks' states. What moves a
 * chunk is node_chunks.c's to decide.
 */
#include "player/core/files.h"

#include "player/core/slots.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct place {
    media_handle handle; /* key */
    uint32_t zero;
    struct file *file;
};

void files_init(struct files *files, const struct media_intern *intern,
                const struct cache_index *index, uint64_t seed)
{
    memset(files, 0, sizeof *files);
    files->intern = intern;
    files->index = index;
    table_init(&files->table, sizeof(struct place), sizeof(media_handle), seed);
}

static size_t record_bytes(const struct file *file)
{
    return sizeof *file + file->chunk_count;
}

static void free_rows(struct files *files, struct file *file)
{
    assert(file->rows_open == 0);
    if (file->rows != NULL) {
        files->heap_bytes -= file->row_count * sizeof *file->rows;
        free(file->rows);
        file->rows = NULL;
    }
}

static void free_row(struct files *files, struct row *row)
{
    struct file *file = row->file;
    files_unhold(files, row);
    file->rows[row->index] = NULL;
    file->rows_open--;
    files->heap_bytes -= sizeof *row;
    free(row);
    if (file->rows_open == 0 && !file->is_attached) {
        free_rows(files, file);
    }
}

static void free_file(struct files *files, struct file *file)
{
    files->heap_bytes -= record_bytes(file);
    free(file->chunks);
    free(file);
}

void files_deinit(struct files *files)
{
    struct file *next = NULL;
    for (struct file *file = files->first; file != NULL; file = next) {
        next = file->next;
        for (uint32_t i = 0; file->rows != NULL && i < file->row_count; i++) {
            if (file->rows[i] != NULL) {
                free_row(files, file->rows[i]);
            }
        }
        free_rows(files, file);
        free_file(files, file);
    }
    assert(files->heap_bytes == 0);
    table_deinit(&files->table);
    memset(files, 0, sizeof *files);
}

struct file *files_find(const struct files *files, media_handle handle)
{
    const struct place *place = table_get(&files->table, &handle);
    return place == NULL ? NULL : place->file;
}

static struct file *new_file(struct files *files, media_handle handle)
{
    uint64_t bytes = media_intern_id(files->intern, handle)->bytes;
    struct file *file = calloc(1, sizeof *file);
    if (file == NULL) {
        return NULL;
    }
    file->handle = handle;
    file->bytes = bytes;
    file->chunk_count = media_chunk_count(bytes);
    file->row_count = media_row_count(bytes);
    file->missing_count = file->chunk_count;
    file->chunks = calloc(file->chunk_count, 1);
    struct place *place = file->chunks == NULL ? NULL : table_put(&files->table, &handle, NULL);
    if (place == NULL) {
        free(file->chunks);
        free(file);
        return NULL;
    }
    place->file = file;
    if (files->last == NULL) {
        files->first = file;
    } else {
        files->last->next = file;
    }
    files->last = file;
    files->count++;
    files->heap_bytes += record_bytes(file);
    return file;
}

struct file *files_attach(struct files *files, media_handle handle)
{
    struct file *file = files_find(files, handle);
    if (file == NULL) {
        file = new_file(files, handle);
    }
    if (file == NULL || file->is_attached) {
        return file;
    }
    if (file->rows == NULL) {
        file->rows = calloc(file->row_count, sizeof(struct row *));
        if (file->rows == NULL) {
            return NULL;
        }
        files->heap_bytes += file->row_count * sizeof *file->rows;
    }
    file->is_attached = true;
    files_sync(files, file);
    return file;
}

void files_detach(struct files *files, struct file *file)
{
    assert(file->is_attached);
    file->is_attached = false;
    file->bad_count = 0;
    file->refused = 0;
    file->has_no_room = false;
    for (uint32_t i = 0; file->rows != NULL && i < file->row_count; i++) {
        if (file->rows[i] != NULL) {
            files_close_row(files, file->rows[i]);
        }
    }
    if (file->rows_open == 0) {
        free_rows(files, file);
    }
}

void files_trim(struct files *files)
{
    struct file **at = &files->first;
    struct file *before = NULL;
    while (files->count > FILES_KEPT_MAX && *at != NULL) {
        struct file *file = *at;
        if (file->is_attached || file->rows != NULL) {
            before = file;
            at = &file->next;
            continue;
        }
        *at = file->next;
        if (files->last == file) {
            files->last = before;
        }
        table_remove(&files->table, &file->handle);
        files->count--;
        free_file(files, file);
    }
}

void files_sync(struct files *files, struct file *file)
{
    for (uint32_t r = 0; r < file->row_count; r++) {
        uint8_t mask = cache_index_row_mask(files->index, file->handle, r);
        uint32_t first = r * ROW_CHUNKS;
        for (uint32_t i = 0; i < media_row_chunks(file->bytes, r); i++) {
            enum chunk_state state = files_state(file, first + i);
            bool is_stored = mask >> i & 1;
            if (is_stored && state == CHUNK_MISSING) {
                files_set_state(file, first + i, CHUNK_STORED);
            } else if (!is_stored && state == CHUNK_STORED) {
                files_set_state(file, first + i, CHUNK_MISSING);
            }
        }
    }
}

void files_set_state(struct file *file, uint32_t chunk, enum chunk_state state)
{
    assert(chunk < file->chunk_count);
    enum chunk_state old = files_state(file, chunk);
    file->held_count -= old >= CHUNK_READY;
    file->held_count += state >= CHUNK_READY;
    file->missing_count -= old == CHUNK_MISSING;
    file->missing_count += state == CHUNK_MISSING;
    if (state == CHUNK_MISSING && chunk < file->first_missing) {
        file->first_missing = chunk;
    }
    file->chunks[chunk] = (uint8_t)((file->chunks[chunk] & ~FILE_STATE_MASK) | (unsigned)state);
}

void files_set_source(struct file *file, uint32_t chunk, enum node_source source)
{
    file->chunks[chunk] = (uint8_t)((file->chunks[chunk] & ~FILE_SOURCE_MASK) |
                                    (unsigned)source << FILE_SOURCE_SHIFT);
}

uint32_t files_next_missing(struct file *file, uint32_t from, uint32_t end)
{
    assert(end <= file->chunk_count);
    if (file->missing_count == 0) {
        return end;
    }
    bool from_first = from <= file->first_missing;
    uint32_t at = from_first ? file->first_missing : from;
    while (at < end && files_state(file, at) != CHUNK_MISSING) {
        at++;
    }
    if (from_first && at > file->first_missing) {
        file->first_missing = at;
    }
    return at < end ? at : end;
}

uint32_t files_next_lacking(const struct file *file, uint32_t from, uint32_t end)
{
    assert(end <= file->chunk_count);
    if (file->held_count == file->chunk_count) {
        return end;
    }
    uint32_t at = from;
    while (at < end && files_holds(file, at)) {
        at++;
    }
    return at;
}

bool files_holds_all(const struct file *file, uint32_t first, uint32_t count)
{
    return files_next_lacking(file, first, first + count) == first + count;
}

struct row *files_open_row(struct files *files, struct file *file, uint32_t index)
{
    assert(file->rows != NULL);
    assert(index < file->row_count);
    struct row *row = file->rows[index];
    if (row != NULL) {
        return row;
    }
    row = calloc(1, sizeof *row);
    if (row == NULL) {
        return NULL;
    }
    row->file = file;
    row->index = index;
    row->hold_until_us = TIME_NEVER_US;
    for (uint32_t i = 0; i < ROW_CHUNKS; i++) {
        row->slots[i] = SLOT_NONE;
    }
    file->rows[index] = row;
    file->rows_open++;
    files->heap_bytes += sizeof *row;
    return row;
}

uint8_t files_row_mask(const struct row *row, enum chunk_state state)
{
    const struct file *file = row->file;
    uint32_t first = row->index * ROW_CHUNKS;
    uint8_t mask = 0;
    for (uint32_t i = 0; i < ROW_CHUNKS && first + i < file->chunk_count; i++) {
        if (files_state(file, first + i) == state) {
            mask = (uint8_t)(mask | 1u << i);
        }
    }
    return mask;
}

void files_close_row(struct files *files, struct row *row)
{
    const struct file *file = row->file;
    uint32_t first = row->index * ROW_CHUNKS;
    for (uint32_t i = 0; i < ROW_CHUNKS && first + i < file->chunk_count; i++) {
        enum chunk_state state = files_state(file, first + i);
        if (state >= CHUNK_REQUESTED && state <= CHUNK_STORING) {
            return;
        }
        if (state == CHUNK_MISSING && row->has_proof && file->is_attached) {
            return;
        }
    }
    free_row(files, row);
}

void files_hold(struct files *files, struct row *row, uint64_t until_us)
{
    if (row->hold_until_us != TIME_NEVER_US) {
        return;
    }
    assert(files->hold_last == NULL || files->hold_last->hold_until_us <= until_us);
    row->hold_until_us = until_us;
    row->hold_prev = files->hold_last;
    row->hold_next = NULL;
    if (files->hold_last == NULL) {
        files->hold_first = row;
    } else {
        files->hold_last->hold_next = row;
    }
    files->hold_last = row;
}

void files_unhold(struct files *files, struct row *row)
{
    if (row->hold_until_us == TIME_NEVER_US) {
        return;
    }
    row->hold_until_us = TIME_NEVER_US;
    if (row->hold_prev == NULL) {
        files->hold_first = row->hold_next;
    } else {
        row->hold_prev->hold_next = row->hold_next;
    }
    if (row->hold_next == NULL) {
        files->hold_last = row->hold_prev;
    } else {
        row->hold_next->hold_prev = row->hold_prev;
    }
    row->hold_next = NULL;
    row->hold_prev = NULL;
}

size_t files_heap_bytes(const struct files *files)
{
    return files->heap_bytes + table_heap_bytes(&files->table);
}

static void check_file(const struct files *files, const struct file *file)
{
    uint32_t held = 0;
    uint32_t missing = 0;
    for (uint32_t i = 0; i < file->chunk_count; i++) {
        enum chunk_state state = files_state(file, i);
        held += state >= CHUNK_READY;
        missing += state == CHUNK_MISSING;
        assert(state != CHUNK_MISSING || i >= file->first_missing);
        const struct row *row = files_row(file, i);
        bool in_slot = state >= CHUNK_FILLING && state <= CHUNK_STORING;
        assert(row != NULL || (!in_slot && state != CHUNK_REQUESTED));
        assert(row == NULL || in_slot == (row->slots[i % ROW_CHUNKS] != SLOT_NONE));
        assert(state < CHUNK_READY || state > CHUNK_STORING || row->has_proof);
        assert(row == NULL || row->has_proof || state < CHUNK_FILLING || state > CHUNK_HASHING ||
               row->proof_request != 0);
        assert(row == NULL ||
               (state == CHUNK_STORING) == (row->storing_mask >> (i % ROW_CHUNKS) & 1));
        assert(!file->is_attached || state != CHUNK_STORED ||
               cache_index_has_chunk(files->index, file->handle, i));
    }
    assert(held == file->held_count);
    assert(missing == file->missing_count);
    assert(file->is_attached ? file->rows != NULL : (file->rows != NULL) == (file->rows_open > 0));
}

void files_check_invariants(const struct files *files)
{
    uint32_t count = 0;
    for (const struct file *file = files->first; file != NULL; file = file->next) {
        check_file(files, file);
        assert(files_find(files, file->handle) == file);
        count++;
    }
    assert(count == files->count);
    assert(files->table.count == count);
    uint64_t until_us = 0;
    for (const struct row *row = files->hold_first; row != NULL; row = row->hold_next) {
        assert(row->hold_until_us >= until_us);
        assert(row->hold_until_us != TIME_NEVER_US);
        until_us = row->hold_until_us;
    }
}
