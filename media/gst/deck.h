/*
 * deck.h: one track's decoder chain: bytes in through a media_source, exact PCM out.
 *
 * A deck is opened for one file of a manifest. It makes a fixed chain for the file's container and
 * codec (pull source, demuxer or parser, decoder), decodes a bounded time ahead and waits. The PCM
 * comes in the decoder's own format and is trimmed to exactly `samples` frames, so that decks set
 * one behind the other are gapless by construction. Several decks may run at the same time; each
 * has one thread of GStreamer's, and a second one while a seek is carried out.
 *
 * Who calls: one consumer thread (pull); open, seek and close come from the same thread or are
 * ordered with it by the caller. `wake` is called on the deck's threads and may only post.
 *
 * States, as pull shows them:
 *   WAIT -> PCM ... -> END          all went well; END stays until a seek
 *   any  -> FAILED                  for ever; media_deck_error has code and text
 *   any  -> WAIT by a seek          what was decoded for the old place is gone at once
 */
#ifndef MEDIA_GST_DECK_H
#define MEDIA_GST_DECK_H

#include "media/core/manifest.h"
#include "media/gst/pull_source.h"

#include <stdbool.h>
#include <stdint.h>

/* How far a deck decodes ahead of its consumer. */
#define MEDIA_DECK_AHEAD_US_DEFAULT 500000u
#define MEDIA_DECK_AHEAD_US_MAX 10000000u
#define MEDIA_DECK_ERROR_TEXT_BYTES 200u
/* For pull: wait until something happens. */
#define MEDIA_DECK_WAIT_FOREVER UINT64_MAX

struct media_deck;
struct _GstTagList;

/* Interleaved, little-endian. */
enum media_pcm_format {
    MEDIA_PCM_S16 = 1, /* Opus, FLAC up to 16 bits, AAC */
    MEDIA_PCM_S24_32,  /* 24 bits, sign-extended, in 32: FLAC of 17 to 24 bits */
    MEDIA_PCM_S32,     /* FLAC of 25 to 32 bits */
    MEDIA_PCM_F32,     /* Vorbis, MP3 */
};

/* Bytes of one sample of one channel. */
uint32_t media_pcm_sample_bytes(enum media_pcm_format format);

struct media_pcm_info {
    enum media_pcm_format format;
    uint8_t channels;
    uint8_t bits;     /* significant ones: 16 of S16, 24 of S24_32, 12 of a 12-bit FLAC; 0 = float.
                         FLAC of other widths than 8, 16, 24, 32 comes scaled up to its format */
    uint32_t rate_hz; /* 48,000 for Opus */
};

struct media_pcm {
    const void *frames;   /* borrowed until the next pull, seek or close */
    uint32_t count;       /* frames; > 0 */
    uint64_t first_frame; /* index in the track of the first of them */
};

struct media_deck_config {
    /* Copied. Used: codec, container, channels, rate_hz, samples. samples == 0: not known, nothing
     * is cut at the end, and any rate and channels are taken (for the probe). */
    const struct media_file *file;
    /* Copied; its context outlives the deck and serves no other deck meanwhile, because unlock is
     * for all its readers. A read that is cancelled without an unlock is FAILED (ERROR_CLOSED). */
    struct media_source source;
    uint64_t position_us; /* where to begin; at or behind the end: END at once */
    uint64_t ahead_us;    /* 0 = default; at most MEDIA_DECK_AHEAD_US_MAX */
    /* Something changed: PCM after a WAIT, END or FAILED. Called without any lock held. May be
     * NULL. */
    void (*wake)(void *context);
    /* Tags, each time some are found; borrowed for the call. May be NULL. */
    void (*tags)(void *context, const struct _GstTagList *tags);
    void *context; /* for both */
};

enum media_deck_state {
    MEDIA_DECK_WAIT = 0, /* nothing decoded yet: a wake follows */
    MEDIA_DECK_PCM,      /* *ret_pcm was written */
    MEDIA_DECK_END,      /* the frame `samples` - 1 was given */
    MEDIA_DECK_FAILED,   /* see media_deck_error */
};

/* Opens and begins to decode; does not wait for bytes. The wake may come before it returns.
 * ERROR_UNSUPPORTED: no chain for this codec in this container, or its plugin is not installed.
 * ERROR_SYSTEM: GStreamer did not start. ERROR_NO_MEMORY. */
int media_deck_open(const struct media_deck_config *config, struct media_deck **ret_deck);

/* Interrupts whatever blocks (source.unlock), ends the threads, calls source.unlock_stop, frees.
 * Takes NULL. Never waits for bytes. */
void media_deck_close(struct media_deck *deck);

/* The next PCM, at most `frames_max` (> 0) frames. Waits up to `wait_us` for it (0 = does not). */
enum media_deck_state media_deck_pull(struct media_deck *deck, uint32_t frames_max,
                                      uint64_t wait_us, struct media_pcm *ret_pcm);

/* True once the format is known (with the first PCM at the latest); then *ret_info is written. */
bool media_deck_info(struct media_deck *deck, struct media_pcm_info *ret_info);

/* Frames that are decoded and not pulled. */
uint64_t media_deck_ready_frames(struct media_deck *deck);

/* Waits until a deck decodes no further by itself: ahead_us are ready, or END, or FAILED. */
void media_deck_wait_full(struct media_deck *deck);

/* Continues at exactly frame media_frame_at(position_us, rate). Returns at once; what was ready is
 * gone; PCM follows after a WAIT. A seek during a seek replaces it. */
void media_deck_seek(struct media_deck *deck, uint64_t position_us);

/* Why it FAILED: an error of the source as it was, ERROR_MALFORMED (damaged, or not what the
 * manifest says), ERROR_UNSUPPORTED, ERROR_TRUNCATED (fewer frames than `samples`). 0: it did not
 * fail. `ret_text` (MEDIA_DECK_ERROR_TEXT_BYTES, may be NULL) is for people. */
int media_deck_error(struct media_deck *deck, char *ret_text);

/* round(position_us * rate_hz / 1,000,000), half up. */
uint64_t media_frame_at(uint64_t position_us, uint32_t rate_hz);

#endif
