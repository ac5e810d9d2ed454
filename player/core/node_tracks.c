/*
 * node_tracks.c: the tracks of the window: their manifests, their files, and what can't be had.
 *
 * Responsible for moving a track through its states (tracks.h), for which files are attached and
 * protected, and for entries that fail because manifest or bytes can't be had.
 */
#include "player/core/node_state.h"

#include <assert.h>
#include <string.h>

struct track *node_track_of(const struct node *node, uint32_t entry)
{
    const struct queue_entry *queued = node_lend_find((struct node *)node, entry);
    return queued == NULL ? NULL : tracks_find(&node->tracks, queued->track_id);
}

uint32_t node_tracks_held(const struct node *node, const struct track *track)
{
    const struct file *file = files_find(&node->files, track->file);
    if (file != NULL && file->is_attached) {
        return file->held_count;
    }
    return cache_index_chunk_count(node->index, track->file);
}

static void fail_track(struct node *node, struct track *track, int error)
{
    tracks_clear_manifest(track);
    track->state = TRACK_FAILED;
    track->error = error;
    node->is_window_due = true;
}

/* The cache has no manifest of any use. */
static void set_absent(struct node *node, struct track *track)
{
    track->state = TRACK_ABSENT;
    if (node->config.offline) {
        fail_track(node, track, ERROR_OFFLINE);
    }
    node->is_window_due = true;
    node->is_plan_due = true;
}

/* A quality that is wholly cached is played rather than fetched anew. */
static bool choose_file(struct node *node, struct track *track)
{
    const struct media_manifest *manifest = &track->manifest;
    for (uint32_t i = 0; i < manifest->file_count; i++) {
        media_handle handle = media_intern_find(node->config.intern, &manifest->files[i].id);
        if (handle != 0 && cache_index_complete(node->index, handle)) {
            track->file_index = i;
            track->file = handle;
            return true;
        }
    }
    track->file_index = 0;
    track->file = media_intern_put(node->config.intern, &manifest->files[0].id);
    return track->file != 0;
}

/* Takes the bytes over and has their signature checked. The errors of tracks_set_manifest. */
static int take_manifest(struct node *node, struct track *track, const uint8_t *bytes,
                         uint32_t count, bool is_from_link)
{
    int rc = tracks_set_manifest(track, bytes, count);
    if (rc != 0) {
        return rc;
    }
    if (!choose_file(node, track)) {
        tracks_clear_manifest(track);
        return ERROR_NO_MEMORY;
    }
    track->state = TRACK_CHECKING;
    track->is_from_link = is_from_link;
    track->held_at_first = node_tracks_held(node, track);
    struct node_effect *effect = node_effect(node, NODE_EFFECT_CHECK_MANIFEST);
    effect->check_manifest.track_id = track->id;
    effect->check_manifest.bytes = track->bytes;
    effect->check_manifest.count = track->count;
    node->is_window_due = true;
    return 0;
}

void node_tracks_loaded(struct node *node, const uint8_t *track_id, const uint8_t *bytes,
                        uint32_t count)
{
    struct track *track = tracks_find(&node->tracks, track_id);
    if (track == NULL || track->state != TRACK_LOADING) {
        return;
    }
    int rc = bytes == NULL ? ERROR_NOT_FOUND : take_manifest(node, track, bytes, count, false);
    if (rc == ERROR_NO_MEMORY) {
        node_fail(node);
    } else if (rc != 0) {
        set_absent(node, track);
    }
    node->is_sweep_due = true;
}

void node_tracks_checked(struct node *node, const uint8_t *track_id, bool is_valid)
{
    struct track *track = tracks_find(&node->tracks, track_id);
    if (track == NULL || track->state != TRACK_CHECKING) {
        return;
    }
    node->is_sweep_due = true;
    node->is_window_due = true;
    node->is_plan_due = true;
    if (!is_valid) {
        bool was_from_link = track->is_from_link && !track->is_from_peer;
        tracks_clear_manifest(track);
        NODE_TRACE(node, "manifest with a wrong signature, from the %s",
                   was_from_link ? "origin" : "cache, or a peer");
        if (was_from_link) {
            fail_track(node, track, ERROR_MISMATCH);
        } else {
            set_absent(node, track);
        }
        return;
    }
    track->state = TRACK_READY;
    if (track->is_from_link && node->is_store_on) {
        struct node_effect *effect = node_effect(node, NODE_EFFECT_STORE_MANIFEST);
        effect->store_manifest.track_id = track->id;
        effect->store_manifest.bytes = track->bytes;
        effect->store_manifest.count = track->count;
    }
}

