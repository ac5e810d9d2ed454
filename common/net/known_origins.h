/*
 * known_origins.h: who each origin was the first time, in one file, as ssh does.
 *
 * One line an origin, in any order:
 *     HOST:PORT SP IDENTITY LF       IDENTITY = 64 lower-case hex digits (Ed25519 public key)
 * HOST is lower case, IPv6 in brackets. Lines that begin with '#' and empty ones are kept. A line
 * of another form is damaged: kept as it is, counted, and not believed. The first line of a host
 * and port counts. The file is replaced atomically (temporary file, fsync, rename), mode 0600;
 * writers lock FILE.lock. Small and rarely touched, hence read and written synchronously.
 */
#ifndef COMMON_NET_KNOWN_ORIGINS_H
#define COMMON_NET_KNOWN_ORIGINS_H

#include "common/limits.h"

#include <stddef.h>
#include <stdint.h>

#define NET_KNOWN_FILE_BYTES_MAX (1024u * 1024u)
#define NET_KNOWN_TEXT_BYTES 1024u

enum net_known_state {
    NET_KNOWN_MATCH = 0,   /* as the first time */
    NET_KNOWN_PINNED = 1,  /* not seen before: it stands in the file now */
    NET_KNOWN_CHANGED = 2, /* somebody else than the first time: do not talk to it */
    NET_KNOWN_UNKNOWN = 3, /* not in the file (lookup only) */
};

struct net_known_result {
    enum net_known_state state;
    uint32_t line;                      /* of the entry, from 1; UNKNOWN: 0 */
    uint32_t damaged_lines;             /* in the whole file: the caller may warn */
    uint8_t identity[PUBLIC_KEY_BYTES]; /* what stands in the file; UNKNOWN: zeros */
    char text[NET_KNOWN_TEXT_BYTES];    /* CHANGED: file, host, line and the cure. MATCH, PINNED,
                                        UNKNOWN with damaged lines: a warning about them. Else "" */
};

/* What the file says of an origin. A file that is not there is empty. 0, ERROR_TOO_LARGE, ERROR_IO,
 * ERROR_DENIED, ERROR_NO_MEMORY. */
int net_known_origins_lookup(const char *path, const char *host, uint16_t port,
                             struct net_known_result *ret_result);
/* Compares, and pins when it is unknown (makes the file, not its folder). 0 (state MATCH or PINNED);
 * ERROR_MISMATCH (state CHANGED; *ret_result is written: forward its text); ERROR_TOO_LARGE,
 * ERROR_IO, ERROR_DENIED, ERROR_NO_MEMORY: it could be neither compared nor pinned. */
int net_known_origins_check(const char *path, const char *host, uint16_t port,
                            const uint8_t identity[PUBLIC_KEY_BYTES],
                            struct net_known_result *ret_result);

#endif
