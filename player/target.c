/*
 * target.c: parsing of targets. Whether they exist is the origin's or the cache's to say.
 */
#include "player/target.h"

#include "common/error.h"
#include "media/core/file_id.h"
#include "media/core/track_id.h"

#include <stdio.h>
#include <string.h>

static int parse_address(const char *text, struct target *ret_target)
{
    struct media_address address;
    if (media_address_parse(text, &address) != 0) {
        return ERROR_MALFORMED;
    }
    bool is_ipv6 = strchr(address.host, ':') != NULL;
    snprintf(ret_target->url, sizeof ret_target->url, "refrain://%s%s%s:%u", is_ipv6 ? "[" : "",
             address.host, is_ipv6 ? "]" : "", address.port);
    memcpy(ret_target->id, address.track_id, TRACK_ID_BYTES);
    ret_target->kind = TARGET_ADDRESS;
    return 0;
}

int target_parse(const char *text, struct target *ret_target, char *ret_text)
{
    struct target target = {.kind = TARGET_ALL};
    int error = 0;
    if (strncmp(text, "refrain://", 10) == 0) {
        error = parse_address(text, &target);
    } else if (strcmp(text, "all") != 0) {
        target.kind = TARGET_ID;
        error = media_hex_decode(text, TRACK_ID_BYTES, target.id);
    }
    if (error != 0) {
        snprintf(ret_text, TARGET_TEXT_BYTES,
                 "target %.80s: neither a track or album id (32 hex digits), nor "
                 "refrain://HOST/tracks/ID, nor all; list ids with \"refrain ls tracks\"",
                 text);
        return ERROR_MALFORMED;
    }
    *ret_target = target;
    return 0;
}

int target_parse_all(const char *const *texts, uint32_t count, const char *origin,
                     struct target *ret_targets, const char **ret_origin, char *ret_text)
{
    const char *named = NULL;
    for (uint32_t i = 0; i < count; i++) {
        int error = target_parse(texts[i], &ret_targets[i], ret_text);
        if (error != 0 && strncmp(texts[i], "refrain://", 10) == 0) {
            return error;
        }
        if (error != 0) {
            ret_targets[i] = (struct target){.kind = TARGET_NAME};
        }
        if (ret_targets[i].kind != TARGET_ADDRESS) {
            continue;
        }
        if (named != NULL && strcmp(named, ret_targets[i].url) != 0) {
            snprintf(ret_text, TARGET_TEXT_BYTES,
                     "target %.80s: another origin than the target before it; play one origin's "
                     "tracks at a time",
                     texts[i]);
            return ERROR_MALFORMED;
        }
        named = ret_targets[i].url;
    }
    *ret_origin = named != NULL ? named : origin;
    return 0;
}
