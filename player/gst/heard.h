/*
 * heard.h: what is heard of a stream of frames: starts, positions, stalls and ends of entries.
 *
 * The mixing thread writes frames ahead of what has left the sink. It notes here at which frame of
 * the stream an entry starts and ends, and says now and then how many frames have left; the
 * listener is told when each has been heard. Reads no clock, knows no sink.
 */
#ifndef PLAYER_GST_HEARD_H
#define PLAYER_GST_HEARD_H

#include "player/gst/output.h"

/* Starts and ends that have not been heard yet. */
#define HEARD_MARKS_MAX 32u
/* Without a clock (--fast, WAV): a position for so much sound at the latest. */
#define HEARD_POSITION_SOUND_US UINT64_C(2000000)

/* kind: STARTED, POSITION, STALLED, RESUMED, ENDED or FAILED. */
typedef void heard_tell(void *context, enum output_event_kind kind, uint32_t entry,
                        uint64_t position_us, int error);

struct heard_mark {
    uint64_t frame; /* of the stream */
    uint32_t entry;
    bool is_end;
    int error;            /* is_end: 0, or why it failed */
    uint64_t position_us; /* start: where in the entry */
};

struct heard {
    heard_tell *tell;
    void *context;
    bool unclocked;                           /* no stalls; positions by sound as well */
    uint32_t rate_hz;                         /* of the stream; set before the first update */
    struct heard_mark marks[HEARD_MARKS_MAX]; /* ascending by frame */
    uint32_t mark_count;
    uint32_t entry;                          /* at the sink, 0 = none */
    uint64_t entry_frame, entry_position_us; /* where it began */
    uint64_t told_us, told_position_us;      /* the last position */
    uint64_t starved_us; /* since when the sink has nothing; TIME_NEVER_US = it has */
    bool stalled;
};

/* The sink, as it is now. */
struct heard_now {
    uint64_t now_us;
    uint64_t played;  /* frames that have left */
    uint64_t written; /* frames that were given to it */
    bool paused;
};

void heard_init(struct heard *heard, bool unclocked, heard_tell *tell, void *context);
/* Everything is forgotten, nothing told. */
void heard_reset(struct heard *heard);
/* Room for a start and an end. */
bool heard_has_room(const struct heard *heard);
/* The entry's first frame will be `frame`, its place in the entry position_us. */
void heard_start(struct heard *heard, uint64_t frame, uint32_t entry, uint64_t position_us);
/* Its last one was frame - 1. error: 0 or why it ends here. */
void heard_end(struct heard *heard, uint64_t frame, uint32_t entry, int error);
/* Nothing more is told of this entry. */
void heard_forget(struct heard *heard, uint32_t entry);
/* Tells all that is due. */
void heard_update(struct heard *heard, const struct heard_now *now);
/* True while somebody listens: an update is needed some times a second, and at *ret_frame (the next
 * mark; UINT64_MAX = none). */
bool heard_is_active(const struct heard *heard, uint64_t *ret_frame);

#endif
