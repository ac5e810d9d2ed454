/*
 * announce.c: the walk over the cache, and the increments.
 *
 * Responsible for what announce.h says. Of the files that changed lately their last word is kept in
 * a ring, so that a file that arrives chunk by chunk is announced twice: as a part, and whole. When
 * more change at once than the ring holds, all is announced anew.
 */
#include "p2p/core/announce.h"

#include "common/error.h"
#include "common/time_us.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define ANNOUNCE_UNTOLD 0xffu

void announce_init(struct announce *announce, const struct overlay_config *config,
                   const struct overlay_own *own, const struct media_intern *intern)
{
    *announce =
        (struct announce){.config = config, .own = own, .intern = intern, .walk_us = TIME_NEVER_US};
}

void announce_deinit(struct announce *announce)
{
    free(announce->recent);
}

enum p2p_have announce_kind(const struct announce *announce, media_handle file)
{
    enum p2p_have kind = announce->own->kind(announce->own->context, file);
    assert(kind == P2P_HAVE_NONE || kind == P2P_HAVE_WHOLE || kind == P2P_HAVE_PARTIAL);
    return kind == P2P_HAVE_PARTIAL && !announce->config->partial ? P2P_HAVE_NONE : kind;
}

static void walk_begin(struct announce *announce, uint64_t now_us)
{
    announce->is_begun = false;
    announce->place = 0;
    announce->is_moved = false;
    announce->walk_us = now_us;
    announce->recent_count = 0;
    announce->recent_at = 0;
    announce->dirty_count = 0;
}

void announce_tracker_up(struct announce *announce, uint64_t now_us)
{
    announce->is_up = true;
    announce->next_us = now_us;
    walk_begin(announce, now_us);
}

void announce_tracker_down(struct announce *announce)
{
    announce->is_up = false;
    announce->walk_us = TIME_NEVER_US;
    announce->recent_count = 0;
    announce->recent_at = 0;
    announce->dirty_count = 0;
}

/* A place in the ring for a file; NULL when all are dirty. */
static struct announce_file *ring_take(struct announce *announce)
{
    if (announce->recent_count < ANNOUNCE_RECENT_MAX) {
        return &announce->recent[announce->recent_count++];
    }
    for (uint32_t i = 0; i < ANNOUNCE_RECENT_MAX; i++) {
        struct announce_file *each = &announce->recent[announce->recent_at];
        announce->recent_at = (announce->recent_at + 1) % ANNOUNCE_RECENT_MAX;
        if (!each->is_dirty) {
            return each;
        }
    }
    return NULL;
}

static int mark(struct announce *announce, uint64_t now_us, media_handle file, bool is_forced)
{
    if (announce->recent == NULL) {
        announce->recent = calloc(ANNOUNCE_RECENT_MAX, sizeof announce->recent[0]);
        if (announce->recent == NULL) {
            return ERROR_NO_MEMORY;
        }
    }
    struct announce_file *found = NULL;
    for (uint32_t i = 0; i < announce->recent_count && found == NULL; i++) {
        found = announce->recent[i].file == file ? &announce->recent[i] : NULL;
    }
    if (found == NULL) {
        found = ring_take(announce);
        if (found == NULL) {
            walk_begin(announce, now_us);
            return 0;
        }
        *found = (struct announce_file){.file = file, .told = ANNOUNCE_UNTOLD};
    }
    announce->dirty_count += !found->is_dirty;
    found->is_dirty = true;
    found->is_forced = found->is_forced || is_forced;
    return 0;
}

int announce_changed(struct announce *announce, uint64_t now_us, media_handle file)
{
    if (!announce->is_up) {
        return 0;
    }
    announce->is_moved = true;
    if (!announce->config->announce_cache && announce_kind(announce, file) != P2P_HAVE_NONE) {
        return 0;
    }
    return mark(announce, now_us, file, false);
}

int announce_played(struct announce *announce, uint64_t now_us, media_handle file)
{
    if (!announce->is_up || announce->config->announce_cache) {
        return 0;
    }
    return mark(announce, now_us, file, true);
}

static struct p2p_message *message_new(struct announce *announce, uint32_t link,
                                       struct outbox *outbox, uint8_t *keys)
{
    struct p2p_message *message = outbox_send(outbox, link, P2P_ANNOUNCE);
    if (message != NULL) {
        message->announce.keys = keys;
        message->announce.flags = announce->is_begun ? 0 : P2P_ANNOUNCE_FRESH;
        announce->is_begun = true;
    }
    return message;
}

static void key_write(const struct announce *announce, uint8_t *keys, uint32_t at,
                      media_handle file)
{
    p2p_key_write(keys, at, p2p_file_key(media_intern_id(announce->intern, file)));
}

