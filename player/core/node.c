/*
 * node.c: the door: one event in, the effects of all that follows out.
 *
 * Responsible for dispatch, for settling what follows from an event, for the next deadline, and
 * for what a listener may look at. The decisions are in node_*.c (node_state.h lists them).
 */
#include "player/core/node_state.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS_MIN 64u
#define SLOTS_MAX 65536u
/* Passes of node_settle: each ends something that the next may build on. */
#define SETTLE_MAX 4u

static int init_parts(struct node *node)
{
    const struct node_config *config = &node->config;
    struct cache_index_config index_config = {.intern = config->intern,
                                              .policy = node->preset->cache_policy,
                                              .limit_bytes = config->cache_limit_bytes,
                                              .seed = prng_u64(&node->prng)};
    int rc = cache_index_new(&index_config, &node->index);
    if (rc != 0) {
        return rc;
    }
    files_init(&node->files, config->intern, node->index, prng_u64(&node->prng));
    links_init(&node->links);
    queue_init(&node->queue);
    window_budget_init(&node->budget, node->preset);
    rc = effects_init(&node->effects);
    if (rc != 0) {
        return rc;
    }
    return slots_init(&node->slots, config->slot_count);
}

int node_new(const struct node_config *config, struct node **ret_node)
{
    assert(config->intern != NULL && config->preset != NULL && config->hasher.pair != NULL);
    assert(config->slot_count >= SLOTS_MIN && config->slot_count <= SLOTS_MAX);
    struct node *node = calloc(1, sizeof *node);
    if (node == NULL) {
        return ERROR_NO_MEMORY;
    }
    node->config = *config;
    node->preset = config->preset;
    node->is_store_on = config->cache_limit_bytes > 0;
    node->play.head.is_unsynced = config->fast;
    node->late.look_us = TIME_NEVER_US;
    node->peers.plan_us = TIME_NEVER_US;
    prng_init(&node->prng, config->seed);
    int rc = init_parts(node);
    if (rc != 0) {
        node_free(node);
        return rc;
    }
    *ret_node = node;
    return 0;
}

void node_free(struct node *node)
{
    if (node == NULL) {
        return;
    }
    node_give_free(node);
    overlay_free(node->overlay);
    accounting_deinit(&node->accounting);
    files_deinit(&node->files);
    tracks_deinit(&node->tracks);
    links_deinit(&node->links);
    queue_deinit(&node->queue);
    slots_deinit(&node->slots);
    effects_deinit(&node->effects);
    cache_index_free(node->index);
    free(node);
}

static void enqueue(struct node *node, const struct node_event *event)
{
    if (event->enqueue.lent) {
        node_lend_begin(node, event->enqueue.entry, event->enqueue.track_id);
        return;
    }
    int rc = queue_add(&node->queue, event->enqueue.entry, event->enqueue.track_id,
                       event->enqueue.fetch_only);
    if (rc == ERROR_FULL) {
        /* A player that runs for weeks: what it has left behind makes room. */
        queue_forget_before(&node->queue, node->play.last);
        rc = queue_add(&node->queue, event->enqueue.entry, event->enqueue.track_id,
                       event->enqueue.fetch_only);
    }
    if (rc == ERROR_FULL) {
        node_note(node, NODE_NOTE_QUEUE_FULL, event->enqueue.entry);
        return;
    }
    if (rc != 0) {
        node_fail(node);
        return;
    }
    if (event->enqueue.fetch_only) {
        node->is_stopped = false;
        links_connector_encourage(&node->links.origin, node->now_us);
    }
    node->is_window_due = true;
}

static void cut(struct node *node, uint32_t entry)
{
    uint32_t last = node->play.last;
    entry = entry > last ? entry : last;
    if (node->play.prepared > entry) {
        node_play_unprepare(node);
    }
    queue_cut_behind(&node->queue, entry);
    queue_forget_before(&node->queue, last);
    node->is_window_due = true;
}

