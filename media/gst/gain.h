/*
 * gain.h: the ReplayGain of a stream of PCM. Private to media/gst.
 *
 * Feeds GStreamer's rganalysis by hand, on the caller's thread: the decoding runs beside it.
 */
#ifndef MEDIA_GST_GAIN_H
#define MEDIA_GST_GAIN_H

#include "media/gst/deck.h"

struct gain;

/* ERROR_UNSUPPORTED: more than two channels, or the plugin is missing. ERROR_NO_MEMORY,
 * ERROR_SYSTEM. */
int gain_new(const struct media_pcm_info *info, struct gain **ret_gain);
/* Takes NULL. */
void gain_free(struct gain *gain);
/* ERROR_NO_MEMORY, ERROR_SYSTEM. */
int gain_add(struct gain *gain, const struct media_pcm *pcm);
/* Once, behind the last add. ERROR_NOT_FOUND: too little sound to say. */
int gain_finish(struct gain *gain, double *ret_gain_db, double *ret_peak);

#endif
