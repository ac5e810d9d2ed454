/*
 * table.h: a compact hash table with a seed.
 *
 * Open addressing over one array of fixed-size entries that the caller defines; the key is the
 * first `key_bytes` bytes of the entry (so entries are zeroed before they are filled: padding in
 * a key would count). Overhead is one bit an entry plus the free places: at most 3/4 are taken,
 * and growth is by a quarter, so that 12-byte entries cost 16 to 20 bytes each. Deletion shifts
 * backward, there are no tombstones. Hashing is SipHash-1-3 keyed by the seed: a stranger who
 * picks keys cannot make the table slow.
 *
 * Pointers to entries are valid until the next put or remove. Iteration is in place order, which
 * depends on seed and history only, so it is the same in every run with the same seed.
 */
#ifndef COMMON_TABLE_H
#define COMMON_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct table {
    uint8_t *entries; /* capacity * entry_bytes; owned */
    uint64_t *taken;  /* a bit for each place; owned */
    uint64_t seed[2];
    uint32_t entry_bytes;
    uint32_t key_bytes;
    uint32_t capacity; /* places; 0 before the first put */
    uint32_t count;    /* entries in use */
};

/* entry_bytes >= key_bytes > 0. Allocates nothing yet. */
void table_init(struct table *table, uint32_t entry_bytes, uint32_t key_bytes, uint64_t seed);
/* Frees what the table holds; the table may be init-ed again. */
void table_deinit(struct table *table);
/* The entry with this key, or NULL. */
void *table_get(const struct table *table, const void *key);
/* The entry with this key, made (zeroed but for the key) when it is not there; *ret_created says
 * so when not NULL. NULL: out of memory, and the table is as it was. */
void *table_put(struct table *table, const void *key, bool *ret_created);
/* True when the key was there. */
bool table_remove(struct table *table, const void *key);
/* Iterates: *place starts at 0; NULL at the end. No put or remove while iterating. */
void *table_next(const struct table *table, uint32_t *place);
/* Bytes that the table holds on the heap. */
size_t table_heap_bytes(const struct table *table);
/* The hash that tables use, for who places keys himself: SipHash-1-3. */
uint64_t table_hash(const uint64_t seed[2], const void *key, size_t count);
/* Asserts what must hold between places, bits and counts. */
void table_check_invariants(const struct table *table);

#endif
