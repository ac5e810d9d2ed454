/*
 * sink_wav.c: a sink that writes a WAV file, or a WAV stream into a FIFO.
 *
 * Responsible for the file's format: the decoder's own samples as they are (24 bits packed to
 * three bytes), header first and out at once. A file gets its sizes at the end and can hold 4 GiB;
 * what cannot seek has the largest sizes in its header from the start and no end. Written are
 * exactly the frames that were given: there is no clock, what is taken has been played.
 */
#include "common/error.h"
#include "player/gst/sink.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WAV_HEADER_BYTES_MAX 68u
#define WAV_PACKED_BYTES_MAX 16384u
/* RIFF counts everything behind its first 8 bytes in 32 bits. */
#define WAV_FILE_BYTES_MAX UINT64_C(0xffffffff)

enum {
    WAV_TAG_PCM = 1,
    WAV_TAG_FLOAT = 3,
    WAV_TAG_EXTENSIBLE = 0xfffe,
};

struct sink_wav {
    struct sink sink; /* first */
    char *path;
    int descriptor;
    bool seekable;
    uint32_t header_bytes;
    uint32_t in_bytes;  /* a frame as it is given */
    uint32_t out_bytes; /* a frame as it is written */
    uint32_t channels;
    uint64_t written; /* frames wholly out */
    uint64_t file_bytes;
    uint8_t rest[WAV_PACKED_BYTES_MAX]; /* bytes of taken frames that the descriptor did not take */
    uint32_t rest_at, rest_bytes;
};

static struct sink_wav *self_of(struct sink *sink)
{
    return (struct sink_wav *)sink;
}

static uint8_t *put_u16(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)value;
    at[1] = (uint8_t)(value >> 8);
    return at + 2;
}

static uint8_t *put_u32(uint8_t *at, uint32_t value)
{
    return put_u16(put_u16(at, value & 0xffff), value >> 16);
}

static uint8_t *put_text(uint8_t *at, const char *text)
{
    memcpy(at, text, 4);
    return at + 4;
}

/* Which loudspeakers 3 to 8 channels are, in the order of WAV as of GStreamer. */
static uint32_t speaker_mask(uint32_t channels)
{
    static const uint32_t masks[] = {0, 0x4, 0x3, 0x7, 0x33, 0x37, 0x3f, 0x13f, 0x63f};
    return channels < sizeof masks / sizeof masks[0] ? masks[channels] : 0;
}

static uint32_t put_header(const struct sink_wav *self, const struct media_pcm_info *info,
                           uint8_t *ret_header)
{
    bool is_float = info->format == MEDIA_PCM_F32;
    uint32_t bits = self->out_bytes / info->channels * 8;
    bool extensible = info->channels > 2;
    uint8_t *at = put_text(ret_header, "RIFF");
    at = put_u32(at, UINT32_MAX);
    at = put_text(put_text(at, "WAVE"), "fmt ");
    at = put_u32(at, extensible ? 40 : 16);
    uint32_t tag = is_float ? WAV_TAG_FLOAT : WAV_TAG_PCM;
    at = put_u16(at, extensible ? WAV_TAG_EXTENSIBLE : tag);
    at = put_u16(at, info->channels);
    at = put_u32(at, info->rate_hz);
    at = put_u32(at, info->rate_hz * self->out_bytes);
    at = put_u16(at, self->out_bytes);
    at = put_u16(at, bits);
    if (extensible) {
        static const uint8_t guid_tail[14] = {0, 0, 0,    0, 0x10, 0,    0x80,
                                              0, 0, 0xaa, 0, 0x38, 0x9b, 0x71};
        at = put_u16(at, 22);
        at = put_u16(at, bits);
        at = put_u32(at, speaker_mask(info->channels));
        at = put_u16(at, tag);
        memcpy(at, guid_tail, sizeof guid_tail);
        at += sizeof guid_tail;
    }
    at = put_text(at, "data");
    at = put_u32(at, UINT32_MAX);
    return (uint32_t)(at - ret_header);
}

static int error_of_errno(int number)
{
    switch (number) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return ERROR_FULL;
    case EPIPE:
        return ERROR_CLOSED;
    case ENOENT:
    case ENOTDIR:
        return ERROR_NOT_FOUND;
    case EACCES:
    case EPERM:
    case EROFS:
    case EISDIR:
        return ERROR_DENIED;
    default:
        return ERROR_IO;
    }
}

static int fail(const struct sink_wav *self, int number, char *ret_text)
{
    if (ret_text != NULL) {
        snprintf(ret_text, SINK_TEXT_BYTES, "%.120s: %s", self->path, strerror(number));
    }
    return error_of_errno(number);
}

static int open_file(struct sink_wav *self, char *ret_text)
{
    /* Not to wait for a FIFO's reader inside open: the mixing thread must stay stoppable. */
    int descriptor = open(self->path, O_WRONLY | O_CREAT | O_NONBLOCK | O_CLOEXEC, 0666);
    if (descriptor < 0) {
        return errno == ENXIO ? ERROR_BUSY : fail(self, errno, ret_text);
    }
    struct stat status;
    if (fstat(descriptor, &status) < 0) {
        int number = errno;
        close(descriptor);
        return fail(self, number, ret_text);
    }
    self->seekable = S_ISREG(status.st_mode);
    if (self->seekable && ftruncate(descriptor, 0) < 0) {
        int number = errno;
        close(descriptor);
        return fail(self, number, ret_text);
    }
    self->descriptor = descriptor;
    return 0;
}

