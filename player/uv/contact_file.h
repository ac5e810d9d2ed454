/*
 * contact_file.h: the contacts that are remembered from one run to the next.
 *
 *   STATE/contacts, text, mode 0600:
 *     refrain contacts 1
 *     PEER-ID FLAGS PENALTY SECONDS ADDRESS [ADDRESS [ADDRESS]]
 *   a line a contact: 64 hex digits; numbers in decimal; when it was remembered, in seconds since
 *   1970; addresses as 192.0.2.1:80 or [2001:db8::1]:80, the best first.
 *
 * At most CONTACT_FILE_MAX; of more, the one that was remembered longest ago goes. Lines that are
 * damaged, of the future or older than CONTACT_FILE_AGE_S are passed over: all of this is a hint. The
 * file is replaced by rename, without waiting for the disk: a crash costs hints.
 */
#ifndef PLAYER_UV_CONTACT_FILE_H
#define PLAYER_UV_CONTACT_FILE_H

#include "p2p/core/contact.h"

#include <stddef.h>
#include <stdint.h>

#define CONTACT_FILE_MAX 200u
#define CONTACT_FILE_AGE_S UINT64_C(2592000) /* 30 days */
#define CONTACT_FILE_BYTES_MAX (64u * 1024u)

struct contact_file_entry {
    struct p2p_contact contact;
    uint32_t penalty;
    uint64_t time_s;
};

/* Fixed size, no heap. */
struct contact_file {
    uint32_t count;
    struct contact_file_entry entries[CONTACT_FILE_MAX];
};

/* Adds, or replaces the one with the same peer id. */
void contact_file_remember(struct contact_file *file, const struct p2p_contact *contact,
                           uint32_t penalty, uint64_t time_s);

/* From text; what cannot be read is left out. What was written later than now (the clock was set
 * back) counts as written now. */
void contact_file_parse(struct contact_file *ret_file, const char *text, size_t bytes,
                        uint64_t now_s);
/* To text; the buffer has CONTACT_FILE_BYTES_MAX. Returns how many bytes. */
size_t contact_file_format(const struct contact_file *file, char *buffer);

/* 0 (no such file: empty), ERROR_DENIED, ERROR_IO, ERROR_NO_MEMORY. */
int contact_file_load(struct contact_file *ret_file, const char *path, uint64_t now_s);
/* Waits for the disk. ERROR_DENIED, ERROR_FULL, ERROR_IO, ERROR_TOO_LARGE (path). Any thread. */
int contact_file_save(const char *path, const char *text, size_t bytes);

#endif
