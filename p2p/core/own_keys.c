/*
 * own_keys.c: a sorted array of handles.
 *
 * Responsible for what own_keys.h says. The keys themselves are read from the intern table, so that
 * a file costs four bytes here. Sorting is a heap sort: no recursion, no memory.
 */
#include "p2p/core/own_keys.h"

#include "common/error.h"
#include "p2p/core/message.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY_FIRST 64u

void own_keys_init(struct own_keys *keys, const struct media_intern *intern)
{
    *keys = (struct own_keys){.intern = intern};
}

void own_keys_deinit(struct own_keys *keys)
{
    free(keys->files);
}

static uint64_t key_of(const struct own_keys *keys, media_handle file)
{
    return p2p_file_key(media_intern_id(keys->intern, file));
}

/* Does (key, file) stand before the i-th? */
static bool is_before(const struct own_keys *keys, uint64_t key, media_handle file, uint32_t index)
{
    uint64_t other = key_of(keys, keys->files[index]);
    return key < other || (key == other && file < keys->files[index]);
}

static int reserve(struct own_keys *keys)
{
    if (keys->count < keys->capacity) {
        return 0;
    }
    uint32_t capacity = keys->capacity == 0 ? CAPACITY_FIRST : keys->capacity + keys->capacity / 4;
    media_handle *files = calloc(capacity, sizeof files[0]);
    if (files == NULL) {
        return ERROR_NO_MEMORY;
    }
    if (keys->count > 0) {
        memcpy(files, keys->files, keys->count * sizeof files[0]);
    }
    free(keys->files);
    keys->files = files;
    keys->capacity = capacity;
    return 0;
}

int own_keys_append(struct own_keys *keys, media_handle file)
{
    int error = reserve(keys);
    if (error == 0) {
        keys->files[keys->count++] = file;
    }
    return error;
}

static void swap(struct own_keys *keys, uint32_t a, uint32_t b)
{
    media_handle file = keys->files[a];
    keys->files[a] = keys->files[b];
    keys->files[b] = file;
}

static bool is_less(const struct own_keys *keys, uint32_t a, uint32_t b)
{
    return is_before(keys, key_of(keys, keys->files[a]), keys->files[a], b);
}

/* Moves the one at `root` down until both below it are less, among the first `count`. */
static void sift(struct own_keys *keys, uint32_t root, uint32_t count)
{
    for (;;) {
        uint32_t child = 2 * root + 1;
        if (child >= count) {
            return;
        }
        child += child + 1 < count && is_less(keys, child, child + 1);
        if (!is_less(keys, root, child)) {
            return;
        }
        swap(keys, root, child);
        root = child;
    }
}

void own_keys_sort(struct own_keys *keys)
{
    for (uint32_t root = keys->count / 2; root > 0; root--) {
        sift(keys, root - 1, keys->count);
    }
    for (uint32_t end = keys->count; end > 1; end--) {
        swap(keys, 0, end - 1);
        sift(keys, 0, end - 1);
    }
    keys->is_made = true;
}

/* The first place whose file does not stand before (key, file). */
static uint32_t find_place(const struct own_keys *keys, uint64_t key, media_handle file)
{
    uint32_t low = 0;
    uint32_t high = keys->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        uint64_t other = key_of(keys, keys->files[middle]);
        if (other < key || (other == key && keys->files[middle] < file)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

int own_keys_add(struct own_keys *keys, media_handle file)
{
    if (!keys->is_made) {
        return 0;
    }
    uint32_t at = find_place(keys, key_of(keys, file), file);
    if (at < keys->count && keys->files[at] == file) {
        return 0;
    }
    int error = reserve(keys);
    if (error != 0) {
        return error;
    }
    memmove(&keys->files[at + 1], &keys->files[at], (keys->count - at) * sizeof keys->files[0]);
    keys->files[at] = file;
    keys->count++;
    return 0;
}

void own_keys_remove(struct own_keys *keys, media_handle file)
{
    uint32_t at = keys->is_made ? find_place(keys, key_of(keys, file), file) : keys->count;
    if (at >= keys->count || keys->files[at] != file) {
        return;
    }
    keys->count--;
    memmove(&keys->files[at], &keys->files[at + 1], (keys->count - at) * sizeof keys->files[0]);
}

media_handle own_keys_find(const struct own_keys *keys, uint64_t key)
{
    uint32_t at = find_place(keys, key, 0);
    return at < keys->count && key_of(keys, keys->files[at]) == key ? keys->files[at] : 0;
}

size_t own_keys_heap_bytes(const struct own_keys *keys)
{
    return keys->capacity * sizeof keys->files[0];
}

void own_keys_check_invariants(const struct own_keys *keys)
{
    assert(keys->count <= keys->capacity);
    for (uint32_t i = 1; keys->is_made && i < keys->count; i++) {
        assert(is_less(keys, i - 1, i));
    }
}
