/*
 * deck_tool.c: for tests only: what probe, deck and remux make of a file.
 *
 *   deck_tool probe FILE            one JSON line with everything the probe found
 *   deck_tool wav FILE OUT [US]     the deck's PCM as WAV, from position US on
 *   deck_tool raw FILE OUT [US]     the same without a header
 *   deck_tool cover FILE OUT        the cover's bytes
 *   deck_tool remux FILE OUT        without pictures
 * Exit: 0; 1 with "CODE: text" on stderr; 2 usage.
 */
#include "common/error.h"
#include "media/gst/deck.h"
#include "media/gst/probe.h"
#include "media/gst/remux.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PULL_FRAMES 65536u
#define WAVE_FORMAT_PCM 1u
#define WAVE_FORMAT_FLOAT 3u
#define WAV_HEADER_BYTES 44u

static int report(int error, const char *text)
{
    (void)fprintf(stderr, "%s: %s\n", error_name(error), text);
    return 1;
}

static json_t *runs_of(const struct media_file *file)
{
    json_t *runs = json_array();
    for (uint32_t i = 0; i < file->start_run_count; i++) {
        json_array_append_new(runs, json_pack("[i,i]", (int)file->start_runs[i].first,
                                              (int)file->start_runs[i].count));
    }
    return runs;
}

static int show(const struct media_probe *probe)
{
    const struct media_file *file = &probe->file;
    const struct media_tags *tags = &probe->tags;
    json_t *line = json_pack(
        "{s:i,s:i,s:i,s:i,s:i,s:i,s:I,s:I,s:i,s:i,s:I,s:b,s:o,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:i,s:i,"
        "s:i,"
        "s:i,s:i,s:s,s:i,s:i}",
        "container", (int)file->container, "codec", (int)file->codec, "channels", file->channels,
        "bits", file->bits, "rate", (int)file->rate_hz, "bitrate", (int)file->bitrate_bps,
        "samples", (json_int_t)file->samples, "duration_us", (json_int_t)probe->duration_us,
        "track_gain", file->track_gain, "album_gain", file->album_gain, "peak",
        (json_int_t)file->peak, "gain_computed", probe->gain_computed, "start", runs_of(file),
        "title", tags->title, "artist", tags->artist, "album_artist", tags->album_artist, "album",
        tags->album, "genre", tags->genre, "recording", tags->recording_mbid, "release",
        tags->release_mbid, "track", tags->track_number, "tracks", tags->track_count, "disc",
        tags->disc_number, "discs", tags->disc_count, "year", tags->year, "cover_mime",
        probe->cover_mime, "cover_bytes", (int)probe->cover_bytes, "picture_bytes",
        (int)probe->picture_bytes);
    char *text = json_dumps(line, JSON_COMPACT);
    (void)puts(text);
    free(text);
    json_decref(line);
    return 0;
}

static void put_little(uint8_t *at, uint64_t value, uint32_t bytes)
{
    for (uint32_t i = 0; i < bytes; i++) {
        at[i] = (uint8_t)(value >> (8 * i));
    }
}

static void write_header(FILE *out, const struct media_pcm_info *info, uint64_t frames)
{
    uint32_t sample_bytes = media_pcm_sample_bytes(info->format);
    uint32_t frame_bytes = sample_bytes * info->channels;
    uint8_t header[WAV_HEADER_BYTES];
    memcpy(header, "RIFF____WAVEfmt ", 16);
    put_little(header + 4, WAV_HEADER_BYTES - 8 + frames * frame_bytes, 4);
    put_little(header + 16, 16, 4);
    put_little(header + 20, info->format == MEDIA_PCM_F32 ? WAVE_FORMAT_FLOAT : WAVE_FORMAT_PCM, 2);
    put_little(header + 22, info->channels, 2);
    put_little(header + 24, info->rate_hz, 4);
    put_little(header + 28, (uint64_t)info->rate_hz * frame_bytes, 4);
    put_little(header + 32, frame_bytes, 2);
    put_little(header + 34, (uint64_t)sample_bytes * 8, 2);
    memcpy(header + 36, "data", 4);
    put_little(header + 40, frames * frame_bytes, 4);
    (void)fwrite(header, 1, sizeof header, out);
}

