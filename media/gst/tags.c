/*
 * tags.c: picks from a GstTagList what a manifest has.
 *
 * Responsible for bounds and for UTF-8 staying whole where a text is cut.
 */
#include "media/gst/tags.h"

#include "common/error.h"
#include "media/gst/layout.h"

#include <gst/tag/tag.h>
#include <stdlib.h>
#include <string.h>

#define GAIN_UNITS_PER_DB 256.0
#define PEAK_FULL_SCALE 65536.0
#define PEAK_MAX 65535.0 /* times full scale */
/* RFC 7845 section 5.2.1: R128 gains are in 1/256 dB towards -23 LUFS; ReplayGain 2 aims at -18. */
#define R128_TO_REPLAYGAIN_DB 5.0
#define ID3V2_BYTES_MAX (UINT64_C(32) << 20)
#define ID3V1_BYTES 128u

int16_t tags_gain(double gain_db)
{
    double units = gain_db * GAIN_UNITS_PER_DB;
    if (!(units > INT16_MIN && units < INT16_MAX)) {
        return MEDIA_GAIN_UNKNOWN;
    }
    return (int16_t)(units < 0 ? units - 0.5 : units + 0.5);
}

uint32_t tags_peak(double peak)
{
    if (!(peak >= 0 && peak < PEAK_MAX)) {
        return 0;
    }
    uint32_t units = (uint32_t)(peak * PEAK_FULL_SCALE + 0.5);
    return units == 0 ? 1 : units;
}

static void copy_text(const GstTagList *list, const char *tag, char *ret_text, size_t bytes_max)
{
    gchar *value = NULL;
    if (!gst_tag_list_get_string_index(list, tag, 0, &value)) {
        return;
    }
    size_t bytes = strlen(value);
    if (bytes > bytes_max) {
        bytes = bytes_max;
        while (bytes > 0 && ((unsigned char)value[bytes] & 0xc0) == 0x80) {
            bytes--;
        }
    }
    memcpy(ret_text, value, bytes);
    ret_text[bytes] = '\0';
    g_free(value);
}

static uint16_t number_of(const GstTagList *list, const char *tag)
{
    guint value = 0;
    (void)gst_tag_list_get_uint(list, tag, &value);
    return value <= UINT16_MAX ? (uint16_t)value : 0;
}

static uint16_t year_of(const GstTagList *list)
{
    uint16_t year = 0;
    GstDateTime *moment = NULL;
    GDate *date = NULL;
    if (gst_tag_list_get_date_time(list, GST_TAG_DATE_TIME, &moment)) {
        year = gst_date_time_has_year(moment) ? (uint16_t)gst_date_time_get_year(moment) : 0;
        gst_date_time_unref(moment);
    } else if (gst_tag_list_get_date(list, GST_TAG_DATE, &date)) {
        year = g_date_valid(date) ? g_date_get_year(date) : 0;
        g_date_free(date);
    }
    return year;
}

static void take_texts(const GstTagList *list, struct media_tags *tags)
{
    copy_text(list, GST_TAG_TITLE, tags->title, MEDIA_TEXT_BYTES_MAX);
    copy_text(list, GST_TAG_ARTIST, tags->artist, MEDIA_TEXT_BYTES_MAX);
    copy_text(list, GST_TAG_ALBUM_ARTIST, tags->album_artist, MEDIA_TEXT_BYTES_MAX);
    copy_text(list, GST_TAG_ALBUM, tags->album, MEDIA_TEXT_BYTES_MAX);
    copy_text(list, GST_TAG_GENRE, tags->genre, MEDIA_TEXT_BYTES_MAX);
    copy_text(list, GST_TAG_MUSICBRAINZ_TRACKID, tags->recording_mbid, MEDIA_MBID_BYTES_MAX);
    copy_text(list, GST_TAG_MUSICBRAINZ_ALBUMID, tags->release_mbid, MEDIA_MBID_BYTES_MAX);
    tags->track_number = number_of(list, GST_TAG_TRACK_NUMBER);
    tags->track_count = number_of(list, GST_TAG_TRACK_COUNT);
    tags->disc_number = number_of(list, GST_TAG_ALBUM_VOLUME_NUMBER);
    tags->disc_count = number_of(list, GST_TAG_ALBUM_VOLUME_COUNT);
    tags->year = year_of(list);
}

/* The value of a comment "NAME=value" that GStreamer has no tag for. */
static bool r128_gain(const GstTagList *list, const char *prefix, double *ret_gain_db)
{
    guint count = gst_tag_list_get_tag_size(list, GST_TAG_EXTENDED_COMMENT);
    for (guint i = 0; i < count; i++) {
        const gchar *comment = NULL;
        if (!gst_tag_list_peek_string_index(list, GST_TAG_EXTENDED_COMMENT, i, &comment) ||
            g_ascii_strncasecmp(comment, prefix, strlen(prefix)) != 0) {
            continue;
        }
        char *end = NULL;
        long value = strtol(comment + strlen(prefix), &end, 10);
        if (end != comment + strlen(prefix) && *end == '\0') {
            *ret_gain_db = (double)value / GAIN_UNITS_PER_DB + R128_TO_REPLAYGAIN_DB;
            return true;
        }
    }
    return false;
}

