/*
 * server_state.h: the server's inside; for p2p/core/server*.c alone.
 *
 * Each step of a request is a unit of p2p/core/upload, so that nothing is looked up or read for a
 * link that has no room for the answer. A slot whose request has gone while READING has no request,
 * and is FREE when it is done.
 */
#ifndef P2P_CORE_SERVER_STATE_H
#define P2P_CORE_SERVER_STATE_H

#include "media/core/manifest.h"
#include "p2p/core/server.h"

#define SERVER_OPERATIONS_MIN 64u   /* look-ups in flight over all links; or slot_count if more */
#define SERVER_POOL_BLOCK 16u       /* requests, or start sets, allocated at a time */
#define SERVER_CONTROL_BYTES 16384u /* small answers above the window before a link is too slow */
#define SERVER_FRAME_HEADER_BYTES 4u
#define SERVER_FRAGMENT_OVERHEAD_BYTES (SERVER_FRAME_HEADER_BYTES + P2P_FRAGMENT_HEADER_BYTES)
#define SERVER_PROOF_HEADER_BYTES 10u
#define SERVER_OPENED_BYTES_MAX (SERVER_FRAME_HEADER_BYTES + 4u + MEDIA_MANIFEST_BYTES_MAX)
#define SERVER_REJECT_BYTES (SERVER_FRAME_HEADER_BYTES + 5u)
#define SERVER_NONE UINT32_MAX

/* The smallest window in which every unit fits (see server.h). */
_Static_assert(CHUNK_BYTES +
                       CHUNK_BYTES / SERVER_FRAGMENT_BYTES_MIN * SERVER_FRAGMENT_OVERHEAD_BYTES +
                       SERVER_FRAME_HEADER_BYTES + SERVER_PROOF_HEADER_BYTES +
                       MEDIA_PROOF_HASHES_MAX * HASH_BYTES <=
                   SERVER_LINK_QUEUE_BYTES_MIN,
               "a chunk and its proof fit into the smallest window");

enum server_slot_state {
    SERVER_SLOT_FREE = 0,
    SERVER_SLOT_READING,
    SERVER_SLOT_FILLED,
};

struct server_slot {
    enum server_slot_state state;
    uint32_t next;                  /* behind it in its request, or in the free list; SERVER_NONE */
    struct server_request *request; /* NULL: FREE, or READING for one that has gone */
    uint32_t chunk;
    uint16_t fragment_bytes; /* of its fragments' payload, at most */
    bool is_counted;         /* told to the upload scheduler as ready */
    uint32_t bytes;          /* of the chunk */
    uint32_t sent;           /* of them */
};

enum server_stage {
    SERVER_STAGE_BEGIN = 0,
    SERVER_STAGE_FINDING,
    SERVER_STAGE_STREAMING,
};

/* The runs of a start set, kept while an OPEN is answered. */
struct server_runs {
    struct server_runs *next; /* in the free list */
    struct media_run runs[MEDIA_START_RUNS_MAX];
};

struct server_request {
    struct upload_job job; /* first: a job of ours is a request */
    struct server_link *link;
    struct server_request *next; /* in the free list */
    uint32_t number;
    enum p2p_type type; /* P2P_OPEN or P2P_REQUEST */
    enum server_stage stage;
    bool wants_payload; /* an OPEN with its start set; every REQUEST */
    bool wants_proofs;
    uint16_t fragment_bytes; /* with which its wanted unit was counted */
    uint8_t rejects_with;    /* enum p2p_reject: behind what has been read; 0 = it does not */
    uint32_t operation;      /* its FIND in flight; 0 = none */
    uint8_t track_id[TRACK_ID_BYTES]; /* OPEN */
    struct media_file_id id;          /* REQUEST; OPEN once it is found */
    media_handle file;
    struct media_run run;          /* REQUEST: its only one */
    struct server_runs *start_set; /* OPEN */
    uint32_t run_count;
    uint32_t run_at;     /* the run of the next chunk to read; run_count = all read */
    uint32_t chunk_at;   /* of it, within the run */
    uint32_t row_asked;  /* the row of the last proof asked for; SERVER_NONE */
    uint32_t slot_first; /* what is being read and sent, in order; SERVER_NONE */
    uint32_t slot_last;
    uint64_t todo_bytes; /* payload that has not been sent */
};

enum server_find {
    SERVER_FIND_TRACK = 0,
    SERVER_FIND_FILE,
    SERVER_FIND_PROOF,
};

struct server_operation {
    enum server_find kind;
    struct server_request *request; /* NULL: free, or for one that has gone */
    uint32_t next;                  /* in the free list; SERVER_NONE */
    bool is_used;
};

struct server_block {
    struct server_block *next;
};

struct server {
    struct server_config config;
    struct server_totals totals;
    struct upload upload;
    uint64_t now_us;
    uint32_t fragment_bytes; /* of payload, in chunks that are wanted from now on */
    struct server_slot *slots;
    uint32_t slot_free;
    uint32_t slots_used;
    struct server_operation *operations;
    uint32_t operation_count;
    uint32_t operation_free;
    uint32_t operations_used;
    struct server_block *blocks; /* of the two pools */
    struct server_request *request_free;
    struct server_runs *runs_free;
    size_t pool_bytes;
    uint32_t requests_used;
    uint32_t runs_used;
};

/* server.c */
void server_doom(struct server *server, struct server_link *link);
/* What the owner has of the chunk. */
enum server_holding server_ask(const struct server *server, media_handle file, uint32_t chunk);

/* server_request.c: what is asked, and the end of it. Request and slot memory */
bool server_request_is_within(const struct media_file_id *id, const struct media_run *run);
void server_request_reject(struct server *server, struct server_request *request,
                           enum p2p_reject reason);
/* Takes it out of everything and frees it. */
void server_request_drop(struct server *server, struct server_request *request);
void server_request_finish_if_done(struct server *server, struct server_request *request);
void server_request_free_slot(struct server *server, uint32_t slot);

/* server_find.c: look-ups */
bool server_find_possible(const struct server *server);
void server_find_track(struct server *server, struct server_request *request);
void server_find_file(struct server *server, struct server_request *request);
void server_find_proof(struct server *server, struct server_request *request, uint32_t row);

/* server_send.c: reads and frames */
/* Begins a request's payload, once its file, runs and wishes are set. */
void server_send_start(struct server *server, struct server_request *request);
/* Tells the scheduler the next unit that the request wants. */
void server_send_want(struct server *server, struct server_request *request);
/* Counts what has become ready at the head of the request's slots. */
void server_send_ripen(struct server *server, struct server_request *request);
/* Frame bytes of a chunk's fragments. */
uint32_t server_send_chunk_frame_bytes(uint32_t chunk_bytes, uint32_t fragment_bytes);
uint32_t server_send_proof_frame_bytes(uint64_t file_bytes, uint32_t row);
/* Payload of a run that is within the file. */
uint64_t server_send_run_bytes(uint64_t file_bytes, const struct media_run *run);

#endif
