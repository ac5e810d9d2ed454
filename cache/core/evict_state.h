/*
 * evict_state.h: what the policies of evict.h share: objects, lists of them, a heap, their functions.
 *
 * Only evict*.c include it. An object stands in at most one list; what a policy remembers of objects
 * that have left stands in ghost lists, with the bytes that they had.
 */
#ifndef CACHE_CORE_EVICT_STATE_H
#define CACHE_CORE_EVICT_STATE_H

#include "cache/core/evict.h"

#define EVICT_NONE UINT32_MAX
#define EVICT_LISTS 4u
#define EVICT_HELD EVICT_LISTS /* the list of those that are protected and would have left */

struct evict_object {
    uint32_t prev, next; /* in its list, towards head and tail; prev: place in the heap */
    uint32_t bytes;      /* that are there; of a ghost: that were */
    uint8_t where;       /* number of its list + 1; 0 = in none */
    uint8_t mark;        /* the policy's */
    uint16_t protections;
};

struct evict_list {
    uint32_t head, tail; /* EVICT_NONE when empty. New ones come in at the head */
    uint32_t count;
    uint64_t bytes;
};

/* An indexed heap: the least key on top. */
struct evict_heap_entry {
    uint64_t key;
    uint32_t object;
};

struct evict_policy {
    const char *name;
    uint8_t ghost_lists; /* bit n: list n holds objects that are not there */
    bool has_heap;       /* its objects stand in the heap, not in lists */
    bool has_sketch;
    bool is_bound;
    /* An object that is there is asked for. */
    void (*hit)(struct evict *evict, uint32_t object);
    /* One that is not there (a ghost perhaps) is about to come; may be NULL. */
    void (*miss)(struct evict *evict, uint32_t object);
    /* It has come; its bytes are set. It stands in no list, or in a ghost list. */
    void (*insert)(struct evict *evict, uint32_t object);
    /* One leaves: takes it out of its lists (or makes it a ghost) and returns it. EVICT_NONE: the
     * policy would rather not take in evict->incoming. Something is there (but for what is held). */
    uint32_t (*evict)(struct evict *evict);
};

struct evict {
    const struct evict_policy *policy;
    uint32_t object_count;
    uint64_t limit_bytes;
    uint64_t used_bytes;
    struct evict_object *objects; /* owned */
    struct evict_list lists[EVICT_LISTS + 1];
    uint32_t incoming;             /* the object of the present request */
    uint32_t incoming_bytes;       /* that it lacks */
    uint32_t asked_bytes;          /* by the present request */
    uint32_t next_use;             /* of the present request */
    uint32_t request_count;        /* so far, modulo 2^32 */
    uint32_t hand;                 /* SIEVE: where it looks next; EVICT_NONE = at the tail */
    uint64_t target_bytes;         /* ARC: what the recent ones should have */
    uint64_t floor;                /* GDSF: the priority of the last one that left */
    struct evict_heap_entry *heap; /* owned; NULL without */
    uint32_t heap_count;
    uint64_t *sketch;      /* TinyLFU: 16 counters a word, owned; NULL without */
    uint32_t sketch_words; /* a power of two */
    uint64_t sketch_bytes; /* asked for since the counters were halved */
    uint64_t seed;
};

void evict_push(struct evict *evict, uint32_t list, uint32_t object);
/* Out of whatever list it stands in. */
void evict_unlink(struct evict *evict, uint32_t object);
/* Unlink and push. */
void evict_move(struct evict *evict, uint32_t list, uint32_t object);
/* Forgets the oldest of a ghost list until it has at most so many bytes. */
void evict_trim_ghosts(struct evict *evict, uint32_t list, uint64_t bytes_max);

/* Heap: put also changes the key of one that is in it. */
void evict_heap_put(struct evict *evict, uint32_t object, uint64_t key);
uint32_t evict_heap_pop(struct evict *evict, uint64_t *ret_key);
void evict_heap_remove(struct evict *evict, uint32_t object);

/* TinyLFU's estimate of how often an object was asked for lately, 0 to 15. */
void evict_sketch_add(struct evict *evict, uint32_t object);
uint32_t evict_sketch_estimate(const struct evict *evict, uint32_t object);

extern const struct evict_policy evict_policy_fifo, evict_policy_lru, evict_policy_clock,
    evict_policy_sieve, evict_policy_arc, evict_policy_qdlp, evict_policy_s3fifo,
    evict_policy_tinylfu, evict_policy_lfu, evict_policy_gdsf, evict_policy_belady,
    evict_policy_ours;

#endif