static void take_gains(const GstTagList *list, struct media_file *file)
{
    double value = 0;
    file->track_gain = MEDIA_GAIN_UNKNOWN;
    file->album_gain = MEDIA_GAIN_UNKNOWN;
    if (gst_tag_list_get_double(list, GST_TAG_TRACK_GAIN, &value) ||
        r128_gain(list, "R128_TRACK_GAIN=", &value)) {
        file->track_gain = tags_gain(value);
    }
    if (gst_tag_list_get_double(list, GST_TAG_ALBUM_GAIN, &value) ||
        r128_gain(list, "R128_ALBUM_GAIN=", &value)) {
        file->album_gain = tags_gain(value);
    }
    if (gst_tag_list_get_double(list, GST_TAG_TRACK_PEAK, &value)) {
        file->peak = tags_peak(value);
    }
}

static bool is_front_cover(GstSample *sample)
{
    const GstStructure *info = gst_sample_get_info(sample);
    gint type = 0;
    return info != NULL &&
           gst_structure_get_enum(info, "image-type", GST_TYPE_TAG_IMAGE_TYPE, &type) &&
           type == GST_TAG_IMAGE_TYPE_FRONT_COVER;
}

/* The front cover, or else the first picture; to be unreferenced. NULL: none. */
static GstSample *find_cover(const GstTagList *list)
{
    GstSample *cover = NULL;
    guint count = gst_tag_list_get_tag_size(list, GST_TAG_IMAGE);
    for (guint i = 0; i < count; i++) {
        GstSample *sample = NULL;
        if (!gst_tag_list_get_sample_index(list, GST_TAG_IMAGE, i, &sample)) {
            continue;
        }
        if (cover == NULL || (is_front_cover(sample) && !is_front_cover(cover))) {
            GstSample *before = cover;
            cover = sample;
            sample = before;
        }
        if (sample != NULL) {
            gst_sample_unref(sample);
        }
    }
    return cover;
}

static int copy_cover(GstSample *sample, struct media_probe *probe)
{
    GstBuffer *buffer = gst_sample_get_buffer(sample);
    GstCaps *caps = gst_sample_get_caps(sample);
    gsize bytes = buffer == NULL ? 0 : gst_buffer_get_size(buffer);
    if (caps == NULL || gst_caps_is_empty(caps) || bytes == 0 || bytes > MEDIA_COVER_BYTES_MAX) {
        return 0;
    }
    const char *mime = gst_structure_get_name(gst_caps_get_structure(caps, 0));
    if (strncmp(mime, "image/", 6) != 0 || strlen(mime) >= MEDIA_COVER_MIME_BYTES) {
        return 0; /* an address of a picture, or something else */
    }
    probe->cover = malloc(bytes);
    if (probe->cover == NULL) {
        return ERROR_NO_MEMORY;
    }
    probe->cover_bytes = (uint32_t)gst_buffer_extract(buffer, 0, probe->cover, bytes);
    memcpy(probe->cover_mime, mime, strlen(mime) + 1);
    return 0;
}

int tags_take(const GstTagList *list, struct media_probe *probe)
{
    take_texts(list, &probe->tags);
    take_gains(list, &probe->file);
    GstSample *cover = find_cover(list);
    if (cover == NULL) {
        return 0;
    }
    int error = copy_cover(cover, probe);
    gst_sample_unref(cover);
    return error;
}

static int read_buffer(const struct media_source *source, uint64_t offset, uint32_t bytes,
                       GstBuffer **ret_buffer)
{
    GstBuffer *buffer = gst_buffer_new_allocate(NULL, bytes, NULL);
    GstMapInfo map;
    if (buffer == NULL) {
        return ERROR_NO_MEMORY;
    }
    if (!gst_buffer_map(buffer, &map, GST_MAP_WRITE)) {
        gst_buffer_unref(buffer);
        return ERROR_NO_MEMORY;
    }
    int error = source->read_at(source->context, offset, map.data, bytes);
    gst_buffer_unmap(buffer, &map);
    if (error != 0) {
        gst_buffer_unref(buffer);
        return error;
    }
    *ret_buffer = buffer;
    return 0;
}

static void insert(GstTagList *list, GstTagList *found)
{
    if (found != NULL) {
        gst_tag_list_insert(list, found, GST_TAG_MERGE_KEEP);
        gst_tag_list_unref(found);
    }
}

int tags_read_id3(const struct media_source *source, GstTagList *list)
{
    uint64_t bytes = 0;
    int error = layout_id3_bytes(source, 0, &bytes);
    GstBuffer *buffer = NULL;
    if (error == 0 && bytes > 0 && bytes <= ID3V2_BYTES_MAX && bytes <= source->bytes) {
        error = read_buffer(source, 0, (uint32_t)bytes, &buffer);
        if (error == 0) {
            insert(list, gst_tag_list_from_id3v2_tag(buffer));
            gst_buffer_unref(buffer);
        }
    }
    if (error == 0 && source->bytes > ID3V1_BYTES) {
        uint8_t last[ID3V1_BYTES];
        error = source->read_at(source->context, source->bytes - ID3V1_BYTES, last, ID3V1_BYTES);
        if (error == 0 && memcmp(last, "TAG", 3) == 0) {
            insert(list, gst_tag_list_new_from_id3v1(last));
        }
    }
    return error;
}
