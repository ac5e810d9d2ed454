/*
 * deck_internal.h: what the parts of a deck share. Private to media/gst/deck*.c.
 *
 * deck.c has the consumer's side, deck_stream.c what the chain delivers, deck_seek.c the control
 * thread, deck_chain.c the elements. Functions in _locked are called with the mutex held.
 */
#ifndef MEDIA_GST_DECK_INTERNAL_H
#define MEDIA_GST_DECK_INTERNAL_H

#include "media/gst/deck.h"
#include "media/gst/deck_chain.h"

#include <gst/gst.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* A seek that landed behind its target is tried again from this many times further back. */
#define DECK_SEEK_RETRY_FACTOR 16u

struct deck_block {
    struct deck_block *next;
    GstBuffer *buffer;
    uint64_t first_frame; /* of the part that is left */
    uint32_t skip;        /* frames of the buffer before it */
    uint32_t count;       /* frames left */
};

struct media_deck {
    struct media_deck_config config;
    struct media_file file; /* the caller's, copied */
    struct deck_chain chain;
    GstPad *sink;
    pthread_mutex_t mutex;
    pthread_cond_t changed; /* anything below; monotonic clock */
    atomic_bool cancelled;  /* reads return ERROR_CANCELLED */
    bool looked;            /* the first page was looked at; the chain's thread's alone */

    /* All below is guarded by the mutex. */
    struct deck_block *head, *tail;
    uint64_t queued_frames;
    struct media_pcm_info info;
    bool info_known;
    uint32_t frame_bytes;
    GstSegment segment;

    /* The start of a Vorbis stream: what is decoded of its first page waits, unseen, until the
     * page's granule position says how many frames the encoder cut off before the first. */
    bool settling;
    uint32_t settled_buffers; /* of the first page, so far */
    uint32_t first_packets;   /* of sound until the first page's end; 0 = nothing to settle */
    uint64_t first_granule;   /* where that page ends */

    uint64_t next_frame;  /* index of the next decoded frame, unless `resync` */
    uint64_t first_frame; /* frames before it are dropped */
    bool resync;          /* behind a seek: the next buffer's time says its index */
    bool flushing;        /* the chain's pads flush */
    bool discard;         /* a seek is on its way: what comes is of the old place */
    bool touched;         /* the chain has delivered something, or ended */
    bool closing;
    bool ended;
    bool hungry; /* the consumer saw WAIT: wake it */
    int error;
    char error_text[MEDIA_DECK_ERROR_TEXT_BYTES];

    bool control_runs; /* the thread was started */
    pthread_t control;
    bool seek_wanted;      /* a target that control has not taken yet */
    bool seek_active;      /* control is within a seek, which an interrupt of the source ends */
    uint64_t seek_frame;   /* the target */
    uint64_t seek_back_us; /* how far before it to land */

    struct deck_block *held; /* what the consumer looks at; its alone */
    GstMapInfo held_map;
};

/* deck.c */
void deck_lock(struct media_deck *deck);
void deck_unlock(struct media_deck *deck);
/* Tells everybody who waits; unlocks, and wakes the consumer when it has to look again. */
void deck_unlock_and_tell(struct media_deck *deck);
/* The first failure counts; none after the end. */
void deck_fail_locked(struct media_deck *deck, int error, const char *text);
void deck_free_block(struct deck_block *block);
void deck_drop_queue_locked(struct media_deck *deck);

/* deck_stream.c: the source as the chain sees it, and the sink pad's functions. */
int deck_read_at(void *context, uint64_t offset, void *buffer, uint32_t bytes);
void deck_source_unlock(void *context);
void deck_source_unlock_stop(void *context);
void deck_source_unlock_stop_locked(struct media_deck *deck);
GstFlowReturn deck_on_buffer(GstPad *pad, GstObject *parent, GstBuffer *buffer);
gboolean deck_on_event(GstPad *pad, GstObject *parent, GstEvent *event);
GstBusSyncReply deck_on_message(GstBus *bus, GstMessage *message, gpointer context);

/* deck_seek.c: notes the target, and starts the control thread when there is none. False: no
 * thread to be had. */
bool deck_want_seek_locked(struct media_deck *deck, uint64_t frame);

#endif
