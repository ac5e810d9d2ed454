/*
 * evict.h: which objects a cache of so many bytes would hold under a policy, request by request.
 *
 * For trace replay and for shadow policies beside a listener's own cache: no payload, only numbers.
 * The store's own index (cache/core/index.h) decides for a real cache; what wins here is what that
 * one should do (docs/CACHING.md).
 *
 * Objects are numbered from 0 without gaps, so that all state is one array of 16 bytes an object and
 * a request costs some tens of nanoseconds. An object may be there in part: its first bytes. A
 * request asks for its first `bytes`; what is missing of them is taken in, and objects leave whole
 * until it fits. An object that could never fit passes by.
 *
 * Not re-entrant. The same seed and requests give the same result everywhere.
 */
#ifndef CACHE_CORE_EVICT_H
#define CACHE_CORE_EVICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EVICT_OBJECTS_MAX (UINT32_C(1) << 30)
#define EVICT_NEVER UINT32_MAX /* next_use: no later request */

/* A policy: how it is called, and where it is described. Its functions are in evict_state.h. */
struct evict_policy;

struct evict_config {
    const struct evict_policy *policy; /* of evict_policies */
    uint64_t limit_bytes;              /* what the cache may hold; at least 1 */
    uint32_t object_count;             /* at most EVICT_OBJECTS_MAX */
    uint64_t seed;                     /* of what a policy draws or hashes */
};

struct evict_request {
    uint32_t object;   /* less than object_count */
    uint32_t bytes;    /* its first so many; at least 1 */
    uint32_t next_use; /* the number of the next request for it, for Belady; else ignored */
};

struct evict;

/* The policies, in the order of reports; NULL ends them. */
extern const struct evict_policy *const evict_policies[];
/* By name ("s3-fifo"); NULL when there is none. */
const struct evict_policy *evict_policy_find(const char *name);
const char *evict_policy_name(const struct evict_policy *policy);
/* It knows the future: a bound, and no policy that a cache could follow. */
bool evict_policy_is_bound(const struct evict_policy *policy);

/* ERROR_NO_MEMORY. */
int evict_new(const struct evict_config *config, struct evict **ret_evict);
void evict_free(struct evict *evict); /* takes NULL */

/* Returns how many of the asked bytes were there before. */
uint32_t evict_request(struct evict *evict, const struct evict_request *request);

/* What is protected leaves only when nothing else is left (the queue, pins). An object need not be
 * there; protection is counted: each true takes one false. */
void evict_protect(struct evict *evict, uint32_t object, bool is_protected);

uint64_t evict_used_bytes(const struct evict *evict);
/* Asserts what must hold between lists, sums and marks. */
void evict_check_invariants(const struct evict *evict);

#endif
