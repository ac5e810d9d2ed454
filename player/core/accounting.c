/*
 * accounting.c: one bit a chunk and play, one bit a chunk and run.
 *
 * Responsible for counting each chunk exactly as often as accounting.h says.
 */
#include "player/core/accounting.h"

#include "common/error.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static size_t bit_bytes(uint32_t chunk_count)
{
    return ((size_t)chunk_count + 7) / 8;
}

static void clear(struct account_play *play)
{
    free(play->counted);
    memset(play, 0, sizeof *play);
}

void accounting_deinit(struct accounting *accounting)
{
    for (uint32_t i = 0; i < ACCOUNT_PLAYS; i++) {
        clear(&accounting->plays[i]);
    }
}

static struct account_play *find(struct accounting *accounting, uint32_t entry)
{
    for (uint32_t i = 0; i < ACCOUNT_PLAYS; i++) {
        if (accounting->plays[i].entry == entry) {
            return &accounting->plays[i];
        }
    }
    return NULL;
}

int accounting_begin(struct accounting *accounting, uint32_t entry, const struct file *file)
{
    assert(entry != 0);
    struct account_play *play = find(accounting, entry);
    if (play == NULL) {
        play = find(accounting, 0);
    }
    assert(play != NULL);
    uint8_t *counted = calloc(bit_bytes(file->chunk_count), 1);
    if (counted == NULL) {
        return ERROR_NO_MEMORY;
    }
    clear(play);
    *play = (struct account_play){
        .entry = entry, .file = file->handle, .chunk_count = file->chunk_count, .counted = counted};
    return 0;
}

/* Adds one chunk of a heard play to the sums. */
static void count(struct accounting *accounting, struct file *file, uint32_t chunk)
{
    enum node_source source = files_source(file, chunk);
    uint32_t bytes = files_chunk_bytes(file, chunk);
    accounting->summary.bytes[source] += bytes;
    if (source != NODE_SOURCE_CACHE && (file->chunks[chunk] & FILE_COUNTED) == 0) {
        accounting->delivered_bytes += bytes;
        accounting->summary.unread_bytes += bytes;
    }
    file->chunks[chunk] |= FILE_COUNTED;
}

/* A decoder of a heard play has read it. */
static void use(struct accounting *accounting, struct file *file, uint32_t chunk)
{
    const uint8_t flags = file->chunks[chunk] & (FILE_COUNTED | FILE_USED);
    if (flags == FILE_COUNTED && files_source(file, chunk) != NODE_SOURCE_CACHE) {
        accounting->summary.unread_bytes -= files_chunk_bytes(file, chunk);
        file->chunks[chunk] |= FILE_USED;
    }
}

static bool is_counted(const struct account_play *play, uint32_t chunk)
{
    return play->counted[chunk / 8] >> (chunk % 8) & 1;
}

static void mark(struct account_play *play, uint32_t chunk)
{
    play->counted[chunk / 8] = (uint8_t)(play->counted[chunk / 8] | 1u << (chunk % 8));
}

/* True when the chunk is here, came over a link in this run, and no play has counted it. */
static bool is_fetched_only(const struct file *file, uint32_t chunk)
{
    return files_holds(file, chunk) && files_source(file, chunk) != NODE_SOURCE_CACHE &&
           (file->chunks[chunk] & FILE_COUNTED) == 0;
}

void accounting_heard(struct accounting *accounting, uint32_t entry, struct file *file)
{
    struct account_play *play = find(accounting, entry);
    if (play == NULL || play->is_heard) {
        return;
    }
    assert(play->file == file->handle);
    play->is_heard = true;
    accounting->summary.tracks++;
    for (uint32_t i = 0; i < play->chunk_count; i++) {
        if (is_counted(play, i)) {
            count(accounting, file, i);
            use(accounting, file, i);
        } else if (is_fetched_only(file, i)) {
            mark(play, i);
            count(accounting, file, i);
        }
    }
}

bool accounting_read(struct accounting *accounting, uint32_t entry, struct file *file,
                     uint32_t chunk)
{
    struct account_play *play = find(accounting, entry);
    if (entry == 0 || play == NULL || play->file != file->handle) {
        return false;
    }
    bool is_first = !is_counted(play, chunk);
    mark(play, chunk);
    if (is_first && play->is_heard) {
        count(accounting, file, chunk);
    }
    if (play->is_heard) {
        use(accounting, file, chunk);
    }
    return is_first;
}

void accounting_fetched(struct accounting *accounting, struct file *file, uint32_t chunk)
{
    for (uint32_t i = 0; i < ACCOUNT_PLAYS; i++) {
        struct account_play *play = &accounting->plays[i];
        if (play->file == file->handle && play->is_heard && !is_counted(play, chunk) &&
            (file->chunks[chunk] & FILE_COUNTED) == 0) {
            mark(play, chunk);
            count(accounting, file, chunk);
            return;
        }
    }
}

void accounting_end(struct accounting *accounting, uint32_t entry)
{
    struct account_play *play = find(accounting, entry);
    if (entry != 0 && play != NULL) {
        clear(play);
    }
}

void accounting_summary(const struct accounting *accounting, uint64_t played_us,
                        struct node_summary *ret_summary)
{
    struct node_summary summary = accounting->summary;
    uint64_t useful = accounting->delivered_bytes + summary.duplicate_bytes;
    assert(useful <= summary.received_bytes);
    summary.overhead_bytes = summary.received_bytes - useful;
    summary.played_us = played_us;
    *ret_summary = summary;
}

size_t accounting_heap_bytes(const struct accounting *accounting)
{
    size_t bytes = 0;
    for (uint32_t i = 0; i < ACCOUNT_PLAYS; i++) {
        bytes += bit_bytes(accounting->plays[i].chunk_count);
    }
    return bytes;
}

void accounting_check_invariants(const struct accounting *accounting)
{
    for (uint32_t i = 0; i < ACCOUNT_PLAYS; i++) {
        const struct account_play *play = &accounting->plays[i];
        assert((play->entry == 0) == (play->counted == NULL));
        for (uint32_t j = 0; j < i && play->entry != 0; j++) {
            assert(accounting->plays[j].entry != play->entry);
        }
    }
    assert(accounting->delivered_bytes + accounting->summary.duplicate_bytes <=
           accounting->summary.received_bytes);
    assert(accounting->summary.unread_bytes <= accounting->delivered_bytes);
}
