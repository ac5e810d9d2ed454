/*
 * contact_file.c: remembered contacts as text.
 *
 * Read strictly, line by line: a line is taken whole or not at all.
 */
#include "player/uv/contact_file.h"

#include "common/error.h"
#include "common/net/address.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEAD "refrain contacts 1\n"
/* Peer id, flags, penalty, seconds, addresses, spaces, newline. */
#define LINE_BYTES_MAX                                                                             \
    (2u * HASH_BYTES + 4u + 11u + 21u +                                                            \
     P2P_CONTACT_ADDRESSES_MAX * (NET_ADDRESS_TEXT_BYTES + 1u) + 2u)
#define PATH_BYTES_MAX 4096u

_Static_assert(CONTACT_FILE_BYTES_MAX >= CONTACT_FILE_MAX * LINE_BYTES_MAX + sizeof HEAD,
               "all contacts fit");

void contact_file_remember(struct contact_file *file, const struct p2p_contact *contact,
                           uint32_t penalty, uint64_t time_s)
{
    uint32_t place = file->count;
    uint32_t oldest = 0;
    for (uint32_t i = 0; i < file->count; i++) {
        if (memcmp(file->entries[i].contact.peer_id, contact->peer_id, HASH_BYTES) == 0) {
            place = i;
        }
        oldest = file->entries[i].time_s < file->entries[oldest].time_s ? i : oldest;
    }
    if (place == file->count && file->count == CONTACT_FILE_MAX) {
        place = oldest;
    } else if (place == file->count) {
        file->count++;
    }
    file->entries[place] =
        (struct contact_file_entry){.contact = *contact, .penalty = penalty, .time_s = time_s};
}

/* ---- reading ---- */

static int nibble(char digit)
{
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

static bool read_id(const char **at, uint8_t ret_id[HASH_BYTES])
{
    for (size_t i = 0; i < HASH_BYTES; i++) {
        int high = nibble((*at)[0]);
        int low = high < 0 ? -1 : nibble((*at)[1]);
        if (low < 0) {
            return false;
        }
        ret_id[i] = (uint8_t)(high << 4 | low);
        *at += 2;
    }
    return true;
}

/* A space, then a number up to `most`. */
static bool read_number(const char **at, uint64_t most, uint64_t *ret_number)
{
    const char *from = *at + 1;
    char *end = NULL;
    if (**at != ' ' || *from < '0' || *from > '9') {
        return false;
    }
    errno = 0;
    unsigned long long number = strtoull(from, &end, 10);
    if (errno != 0 || number > most) {
        return false;
    }
    *ret_number = number;
    *at = end;
    return true;
}

static bool read_address(const char **at, struct p2p_address *ret_address)
{
    char text[NET_ADDRESS_TEXT_BYTES];
    struct net_address address;
    uint64_t port = 0;
    const char *from = *at + 1;
    size_t bytes = **at == ' ' ? strcspn(from, " ") : 0;
    if (bytes == 0 || bytes >= sizeof text) {
        return false;
    }
    memcpy(text, from, bytes);
    text[bytes] = '\0';
    char *colon = strrchr(text, ':');
    if (colon == NULL) {
        return false;
    }
    *colon = ' ';
    const char *behind = colon;
    if (!read_number(&behind, UINT16_MAX, &port) || *behind != '\0') {
        return false;
    }
    *colon = '\0';
    if (net_address_parse(text, (uint16_t)port, &address) != 0) {
        return false;
    }
    ret_address->family = address.family;
    memcpy(ret_address->address, address.bytes, sizeof ret_address->address);
    ret_address->port = address.port;
    *at = from + bytes;
    return p2p_address_is_dialable(ret_address);
}

static bool read_line(const char *line, struct contact_file_entry *ret_entry)
{
    struct contact_file_entry entry = {0};
    uint64_t flags = 0;
    uint64_t penalty = 0;
    const char *at = line;
    if (!read_id(&at, entry.contact.peer_id) || !read_number(&at, UINT8_MAX, &flags) ||
        !read_number(&at, UINT32_MAX, &penalty) || !read_number(&at, INT64_MAX, &entry.time_s)) {
        return false;
    }
    entry.contact.flags = (uint8_t)flags;
    entry.penalty = (uint32_t)penalty;
    uint32_t count = 0;
    while (*at != '\0') {
        if (count == P2P_CONTACT_ADDRESSES_MAX ||
            !read_address(&at, &entry.contact.addresses[count])) {
            return false;
        }
        count++;
    }
    *ret_entry = entry;
    return count > 0 && !p2p_peer_id_is_none(entry.contact.peer_id);
}

void contact_file_parse(struct contact_file *ret_file, const char *text, size_t bytes,
                        uint64_t now_s)
{
    const char *end = text + bytes;
    ret_file->count = 0;
    if (bytes < sizeof HEAD - 1 || memcmp(text, HEAD, sizeof HEAD - 1) != 0) {
        return;
    }
    const char *at = text + sizeof HEAD - 1;
    while (at < end) {
        char line[LINE_BYTES_MAX];
        struct contact_file_entry entry = {0};
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        size_t length = (size_t)((stop != NULL ? stop : end) - at);
        if (stop != NULL && length < sizeof line) {
            memcpy(line, at, length);
            line[length] = '\0';
            bool is_read = read_line(line, &entry);
            /* The clock was set back since: how old it is nobody knows. */
            entry.time_s = is_read && entry.time_s > now_s ? now_s : entry.time_s;
            if (is_read && now_s - entry.time_s <= CONTACT_FILE_AGE_S) {
                contact_file_remember(ret_file, &entry.contact, entry.penalty, entry.time_s);
            }
        }
        at += length + 1;
    }
}

int contact_file_load(struct contact_file *ret_file, const char *path, uint64_t now_s)
{
    ret_file->count = 0;
    char *text = malloc(CONTACT_FILE_BYTES_MAX);
    if (text == NULL) {
        return ERROR_NO_MEMORY;
    }
    int error = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        error = error_from_errno(errno);
        error = error == ERROR_NOT_FOUND ? 0 : error;
        goto err_after_text;
    }
    ssize_t got = read(fd, text, CONTACT_FILE_BYTES_MAX);
    if (got < 0) {
        error = ERROR_IO;
    } else {
        contact_file_parse(ret_file, text, (size_t)got, now_s);
    }
    (void)close(fd);
err_after_text:
    free(text);
    return error;
}

