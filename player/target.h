/*
 * target.h: what a listener names: a track, an album, everything.
 */
#ifndef PLAYER_TARGET_H
#define PLAYER_TARGET_H

#include "common/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TARGET_URL_BYTES_MAX 300u
#define TARGET_TEXT_BYTES 256u

enum target_kind {
    TARGET_ALL,     /* "all" */
    TARGET_ID,      /* 32 hex digits: a track, or else an album */
    TARGET_NAME,    /* anything else: the library knows (target_parse_all only) */
    TARGET_ADDRESS, /* refrain://HOST[:PORT]/tracks/ID: a track of that origin */
};

struct target {
    enum target_kind kind;
    uint8_t id[TRACK_ID_BYTES];     /* ID, ADDRESS */
    char url[TARGET_URL_BYTES_MAX]; /* ADDRESS: the origin, refrain://HOST:PORT */
};

/* ERROR_MALFORMED: ret_text (TARGET_TEXT_BYTES) says "THING: REASON; CURE". */
int target_parse(const char *text, struct target *ret_target, char *ret_text);

/* Parses all, takes what is no other form for a name, and says which origin they are to come from: that of the addresses among them, else
 * `origin` (may be NULL). *ret_origin points into ret_targets or is `origin`. ERROR_MALFORMED: one is
 * wrong, or they name two origins. */
int target_parse_all(const char *const *texts, uint32_t count, const char *origin,
                     struct target *ret_targets, const char **ret_origin, char *ret_text);

#endif
