/*
 * origin_state.h: the origin engine's inside; for streamserver/core/origin*.c alone.
 *
 * A link:     NEW --HELLO--> GREETED --SIGNED--> OPEN; doomed from any of them: a DISCONNECT at the
 *             end of the step, and it is forgotten.
 * A request:  BEGIN --> FINDING --> STREAMING --> gone; a REQUEST for a file that is known already
 *             passes over FINDING. Each step of it is a unit of p2p/core/upload, so that nothing
 *             is looked up or read for a link that has no room for the answer.
 * A slot:     FREE --READ--> READING --READ_DONE--> FILLED --last fragment--> FREE. A slot whose
 *             request has gone while READING has no request, and is FREE when it is done.
 * docs/ORIGIN.md shows these with all limits.
 */
#ifndef STREAMSERVER_CORE_ORIGIN_STATE_H
#define STREAMSERVER_CORE_ORIGIN_STATE_H

#include "common/table.h"
#include "media/core/manifest.h"
#include "p2p/core/upload.h"
#include "streamserver/core/origin.h"

#define ORIGIN_EFFECTS_MAX 256u
/* Kept free by what may stop and go on: for what one event makes at once, and the doomed. */
#define ORIGIN_EFFECTS_SPARE 48u
#define ORIGIN_EXPIRED_MAX 32u      /* links that one step lets go for silence */
#define ORIGIN_OPERATIONS_MIN 64u   /* look-ups in flight over all links; or slot_count if more */
#define ORIGIN_POOL_BLOCK 64u       /* requests, or start sets, allocated at a time */
#define ORIGIN_CONTROL_BYTES 16384u /* small answers above the window before a link is too slow */
#define ORIGIN_FRAME_HEADER_BYTES 4u
#define ORIGIN_FRAGMENT_OVERHEAD_BYTES (ORIGIN_FRAME_HEADER_BYTES + P2P_FRAGMENT_HEADER_BYTES)
#define ORIGIN_PROOF_HEADER_BYTES 10u
#define ORIGIN_OPENED_BYTES_MAX (ORIGIN_FRAME_HEADER_BYTES + 4u + MEDIA_MANIFEST_BYTES_MAX)
#define ORIGIN_REJECT_BYTES (ORIGIN_FRAME_HEADER_BYTES + 5u)
#define ORIGIN_NONE UINT32_MAX

/* The smallest window in which every unit fits (see origin.h). */
_Static_assert(CHUNK_BYTES + CHUNK_BYTES / 2048u * ORIGIN_FRAGMENT_OVERHEAD_BYTES +
                       ORIGIN_FRAME_HEADER_BYTES + ORIGIN_PROOF_HEADER_BYTES +
                       MEDIA_PROOF_HASHES_MAX * HASH_BYTES <=
                   ORIGIN_LINK_QUEUE_BYTES_MIN,
               "a chunk and its proof fit into the smallest window");

enum origin_slot_state {
    ORIGIN_SLOT_FREE = 0,
    ORIGIN_SLOT_READING,
    ORIGIN_SLOT_FILLED,
};

struct origin_slot {
    enum origin_slot_state state;
    uint32_t next;                  /* behind it in its request, or in the free list; ORIGIN_NONE */
    struct origin_request *request; /* NULL: FREE, or READING for one that has gone */
    uint32_t chunk;
    uint32_t bytes;  /* of the chunk */
    uint32_t sent;   /* of them */
    bool is_counted; /* told to the upload scheduler as ready */
};

enum origin_stage {
    ORIGIN_STAGE_BEGIN = 0,
    ORIGIN_STAGE_FINDING,
    ORIGIN_STAGE_STREAMING,
};

/* The runs of a start set, kept while an OPEN is answered. */
struct origin_runs {
    struct origin_runs *next; /* in the free list */
    struct media_run runs[MEDIA_START_RUNS_MAX];
};

struct origin_request {
    struct upload_job job; /* first: a job of ours is a request */
    struct origin_link *link;
    struct origin_request *next; /* in the free list */
    uint32_t number;
    enum p2p_type type; /* P2P_OPEN or P2P_REQUEST */
    enum origin_stage stage;
    bool wants_payload; /* an OPEN with its start set; every REQUEST */
    bool wants_proofs;
    uint32_t operation;               /* its FIND in flight; 0 = none */
    uint8_t track_id[TRACK_ID_BYTES]; /* OPEN */
    struct media_file_id id;          /* REQUEST; OPEN once it is found */
    media_handle file;
    struct media_run run;          /* REQUEST: its only one */
    struct origin_runs *start_set; /* OPEN */
    uint32_t run_count;
    uint32_t run_at;     /* the run of the next chunk to read; run_count = all read */
    uint32_t chunk_at;   /* of it, within the run */
    uint32_t row_asked;  /* the row of the last proof asked for; ORIGIN_NONE */
    uint32_t slot_first; /* what is being read and sent, in order; ORIGIN_NONE */
    uint32_t slot_last;
    uint64_t todo_bytes; /* payload that has not been sent */
};

enum origin_link_stage {
    ORIGIN_LINK_NEW = 0, /* waits for their HELLO */
    ORIGIN_LINK_GREETED, /* waits for our signature; what they ask waits too */
    ORIGIN_LINK_OPEN,
};

