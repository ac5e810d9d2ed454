/*
 * origin_worker_state.h: a worker's inside; for streamserver/uv/origin_worker*.c alone.
 *
 * Events go into the engine one after the other (origin_worker_step); its effects are carried out
 * at once, but for those that are answered: these wait as tasks and are worked off when the step is
 * over, so that the engine is never entered from inside.
 */
#ifndef STREAMSERVER_UV_ORIGIN_WORKER_STATE_H
#define STREAMSERVER_UV_ORIGIN_WORKER_STATE_H

#include "common/net/http_server.h"
#include "common/net/link.h"
#include "common/table.h"
#include "streamserver/core/routes.h"
#include "streamserver/uv/media_files.h"
#include "streamserver/uv/origin_worker.h"

#include <jansson.h>

/* Streams that are links or were and are still closing, beyond what the engine takes. */
#define ORIGIN_WORKER_CLOSING_MAX 256u
/* Messages about what is broken on disk: one in this time, however many ask for it. */
#define ORIGIN_WORKER_COMPLAIN_US TIME_US_PER_S

struct origin_worker_link {
    struct origin_worker *worker;
    struct origin_worker_link *next; /* all of the worker's */
    struct origin_worker_link *previous;
    struct net_link *net;
    uint32_t number;
    bool is_known; /* the engine knows it */
};

struct origin_worker_entry {
    uint32_t number;
    struct origin_worker_link *link;
};

/* A read that waits for the disk on one of libuv's threads. */
struct origin_worker_read {
    uv_work_t work;
    struct origin_worker *worker;
    struct media_files_read read;
    media_handle file;
    int error;
};

struct origin_worker {
    struct net_loop *loop;
    struct origin_worker_config config;
    struct origin *origin;
    struct media_intern *intern;
    struct media_files *files;
    struct net_http_server *http;
    struct net_deadline *deadline;
    struct table links; /* struct origin_worker_entry */
    struct origin_worker_link *link_first;
    uint32_t link_count;              /* with those that are closing */
    uint32_t link_last;               /* the highest number so far */
    uint8_t *slots;                   /* slot_count of CHUNK_BYTES */
    struct origin_worker_read *reads; /* one a slot */
    uint32_t reads_waiting;
    struct origin_effect *tasks; /* a ring */
    uint32_t task_capacity, task_first, task_count;
    uint8_t manifest[MEDIA_MANIFEST_BYTES_MAX]; /* lent to the engine for one step */
    struct media_proof proof;                   /* likewise */
    uint8_t tls_signature[SIGNATURE_BYTES];
    uint8_t tls_key_hash[HASH_BYTES];
    uint64_t complain_next_us;
    bool http_is_closed, is_stopping;
    origin_worker_stopped *stopped;
    void *stopped_context;
};

/* origin_worker.c: steps the engine with this event (now_us is filled in) and works off all tasks
 * that follow. */
void origin_worker_step(struct origin_worker *worker, struct origin_event *event);
void origin_worker_maybe_stopped(struct origin_worker *worker);

/* origin_worker_link.c */
void origin_worker_link_adopt(void *worker, struct net_stream *stream, const uint8_t *bytes,
                              size_t count);
void origin_worker_link_send(struct origin_worker *worker, const struct origin_effect *effect);
void origin_worker_link_disconnect(struct origin_worker *worker, uint32_t number,
                                   enum p2p_bye reason);
void origin_worker_link_shutdown(struct origin_worker *worker);

/* origin_worker_task.c: carries out an effect that is answered. False: the answer comes later, else
 * it is in ret_event. */
bool origin_worker_task(struct origin_worker *worker, const struct origin_effect *effect,
                        struct origin_event *ret_event);

/* origin_worker_http.c */
void origin_worker_http_request(void *worker, struct net_http_exchange *exchange,
                                const struct net_http_request *request);
/* Takes the reference; NULL = out of memory. With an etag the answer may be kept and asked about again. */
void origin_worker_answer_json(struct net_http_exchange *exchange, const char *etag, json_t *json);
/* With the status that an error of the folder or catalogue means. */
void origin_worker_answer_failure(struct net_http_exchange *exchange, int error);

/* origin_worker_lists.c: the catalogue over HTTP. `if_none_match` may be NULL. */
void origin_worker_answer_tracks(struct origin_worker *worker, struct net_http_exchange *exchange,
                                 const struct route *route, const char *if_none_match);
void origin_worker_answer_changes(struct origin_worker *worker, struct net_http_exchange *exchange,
                                  const struct route *route, const char *if_none_match);
/* The track's line; ERROR_NO_MEMORY and those of catalogue_get_manifest. */
int origin_worker_track_line(struct origin_worker *worker, const uint8_t id[TRACK_ID_BYTES],
                             bool is_brief, json_t **ret_json);
/* The cover of a track (*ret_is_own), or of the first track that has one of the track's album, or of the
 * album with this id. ERROR_NOT_FOUND, ERROR_DAMAGED, ERROR_IO. */
int origin_worker_find_cover(struct origin_worker *worker, const uint8_t id[TRACK_ID_BYTES],
                             struct media_file_id *ret_cover, bool *ret_is_own);

#endif
