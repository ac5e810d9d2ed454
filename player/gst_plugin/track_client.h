/*
 * track_client.h: a track's bytes from a gateway, with blocking calls that another thread can end.
 *
 * It asks for parts (RFC 9110, ranges) over one kept connection: small ones where the reader jumps, as
 * demuxers do at a start, larger ones where it reads on. When the gateway goes away (its engine ended),
 * the caller finds another place and goes on.
 */
#ifndef PLAYER_GST_PLUGIN_TRACK_CLIENT_H
#define PLAYER_GST_PLUGIN_TRACK_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#define TRACK_CLIENT_PART_BYTES 65536u
#define TRACK_CLIENT_HEAD_BYTES 4096u

struct track_client {
    int fd;     /* -1 = not connected */
    int cancel; /* an eventfd: readable = every call ends with ERROR_CANCELLED */
    char host[32];
    uint16_t port;
    char path[160];
    uint64_t total_bytes;            /* of the file; 0 = not known yet */
    uint64_t part_first, part_bytes; /* of what `part` holds */
    char head[TRACK_CLIENT_HEAD_BYTES];
    uint8_t part[TRACK_CLIENT_PART_BYTES];
};

/* ERROR_SYSTEM: no more descriptors. */
int track_client_init(struct track_client *client);
void track_client_deinit(struct track_client *client);
/* From now on of this address, "http://IPV4:PORT/PATH" (ERROR_MALFORMED: it is none). Asks how long the file
 * is: 0 and client->total_bytes; ERROR_NOT_FOUND (404), ERROR_CLOSED (502, or no gateway there),
 * ERROR_DENIED (403), ERROR_BUSY (503), ERROR_MALFORMED, ERROR_CANCELLED; ERROR_MISMATCH: it is not as
 * long as it was at the address before. */
int track_client_open(struct track_client *client, const char *url);
/* Copies [offset, offset + count), within the file (asserted). As above. */
int track_client_read(struct track_client *client, uint64_t offset, uint8_t *ret_bytes,
                      uint32_t count);
/* Any thread. */
void track_client_cancel(struct track_client *client, bool is_cancelled);

#endif