/* Pulls to the end; each block must follow the one before. */
static int pull_all(struct media_deck *deck, const struct media_file *file, uint64_t position_us,
                    FILE *out, bool header)
{
    uint64_t next = media_frame_at(position_us, file->rate_hz);
    for (bool first = true;; first = false) {
        struct media_pcm pcm;
        enum media_deck_state state =
            media_deck_pull(deck, PULL_FRAMES, MEDIA_DECK_WAIT_FOREVER, &pcm);
        if (state == MEDIA_DECK_END) {
            return 0;
        }
        if (state != MEDIA_DECK_PCM) {
            char text[MEDIA_DECK_ERROR_TEXT_BYTES];
            int error = media_deck_error(deck, text);
            return report(error, text);
        }
        struct media_pcm_info info;
        if (!media_deck_info(deck, &info) || pcm.first_frame != next) {
            return report(ERROR_MISMATCH, "a block does not follow the one before");
        }
        if (first && header) {
            write_header(out, &info, file->samples - next);
        }
        next += pcm.count;
        (void)fwrite(pcm.frames, (size_t)media_pcm_sample_bytes(info.format) * info.channels,
                     pcm.count, out);
    }
}

static int play(const struct media_source *source, const struct media_probe *probe,
                const char *path, uint64_t position_us, bool header)
{
    struct media_deck_config config = {
        .file = &probe->file, .source = *source, .position_us = position_us};
    struct media_deck *deck = NULL;
    int error = media_deck_open(&config, &deck);
    if (error != 0) {
        return report(error, "the deck did not open");
    }
    FILE *out = fopen(path, "wb");
    int result = out == NULL ? report(ERROR_IO, path)
                             : pull_all(deck, &probe->file, position_us, out, header);
    if (out != NULL && fclose(out) != 0) {
        result = report(ERROR_IO, path);
    }
    media_deck_close(deck);
    return result;
}

static int write_bytes(void *context, const void *bytes, uint32_t count)
{
    return fwrite(bytes, 1, count, context) == count ? 0 : ERROR_IO;
}

static int rewrite(const struct media_source *source, const struct media_probe *probe,
                   const char *path)
{
    FILE *out = fopen(path, "wb");
    if (out == NULL) {
        return report(ERROR_IO, path);
    }
    int error = media_remux(source, probe->file.container, write_bytes, out);
    if (fclose(out) != 0 && error == 0) {
        error = ERROR_IO;
    }
    return error == 0 ? 0 : report(error, error_text(error));
}

static int act(int count, char **words, const struct media_source *source,
               const struct media_probe *probe)
{
    const char *verb = words[1];
    if (strcmp(verb, "probe") == 0) {
        return show(probe);
    }
    if (count < 4) {
        return 2;
    }
    uint64_t position_us = count > 4 ? strtoull(words[4], NULL, 10) : 0;
    if (strcmp(verb, "wav") == 0 || strcmp(verb, "raw") == 0) {
        return play(source, probe, words[3], position_us, verb[0] == 'w');
    }
    if (strcmp(verb, "remux") == 0) {
        return rewrite(source, probe, words[3]);
    }
    FILE *out = strcmp(verb, "cover") == 0 ? fopen(words[3], "wb") : NULL;
    if (out == NULL) {
        return 2;
    }
    int error = write_bytes(out, probe->cover, probe->cover_bytes);
    return fclose(out) == 0 && error == 0 ? 0 : 1;
}

int main(int count, char **words)
{
    if (count < 3) {
        (void)fputs("deck_tool probe|wav|raw|cover|remux FILE [OUT [US]]\n", stderr);
        return 2;
    }
    int fd = open(words[2], O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) != 0) {
        return report(ERROR_IO, words[2]);
    }
    struct media_source source = media_fd_source(&fd, (uint64_t)status.st_size);
    struct media_probe_options options = {.skip_gain = strcmp(words[1], "probe") != 0};
    struct media_probe *probe = NULL;
    char text[MEDIA_PROBE_ERROR_TEXT_BYTES];
    int error = media_probe(&source, &options, &probe, text);
    int result = error != 0 ? report(error, text) : act(count, words, &source, probe);
    media_probe_free(probe);
    (void)close(fd);
    return result;
}
