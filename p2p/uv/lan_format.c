/*
 * lan_format.c: the bytes of an announcement, as lan.h draws them.
 */
#include "common/cursor.h"
#include "common/error.h"
#include "p2p/uv/lan.h"

#include <assert.h>
#include <string.h>

static const uint8_t magic[8] = "RFRLAN1";

void lan_encode(const struct lan_announcement *announcement,
                uint8_t ret_bytes[LAN_ANNOUNCEMENT_BYTES])
{
    struct writer writer;
    writer_init(&writer, ret_bytes, LAN_ANNOUNCEMENT_BYTES);
    writer_bytes(&writer, magic, sizeof magic);
    writer_u64(&writer, announcement->cookie);
    writer_u8(&writer, announcement->flags);
    writer_u8(&writer, 0);
    writer_u16(&writer, announcement->port);
    writer_bytes(&writer, announcement->peer_id, HASH_BYTES);
    writer_bytes(&writer, announcement->origin, HASH_BYTES);
    assert(!writer_failed(&writer) && writer_used(&writer) == LAN_ANNOUNCEMENT_BYTES);
}

int lan_decode(const uint8_t *bytes, size_t count, struct lan_announcement *ret_announcement)
{
    struct cursor cursor;
    struct lan_announcement announcement;
    uint8_t start[sizeof magic];
    cursor_init(&cursor, bytes, count);
    cursor_copy(&cursor, start, sizeof start);
    announcement.cookie = cursor_u64(&cursor);
    announcement.flags = cursor_u8(&cursor);
    (void)cursor_u8(&cursor);
    announcement.port = cursor_u16(&cursor);
    cursor_copy(&cursor, announcement.peer_id, HASH_BYTES);
    cursor_copy(&cursor, announcement.origin, HASH_BYTES);
    if (cursor_failed(&cursor)) {
        return ERROR_TRUNCATED;
    }
    if (memcmp(start, magic, sizeof magic) != 0 || announcement.port == 0) {
        return ERROR_MALFORMED;
    }
    *ret_announcement = announcement;
    return 0;
}
