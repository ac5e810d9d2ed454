/*
 * evict_picture.c: runs a string of requests through a policy.
 */
#include "evict_picture.h"

#include "common/prng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define LETTERS 52u
#define RANDOM_OBJECTS 200u
#define RANDOM_REQUESTS 4000u

static uint32_t number_of(char letter)
{
    return letter >= 'a' ? (uint32_t)(letter - 'a') : (uint32_t)(26 + letter - 'A');
}

static uint32_t next_use(const char *requests, size_t place)
{
    const char *next = strchr(requests + place + 1, requests[place]);
    return next != NULL ? (uint32_t)(next - requests) : EVICT_NEVER;
}

void evict_row_run(const struct evict_row *row, char ret_met[EVICT_REQUESTS_MAX + 1])
{
    struct evict *evict = NULL;
    struct evict_config config = {.policy = evict_policy_find(row->policy),
                                  .limit_bytes = row->limit_bytes,
                                  .object_count = LETTERS,
                                  .seed = 7};
    assert_non_null(config.policy);
    assert_int_equal(evict_new(&config, &evict), 0);
    assert_true(strlen(row->requests) <= EVICT_REQUESTS_MAX);
    memset(ret_met, 0, EVICT_REQUESTS_MAX + 1);
    for (size_t i = 0; row->requests[i] != '\0'; i++) {
        uint32_t object = number_of(row->requests[i]);
        uint32_t bytes = object < 26 ? 1 : 2;
        struct evict_request request = {
            .object = object, .bytes = bytes, .next_use = next_use(row->requests, i)};
        ret_met[i] = evict_request(evict, &request) == bytes ? 'x' : '.';
        evict_check_invariants(evict);
    }
    evict_free(evict);
}

static uint64_t run(const struct evict_policy *policy, uint64_t seed)
{
    struct evict *evict = NULL;
    struct prng prng;
    uint32_t protections[RANDOM_OBJECTS] = {0};
    uint64_t hits = 0;
    struct evict_config config = {
        .policy = policy, .limit_bytes = 3000, .object_count = RANDOM_OBJECTS, .seed = seed};
    assert_int_equal(evict_new(&config, &evict), 0);
    prng_init(&prng, seed);
    for (uint32_t i = 0; i < RANDOM_REQUESTS; i++) {
        uint32_t object = (uint32_t)prng_below(&prng, 1 + prng_below(&prng, RANDOM_OBJECTS));
        struct evict_request request = {.object = object,
                                        .bytes = 1 + (uint32_t)prng_below(&prng, 100),
                                        .next_use = (uint32_t)prng_below(&prng, 100000)};
        hits += evict_request(evict, &request) == request.bytes;
        object = (uint32_t)prng_below(&prng, RANDOM_OBJECTS);
        if (protections[object] > 0 || prng_below(&prng, 4) == 0) {
            bool is_protected = protections[object] == 0;
            protections[object] = is_protected;
            evict_protect(evict, object, is_protected);
        }
        evict_check_invariants(evict);
    }
    evict_free(evict);
    return hits;
}

uint64_t evict_random_run(const char *policy, uint64_t seed)
{
    uint64_t hits = run(evict_policy_find(policy), seed);
    assert_int_equal(run(evict_policy_find(policy), seed), hits);
    assert_in_range(hits, RANDOM_REQUESTS / 20, RANDOM_REQUESTS);
    return hits;
}
