/*
 * utf8.c: the table of RFC 3629, section 4, as arithmetic.
 *
 * Responsible for form only; what characters may stand somewhere is the caller's business.
 */
#include "common/utf8.h"

#include <stdint.h>

/* Continuation bytes behind this lead byte, -1 when it is none; and the bounds of the first of
 * them, which rule out what has a shorter form, surrogates, and what is above U+10FFFF. */
static int tail_of(uint8_t lead, uint8_t *ret_low, uint8_t *ret_high)
{
    *ret_low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    *ret_high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    if (lead < 0x80) {
        return lead == 0 ? -1 : 0;
    }
    if (lead < 0xc2 || lead > 0xf4) {
        return -1;
    }
    return lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
}

bool utf8_valid(const void *bytes, size_t count)
{
    const uint8_t *text = bytes;
    for (size_t at = 0; at < count;) {
        uint8_t low;
        uint8_t high;
        int tail = tail_of(text[at++], &low, &high);
        if (tail < 0 || (size_t)tail > count - at) {
            return false;
        }
        for (int i = 0; i < tail; i++, at++) {
            if (text[at] < low || text[at] > high) {
                return false;
            }
            low = 0x80;
            high = 0xbf;
        }
    }
    return true;
}