/* Takes the start set's chunks as asked for under the OPEN's number. */
static void expect_start_set(struct node *node, struct link *link, struct request *request,
                             const struct track *track, struct file *file)
{
    const struct media_file *media = tracks_file(track);
    for (uint32_t i = 0; i < media->start_run_count; i++) {
        const struct media_run *run = &media->start_runs[i];
        for (uint32_t j = 0; j < run->count; j++) {
            uint32_t chunk = run->first + j;
            if (chunk < file->chunk_count && files_state(file, chunk) == CHUNK_MISSING &&
                !node_chunks_request(node, link, request, file, chunk)) {
                return;
            }
        }
    }
}

int node_tracks_opened(struct node *node, struct link *link, struct request *request,
                       const uint8_t *bytes, uint32_t count)
{
    struct track *track = tracks_find(&node->tracks, request->track_id);
    uint32_t number = request->number;
    bool wants_start = request->wants_start;
    assert(request->kind == REQUEST_OPEN);
    assert(track != NULL && track->state == TRACK_OPENING);
    int rc = take_manifest(node, track, bytes, count, true);
    if (rc == ERROR_NO_MEMORY) {
        node_fail(node);
        return 0;
    }
    track->is_from_peer = link->kind == NODE_LINK_PEER;
    bool is_ours_to_judge = rc == ERROR_VERSION || rc == ERROR_UNSUPPORTED;
    if (rc != 0 && track->is_from_peer && !is_ours_to_judge) {
        return rc == ERROR_MISMATCH ? ERROR_MALFORMED : rc; /* another may have it right */
    }
    if (rc == ERROR_VERSION || rc == ERROR_UNSUPPORTED) {
        node_plan_cancel(node, link, number); /* and with it the state OPENING */
        fail_track(node, track, ERROR_UNSUPPORTED);
        return 0;
    }
    if (rc != 0) {
        fail_track(node, track, rc == ERROR_MISMATCH ? ERROR_MISMATCH : ERROR_MALFORMED);
        return rc;
    }
    struct file *file = NULL;
    if (wants_start && track->file_index == 0) {
        file = files_attach(&node->files, track->file);
        if (file == NULL) {
            node_fail(node);
            return 0;
        }
        request->kind = REQUEST_OPENED;
        request->file = track->file;
        expect_start_set(node, link, request, track, file);
    }
    if (file == NULL || request->left == 0) {
        request->kind = REQUEST_OPENED;
        request->file = track->file;
        if (wants_start) {
            node_plan_cancel(node, link, number); /* nothing of it is needed */
        } else {
            requests_remove(&link->requests, number);
        }
    }
    node->is_plan_due = true;
    return 0;
}

void node_tracks_rejected(struct node *node, const uint8_t *track_id, uint8_t reason)
{
    struct track *track = tracks_find(&node->tracks, track_id);
    if (track == NULL || track->state != TRACK_OPENING) {
        return;
    }
    NODE_TRACE(node, "open rejected: %s", p2p_reject_text(reason));
    if (reason == P2P_REJECT_BUSY) {
        track->state = TRACK_ABSENT;
    } else {
        fail_track(node, track, ERROR_NOT_FOUND);
    }
}

void node_tracks_unopened(struct node *node, const uint8_t *track_id)
{
    struct track *track = tracks_find(&node->tracks, track_id);
    if (track != NULL && track->state == TRACK_OPENING) {
        track->state = TRACK_ABSENT;
        node->is_plan_due = true;
    }
}

