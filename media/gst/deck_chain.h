/*
 * deck_chain.h: the elements of one deck, made, linked, started and stopped. Private to media/gst.
 *
 * A chain is: pull source ! demuxer or parser (... ! parser) ! decoder, and ends in a pad that the
 * caller gives. There is no pipeline object around it: nothing here needs a clock, a preroll or
 * states beyond PAUSED, and it starts faster.
 */
#ifndef MEDIA_GST_DECK_CHAIN_H
#define MEDIA_GST_DECK_CHAIN_H

#include "media/core/manifest.h"
#include "media/gst/pull_source.h"

#include <gst/gst.h>

#define DECK_CHAIN_ELEMENTS_MAX 4u

struct deck_chain {
    GstElement *elements[DECK_CHAIN_ELEMENTS_MAX]; /* from the source to the decoder; referenced */
    uint32_t count;
    GstBus *bus;
    GstPad *sink; /* where the PCM goes; the caller's */
};

/* Makes and links everything; `sink` is a sink pad of the caller's that outlives the chain.
 * `on_message` is called on the chain's threads for each message of its elements.
 * ERROR_UNSUPPORTED: no such chain, or a plugin is missing. ERROR_SYSTEM, ERROR_NO_MEMORY. */
int deck_chain_init(struct deck_chain *chain, enum media_container container,
                    enum media_codec codec, const struct media_source *source, GstPad *sink,
                    GstBusSyncHandler on_message, void *context);
/* Begins to decode, on a thread of its own. ERROR_SYSTEM: it refused. */
int deck_chain_start(struct deck_chain *chain);
/* Back to before the start, so that it can be started anew; same conditions as deinit. */
void deck_chain_halt(struct deck_chain *chain);
/* Stops and frees. The sink pad must be flushing, and the source unlocked, or this waits. */
void deck_chain_deinit(struct deck_chain *chain);
/* The caps that the chain's end must ask for, so that the decoder's format is one of ours. */
GstCaps *deck_chain_caps(enum media_codec codec);

#endif
