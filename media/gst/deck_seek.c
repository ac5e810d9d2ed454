/*
 * deck_seek.c: the control thread of a deck, on which seeks are carried out.
 *
 * Demuxers read while they seek, and a read may block for as long as a network does; so a seek has
 * a thread of its own, started with the first seek and ended by close. A new target interrupts the
 * seek before it. Where a seek lands is exact to the frame: the chain is asked for a place somewhat
 * before the target, and deck_stream.c drops what is too early.
 */
#include "media/gst/deck_internal.h"

#include "common/error.h"
#include "common/time_us.h"

/* How much earlier than its target a seek lands, so that the decoder has settled there. Opus: RFC
 * 7845 section 4.6 asks for 80 ms; half a second leaves at most the last bit. A Vorbis block is at
 * most 8192 frames. MP3 frames refer up to 511 bytes back. */
#define SEEK_SETTLE_US_OPUS 500000u
#define SEEK_SETTLE_US_VORBIS 200000u
#define SEEK_SETTLE_US_OTHER 150000u

static uint64_t settle_us(enum media_codec codec)
{
    if (codec == MEDIA_CODEC_OPUS) {
        return SEEK_SETTLE_US_OPUS;
    }
    return codec == MEDIA_CODEC_VORBIS ? SEEK_SETTLE_US_VORBIS : SEEK_SETTLE_US_OTHER;
}

/* Where to land for a target. The first page of a Vorbis stream has no exact times inside: what
 * would land there lands at the start. */
static uint64_t landing_frame(const struct media_deck *deck, uint64_t frame, uint64_t back_us)
{
    uint64_t back = time_scale(back_us, deck->info.rate_hz, TIME_US_PER_S);
    if (back >= frame || (deck->first_packets > 0 && frame - back <= deck->first_granule)) {
        return 0;
    }
    return frame - back;
}

/* One attempt: the chain flushes and goes on from the landing. Its time is rounded up, because
 * decoders cut there and round down. */
static bool send_seek(struct media_deck *deck, uint64_t landing)
{
    uint64_t landing_ns = gst_util_uint64_scale_ceil(landing, GST_SECOND, deck->info.rate_hz);
    GstEvent *event =
        gst_event_new_seek(1.0, GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_ACCURATE,
                           GST_SEEK_TYPE_SET, (gint64)landing_ns, GST_SEEK_TYPE_NONE, -1);
    return gst_pad_push_event(deck->sink, event);
}

/* Decodes anew from the start of the file: a chain that was flushed is not what it was when it was
 * fresh (decoders keep state, and drop the first frame). Called and returns locked. */
static bool restart_locked(struct media_deck *deck)
{
    deck->flushing = true;
    deck_drop_queue_locked(deck);
    deck_source_unlock(deck);
    (void)pthread_cond_broadcast(&deck->changed);
    deck_unlock(deck);
    deck_chain_halt(&deck->chain);
    (void)gst_pad_set_active(deck->sink, FALSE);
    (void)gst_pad_set_active(deck->sink, TRUE);
    deck_lock(deck);
    if (deck->closing) {
        return true;
    }
    deck->flushing = false;
    deck->touched = false;
    deck->resync = false;
    deck->looked = false;
    deck->first_packets = 0;
    deck->settled_buffers = 0;
    deck->settling = deck->file.codec == MEDIA_CODEC_VORBIS;
    deck->next_frame = 0;
    deck->ended = false;
    deck->discard = deck->seek_wanted;
    gst_segment_init(&deck->segment, GST_FORMAT_TIME);
    deck_source_unlock_stop_locked(deck);
    deck_unlock(deck);
    int error = deck_chain_start(&deck->chain);
    deck_lock(deck);
    return error == 0;
}

static bool flush_to_locked(struct media_deck *deck, uint64_t landing)
{
    deck->seek_active = true;
    deck_source_unlock_stop_locked(deck);
    deck_unlock(deck);
    bool sent = send_seek(deck, landing);
    deck_lock(deck);
    deck->seek_active = false;
    return sent;
}

/* Takes the target and carries the seek out. Called and returns locked. */
static void seek_locked(struct media_deck *deck)
{
    deck->seek_wanted = false;
    deck->first_frame = deck->seek_frame;
    uint64_t landing = landing_frame(deck, deck->seek_frame, deck->seek_back_us);
    bool sent = landing == 0 ? restart_locked(deck) : flush_to_locked(deck, landing);
    if (!sent && !deck->seek_wanted && !deck->closing) {
        int error = media_pull_source_error(deck->chain.elements[0]);
        deck_fail_locked(deck, error != 0 ? error : ERROR_MALFORMED, "can't be sought in");
    }
}

static void *control_main(void *context)
{
    struct media_deck *deck = context;
    deck_lock(deck);
    while (!deck->closing) {
        if (!deck->seek_wanted || !deck->touched || !deck->info_known || deck->error != 0) {
            (void)pthread_cond_wait(&deck->changed, &deck->mutex);
            continue;
        }
        seek_locked(deck);
        deck_unlock_and_tell(deck);
        deck_lock(deck);
    }
    deck_unlock(deck);
    return NULL;
}

bool deck_want_seek_locked(struct media_deck *deck, uint64_t frame)
{
    if (!deck->control_runs) {
        deck->control_runs = pthread_create(&deck->control, NULL, control_main, deck) == 0;
    }
    deck->seek_frame = frame;
    deck->seek_back_us = settle_us(deck->file.codec);
    deck->seek_wanted = true;
    deck->discard = true;
    deck->ended = false;
    deck_drop_queue_locked(deck);
    return deck->control_runs;
}