void node_tracks_begins(const struct node *node, uint64_t ret_begins_us[WINDOW_MAX])
{
    uint64_t begins_us = node->play.phase == PLAY_SOUNDING
                             ? playhead_left_us(&node->play.head, node->now_us)
                             : TIME_NEVER_US;
    for (uint32_t i = 0; i < node->window.count; i++) {
        const struct window_item *item = &node->window.items[i];
        if (item->role == WINDOW_CURRENT || item->role >= WINDOW_FETCH) {
            ret_begins_us[i] = item->role == WINDOW_CURRENT ? 0 : TIME_NEVER_US;
            continue;
        }
        ret_begins_us[i] = begins_us;
        if (begins_us == TIME_NEVER_US || begins_us > node->preset->next_origin_us) {
            begins_us = TIME_NEVER_US; /* what follows is farther away still */
            continue;
        }
        const struct track *track = node_track_of(node, item->entry);
        begins_us = track != NULL && track->state == TRACK_READY
                        ? time_add_us(begins_us, media_file_duration_us(tracks_file(track)))
                        : TIME_NEVER_US;
    }
}

/* What plays, follows or is fetched must not leave to make room for another of these. */
static enum cache_protection protection_of(enum window_role role)
{
    switch (role) {
    case WINDOW_CURRENT:
    case WINDOW_NEXT:
    case WINDOW_FETCH:
    case WINDOW_LENT:
        return CACHE_PROTECTION_PINNED;
    case WINDOW_HEAD:
        return CACHE_PROTECTION_HEAD;
    case WINDOW_LOOKUP:
        return CACHE_PROTECTION_QUEUE;
    }
    return CACHE_PROTECTION_NONE;
}

/* As high as the highest of the entries that use it. */
static void protect(struct node *node, const struct window_item *item, const struct track *track)
{
    enum cache_protection level = protection_of(item->role);
    if (track->state == TRACK_READY && cache_index_protection(node->index, track->file) < level) {
        cache_index_protect(node->index, track->file, level);
    }
}

void node_tracks_protect(struct node *node, const struct file *file)
{
    for (uint32_t i = 0; i < node->window.count; i++) {
        const struct track *track = node_track_of(node, node->window.items[i].entry);
        if (track != NULL && track->file == file->handle) {
            protect(node, &node->window.items[i], track);
        }
    }
}

/* Attaches the item's file, if its chunks are needed and not only its manifest. */
static void attach(struct node *node, const struct window_item *item, struct track *track,
                   uint64_t begins_us)
{
    protect(node, item, track);
    bool is_far = item->role == WINDOW_LOOKUP && begins_us > node->preset->next_origin_us;
    if (is_far || track->file == 0) {
        return;
    }
    struct file *file = files_find(&node->files, track->file);
    if (file == NULL || !file->is_attached) {
        if (track->state != TRACK_READY) {
            return;
        }
        file = files_attach(&node->files, track->file);
        if (file == NULL) {
            node_fail(node);
            return;
        }
        node->is_plan_due = true;
    }
    file->is_marked = true;
    file->is_trusted = file->is_trusted || track->state == TRACK_READY;
}

/* The item's track, loaded if it is new. NULL: no room; the window stays due. */
static struct track *load(struct node *node, const struct window_item *item)
{
    const struct queue_entry *queued = node_lend_find(node, item->entry);
    struct track *track = tracks_find(&node->tracks, queued->track_id);
    if (track == NULL && node->tracks.count < TRACKS_MAX) {
        track = tracks_add(&node->tracks, queued->track_id);
        if (track == NULL) {
            node_fail(node);
            return NULL;
        }
        node_effect(node, NODE_EFFECT_LOAD_MANIFEST)->load_manifest.track_id = track->id;
    }
    if (track != NULL) {
        track->is_marked = true;
    }
    return track;
}

static void unmark(struct node *node)
{
    for (uint32_t i = 0; i < node->tracks.count; i++) {
        node->tracks.list[i]->is_marked = false;
    }
    for (struct file *file = node->files.first; file != NULL; file = file->next) {
        file->is_marked = false;
    }
}

