/*
 * requests.c: a short array in the order of numbers.
 *
 * Responsible for finding, adding and removing; answers come roughly in order, so that a search
 * from the front is short.
 */
#include "player/core/requests.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

void requests_init(struct requests *requests)
{
    memset(requests, 0, sizeof *requests);
    requests->next_number = 1;
}

struct request *requests_add(struct requests *requests)
{
    assert(requests->count < REQUESTS_MAX);
    assert(requests->next_number < UINT32_MAX);
    struct request *request = &requests->list[requests->count++];
    *request = (struct request){.number = requests->next_number++};
    return request;
}

struct request *requests_find(struct requests *requests, uint32_t number)
{
    for (uint32_t i = 0; i < requests->count; i++) {
        if (requests->list[i].number == number) {
            return &requests->list[i];
        }
    }
    return NULL;
}

bool requests_was_used(const struct requests *requests, uint32_t number)
{
    return number > 0 && number < requests->next_number;
}

void requests_remove(struct requests *requests, uint32_t number)
{
    struct request *request = requests_find(requests, number);
    assert(request != NULL);
    size_t behind = (size_t)(&requests->list[requests->count] - (request + 1));
    memmove(request, request + 1, behind * sizeof *request);
    requests->count--;
}

void requests_check_invariants(const struct requests *requests)
{
    assert(requests->count <= REQUESTS_MAX);
    for (uint32_t i = 0; i < requests->count; i++) {
        const struct request *request = &requests->list[i];
        assert(request->number < requests->next_number);
        assert(i == 0 || requests->list[i - 1].number < request->number);
        assert((request->kind == REQUEST_OPEN) == (request->file == 0));
        assert(request->kind == REQUEST_OPEN || request->left > 0);
        assert(request->kind != REQUEST_CHUNKS || request->left <= request->count);
        assert(request->kind != REQUEST_HEDGE || (request->left == 1 && request->count == 1));
    }
    assert(requests->count > 0 || requests->bytes == 0);
}