struct origin_link {
    struct upload_link upload;
    struct origin_link *next; /* by when they were last heard, oldest first */
    struct origin_link *previous;
    struct origin_link *next_doomed;
    uint64_t heard_us;
    uint32_t number;
    enum origin_link_stage stage;
    uint8_t doom; /* enum p2p_bye: it is let go at the end of the step; 0 = it stays */
    bool is_tls;
    bool owes_pong; /* a PING came before our HELLO went */
    uint64_t pong_token;
    uint32_t last_request; /* the highest number so far */
    uint8_t nonce[P2P_NONCE_BYTES];
    uint8_t address_family;
    uint8_t address[16];
    uint16_t port;
};

/* Links by when they were last heard; all of one list wait equally long. */
struct origin_silence {
    struct origin_link *first;
    struct origin_link *last;
    uint64_t span_us;
};

struct origin_operation {
    enum origin_effect_kind kind;   /* a FIND */
    struct origin_request *request; /* NULL: free, or for one that has gone */
    uint32_t next;                  /* in the free list; ORIGIN_NONE */
    bool is_used;
};

struct origin_block {
    struct origin_block *next;
};

struct origin {
    struct origin_config config;
    struct origin_totals totals;
    struct upload upload;
    struct table links; /* struct origin_link_entry */
    struct origin_silence silent_new;
    struct origin_silence silent_open;
    struct origin_link *doomed;
    uint32_t doomed_count;
    struct origin_slot *slots;
    uint32_t slot_free;
    uint32_t slots_used;
    struct origin_operation *operations;
    uint32_t operation_count;
    uint32_t operation_free;
    uint32_t operations_used;
    struct origin_block *blocks; /* of the two pools */
    struct origin_request *request_free;
    struct origin_runs *runs_free;
    size_t pool_bytes;
    uint32_t requests_used;
    uint32_t runs_used;
    struct origin_effect *effects;
    uint32_t effect_count;
    uint64_t now_us;
    bool is_stepping;
    bool has_more; /* the update was full: another step at once */
};

struct origin_link_entry {
    uint32_t number;
    struct origin_link *link;
};

/* origin.c */
/* The next effect of this update, zeroed but for its kind. Room is the caller's concern. */
struct origin_effect *origin_effect(struct origin *origin, enum origin_effect_kind kind);
bool origin_has_room(const struct origin *origin);

/* origin_link.c: links come, greet, fall silent, go */
int origin_link_up(struct origin *origin, const struct origin_event *event);
void origin_link_down(struct origin *origin, uint32_t number, int error);
struct origin_link *origin_link_find(const struct origin *origin, uint32_t number);
void origin_link_heard(struct origin *origin, struct origin_link *link);
void origin_link_hello(struct origin *origin, struct origin_link *link,
                       const struct p2p_hello *hello);
void origin_link_signed(struct origin *origin, const struct origin_event *event);
/* Says BYE and forgets the link at the end of this step. Twice is once. */
void origin_link_doom(struct origin *origin, struct origin_link *link, enum p2p_bye reason);
void origin_link_expire(struct origin *origin);
void origin_link_bury(struct origin *origin);
void origin_link_forget(struct origin *origin, struct origin_link *link);
uint64_t origin_link_next_deadline_us(const struct origin *origin);

/* origin_request.c: what is asked, and the end of it. Request and slot memory */
int origin_request_open(struct origin *origin, struct origin_link *link,
                        const struct p2p_message *message);
int origin_request_chunks(struct origin *origin, struct origin_link *link,
                          const struct p2p_message *message);
bool origin_request_is_within(const struct media_file_id *id, const struct media_run *run);
void origin_request_cancel(struct origin *origin, struct origin_link *link, uint32_t number);
void origin_request_reject(struct origin *origin, struct origin_request *request,
                           enum p2p_reject reason);
/* Takes it out of everything and frees it. */
void origin_request_drop(struct origin *origin, struct origin_request *request);
void origin_request_finish_if_done(struct origin *origin, struct origin_request *request);
void origin_slot_free(struct origin *origin, uint32_t slot);

/* origin_find.c: look-ups in the catalogue */
bool origin_find_possible(const struct origin *origin);
void origin_find_track(struct origin *origin, struct origin_request *request);
void origin_find_file(struct origin *origin, struct origin_request *request);
void origin_find_proof(struct origin *origin, struct origin_request *request, uint32_t row);
void origin_find_track_found(struct origin *origin, const struct origin_event *event);
void origin_find_file_found(struct origin *origin, const struct origin_event *event);
void origin_find_proof_found(struct origin *origin, const struct origin_event *event);

/* origin_send.c: reads and frames */
/* Begins a request's payload, once its file, runs and wishes are set. */
void origin_send_start(struct origin *origin, struct origin_request *request);
/* Tells the scheduler the next unit that the request wants. */
void origin_send_want(struct origin *origin, struct origin_request *request);
/* Counts what has become ready at the head of the request's slots. */
void origin_send_ripen(struct origin *origin, struct origin_request *request);
/* A frame that is no fragment, at once; `message` is copied. */
void origin_send_control(struct origin *origin, struct origin_link *link,
                         const struct p2p_message *message);
void origin_send_read_done(struct origin *origin, const struct origin_event *event);
/* Sends and fetches until nothing more is possible. */
void origin_send_pump(struct origin *origin);
/* Frame bytes of a chunk's fragments. */
uint32_t origin_send_chunk_frame_bytes(const struct origin *origin, uint32_t chunk_bytes);
uint32_t origin_send_proof_frame_bytes(uint64_t file_bytes, uint32_t row);
/* Payload of a run that is within the file. */
uint64_t origin_send_run_bytes(uint64_t file_bytes, const struct media_run *run);

#endif