/* What the window holds no more: nothing is asked for it, it may leave the cache. */
static void leave(struct node *node)
{
    for (uint32_t i = 0; i < node->tracks.count; i++) {
        struct track *track = node->tracks.list[i];
        if (!track->is_marked) {
            node_plan_cancel_track(node, track);
            node->is_sweep_due = true;
        }
    }
    for (struct file *file = node->files.first; file != NULL; file = file->next) {
        if (file->is_attached && !file->is_marked) {
            cache_index_protect(node->index, file->handle, CACHE_PROTECTION_NONE);
            node_plan_cancel_file(node, file);
            node_chunks_detach(node, file);
        }
    }
    files_trim(&node->files);
}

static void unprotect(struct node *node)
{
    for (uint32_t i = 0; i < node->tracks.count; i++) {
        if (node->tracks.list[i]->file != 0) {
            cache_index_protect(node->index, node->tracks.list[i]->file, CACHE_PROTECTION_NONE);
        }
    }
}

/* One pass: everything that the window holds is on its way. True when an entry failed, so that the
 * window is another one now. */
static bool make_window(struct node *node)
{
    window_make(&node->window, &node->queue, node->preset, node->play.entry);
    if (node->is_stopped) {
        node->window.count = 0;
    }
    node_lend_show(node);
    unprotect(node);
    unmark(node);
    uint64_t begins_us[WINDOW_MAX];
    node_tracks_begins(node, begins_us);
    for (uint32_t i = 0; i < node->window.count; i++) {
        const struct window_item *item = &node->window.items[i];
        struct track *track = load(node, item);
        if (track == NULL) {
            continue;
        }
        if (track->state == TRACK_FAILED) {
            node_play_fail_entry(node, item->entry, track->error);
            return true;
        }
        attach(node, item, track, begins_us[i]);
    }
    leave(node);
    node->is_fetch_due = true;
    node->peers.is_wish_due = true;
    return false;
}

void node_tracks_settle(struct node *node)
{
    while (node->is_window_due && node->failed == 0) {
        node->is_window_due = false;
        if (make_window(node)) {
            node->is_window_due = true;
            continue;
        }
        struct track *track = node_play_track(node);
        if (node->play.phase == PLAY_OPENING && track != NULL && track->state == TRACK_READY) {
            node_play_open(node, track);
        }
    }
}

void node_tracks_fail_file(struct node *node, const struct file *file, int error)
{
    for (uint32_t i = 0; i < node->window.count; i++) {
        uint32_t entry = node->window.items[i].entry;
        const struct track *track = node_track_of(node, entry);
        if (track != NULL && track->file == file->handle) {
            node_play_fail_entry(node, entry, error);
        }
    }
}

void node_tracks_refused(struct node *node, const struct file *file)
{
    for (uint32_t i = 0; i < node->wants.count;) {
        if (node->wants.list[i].file == file->handle) {
            node_chunks_answer(node, i, file->refused);
        } else {
            i++;
        }
    }
    for (uint32_t i = 0; i < node->window.count; i++) {
        struct window_item item = node->window.items[i];
        const struct track *track = node_track_of(node, item.entry);
        if (item.role >= WINDOW_FETCH && track != NULL && track->file == file->handle) {
            node_play_fail_entry(node, item.entry, file->refused);
        }
    }
}

uint64_t node_tracks_starve_us(const struct node *node, uint64_t since_us)
{
    uint64_t from_us = node->links.origin.down_since_us;
    if (from_us == TIME_NEVER_US) {
        return TIME_NEVER_US;
    }
    from_us = since_us > from_us ? since_us : from_us;
    /* While peers bring something, hope remains. */
    from_us = node->peers.progress_us > from_us ? node->peers.progress_us : from_us;
    return time_add_us(from_us, node->preset->starve_us);
}

int node_tracks_unreachable(const struct node *node, uint64_t since_us)
{
    const struct connector *origin = &node->links.origin;
    if (node->config.offline) {
        return ERROR_OFFLINE;
    }
    if (node_peers_may_help(node)) {
        return node->now_us >= node_tracks_starve_us(node, since_us) ? ERROR_CLOSED : 0;
    }
    if (origin->is_refused) {
        return ERROR_DENIED;
    }
    if (origin->is_given_up) {
        return ERROR_CLOSED;
    }
    if (origin->down_since_us == TIME_NEVER_US) {
        return 0;
    }
    return node->now_us >= node_tracks_starve_us(node, since_us) ? ERROR_CLOSED : 0;
}

