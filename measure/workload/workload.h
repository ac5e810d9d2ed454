/*
 * workload.h: what a simulation is about: tracks, listeners, lines, and who does what when.
 *
 * A text file, one statement a line, '#' begins a comment:
 *   tracks COUNT bytes=N[..N] [bitrate=RATE] [duration=TIME] [runs=FIRST+COUNT,...]
 *   origin [up=RATE] [down=RATE] [delay=TIME] [queue=SIZE]
 *   listeners COUNT [up=RATE] [down=RATE] [delay=TIME] [queue=SIZE] [cache=SIZE]
 *   at TIME[..TIME] WHO play TRACK...      also: play random N
 *   at TIME[..TIME] WHO seek TIME | pause | resume | stop
 *   at TIME origin stop | start
 *   end TIME
 * Tracks and listeners are numbered from 0 in the order of their lines; WHO is such a number or
 * `all`. Of two values A..B each track or listener draws its own, by the seed. TIME has a unit (us,
 * ms, s, m, h); RATE is in bit/s and SIZE in bytes, both with an optional k, M or G (RATE: powers
 * of 1,000, SIZE: of 1,024). `duration` follows from bytes and bitrate (default 160k) when it is
 * not given; `runs`, the start set, is 0+2 and the last chunk.
 */
#ifndef MEASURE_WORKLOAD_WORKLOAD_H
#define MEASURE_WORKLOAD_WORKLOAD_H

#include "common/prng.h"
#include "media/core/manifest.h"

#include <stdint.h>

#define WORKLOAD_TRACKS_MAX 1000000u
#define WORKLOAD_LISTENERS_MAX 1000000u
#define WORKLOAD_EVERYBODY UINT32_MAX
#define WORKLOAD_LINE_BYTES_MAX 1023u
#define WORKLOAD_ERROR_BYTES_MAX 256u

struct workload_track {
    uint64_t bytes;
    uint64_t duration_us;
    uint32_t bitrate_bps;
    uint8_t run_count;
    struct media_run runs[MEDIA_START_RUNS_MAX];
};

struct workload_host {
    uint64_t up_rate, down_rate; /* bytes/s */
    uint64_t delay_us;           /* one way, this host's part */
    uint64_t queue_bytes;
    uint64_t cache_bytes; /* listeners: cache limit, payload */
};

enum workload_command_kind {
    WORKLOAD_PLAY,
    WORKLOAD_SEEK,
    WORKLOAD_PAUSE,
    WORKLOAD_RESUME,
    WORKLOAD_STOP,
    WORKLOAD_ORIGIN_STOP,
    WORKLOAD_ORIGIN_START,
};

struct workload_command {
    uint64_t at_us, until_us; /* equal: exactly then */
    enum workload_command_kind kind;
    uint32_t listener;    /* or WORKLOAD_EVERYBODY */
    uint64_t position_us; /* SEEK */
    uint32_t first_track; /* PLAY: place in workload.played */
    uint32_t track_count;
    uint32_t random_count; /* PLAY random: instead of the list */
};

struct workload {
    struct workload_track *tracks;
    struct workload_host *listeners;
    struct workload_command *commands;
    uint32_t *played;
    uint32_t track_count, listener_count, command_count, played_count;
    struct workload_host origin;
    uint64_t end_us; /* TIME_NEVER_US: when everybody has come to the end */
};

/* Reads a workload; `prng` draws what the file leaves to chance. 0; ERROR_IO: the file can't be
 * read; ERROR_MALFORMED. On an error `ret_error` has a message with line, reason and cure. */
int workload_load(const char *path, struct prng *prng, struct workload *ret_workload,
                  char ret_error[WORKLOAD_ERROR_BYTES_MAX]);
void workload_deinit(struct workload *workload);

#endif
