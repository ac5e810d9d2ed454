/*
 * fuzz_record.c: any bytes are refused or are one record, and a record has one form only.
 */
#include "common/error.h"
#include "player/core/record.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t again[RECORD_BYTES_MAX + 4u];
    struct media_intern *intern = media_intern_new(1);
    struct record_head head;
    struct record record;
    size_t used = 0, bytes = 0;
    assert(intern != NULL);
    assert(record_head_decode(data, size, &head, &used) >= 0);
    int error = record_decode(data, size, intern, &record, &used);
    assert(error >= 0);
    if (error == 0) {
        assert(used <= size);
        bool fits = record.event.kind != NODE_EVENT_CACHED_FILE ||
                    record.handle_recorded == record.event.cached_file.file;
        /* What a later version adds behind a HELLO is skipped, so it is not there again. */
        fits =
            fits && !(record.event.kind == NODE_EVENT_MESSAGE && record.message.type == P2P_HELLO);
        assert(record_encode(&record.event, record.update_hash, intern, again, sizeof again,
                             &bytes) == 0);
        assert(!fits || (bytes == used && memcmp(again, data, used) == 0));
    }
    media_intern_free(intern);
    return 0;
}
