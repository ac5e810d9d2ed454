/*
 * evict_picture.h: policies in pictures: a string of requests, and a string of what they met.
 *
 * Small letters are objects of one byte, capital letters of two. Of the result each place is 'x' for
 * a hit and '.' for a miss. Invariants are checked after each request.
 */
#ifndef TESTS_LIB_EVICT_PICTURE_H
#define TESTS_LIB_EVICT_PICTURE_H

#include "cache/core/evict.h"

struct evict_row {
    const char *policy;
    uint64_t limit_bytes;
    const char *requests;
    const char *met;
};

#define EVICT_REQUESTS_MAX 128u
/* What the row's requests meet; on the way it fails the test when an invariant breaks. */
void evict_row_run(const struct evict_row *row, char ret_met[EVICT_REQUESTS_MAX + 1]);
/* Random requests, partial ones and protections: hits of the policy; it must keep its invariants, and
 * give the same again. */
uint64_t evict_random_run(const char *policy, uint64_t seed);

#endif
