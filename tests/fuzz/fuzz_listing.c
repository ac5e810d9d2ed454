/*
 * fuzz_listing.c: what an origin says are its tracks: any bytes are refused or make a list.
 */
#include "common/error.h"
#include "player/listing.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct listing listing;
    char next[128];
    listing_init(&listing);
    int error = listing_add_page(&listing, (const char *)data, size, next, sizeof next);
    assert(error >= 0);
    if (error == 0) {
        assert(next[0] == '\0' || next[0] == '/');
    }
    for (uint32_t i = 0; i < listing.count; i++) {
        assert(listing.tracks[i].title != NULL && listing.tracks[i].json[0] == '{');
    }
    listing_sort(&listing);
    listing_deinit(&listing);
    return 0;
}