static void cached_file(struct node *node, const struct node_event *event)
{
    int rc =
        cache_index_add_file(node->index, event->cached_file.file, event->cached_file.row_masks,
                             event->cached_file.last_use, event->cached_file.is_main);
    if (rc == ERROR_NO_MEMORY) {
        node_fail(node);
    }
    node_peers_own_changed(node, event->cached_file.file);
}

static void read_chunks(struct node *node, const struct node_event *event)
{
    struct file *file = files_find(&node->files, event->read.file);
    if (file == NULL) {
        return;
    }
    assert(event->read.first_chunk < file->chunk_count &&
           event->read.count <= file->chunk_count - event->read.first_chunk);
    node_play_read(node, event->read.entry, file, event->read.first_chunk, event->read.count);
    node->is_fetch_due = true;
}

static void want_dropped(struct node *node, uint32_t number)
{
    uint32_t index = wants_index(&node->wants, number);
    if (index < node->wants.count) {
        wants_remove(&node->wants, index);
    }
}

static void dispatch_reader(struct node *node, const struct node_event *event)
{
    if (event->kind == NODE_EVENT_WANT) {
        node_chunks_want(node, event);
    } else if (event->kind == NODE_EVENT_WANT_DROPPED) {
        want_dropped(node, event->want_dropped.want);
    } else {
        read_chunks(node, event);
    }
}

static void dispatch_store(struct node *node, const struct node_event *event)
{
    switch ((int)event->kind) {
    case NODE_EVENT_CACHED_FILE:
        cached_file(node, event);
        break;
    case NODE_EVENT_CACHE_STATE:
        node_chunks_cache_state(node, event->cache_state.writable);
        break;
    case NODE_EVENT_MANIFEST_LOADED:
        node_tracks_loaded(node, event->manifest_loaded.track_id, event->manifest_loaded.bytes,
                           event->manifest_loaded.count);
        break;
    case NODE_EVENT_MANIFEST_CHECKED:
        node_tracks_checked(node, event->manifest_checked.track_id, event->manifest_checked.valid);
        break;
    case NODE_EVENT_STORED:
        node_chunks_stored(node, event);
        break;
    case NODE_EVENT_ROTTEN:
        node_chunks_rotten(node, event->rotten.file, event->rotten.row);
        break;
    default:
        break;
    }
}

static void dispatch_command(struct node *node, const struct node_event *event)
{
    switch ((int)event->kind) {
    case NODE_EVENT_ENQUEUE:
        enqueue(node, event);
        break;
    case NODE_EVENT_START:
        node_play_start(node, event->start.entry, event->start.position_us);
        break;
    case NODE_EVENT_SEEK:
        node_play_seek(node, event->seek.position_us);
        break;
    case NODE_EVENT_PAUSE:
        node_play_pause(node, true);
        break;
    case NODE_EVENT_RESUME:
        node_play_pause(node, false);
        break;
    case NODE_EVENT_STOP:
        node_play_stop(node);
        break;
    case NODE_EVENT_DROP:
        node_lend_drop(node, event->drop.entry);
        break;
    case NODE_EVENT_CUT:
        cut(node, event->cut.entry);
        break;
    default:
        break;
    }
}