/* One ANNOUNCE of the walk: whole files from the front, parts from the back, then joined. */
static int walk_batch(struct announce *announce, uint32_t link, struct outbox *outbox,
                      bool *ret_is_over)
{
    uint32_t whole = 0;
    uint32_t partial = 0;
    media_handle file = 0;
    bool is_over = !announce->config->announce_cache;
    uint8_t *keys = outbox_list(outbox, OUTBOX_LIST_BYTES_MAX);
    if (keys == NULL) {
        return ERROR_NO_MEMORY;
    }
    while (!is_over && whole + partial < P2P_ANNOUNCE_KEYS_MAX) {
        is_over = !announce->own->next(announce->own->context, &announce->place, &file);
        enum p2p_have kind = is_over ? P2P_HAVE_NONE : announce_kind(announce, file);
        if (kind == P2P_HAVE_WHOLE) {
            key_write(announce, keys, whole++, file);
        } else if (kind == P2P_HAVE_PARTIAL) {
            key_write(announce, keys, P2P_ANNOUNCE_KEYS_MAX - ++partial, file);
        }
    }
    memmove(keys + whole * P2P_KEY_BYTES, keys + (P2P_ANNOUNCE_KEYS_MAX - partial) * P2P_KEY_BYTES,
            partial * P2P_KEY_BYTES);
    *ret_is_over = is_over;
    if (whole + partial == 0 && announce->is_begun) {
        return 0;
    }
    struct p2p_message *message = message_new(announce, link, outbox, keys);
    if (message == NULL) {
        return ERROR_NO_MEMORY;
    }
    message->announce.whole = (uint16_t)whole;
    message->announce.partial = (uint16_t)partial;
    return 0;
}

static int walk_send(struct announce *announce, uint64_t now_us, uint32_t link,
                     struct outbox *outbox)
{
    bool is_over = false;
    announce->is_moved = announce->is_moved && announce->place != 0;
    for (uint32_t i = 0; i < ANNOUNCE_WALK_BATCHES && !is_over && !outbox_is_full(outbox); i++) {
        int error = walk_batch(announce, link, outbox, &is_over);
        if (error != 0) {
            return error;
        }
    }
    announce->walk_us = time_add_us(now_us, is_over ? ANNOUNCE_REWALK_US : ANNOUNCE_WALK_US);
    if (is_over && !announce->is_moved) {
        announce->walk_us = TIME_NEVER_US;
    } else if (is_over) {
        announce->place = 0; /* the same once more, added to what it knows */
    }
    return 0;
}

/* The dirty files whose word is now `kind`, appended; they are clean then. */
static uint32_t increments_add(struct announce *announce, enum p2p_have kind, uint8_t *keys,
                               uint32_t at)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < announce->recent_count; i++) {
        struct announce_file *each = &announce->recent[i];
        if (!each->is_dirty || announce_kind(announce, each->file) != kind) {
            continue;
        }
        if (each->told != kind || each->is_forced) {
            key_write(announce, keys, at + count++, each->file);
        }
        each->told = (uint8_t)kind;
        each->is_dirty = false;
        each->is_forced = false;
        announce->dirty_count--;
    }
    return count;
}

static int increments_send(struct announce *announce, uint64_t now_us, uint32_t link,
                           struct outbox *outbox)
{
    uint8_t *keys = outbox_list(outbox, announce->dirty_count * P2P_KEY_BYTES);
    if (keys == NULL) {
        return ERROR_NO_MEMORY;
    }
    uint32_t whole = increments_add(announce, P2P_HAVE_WHOLE, keys, 0);
    uint32_t partial = increments_add(announce, P2P_HAVE_PARTIAL, keys, whole);
    uint32_t lost = increments_add(announce, P2P_HAVE_NONE, keys, whole + partial);
    announce->next_us = time_add_us(now_us, announce->config->announce_us);
    if (whole + partial + lost == 0) {
        return 0;
    }
    struct p2p_message *message = message_new(announce, link, outbox, keys);
    if (message == NULL) {
        return ERROR_NO_MEMORY;
    }
    message->announce.whole = (uint16_t)whole;
    message->announce.partial = (uint16_t)partial;
    message->announce.lost = (uint16_t)lost;
    return 0;
}

int announce_send(struct announce *announce, uint64_t now_us, uint32_t link, struct outbox *outbox)
{
    if (announce->walk_us <= now_us && !outbox_is_full(outbox)) {
        int error = walk_send(announce, now_us, link, outbox);
        if (error != 0) {
            return error;
        }
    }
    if (announce->dirty_count == 0 || announce->next_us > now_us || !announce->is_begun ||
        outbox_is_full(outbox)) {
        return 0;
    }
    return increments_send(announce, now_us, link, outbox);
}

uint64_t announce_next_us(const struct announce *announce)
{
    if (!announce->is_up) {
        return TIME_NEVER_US;
    }
    uint64_t next_us = announce->dirty_count > 0 ? announce->next_us : TIME_NEVER_US;
    return time_min_us(next_us, announce->walk_us);
}

size_t announce_heap_bytes(const struct announce *announce)
{
    return announce->recent == NULL ? 0 : ANNOUNCE_RECENT_MAX * sizeof announce->recent[0];
}

void announce_check_invariants(const struct announce *announce)
{
    uint32_t dirty = 0;
    for (uint32_t i = 0; i < announce->recent_count; i++) {
        dirty += announce->recent[i].is_dirty;
    }
    assert(dirty == announce->dirty_count);
    assert(announce->recent_count <= ANNOUNCE_RECENT_MAX);
    assert(announce->is_up || announce->walk_us == TIME_NEVER_US);
}
