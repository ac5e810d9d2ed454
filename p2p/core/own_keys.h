/*
 * own_keys.h: our files by their keys, for searches of others.
 *
 * Responsible for finding the handle of one of our files by p2p_file_key, in four bytes a file: an
 * array of handles in the order of their keys. Made from a walk over the cache when the first search
 * comes, kept up with each change from then on. That a file is still here the caller checks.
 */
#ifndef P2P_CORE_OWN_KEYS_H
#define P2P_CORE_OWN_KEYS_H

#include "media/core/intern.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct own_keys {
    const struct media_intern *intern; /* borrowed */
    media_handle *files;               /* owned; ascending by key, then by handle */
    uint32_t count;
    uint32_t capacity;
    bool is_made;
};

void own_keys_init(struct own_keys *keys, const struct media_intern *intern);
void own_keys_deinit(struct own_keys *keys);
/* A file that is here, in any order; own_keys_sort follows the last. ERROR_NO_MEMORY. */
int own_keys_append(struct own_keys *keys, media_handle file);
void own_keys_sort(struct own_keys *keys);
/* A file came or went; nothing happens before own_keys_sort, when all is made. ERROR_NO_MEMORY. */
int own_keys_add(struct own_keys *keys, media_handle file);
void own_keys_remove(struct own_keys *keys, media_handle file);
/* 0: none. Of several the first. */
media_handle own_keys_find(const struct own_keys *keys, uint64_t key);
size_t own_keys_heap_bytes(const struct own_keys *keys);
void own_keys_check_invariants(const struct own_keys *keys);

#endif