static void dispatch(struct node *node, const struct node_event *event)
{
    switch (event->kind) {
    case NODE_EVENT_TICK:
        node->is_plan_due = true; /* something has come near */
        break;
    case NODE_EVENT_ENQUEUE:
    case NODE_EVENT_START:
    case NODE_EVENT_SEEK:
    case NODE_EVENT_PAUSE:
    case NODE_EVENT_RESUME:
    case NODE_EVENT_STOP:
    case NODE_EVENT_DROP:
    case NODE_EVENT_CUT:
        dispatch_command(node, event);
        break;
    case NODE_EVENT_CACHED_FILE:
    case NODE_EVENT_CACHE_STATE:
    case NODE_EVENT_MANIFEST_LOADED:
    case NODE_EVENT_MANIFEST_CHECKED:
    case NODE_EVENT_STORED:
    case NODE_EVENT_ROTTEN:
        dispatch_store(node, event);
        break;
    case NODE_EVENT_HASHED:
        node_chunks_hashed(node, event->hashed.slot, event->hashed.digest);
        break;
    case NODE_EVENT_IDENTITY_CHECKED:
        node_links_identity(node, event->identity_checked.link, event->identity_checked.valid);
        break;
    case NODE_EVENT_LINK_UP:
        node_links_up(node, event);
        break;
    case NODE_EVENT_LINK_DOWN:
        node_links_down(node, event->link_down.link, event->link_down.error);
        break;
    case NODE_EVENT_MESSAGE:
        node_links_message(node, event->message.link, event->message.message);
        break;
    case NODE_EVENT_WANT:
    case NODE_EVENT_WANT_DROPPED:
    case NODE_EVENT_READ:
        dispatch_reader(node, event);
        break;
    case NODE_EVENT_POSITION:
    case NODE_EVENT_SOUND_STARTED:
    case NODE_EVENT_SOUND_STALLED:
    case NODE_EVENT_SOUND_RESUMED:
    case NODE_EVENT_SOUND_ENDED:
    case NODE_EVENT_SOUND_FAILED:
        node_play_sound(node, event);
        break;
    case NODE_EVENT_LISTENING:
    case NODE_EVENT_CONTACT:
    case NODE_EVENT_NETWORK:
    case NODE_EVENT_ROOM:
    case NODE_EVENT_GIVING:
    case NODE_EVENT_TRACK_FOUND:
    case NODE_EVENT_PROOF_FOUND:
    case NODE_EVENT_GIVE_READ:
        node_peers_event(node, event);
        break;
    case NODE_EVENT_KINDS:
        assert(false);
        break;
    }
}

/* Says when the last thing that was to be played or fetched is over. */
static void tell_end(struct node *node)
{
    bool is_busy =
        node->play.entry != 0 || (!node->is_stopped && queue_next_fetch(&node->queue, 0) != NULL);
    if (node->was_busy && !is_busy) {
        node_note(node, NODE_NOTE_QUEUE_ENDED, 0);
    }
    node->was_busy = is_busy;
}

/* Carries on whatever the event made due or possible. */
static void settle(struct node *node)
{
    node_chunks_settle(node);
    uint32_t passes = 0;
    do {
        node_tracks_settle(node);
        node_tracks_reach(node);
        node_tracks_fetched(node);
        node_lend_settle(node);
        node_play_settle(node);
        node_start_settle(node);
        node_play_prepare(node);
        node_links_settle(node);
        passes++;
    } while (node->is_window_due && node->failed == 0 && passes < SETTLE_MAX);
    node_peers_settle(node);
    node_late_settle(node);
    node_plan(node);
    node_give_settle(node);
    tell_end(node);
}

static uint64_t starve_deadline_us(const struct node *node)
{
    uint64_t since_us = node->links.origin.down_since_us;
    if (node->config.offline || since_us == TIME_NEVER_US) {
        return TIME_NEVER_US;
    }
    uint64_t oldest_us = TIME_NEVER_US;
    for (uint32_t i = 0; i < node->wants.count; i++) {
        oldest_us = time_min_us(oldest_us, node->wants.list[i].since_us);
    }
    if (node->play.phase == PLAY_OPENING || node->lends.count > 0 ||
        queue_next_fetch((struct queue *)&node->queue, 0)) {
        oldest_us = time_min_us(oldest_us, node->play.command_us);
    }
    return oldest_us == TIME_NEVER_US ? TIME_NEVER_US : node_tracks_starve_us(node, oldest_us);
}

/* The earliest of what will be due; what is due already has been dealt with. */
static uint64_t next_deadline_us(struct node *node)
{
    if (node->is_window_due || (node->is_plan_due && node->slots.resting_count > 0)) {
        return node->now_us;
    }
    uint64_t due_us[] = {node->files.hold_first == NULL ? TIME_NEVER_US
                                                        : node->files.hold_first->hold_until_us,
                         node_play_deadline_us(node),
                         node_links_deadline_us(node),
                         starve_deadline_us(node),
                         node->late.look_us,
                         node->peers.plan_us};
    uint64_t deadline_us = time_min_us(node_peers_deadline_us(node), node_give_deadline_us(node));
    if (deadline_us <= node->now_us) {
        return node->now_us; /* they had more to do than one step may */
    }
    for (size_t i = 0; i < sizeof due_us / sizeof due_us[0]; i++) {
        if (due_us[i] > node->now_us) {
            deadline_us = time_min_us(deadline_us, due_us[i]);
        }
    }
    return deadline_us;
}

