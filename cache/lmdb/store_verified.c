/*
 * store_verified.c: a bitmap a file, and for each row the last change that touched it.
 *
 * A ticket is the number of changes that had ended. The one that is going on will be number
 * generation + 1: a row that it touches takes no mark with an older ticket. Numbers wrap after 2^32
 * changes; then a row may be hashed more often than need be, and never less.
 */
#include "cache/lmdb/store_verified.h"

#include "common/error.h"

#include <assert.h>
#include <stdlib.h>

/* The key is in the order of struct media_file_id, which has no padding. */
struct verified_entry {
    struct media_file_id file;
    uint64_t *rows;    /* a bit a row; owned */
    uint32_t *touched; /* a number of a change a row; NULL: none was touched; owned */
};

_Static_assert(sizeof(struct media_file_id) == MEDIA_FILE_ID_BYTES, "no padding in the key");

int store_verified_init(struct store_verified *verified)
{
    if (pthread_mutex_init(&verified->lock, NULL) != 0) {
        return ERROR_SYSTEM;
    }
    /* File ids are hashes of verified files: nobody picks them to collide in a table. */
    table_init(&verified->files, sizeof(struct verified_entry), MEDIA_FILE_ID_BYTES, 1);
    verified->generation = 1;
    verified->outdated = 1;
    verified->changing = false;
    return 0;
}

void store_verified_deinit(struct store_verified *verified)
{
    uint32_t place = 0;
    for (struct verified_entry *entry; (entry = table_next(&verified->files, &place)) != NULL;) {
        free(entry->rows);
        free(entry->touched);
    }
    table_deinit(&verified->files);
    pthread_mutex_destroy(&verified->lock);
}

bool store_verified_ask(struct store_verified *verified, const struct media_file_id *file,
                        uint32_t row, uint32_t *ret_ticket)
{
    pthread_mutex_lock(&verified->lock);
    const struct verified_entry *entry = table_get(&verified->files, file);
    bool known = entry != NULL && (entry->rows[row / 64] >> (row % 64) & 1) != 0;
    *ret_ticket = verified->generation;
    pthread_mutex_unlock(&verified->lock);
    return known;
}

static struct verified_entry *entry_for(struct store_verified *verified,
                                        const struct media_file_id *file)
{
    struct verified_entry *entry = table_get(&verified->files, file);
    if (entry != NULL) {
        return entry;
    }
    uint64_t *rows = calloc((media_row_count(file->bytes) + 63) / 64, sizeof *rows);
    entry = rows == NULL ? NULL : table_put(&verified->files, file, NULL);
    if (entry == NULL) {
        free(rows);
        return NULL;
    }
    entry->rows = rows;
    entry->touched = NULL;
    return entry;
}

/* Is the change behind the ticket, as numbers that wrap go? */
static bool is_behind(uint32_t change, uint32_t ticket)
{
    return change != ticket && change - ticket <= UINT32_MAX / 2;
}

void store_verified_mark(struct store_verified *verified, const struct media_file_id *file,
                         uint32_t row, uint32_t ticket)
{
    assert(row < media_row_count(file->bytes));
    pthread_mutex_lock(&verified->lock);
    struct verified_entry *entry = entry_for(verified, file);
    if (entry != NULL && !is_behind(verified->outdated, ticket) &&
        (entry->touched == NULL || !is_behind(entry->touched[row], ticket))) {
        entry->rows[row / 64] |= UINT64_C(1) << (row % 64);
    }
    pthread_mutex_unlock(&verified->lock);
}

void store_verified_begin_change(struct store_verified *verified)
{
    pthread_mutex_lock(&verified->lock);
    assert(!verified->changing);
    verified->changing = true;
    pthread_mutex_unlock(&verified->lock);
}

/* Notes that the change that is going on touches the row. False: no memory. */
static bool touch(const struct store_verified *verified, struct verified_entry *entry, uint32_t row)
{
    if (entry != NULL && entry->touched == NULL) {
        uint32_t rows = media_row_count(entry->file.bytes);
        entry->touched = malloc(rows * sizeof *entry->touched);
        for (uint32_t i = 0; entry->touched != NULL && i < rows; i++) {
            entry->touched[i] = verified->outdated;
        }
    }
    if (entry == NULL || entry->touched == NULL) {
        return false;
    }
    entry->touched[row] = verified->generation + 1;
    return true;
}

void store_verified_forget_row(struct store_verified *verified, const struct media_file_id *file,
                               uint32_t row)
{
    assert(row < media_row_count(file->bytes));
    pthread_mutex_lock(&verified->lock);
    assert(verified->changing);
    struct verified_entry *entry = entry_for(verified, file);
    if (entry != NULL) {
        entry->rows[row / 64] &= ~(UINT64_C(1) << (row % 64));
    }
    if (!touch(verified, entry, row)) {
        verified->outdated = verified->generation + 1;
    }
    pthread_mutex_unlock(&verified->lock);
}

void store_verified_put_row(struct store_verified *verified, const struct media_file_id *file,
                            uint32_t row)
{
    assert(row < media_row_count(file->bytes));
    pthread_mutex_lock(&verified->lock);
    assert(verified->changing);
    struct verified_entry *entry = entry_for(verified, file);
    if (entry != NULL) {
        entry->rows[row / 64] |= UINT64_C(1) << (row % 64);
    }
    pthread_mutex_unlock(&verified->lock);
}

/* With its memory goes when its rows were touched: all tickets so far are outdated. */
void store_verified_forget_file(struct store_verified *verified, const struct media_file_id *file)
{
    pthread_mutex_lock(&verified->lock);
    assert(verified->changing);
    struct verified_entry *entry = table_get(&verified->files, file);
    if (entry != NULL) {
        free(entry->rows);
        free(entry->touched);
        table_remove(&verified->files, file);
    }
    verified->outdated = verified->generation + 1;
    pthread_mutex_unlock(&verified->lock);
}

void store_verified_end_change(struct store_verified *verified)
{
    pthread_mutex_lock(&verified->lock);
    assert(verified->changing);
    verified->changing = false;
    verified->generation++;
    pthread_mutex_unlock(&verified->lock);
}
