/*
 * level.h: volume and ReplayGain on a stream of frames, with a limiter that lets nothing clip.
 *
 * A stream at full volume without gain passes through bit for bit. Otherwise samples are scaled (a change
 * takes LEVEL_RAMP_US, so that it does not click), and once a gain could lift a peak beyond full scale a
 * limiter looks LEVEL_AHEAD_US ahead: it turns down before the peak comes, by just so much that no sample
 * passes full scale, and comes back slowly. From then on it holds back that much of the stream, until
 * level_drain. Frames are never added nor lost. Reads no clock, knows no sink.
 */
#ifndef PLAYER_GST_LEVEL_H
#define PLAYER_GST_LEVEL_H

#include "media/gst/deck.h"

#include <stdbool.h>
#include <stdint.h>

#define LEVEL_RAMP_US 20000u
#define LEVEL_AHEAD_US 5000u
#define LEVEL_RELEASE_US 150000u
/* No file's gain is believed beyond this. */
#define LEVEL_GAIN_DB_MAX 20

struct level;

/* NULL: out of memory. */
struct level *level_new(const struct media_pcm_info *info);
/* Accepts NULL. */
void level_free(struct level *level);
/* From here on: an amplitude (1 = as it is). `peak`: the highest sample that may come, in full scales (0 =
 * not known: 1). */
void level_set(struct level *level, double amplitude, double peak);
/* Takes frames; gives those that may go on, borrowed until the next call. *ret_count may be 0, or more than
 * `count`. ERROR_NO_MEMORY. */
int level_frames(struct level *level, const void *frames, uint32_t count,
                 const uint8_t **ret_frames, uint32_t *ret_count);
/* Gives what is held back. */
void level_drain(struct level *level, const uint8_t **ret_frames, uint32_t *ret_count);
/* Forgets it. */
void level_flush(struct level *level);
/* Frames that are held back now. */
uint32_t level_held(const struct level *level);

/* What ReplayGain says of a file, as an amplitude; 1 when it says nothing. *ret_peak: 0 = unknown. */
double level_of_file(const struct media_file *file, bool of_album, double *ret_peak);
/* 0 to 100 as an amplitude: cubic, as ears and mixers have it. */
double level_of_percent(uint32_t percent);

#endif