/* ---- writing ---- */

static size_t format_entry(const struct contact_file_entry *entry, char *buffer, size_t capacity)
{
    size_t used = 0;
    for (size_t i = 0; i < HASH_BYTES; i++) {
        used += (size_t)snprintf(buffer + used, capacity - used, "%02x", entry->contact.peer_id[i]);
    }
    used += (size_t)snprintf(buffer + used, capacity - used, " %u %" PRIu32 " %" PRIu64,
                             entry->contact.flags, entry->penalty, entry->time_s);
    uint32_t count = p2p_contact_address_count(&entry->contact);
    for (uint32_t i = 0; i < count; i++) {
        char text[NET_ADDRESS_TEXT_BYTES];
        struct net_address address = {.family = entry->contact.addresses[i].family,
                                      .port = entry->contact.addresses[i].port};
        memcpy(address.bytes, entry->contact.addresses[i].address, sizeof address.bytes);
        net_address_format(&address, text);
        used += (size_t)snprintf(buffer + used, capacity - used, " %s", text);
    }
    used += (size_t)snprintf(buffer + used, capacity - used, "\n");
    assert(used < capacity);
    return used;
}

size_t contact_file_format(const struct contact_file *file, char *buffer)
{
    size_t used = sizeof HEAD - 1;
    memcpy(buffer, HEAD, used);
    for (uint32_t i = 0; i < file->count; i++) {
        used += format_entry(&file->entries[i], buffer + used, CONTACT_FILE_BYTES_MAX - used);
    }
    return used;
}

int contact_file_save(const char *path, const char *text, size_t bytes)
{
    char temporary[PATH_BYTES_MAX];
    int length = snprintf(temporary, sizeof temporary, "%s.XXXXXX", path);
    if (length < 0 || (size_t)length >= sizeof temporary) {
        return ERROR_TOO_LARGE;
    }
    int fd = mkostemp(temporary, O_CLOEXEC); /* mode 0600 */
    if (fd < 0) {
        return error_from_errno(errno);
    }
    int error = 0;
    while (bytes > 0 && error == 0) {
        ssize_t put = write(fd, text, bytes);
        if (put < 0 && errno != EINTR) {
            error = error_from_errno(errno);
        }
        text += put > 0 ? put : 0;
        bytes -= put > 0 ? (size_t)put : 0;
    }
    if (close(fd) != 0 && error == 0) {
        error = ERROR_IO;
    }
    if (error == 0 && rename(temporary, path) != 0) {
        error = error_from_errno(errno);
    }
    if (error != 0) {
        (void)unlink(temporary);
    }
    return error;
}
