/*
 * args.h: the command line of `refrain` (docs/CLI.md), and its help texts.
 *
 * Options may stand before or after the verb. Own code instead of GOption: that library's start
 * costs more than the whole command line, and GLib stays out of a cached start's way.
 */
#ifndef PLAYER_ARGS_H
#define PLAYER_ARGS_H

#include "player/gst/output.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARGS_OPERANDS_MAX 1024u
#define ARGS_TEXT_BYTES 256u

enum args_verb {
    ARGS_NONE = 0,
    ARGS_PLAY,
    ARGS_FETCH,
    ARGS_LS,
    ARGS_CACHE,
    ARGS_DAEMON,
    ARGS_STATUS,
    ARGS_PEERS,
    ARGS_GATEWAY,
    ARGS_RESUME,
    ARGS_REMOTE, /* one of several, args.remote */
    ARGS_SEARCH,
    ARGS_LIKE,
    ARGS_UNLIKE,
    ARGS_LIKES,
    ARGS_PLAYLIST,
    ARGS_COMPLETE,
    ARGS_INFO,
    ARGS_VERBS,
};

/* How much is given to peers a second. */
struct upload_limit {
    uint64_t bytes_per_s;         /* 0 = automatic */
    uint8_t from_hour, till_hour; /* it holds from the one to the other, local time, 0 to 23; equal:
                                     always. Outside of them: automatic */
};

/* Texts are borrowed from argv, the environment and the configuration. */
struct args {
    enum args_verb verb;
    uint64_t given;         /* a bit for each option that was set, on the command line or later */
    bool origin_is_default; /* not from the command line */
    bool help, version;
    const char *operands[ARGS_OPERANDS_MAX];
    uint32_t operand_count;
    const char *origin; /* --origin, else $REFRAIN_ORIGIN, else NULL */
    enum output_kind output;
    const char *output_path; /* of wav:PATH, gst:ELEMENTS */
    const char *to_path;     /* -o */
    const char *record_path;
    const char *preset;
    uint64_t cache_limit_bytes; /* 0 = the default */
    uint64_t start_us;
    bool offline, json, fast, plain;
    bool no_peers, no_upload, no_port_mapping;
    uint16_t listen_port;                      /* 0 = any that is free */
    const char *remote;                        /* the word itself: "next", ... */
    const char *shuffle, *repeat, *replaygain; /* names; NULL: not said */
    const char *volume;                        /* NULL: not said */
    uint32_t volume_percent;
    uint16_t gateway_port; /* of `gateway`; 0 = any that is free */
    struct upload_limit upload_limit;
};

/* ERROR_MALFORMED: ret_text (ARGS_TEXT_BYTES) says "THING: REASON; CURE". */
int args_parse(int argc, char *const argv[], const char *environment_origin, struct args *ret_args,
               char *ret_text);
/* Sets an option (without its dashes) that was not set before, for the configuration. What has no value
 * on the command line has true or false. An option of other verbs is passed over. ERROR_NOT_FOUND: there is
 * none; ERROR_MALFORMED: its value, with ret_text as above. */
int args_set_default(struct args *args, const char *name, const char *value, char *ret_text);
bool args_is_verb(const char *word);
const char *args_verb_name(enum args_verb verb);
/* How to use a verb, or (ARGS_NONE) the program. */
const char *args_help(enum args_verb verb);

/* "64M", "10GiB", "1000000". ERROR_MALFORMED. */
int args_parse_size(const char *text, uint64_t *ret_bytes);
/* "200K", "1M@8-23": bytes per second, and the hours in which that is so. ERROR_MALFORMED. */
int args_parse_upload_limit(const char *text, struct upload_limit *ret_limit);
/* "90", "1:30", "1:02:03.5". ERROR_MALFORMED. */
int args_parse_position(const char *text, uint64_t *ret_us);

#endif
