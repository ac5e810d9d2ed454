/*
 * tags.h: GStreamer's tag lists as our tags, gains and cover. Private to media/gst.
 */
#ifndef MEDIA_GST_TAGS_H
#define MEDIA_GST_TAGS_H

#include "media/gst/probe.h"

#include <gst/gst.h>

/* Fills tags, cover and, where the tags have them, gains and peak. ERROR_NO_MEMORY. */
int tags_take(const GstTagList *list, struct media_probe *probe);
/* Tags that stand before and behind MPEG frames (ID3v2, ID3v1), added to `list`. The source's
 * error, or 0: tags that can't be read are passed over. */
int tags_read_id3(const struct media_source *source, GstTagList *list);
/* 1/256 dB, within what the manifest holds. */
int16_t tags_gain(double gain_db);
/* 1/65536 of full scale; 0 is kept for "unknown". */
uint32_t tags_peak(double peak);

#endif
