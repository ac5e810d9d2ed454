/*
 * fuzz_lan.c: an announcement that can be read is written as the same bytes, as far as they mean
 * anything.
 */
#include "p2p/uv/lan.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lan_announcement announcement;
    uint8_t again[LAN_ANNOUNCEMENT_BYTES];
    if (lan_decode(data, size, &announcement) != 0) {
        return 0;
    }
    assert(size >= LAN_ANNOUNCEMENT_BYTES && announcement.port != 0);
    lan_encode(&announcement, again);
    again[17] = data[17]; /* the byte without a meaning */
    assert(memcmp(again, data, sizeof again) == 0);
    return 0;
}
