/*
 * upload.h: what to fetch next and what to send next, over many links that share one machine.
 *
 * Responsible for the order and for the charge: between links fair by bytes (a round robin in which
 * who has overdrawn its quantum waits for the next round: Shreedhar and Varghese, "Efficient fair
 * queueing using deficit round robin", 1995, in its surplus form, so that no size need be known in
 * advance), within a link by priority and then in the order of asking. A priority counts only
 * within its own link's share, else liars win. What is control goes at once and is only charged.
 * Not responsible for what a job is, where its bytes come from, or who carries them.
 *
 * A job passes bytes through three places, all counted in bytes of frames on the wire:
 *
 *   upload_job_want          upload_fetch        upload_ready         upload_sent
 *   wanted (not fetched) --> fetching ------------> ready -----------------> the link's queue
 *                            `------ reserved_bytes, charged -----'   queued_bytes, until ROOM
 *
 * A unit is fetched only when it will fit into the link's window (or the window is empty), so that
 * with window_bytes not below the largest unit a link that does not read holds nothing fetched.
 *
 * All memory is the caller's: an upload_link in its link, an upload_job in its request. Nothing
 * here allocates, fails for want of memory, or knows the time. Pointers must stay put while a
 * link is open and a job is added.
 */
#ifndef P2P_CORE_UPLOAD_H
#define P2P_CORE_UPLOAD_H

#include <stdbool.h>
#include <stdint.h>

#define UPLOAD_PRIORITIES 4u /* 0 is the most urgent (enum p2p_priority) */

struct upload_config {
    uint32_t window_bytes;   /* in one link's queue at most, control not counted */
    uint32_t fragment_bytes; /* of one frame that is sent of a job: header and payload, at most */
    uint32_t quantum_bytes;  /* that a link may fetch, and send, a round; >= fragment_bytes */
    uint32_t control_bytes;  /* that control may stand above the window before a link is too slow */
    uint32_t job_max;        /* on one link */
};

/* A place in a round; private. */
struct upload_turn {
    struct upload_turn *next; /* NULL: not waiting for a turn */
    struct upload_turn *previous;
    struct upload_link *link;
    int64_t credit_bytes; /* may be overdrawn by one unit */
};

struct upload_link {
    struct upload_job *jobs[UPLOAD_PRIORITIES]; /* circular lists, oldest first; NULL = none */
    uint64_t queued_bytes;                      /* given to the socket and not yet taken by it */
    uint64_t reserved_bytes;                    /* sum over its jobs */
    uint32_t job_count;
    bool is_held; /* nothing is fetched or sent for it */
    bool is_free; /* what is sent to it needs no leave */
    struct upload_turn fetch;
    struct upload_turn send;
};

/* Read what you like, write nothing; zeroed before upload_job_add. */
struct upload_job {
    struct upload_link *link; /* NULL: not added */
    struct upload_job *next;
    struct upload_job *previous;
    uint64_t reserved_bytes; /* being fetched or ready */
    uint64_t ready_bytes;    /* may be sent; <= reserved_bytes */
    uint32_t wanted_bytes;   /* of its next unit; 0 = nothing to fetch now */
    uint8_t priority;
};

struct upload {
    struct upload_config config;
    struct upload_turn fetch; /* the rings' fixed points */
    struct upload_turn send;
    struct upload_turn send_free; /* links that are free */
    uint32_t link_count;
};

/* Asserts config's bounds: fragment_bytes > 0, quantum_bytes >= fragment_bytes, job_max > 0. */
void upload_init(struct upload *upload, const struct upload_config *config);
/* Asserts that no link is open. */
void upload_deinit(struct upload *upload);

/* `is_held` as in the struct; what is fetching or ready stays so while it is held. */
void upload_link_open(struct upload *upload, struct upload_link *link, bool is_held);
void upload_link_hold(struct upload *upload, struct upload_link *link, bool is_held);
/* Before anything was asked on it. */
void upload_link_set_free(struct upload *upload, struct upload_link *link);
/* Asserts that its jobs have been removed and nothing is charged for them. */
void upload_link_close(struct upload *upload, struct upload_link *link);
/* What the shell has still queued for this link, all frames. */
void upload_room(struct upload *upload, struct upload_link *link, uint64_t queued_bytes);
/* A control frame goes out now. ERROR_FULL: the link's queue stands higher than the window and
 * control_bytes allow; it is charged all the same, and the caller closes the link. */
int upload_control(struct upload *upload, struct upload_link *link, uint32_t frame_bytes);

/* Puts a job behind those of its priority (a number beyond the last is the last).
 * ERROR_FULL: the link has job_max. */
int upload_job_add(struct upload *upload, struct upload_link *link, struct upload_job *job,
                   uint8_t priority);
/* Takes it out, and what is charged for it back. Done, cancelled, or failed is all the same. */
void upload_job_remove(struct upload *upload, struct upload_job *job);
/* The frame bytes of the next unit that the job wants fetched; 0 = none now. */
void upload_job_want(struct upload *upload, struct upload_job *job, uint32_t frame_bytes);

/* The job whose next unit is to be fetched now, or NULL. Asking again gives the same answer until
 * something has changed. */
struct upload_job *upload_next_fetch(struct upload *upload);
/* The wanted unit is being fetched: its bytes are reserved. `next_bytes` is the job's next unit, as
 * for upload_job_want; told here, so that the link does not lose its turn in between. */
void upload_fetch(struct upload *upload, struct upload_job *job, uint32_t next_bytes);
/* Of what is reserved, this much more may be sent. */
void upload_ready(struct upload *upload, struct upload_job *job, uint32_t frame_bytes);
/* Of what is reserved and not ready, this much is not needed after all (or went as control). */
void upload_return(struct upload *upload, struct upload_job *job, uint32_t frame_bytes);

/* The job of which the next frame is to be sent now, or NULL; *ret_bytes is how large the frame
 * may be: fragment_bytes or all that is ready. The caller may send less. Links that are free go
 * first; the others only with leave. */
struct upload_job *upload_next_send(struct upload *upload, bool has_leave, uint32_t *ret_bytes);
/* A frame of the job's ready bytes went into the link's queue. */
void upload_sent(struct upload *upload, struct upload_job *job, uint32_t frame_bytes);

/* Asserts what must hold between a link, its jobs and its turns; O(jobs). */
void upload_link_check_invariants(const struct upload *upload, const struct upload_link *link);
/* Asserts what must hold in the rings, and for every link that waits in one. */
void upload_check_invariants(const struct upload *upload);

#endif