int node_step(struct node *node, const struct node_event *event, struct node_update *ret_update)
{
    assert(!node->is_in_step);
    assert(event->kind < NODE_EVENT_KINDS);
    assert(event->now_us >= node->now_us && event->now_us != TIME_NEVER_US);
    if (node->failed != 0) {
        return node->failed;
    }
    node->is_in_step = true;
    node->now_us = event->now_us;
    effects_clear(&node->effects);
    node_give_begin_step(node);
    slots_settle(&node->slots);
    if (node->is_sweep_due) {
        node->is_sweep_due = false;
        tracks_sweep(&node->tracks);
    }
    dispatch(node, event);
    settle(node);
    if (node->effects.out_of_memory) {
        node_fail(node);
    }
    node->is_in_step = false;
    if (node->failed != 0) {
        return node->failed;
    }
    ret_update->effects = node->effects.list;
    ret_update->count = node->effects.count;
    ret_update->next_deadline_us = next_deadline_us(node);
    return 0;
}

bool node_is_storing(const struct node *node)
{
    return node->storing_bytes > 0;
}

void node_get_summary(const struct node *node, struct node_summary *ret_summary)
{
    accounting_summary(&node->accounting, playhead_heard_us(&node->play.head, node->now_us),
                       ret_summary);
}

static uint64_t buffered_us(const struct node *node, uint64_t position_us)
{
    const struct track *track = node_play_track(node);
    const struct file *file = track == NULL ? NULL : files_find(&node->files, track->file);
    if (file == NULL || !file->is_attached || node->play.phase < PLAY_SWITCHED) {
        return 0;
    }
    uint64_t duration_us = node->play.head.duration_us;
    uint32_t from = node_plan_chunk_at(file, duration_us, position_us);
    uint32_t lacking = files_next_lacking(file, from, file->chunk_count);
    uint64_t until_us =
        lacking == file->chunk_count ? duration_us : node_plan_time_of(file, duration_us, lacking);
    return lacking == from ? 0 : time_until_us(position_us, until_us);
}

uint64_t node_buffer_us(const struct node *node)
{
    const struct play *play = &node->play;
    const struct track *track = node_play_track(node);
    const struct file *file = track == NULL ? NULL : files_find(&node->files, track->file);
    if (play->phase != PLAY_SOUNDING || file == NULL || file->held_count == file->chunk_count) {
        return TIME_NEVER_US;
    }
    if (play->is_stalled) {
        return 0;
    }
    uint64_t position_us = playhead_position_us(&play->head, node->now_us);
    uint64_t buffer_us = buffered_us(node, position_us);
    return time_add_us(position_us, buffer_us) >= play->head.duration_us ? TIME_NEVER_US
                                                                         : buffer_us;
}

void node_get_status(const struct node *node, uint64_t now_us, struct node_status *ret_status)
{
    const struct play *play = &node->play;
    const struct link *link = links_origin(&node->links);
    struct node_status status = {.entry = play->entry};
    status.position_us = play->entry == 0 ? 0 : playhead_position_us(&play->head, now_us);
    status.buffered_us = buffered_us(node, status.position_us);
    status.playing = play->phase == PLAY_SOUNDING;
    status.paused = play->is_paused;
    status.stalled = play->is_stalled;
    status.origin_up = link != NULL && link->is_checked && link->state == LINK_UP;
    status.origin_rate_bps = link == NULL ? 0 : link->rate.bytes_per_s;
    status.origin_rtt_us = link == NULL ? 0 : link->rate.rtt_us;
    node_peers_status(node, &status);
    *ret_status = status;
}