/* Writes what is left over. 0, also when the descriptor takes no more now. */
static int write_rest(struct sink_wav *self)
{
    while (self->rest_at < self->rest_bytes) {
        ssize_t done =
            write(self->descriptor, self->rest + self->rest_at, self->rest_bytes - self->rest_at);
        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done < 0) {
            return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : error_of_errno(errno);
        }
        self->rest_at += (uint32_t)done;
        self->file_bytes += (uint64_t)done;
    }
    return 0;
}

static int wav_start(struct sink *sink, const struct media_pcm_info *info, char *ret_text)
{
    struct sink_wav *self = self_of(sink);
    int error = open_file(self, ret_text);
    if (error != 0) {
        return error;
    }
    uint32_t sample_bytes = media_pcm_sample_bytes(info->format);
    self->channels = info->channels;
    self->in_bytes = sample_bytes * info->channels;
    self->out_bytes = info->format == MEDIA_PCM_S24_32 ? 3u * info->channels : self->in_bytes;
    self->header_bytes = put_header(self, info, self->rest);
    assert(self->header_bytes <= WAV_HEADER_BYTES_MAX);
    self->rest_bytes = self->header_bytes;
    error = write_rest(self);
    if (error != 0) {
        snprintf(ret_text, SINK_TEXT_BYTES, "%.120s: %s", self->path, error_text(error));
    }
    return error;
}

/* Fills `rest` with as many frames as it holds; returns how many. */
static uint32_t pack(struct sink_wav *self, const uint8_t *frames, uint32_t count)
{
    uint32_t most = WAV_PACKED_BYTES_MAX / self->out_bytes;
    uint32_t taken = count < most ? count : most;
    if (self->in_bytes == self->out_bytes) {
        memcpy(self->rest, frames, (size_t)taken * self->in_bytes);
    } else {
        uint8_t *to = self->rest;
        for (uint32_t sample = 0; sample < taken * self->channels; sample++, to += 3) {
            memcpy(to, frames + (size_t)sample * 4, 3);
        }
    }
    self->rest_at = 0;
    self->rest_bytes = taken * self->out_bytes;
    return taken;
}

static int wav_write(struct sink *sink, uint64_t now_us, const void *frames, uint32_t count,
                     uint32_t *ret_taken)
{
    (void)now_us;
    struct sink_wav *self = self_of(sink);
    const uint8_t *at = frames;
    uint32_t taken = 0;
    int error = write_rest(self);
    while (error == 0 && self->rest_at == self->rest_bytes && taken < count) {
        uint64_t after = self->file_bytes + WAV_PACKED_BYTES_MAX;
        if (self->seekable && after > WAV_FILE_BYTES_MAX) {
            return ERROR_TOO_LARGE;
        }
        uint32_t packed = pack(self, at, count - taken);
        at += (size_t)packed * self->in_bytes;
        taken += packed;
        error = write_rest(self);
    }
    if (error != 0) {
        return error;
    }
    self->written += taken;
    *ret_taken = taken;
    return 0;
}

static uint64_t wav_played(struct sink *sink, uint64_t now_us)
{
    (void)now_us;
    return self_of(sink)->written;
}

static void wav_set_paused(struct sink *sink, uint64_t now_us, bool paused)
{
    (void)sink;
    (void)now_us;
    (void)paused;
}

static void wav_flush(struct sink *sink, uint64_t now_us)
{
    (void)sink;
    (void)now_us;
}

static int wav_descriptor(struct sink *sink)
{
    const struct sink_wav *self = self_of(sink);
    return self->rest_at < self->rest_bytes ? self->descriptor : -1;
}

/* Puts the sizes into the header of a file. */
static int complete(struct sink_wav *self)
{
    uint8_t size[4];
    uint64_t data_bytes = self->file_bytes - self->header_bytes;
    if (data_bytes % 2 == 1) {
        /* RIFF pads a chunk to an even length; the pad is not counted in the chunk's size. */
        if (pwrite(self->descriptor, "", 1, (off_t)self->file_bytes) != 1) {
            return ERROR_IO;
        }
        self->file_bytes++;
    }
    put_u32(size, (uint32_t)(self->file_bytes - 8));
    if (pwrite(self->descriptor, size, 4, 4) != 4) {
        return ERROR_IO;
    }
    put_u32(size, (uint32_t)data_bytes);
    return pwrite(self->descriptor, size, 4, (off_t)self->header_bytes - 4) == 4 ? 0 : ERROR_IO;
}

static int wav_free(struct sink *sink)
{
    struct sink_wav *self = self_of(sink);
    int error = 0;
    if (self->descriptor >= 0) {
        error = write_rest(self);
        if (error == 0 && self->seekable && self->header_bytes > 0) {
            error = complete(self);
        }
        if (close(self->descriptor) < 0 && error == 0) {
            error = ERROR_IO;
        }
    }
    free(self->path);
    free(self);
    return error;
}

struct sink *sink_wav_new(const char *path)
{
    static const struct sink_vtable vtable = {
        .start = wav_start,
        .write = wav_write,
        .played = wav_played,
        .set_paused = wav_set_paused,
        .flush = wav_flush,
        .descriptor = wav_descriptor,
        .free = wav_free,
    };
    struct sink_wav *self = calloc(1, sizeof *self);
    if (self == NULL) {
        return NULL;
    }
    self->sink.vtable = &vtable;
    self->descriptor = -1;
    self->path = strdup(path);
    if (self->path == NULL) {
        free(self);
        return NULL;
    }
    return &self->sink;
}