/* True when the item can go on only with the origin's help. */
static bool item_needs_origin(const struct node *node, const struct window_item *item)
{
    const struct track *track = node_track_of(node, item->entry);
    if (track == NULL) {
        return false;
    }
    if (track->state == TRACK_ABSENT || track->state == TRACK_OPENING) {
        return true;
    }
    if (track->state == TRACK_LOADING) {
        /* The way to the origin takes longest: it begins while the cache is asked. */
        return item->role == WINDOW_CURRENT || item->role == WINDOW_LENT;
    }
    const struct file *file = files_find(&node->files, track->file);
    bool is_whole =
        item->role == WINDOW_CURRENT || item->role == WINDOW_NEXT || item->role >= WINDOW_FETCH;
    return is_whole && file != NULL && file->is_attached && file->refused == 0 &&
           file->missing_count > 0;
}

bool node_tracks_need_origin(const struct node *node)
{
    /* Who is listening keeps the link, so that a short outage is over before it matters. */
    if (node->play.entry != 0 && node->links.origin.was_up) {
        return true;
    }
    for (uint32_t i = 0; i < node->window.count; i++) {
        if (item_needs_origin(node, &node->window.items[i])) {
            return true;
        }
    }
    return false;
}

void node_tracks_reach(struct node *node)
{
    if (node->links.origin.down_since_us == TIME_NEVER_US && !node->config.offline &&
        !node->links.origin.is_refused) {
        return;
    }
    for (uint32_t i = 0; i < node->wants.count;) {
        int error = node_tracks_unreachable(node, node->wants.list[i].since_us);
        if (error != 0) {
            node_chunks_answer(node, i, error);
        } else {
            i++;
        }
    }
    int error = node_tracks_unreachable(node, node->play.command_us);
    if (error == 0) {
        return;
    }
    for (uint32_t i = 0; i < node->window.count; i++) {
        struct window_item item = node->window.items[i];
        const struct track *track = node_track_of(node, item.entry);
        bool is_loading = track != NULL && track->state == TRACK_LOADING;
        bool is_opening = item.role == WINDOW_CURRENT && node->play.phase == PLAY_OPENING;
        if ((is_opening || item.role >= WINDOW_FETCH) && !is_loading &&
            item_needs_origin(node, &item)) {
            node_play_fail_entry(node, item.entry, error);
        }
    }
}

/* Complete: every chunk is here, or was read by the caller while it was. */
static bool is_fetched(const struct file *file, bool can_store)
{
    if (!can_store) {
        for (uint32_t i = 0; i < file->chunk_count; i++) {
            if (!files_holds(file, i) && (file->chunks[i] & FILE_READ) == 0) {
                return false;
            }
        }
        return true;
    }
    if (file->held_count < file->chunk_count) {
        return false;
    }
    for (uint32_t i = 0; i < file->chunk_count; i++) {
        if (files_state(file, i) != CHUNK_STORED) {
            return false;
        }
    }
    return true;
}

void node_tracks_fetched(struct node *node)
{
    if (!node->is_fetch_due) {
        return;
    }
    node->is_fetch_due = false;
    for (uint32_t i = 0; i < node->window.count; i++) {
        const struct window_item *item = &node->window.items[i];
        const struct track *track =
            item->role == WINDOW_FETCH ? node_track_of(node, item->entry) : NULL;
        if (track == NULL || track->state != TRACK_READY) {
            continue;
        }
        const struct file *file = files_find(&node->files, track->file);
        struct queue_entry *queued = queue_find(&node->queue, item->entry);
        if (queued->is_done || file == NULL || !file->is_attached ||
            !is_fetched(file, node_chunks_can_store(node, file))) {
            continue;
        }
        queued->is_done = true;
        node_note(node, NODE_NOTE_FETCHED, item->entry);
        NODE_TRACE(node, "fetched %u", item->entry);
        node->is_window_due = true;
    }
}