bool node_chunk_source(const struct node *node, media_handle handle, uint32_t chunk,
                       enum node_source *ret_source)
{
    const struct file *file = files_find(&node->files, handle);
    if (chunk >= media_chunk_count(media_intern_id(node->config.intern, handle)->bytes)) {
        return false;
    }
    bool is_attached = file != NULL && file->is_attached;
    if (is_attached ? !files_holds(file, chunk)
                    : !cache_index_has_chunk(node->index, handle, chunk)) {
        return false;
    }
    *ret_source = file == NULL ? NODE_SOURCE_CACHE : files_source(file, chunk);
    return true;
}

size_t node_heap_bytes(const struct node *node)
{
    return sizeof *node + effects_heap_bytes(&node->effects) + slots_heap_bytes(&node->slots) +
           files_heap_bytes(&node->files) + tracks_heap_bytes(&node->tracks) +
           links_heap_bytes(&node->links) + queue_heap_bytes(&node->queue) +
           accounting_heap_bytes(&node->accounting) + cache_index_heap_bytes(node->index) +
           (node->overlay == NULL ? 0 : overlay_heap_bytes(node->overlay)) +
           node_give_heap_bytes(node);
}

/* What the links' requests, the chunks' states and the slots say of each other. */
static void check_chunks(const struct node *node)
{
    uint32_t promised = 0;
    uint32_t taken = 0;
    uint64_t bytes = 0;
    for (const struct file *file = node->files.first; file != NULL; file = file->next) {
        for (uint32_t i = 0; file->rows != NULL && i < file->chunk_count; i++) {
            enum chunk_state state = files_state(file, i);
            const struct row *row = files_row(file, i);
            promised += state == CHUNK_REQUESTED;
            if (state == CHUNK_REQUESTED) {
                bytes += files_chunk_bytes(file, i);
            }
            if (row == NULL || row->slots[i % ROW_CHUNKS] == SLOT_NONE) {
                continue;
            }
            const struct slot *slot = &node->slots.list[row->slots[i % ROW_CHUNKS]];
            assert(slot->file == file->handle && slot->chunk == i);
            taken++;
            if (state == CHUNK_FILLING) {
                bytes += files_chunk_bytes(file, i) - slot->filled;
            }
        }
    }
    for (uint32_t i = 0; i < node->late.hedge_count; i++) {
        const struct hedge *hedge = &node->late.hedges[i];
        bytes += files_chunk_bytes(hedge->file, hedge->chunk);
        promised += hedge->slot == SLOT_NONE;
        taken += hedge->slot != SLOT_NONE;
        bytes -= hedge->slot == SLOT_NONE ? 0 : node->slots.list[hedge->slot].filled;
    }
    uint64_t outstanding = 0;
    for (uint32_t i = 0; i < node->links.count; i++) {
        outstanding += node->links.list[i]->requests.bytes;
    }
    assert(promised == node->slots.promised);
    assert(taken + node->slots.free_count + node->slots.resting_count == node->slots.count);
    assert(bytes == outstanding);
}

void node_check_invariants(const struct node *node)
{
    const struct play *play = &node->play;
    assert(!node->is_in_step);
    assert((play->entry == 0) == (play->phase == PLAY_IDLE));
    assert(play->prepared == 0 || play->phase == PLAY_SOUNDING);
    slots_check_invariants(&node->slots);
    files_check_invariants(&node->files);
    tracks_check_invariants(&node->tracks);
    links_check_invariants(&node->links);
    queue_check_invariants(&node->queue);
    wants_check_invariants(&node->wants);
    accounting_check_invariants(&node->accounting);
    cache_index_check_invariants(node->index);
    check_chunks(node);
    node_late_check_invariants(node);
    node_give_check_invariants(node);
    if (node->overlay != NULL) {
        overlay_check_invariants(node->overlay);
    }
    for (uint32_t i = 1; i < node->effects.count; i++) {
        assert(node->effects.list[i - 1].kind <= node->effects.list[i].kind);
    }
}
