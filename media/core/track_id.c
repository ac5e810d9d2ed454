/*
 * track_id.c: what is hashed into ids of tracks and albums; the refrain:// address.
 *
 * Responsible for bytes and text; hashing is the caller's.
 */
#include "media/core/track_id.h"

#include "common/cursor.h"
#include "common/error.h"

#include <assert.h>
#include <string.h>

#define PORT_DIGITS_MAX 5u

void media_track_id_input(const struct media_file_id *source,
                          uint8_t ret_input[MEDIA_TRACK_ID_INPUT_BYTES])
{
    struct writer writer;
    writer_init(&writer, ret_input, MEDIA_TRACK_ID_INPUT_BYTES);
    writer_bytes(&writer, "track", 5);
    writer_bytes(&writer, source->root, HASH_BYTES);
    writer_u64(&writer, source->bytes);
    assert(!writer_failed(&writer) && writer_used(&writer) == MEDIA_TRACK_ID_INPUT_BYTES);
}

size_t media_text_fold(struct media_text text, size_t capacity, uint8_t *ret_bytes)
{
    size_t used = 0;
    bool is_gap = false; /* white space is owed, if something follows it */
    for (size_t i = 0; i < text.bytes && used < capacity; i++) {
        uint8_t byte = (uint8_t)text.data[i];
        if (byte == ' ' || (byte >= '\t' && byte <= '\r')) {
            is_gap = used > 0;
            continue;
        }
        if (is_gap && used + 1 == capacity) {
            break; /* a space at the end would not be folded */
        }
        if (is_gap) {
            ret_bytes[used++] = ' ';
            is_gap = false;
        }
        ret_bytes[used++] = byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte - 'A' + 'a') : byte;
    }
    return used;
}

static void write_folded(struct writer *writer, struct media_text text)
{
    uint8_t folded[MEDIA_TEXT_BYTES_MAX];
    assert(text.bytes <= MEDIA_TEXT_BYTES_MAX);
    writer_bytes(writer, folded, media_text_fold(text, sizeof folded, folded));
}

size_t media_album_id_input(struct media_text album_artist, struct media_text album,
                            struct media_text release_mbid,
                            uint8_t ret_input[MEDIA_ALBUM_ID_INPUT_BYTES_MAX])
{
    struct writer writer;
    assert(release_mbid.bytes <= MEDIA_MBID_BYTES_MAX);
    writer_init(&writer, ret_input, MEDIA_ALBUM_ID_INPUT_BYTES_MAX);
    writer_bytes(&writer, "album", 5);
    write_folded(&writer, album_artist);
    writer_u8(&writer, 0);
    write_folded(&writer, album);
    writer_u8(&writer, 0);
    writer_bytes(&writer, release_mbid.data, release_mbid.bytes);
    assert(!writer_failed(&writer));
    return writer_used(&writer);
}

/* Letters, digits and what else stands in names and addresses; nothing that a shell, a terminal or
 * an HTTP header could take for more than text. */
static bool is_host_byte(char byte, bool is_bracketed)
{
    bool is_hex = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'f') ||
                  (byte >= 'A' && byte <= 'F');
    if (is_bracketed) {
        return is_hex || byte == ':' || byte == '.';
    }
    return is_hex || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '-' ||
           byte == '.' || byte == '_';
}

/* Reads the host; returns what follows, or NULL. */
static const char *parse_host(const char *text, char ret_host[MEDIA_HOST_BYTES_MAX + 1])
{
    bool is_bracketed = *text == '[';
    text += is_bracketed ? 1 : 0;
    size_t bytes = 0;
    while (is_host_byte(text[bytes], is_bracketed)) {
        bytes++;
    }
    if (bytes == 0 || bytes > MEDIA_HOST_BYTES_MAX || (is_bracketed && text[bytes] != ']')) {
        return NULL;
    }
    memcpy(ret_host, text, bytes);
    ret_host[bytes] = '\0';
    return text + bytes + (is_bracketed ? 1 : 0);
}

/* Reads ":PORT" if it is there; returns what follows, or NULL. */
static const char *parse_port(const char *text, uint16_t *ret_port)
{
    uint32_t port = 0;
    size_t digits = 0;
    if (*text != ':') {
        *ret_port = MEDIA_PORT_DEFAULT;
        return text;
    }
    for (text++; *text >= '0' && *text <= '9' && digits < PORT_DIGITS_MAX; text++, digits++) {
        port = port * 10 + (uint32_t)(*text - '0');
    }
    if (digits == 0 || port == 0 || port > UINT16_MAX) {
        return NULL;
    }
    *ret_port = (uint16_t)port;
    return text;
}

int media_address_parse(const char *text, struct media_address *ret_address)
{
    static const char scheme[] = "refrain://";
    static const char path[] = "/tracks/";
    struct media_address address = {0};
    if (strncmp(text, scheme, sizeof scheme - 1) != 0) {
        return ERROR_NOT_FOUND;
    }
    text = parse_host(text + sizeof scheme - 1, address.host);
    text = text == NULL ? NULL : parse_port(text, &address.port);
    if (text == NULL || strncmp(text, path, sizeof path - 1) != 0 ||
        media_hex_decode(text + sizeof path - 1, TRACK_ID_BYTES, address.track_id) != 0) {
        return ERROR_MALFORMED;
    }
    *ret_address = address;
    return 0;
}
