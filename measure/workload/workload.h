/*
 * workload.h: what a simulation is about: tracks, listeners, lines, and who does what when.
 *
 * A text file, one statement a line, '#' begins a comment:
 *   tracks COUNT bytes=N[..N] [bitrate=RATE] [duration=TIME] [runs=FIRST+COUNT,...]
 *   origin [up=RATE] [down=RATE] [delay=TIME] [queue=SIZE]
 *   listeners COUNT [up=RATE] [down=RATE] [delay=TIME] [queue=SIZE] [cache=SIZE] [nat=NAT]
 *             [syn=drop|reset] [lan=NUMBER] [does=DEED] [here=yes|no] [gives=yes|no]
 *   hold WHO TRACK[..TRACK] [rows=I/N]
 *   at TIME[..TIME] WHO play TRACK...      also: play random N
 *   at TIME[..TIME] WHO wander N
 *   at TIME[..TIME] WHO seek TIME | pause | resume | stop
 *   at TIME[..TIME] WHO leave [TIME] | vanish [TIME] | join | sleep TIME | move
 *   at TIME origin stop | start | vanish | honest | nonsense | dead
 *   end TIME
 * Tracks and listeners are numbered from 0 in the order of their lines; WHO is such a number, a
 * span A..B of them, or `all`. Of two values A..B each track or listener draws its own, by the seed;
 * an `at` line that ends with N% comes true for each listener with this chance. TIME has a unit
 * (us, ms, s, m, h); RATE is in bit/s and SIZE in bytes, both with an optional k, M or G (RATE:
 * powers of 1,000, SIZE: of 1,024). `duration` follows from bytes and bitrate (default 160k) when
 * it is not given; `runs`, the start set, is what holds the first 3 s (at least 0+2) and the last
 * chunk. docs/SIMULATION.md says what each word stands for.
 */
#ifndef MEASURE_WORKLOAD_WORKLOAD_H
#define MEASURE_WORKLOAD_WORKLOAD_H

#include "common/prng.h"
#include "media/core/manifest.h"

#include <stdbool.h>
#include <stdint.h>

#define WORKLOAD_TRACKS_MAX 1000000u
#define WORKLOAD_LISTENERS_MAX 1000000u
#define WORKLOAD_LANS_MAX 1000u
#define WORKLOAD_LINE_BYTES_MAX 1023u
#define WORKLOAD_ERROR_BYTES_MAX 256u

struct workload_track {
    uint64_t bytes;
    uint64_t duration_us;
    uint32_t bitrate_bps;
    uint8_t run_count;
    struct media_run runs[MEDIA_START_RUNS_MAX];
};

/* What stands between a host and everybody else (docs/OVERLAY.md has who can reach whom). */
enum workload_nat {
    WORKLOAD_NAT_OPEN = 0,  /* nothing: an address of its own */
    WORKLOAD_NAT_CONE,      /* full cone: whoever knows the outer port gets in */
    WORKLOAD_NAT_ADDRESS,   /* gets in: whose address was called before */
    WORKLOAD_NAT_PORT,      /* gets in: whose address and port were called before */
    WORKLOAD_NAT_SYMMETRIC, /* likewise, and each destination sees another outer port */
    WORKLOAD_NAT_MAPPED,    /* any of these, with a port forwarded by UPnP or PCP */
    WORKLOAD_NATS,
};

/* What a listener's program does to others: */
enum workload_deed {
    WORKLOAD_HONEST = 0,
    WORKLOAD_SILENT,  /* takes links and requests, and never answers a request */
    WORKLOAD_MUTE,    /* takes links and never says a word */
    WORKLOAD_TRICKLE, /* sends to peers at trickle_rate */
    WORKLOAD_LIES,    /* says that it has all of every file it is asked about */
    WORKLOAD_RUBBISH, /* sends wrong chunks */
    WORKLOAD_RESETS,  /* resets a link in the middle of its first chunk */
    WORKLOAD_DEEDS,
};

struct workload_host {
    uint64_t up_rate, down_rate; /* bytes/s */
    uint64_t delay_us;           /* one way, this host's part */
    uint64_t queue_bytes;
    uint64_t cache_bytes; /* listeners: cache limit, payload. The rest: listeners only */
    enum workload_nat nat;
    bool is_resetting; /* its NAT answers unsolicited SYNs with a reset instead of silence */
    uint32_t lan;      /* those of a number share address and NAT; 0 = alone */
    enum workload_deed deed;
    uint64_t trickle_rate; /* bytes/s */
    bool is_absent;        /* until it joins */
    bool is_taking_only;   /* gives nothing to peers */
};

enum workload_command_kind {
    WORKLOAD_PLAY,
    WORKLOAD_WANDER,
    WORKLOAD_SEEK,
    WORKLOAD_PAUSE,
    WORKLOAD_RESUME,
    WORKLOAD_STOP,
    WORKLOAD_LEAVE,  /* its program ends */
    WORKLOAD_VANISH, /* its line is cut: nobody hears of it */
    WORKLOAD_JOIN,
    WORKLOAD_SLEEP,
    WORKLOAD_MOVE, /* another address; all its links are dead */
    WORKLOAD_ORIGIN_STOP,
    WORKLOAD_ORIGIN_START,
    WORKLOAD_ORIGIN_VANISH,
    WORKLOAD_ORIGIN_HONEST,
    WORKLOAD_ORIGIN_NONSENSE, /* its tracker answers with rubbish */
    WORKLOAD_ORIGIN_DEAD,     /* its tracker names holders that do not exist */
};

struct workload_command {
    uint64_t at_us, until_us; /* equal: exactly then */
    enum workload_command_kind kind;
    uint32_t listener, last_listener; /* listeners' commands: from, to */
    uint32_t chance_percent;          /* that it comes true */
    uint64_t position_us;             /* SEEK */
    uint64_t away_us, away_until_us;  /* LEAVE, VANISH: back after one of these, 0 = never. SLEEP */
    uint32_t first_track;             /* PLAY: place in workload.played */
    uint32_t track_count;
    uint32_t random_count; /* PLAY random: instead of the list. WANDER: tracks in all */
};

/* What is in caches at the start: rows of which number modulo `parts` is `part`. */
struct workload_hold {
    uint32_t listener, last_listener;
    uint32_t track, last_track;
    uint32_t part, parts;
};

struct workload {
    struct workload_track *tracks;
    struct workload_host *listeners;
    struct workload_command *commands;
    struct workload_hold *holds;
    uint32_t *played;
    uint32_t track_count, listener_count, command_count, hold_count, played_count;
    struct workload_host origin;
    uint64_t end_us; /* TIME_NEVER_US: when everybody has come to the end */
};

/* Reads a workload; `prng` draws what the file leaves to chance. 0; ERROR_IO: the file can't be
 * read; ERROR_MALFORMED. On an error `ret_error` has a message with line, reason and cure. */
int workload_load(const char *path, struct prng *prng, struct workload *ret_workload,
                  char ret_error[WORKLOAD_ERROR_BYTES_MAX]);
void workload_deinit(struct workload *workload);

#endif
