/*
 * fuzz_cursor.c: any sequence of reads over any bytes stays within them.
 *
 * The first byte says how many bytes of what follows are the program of reads; the rest is the
 * buffer that is read. After a failed read all others must give zeros.
 */
#include "common/cursor.h"

#include <assert.h>
#include <string.h>

static uint64_t read_one(struct cursor *cursor, uint8_t what)
{
    uint8_t copy[32];
    switch (what % 7) {
    case 0:
        return cursor_u8(cursor);
    case 1:
        return cursor_u16(cursor);
    case 2:
        return cursor_u24(cursor);
    case 3:
        return cursor_u32(cursor);
    case 4:
        return cursor_u64(cursor);
    case 5:
        return cursor_bytes(cursor, what) != NULL;
    default:
        cursor_copy(cursor, copy, what % sizeof copy);
        return what % sizeof copy == 0 ? 0 : copy[0];
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || (size_t)data[0] + 1 > size) {
        return 0;
    }
    const uint8_t *steps = data + 1;
    size_t step_count = data[0];
    struct cursor cursor;
    cursor_init(&cursor, steps + step_count, size - 1 - step_count);
    for (size_t i = 0; i < step_count; i++) {
        bool failed_before = cursor_failed(&cursor);
        uint64_t value = read_one(&cursor, steps[i]);
        assert(!failed_before || (value == 0 && cursor_failed(&cursor)));
        assert(cursor_left(&cursor) <= size);
    }
    return 0;
}
