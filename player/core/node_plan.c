/*
 * node_plan.c: from what is wanted and played to requests, and back by cancelling.
 *
 * Responsible for the order of demands (docs/PLANNER.md), for turning the planner's runs into
 * REQUESTs and tracks without manifest into OPENs, and for what is cancelled when. Who may be asked
 * is node_sources.c's, the choice itself planner.c's.
 */
#include "player/core/node_state.h"

#include <assert.h>
#include <string.h>

/* What waits for its time is looked at so often. */
#define PLAN_AGAIN_US (250 * TIME_US_PER_MS)

/* --- time and place ----------------------------------------------------------------------------*/

uint32_t node_plan_chunk_at(const struct file *file, uint64_t duration_us, uint64_t position_us)
{
    if (duration_us == 0) {
        return 0;
    }
    uint64_t chunk = time_scale(position_us, file->bytes, duration_us) / CHUNK_BYTES;
    return chunk < file->chunk_count ? (uint32_t)chunk : file->chunk_count - 1;
}

uint64_t node_plan_time_of(const struct file *file, uint64_t duration_us, uint32_t chunk)
{
    return time_scale(duration_us, (uint64_t)chunk * CHUNK_BYTES, file->bytes);
}

/* --- demands -----------------------------------------------------------------------------------*/

/* Which part of the heads is played, in percent: the entry that follows, and those behind it
 * (39 % of plays are clicks at random). */
#define USE_NEXT_PERCENT 61u
#define USE_LATER_PERCENT 37u
#define CERTAIN_PERCENT 100u

struct demands {
    struct planner_demand list[PLANNER_DEMANDS_MAX];
    uint32_t count;
};

static void add(struct demands *demands, struct planner_demand demand)
{
    if (demand.end > demand.file->chunk_count) {
        demand.end = demand.file->chunk_count;
    }
    if (demand.begin < demand.end && demand.file->missing_count > 0 &&
        demands->count < PLANNER_DEMANDS_MAX) {
        demands->list[demands->count++] = demand;
    }
}

static void add_wants(struct node *node, struct demands *demands)
{
    for (uint32_t i = 0; i < node->wants.count; i++) {
        const struct want *want = &node->wants.list[i];
        struct file *file = files_find(&node->files, want->file);
        if (file != NULL && file->is_attached) {
            add(demands, (struct planner_demand){.file = file,
                                                 .begin = want->first_chunk,
                                                 .end = want->first_chunk + want->count,
                                                 .priority = P2P_PRIORITY_PLAY,
                                                 .due_us = node->now_us});
        }
    }
}

static void add_start_set(struct demands *demands, struct file *file,
                          const struct media_file *media, uint8_t priority, uint64_t due_us,
                          uint32_t use_percent)
{
    for (uint32_t i = 0; i < media->start_run_count; i++) {
        const struct media_run *run = &media->start_runs[i];
        add(demands, (struct planner_demand){.file = file,
                                             .begin = run->first,
                                             .end = run->first + run->count,
                                             .priority = priority,
                                             .due_us = due_us,
                                             .is_speculative = use_percent < CERTAIN_PERCENT,
                                             .use_percent = (uint8_t)use_percent});
    }
}

/* From a chunk onwards: what is due soon with the highest priority, the rest with `later`. The
 * play point is at `position_us` of the file (or will be, when `wait_us` have passed). */
static void add_onwards(struct node *node, struct demands *demands, struct file *file,
                        uint64_t duration_us, uint32_t from, uint64_t position_us, uint64_t wait_us,
                        uint64_t urgent_us, uint8_t later, uint32_t end)
{
    uint64_t step_us = duration_us / file->chunk_count;
    uint64_t from_us = node_plan_time_of(file, duration_us, from);
    uint64_t due_us =
        time_add_us(time_add_us(node->now_us, wait_us), time_until_us(position_us, from_us));
    uint32_t soon = from;
    if (urgent_us > wait_us) {
        uint64_t until_us = time_add_us(position_us, urgent_us - wait_us);
        soon = node_plan_chunk_at(file, duration_us, until_us) + 1;
        soon = (soon + ROW_CHUNKS - 1) / ROW_CHUNKS * ROW_CHUNKS; /* a proof is for a row */
        soon = soon > from ? soon : from;
    }
    add(demands, (struct planner_demand){.file = file,
                                         .begin = from,
                                         .end = soon,
                                         .priority = P2P_PRIORITY_PLAY,
                                         .due_us = due_us,
                                         .step_us = step_us});
    uint32_t rare = end > soon ? end : soon;
    if (node->overlay != NULL && node->preset->rarest_us != TIME_NEVER_US) {
        uint64_t ahead_us = time_until_us(wait_us, node->preset->rarest_us);
        rare = node_plan_chunk_at(file, duration_us, time_add_us(position_us, ahead_us)) + 1;
        rare = (rare + ROW_CHUNKS - 1) / ROW_CHUNKS * ROW_CHUNKS;
        rare = rare > soon ? rare : soon;
        rare = rare < end ? rare : (end > soon ? end : soon);
    }
    const uint32_t bounds[] = {soon, rare, end > rare ? end : rare};
    for (uint32_t i = 0; i < 2; i++) {
        uint64_t begins_us = time_add_us(due_us, time_scale(step_us, bounds[i] - from, 1));
        add(demands, (struct planner_demand){.file = file,
                                             .begin = bounds[i],
                                             .end = bounds[i + 1],
                                             .priority = later,
                                             .due_us = begins_us,
                                             .step_us = step_us,
                                             .is_rarest_first = i == 1});
    }
}

/* Where fetching ahead ends for the time being: half of the plays are left, most of them soon, and
 * what was fetched for later is then in vain. Who has heard much is likely to hear the rest. */
static uint32_t window_end(const struct node *node, const struct file *file)
{
    const struct node_preset *preset = node->preset;
    const struct playhead *head = &node->play.head;
    if (node->overlay == NULL || node->config.fast || preset->ahead_us == TIME_NEVER_US) {
        return file->chunk_count;
    }
    uint64_t position_us = playhead_position_us(head, node->now_us);
    uint64_t heard_us = time_until_us(head->from_us, position_us);
    uint64_t ahead_us =
        time_add_us(preset->ahead_us, time_scale(heard_us, preset->ahead_growth, 1));
    uint64_t until_us = time_add_us(position_us, ahead_us);
    if (until_us >= head->duration_us) {
        return file->chunk_count;
    }
    uint32_t row = node_plan_chunk_at(file, head->duration_us, until_us) / ROW_CHUNKS;
    return (row + 1) * ROW_CHUNKS;
}

/* The start set until sound is there, then from where the decoder reads to the end. */
static void add_current(struct node *node, struct demands *demands, struct file *file,
                        const struct media_file *media)
{
    const struct play *play = &node->play;
    uint64_t urgent_us = node->preset->urgent_us;
    if (play->phase == PLAY_SWITCHED) {
        add_start_set(demands, file, media, P2P_PRIORITY_PLAY, node->now_us, CERTAIN_PERCENT);
        if (node->preset->cold_start_us > urgent_us) {
            urgent_us = node->preset->cold_start_us;
        }
    }
    uint64_t position_us = playhead_position_us(&play->head, node->now_us);
    uint32_t head = node_plan_chunk_at(file, play->head.duration_us, position_us);
    uint32_t from = play->read_chunk > head ? play->read_chunk : head;
    if (play->read_chunk < head && !node_chunks_can_store(node, file)) {
        from = play->read_chunk;
    }
    add_onwards(node, demands, file, play->head.duration_us, from, position_us, 0, urgent_us,
                P2P_PRIORITY_AHEAD, window_end(node, file));
}

/* An entry that begins in `begins_us`, which is soon. */
static void add_next(struct node *node, struct demands *demands, struct file *file,
                     const struct media_file *media, uint64_t begins_us)
{
    uint64_t due_us = time_add_us(node->now_us, begins_us);
    bool is_urgent = begins_us <= node->preset->urgent_us;
    add_start_set(demands, file, media, is_urgent ? P2P_PRIORITY_PLAY : P2P_PRIORITY_AHEAD, due_us,
                  CERTAIN_PERCENT);
    uint64_t duration_us = media_file_duration_us(media);
    uint32_t end = file->chunk_count;
    if (node->overlay != NULL && node->preset->next_ahead_us < duration_us) {
        /* Two of five plays end in a click elsewhere; others have the rest when it plays. */
        end = node_plan_chunk_at(file, duration_us, node->preset->next_ahead_us) + 1;
    }
    add_onwards(node, demands, file, duration_us, 0, 0, begins_us, node->preset->urgent_us,
                P2P_PRIORITY_PREFETCH, end);
}

/* All entries that begin soon, counted in time of music: several when they are short. */
static void add_near(struct node *node, struct demands *demands)
{
    uint64_t begins_us[WINDOW_MAX];
    node_tracks_begins(node, begins_us);
    for (uint32_t i = 0; i < node->window.count; i++) {
        const struct window_item *item = &node->window.items[i];
        bool is_next =
            item->entry == node->play.prepared ||
            (item->role == WINDOW_NEXT && node->config.fast && node->play.phase == PLAY_SOUNDING);
        if (item->role == WINDOW_CURRENT || item->role >= WINDOW_FETCH ||
            (!is_next && begins_us[i] > node->preset->next_origin_us)) {
            continue;
        }
        const struct track *track = node_track_of(node, item->entry);
        if (track == NULL || track->state != TRACK_READY) {
            continue;
        }
        struct file *file = files_find(&node->files, track->file);
        if (file == NULL || !file->is_attached) {
            node->is_window_due = true; /* it has come near since the window was made */
        } else {
            add_next(node, demands, file, tracks_file(track), begins_us[i]);
        }
    }
}

/* What lies before the play point, so that the file is whole; only where it can be kept. */
static void add_rest(struct node *node, struct demands *demands, struct file *file)
{
    if (node_chunks_can_store(node, file)) {
        add(demands, (struct planner_demand){.file = file,
                                             .begin = 0,
                                             .end = window_end(node, file),
                                             .priority = P2P_PRIORITY_PREFETCH,
                                             .due_us = TIME_NEVER_US});
    }
}

static void add_fetch(struct demands *demands, struct file *file, bool can_store)
{
    uint32_t from = 0;
    while (!can_store && from < file->chunk_count &&
           (files_holds(file, from) || (file->chunks[from] & FILE_READ) != 0)) {
        from++;
    }
    add(demands, (struct planner_demand){.file = file,
                                         .begin = from,
                                         .end = file->chunk_count,
                                         .priority = P2P_PRIORITY_OFFLINE,
                                         .due_us = TIME_NEVER_US});
}

/* What another player reads next; what it waits for stands among the wants. */
static void add_lent(const struct node *node, struct demands *demands, uint32_t entry,
                     struct file *file, const struct media_file *media)
{
    uint32_t begin = 0;
    uint32_t end = node_lend_ahead(node, entry, &begin);
    uint64_t step_us = media_file_duration_us(media) / file->chunk_count;
    add(demands, (struct planner_demand){.file = file,
                                         .begin = begin,
                                         .end = end,
                                         .priority = P2P_PRIORITY_AHEAD,
                                         .due_us = time_add_us(node->now_us, step_us),
                                         .step_us = step_us});
}

static void add_item(struct node *node, struct demands *demands, const struct window_item *item,
                     enum window_role role)
{
    const struct track *track = node_track_of(node, item->entry);
    if (track == NULL || track->state != TRACK_READY) {
        return;
    }
    struct file *file = files_find(&node->files, track->file);
    if (file == NULL || !file->is_attached) {
        return;
    }
    const struct media_file *media = tracks_file(track);
    switch (role) {
    case WINDOW_CURRENT:
        if (node->play.phase >= PLAY_SWITCHED) {
            add_current(node, demands, file, media);
        }
        break;
    case WINDOW_NEXT:
    case WINDOW_HEAD:
        if (node->budget.tokens > 0) {
            uint32_t use = item->role == WINDOW_NEXT ? USE_NEXT_PERCENT : USE_LATER_PERCENT;
            add_start_set(demands, file, media, P2P_PRIORITY_PREFETCH, TIME_NEVER_US, use);
        }
        break;
    case WINDOW_FETCH:
        add_fetch(demands, file, node_chunks_can_store(node, file));
        break;
    case WINDOW_LENT:
        add_lent(node, demands, item->entry, file, media);
        break;
    case WINDOW_LOOKUP:
        break;
    }
}

static void add_role(struct node *node, struct demands *demands, enum window_role role)
{
    for (uint32_t i = 0; i < node->window.count; i++) {
        if (node->window.items[i].role == role) {
            add_item(node, demands, &node->window.items[i], role);
        }
    }
}

/* Everything that is wanted, most important first. */
static void make_demands(struct node *node, struct demands *demands)
{
    demands->count = 0;
    add_wants(node, demands);
    add_role(node, demands, WINDOW_CURRENT);
    add_near(node, demands);
    add_role(node, demands, WINDOW_LENT);
    const struct track *track = node_play_track(node);
    struct file *file = track == NULL ? NULL : files_find(&node->files, track->file);
    if (file != NULL && file->is_attached && node->play.phase == PLAY_SOUNDING) {
        add_rest(node, demands, file);
    }
    for (uint32_t i = 0; i < node->window.count && node->play.phase == PLAY_SOUNDING; i++) {
        enum window_role role = node->window.items[i].role;
        if (role == WINDOW_NEXT || role == WINDOW_HEAD) {
            add_item(node, demands, &node->window.items[i], WINDOW_HEAD);
        }
    }
    add_role(node, demands, WINDOW_FETCH);
}

/* --- requests ----------------------------------------------------------------------------------*/

struct request *node_plan_new_request(struct node *node, struct link *link, enum request_kind kind)
{
    links_asked(link, node->now_us);
    bool is_alone = link->requests.count == 0;
    struct request *request = requests_add(&link->requests);
    request->kind = kind;
    request->is_alone = is_alone;
    request->sent_us = node->now_us;
    return request;
}

void node_plan_send(struct node *node, struct link *link, const struct request *request,
                    const struct file *file)
{
    struct p2p_message *message = node_links_send(node, link, P2P_REQUEST);
    message->request.request = request->number;
    message->request.file = *media_intern_id(node->config.intern, file->handle);
    message->request.first_chunk = request->first_chunk;
    message->request.count = request->count;
    message->request.priority = request->priority;
    message->request.flags = request->wants_proofs ? P2P_REQUEST_PROOFS : 0;
    node_links_sent(node, message);
    uint64_t look_us = time_add_us(node->now_us, node->preset->late_look_us);
    node->late.look_us = time_min_us(node->late.look_us, look_us);
    NODE_TRACE(node, "request %u: chunks %u+%u, priority %u%s", request->number,
               request->first_chunk, request->count, request->priority,
               request->wants_proofs ? ", proofs" : "");
    if (link->kind == NODE_LINK_PEER) {
        NODE_TRACE(node, "of link %u", link->number);
    }
}

static void ask(struct node *node, const struct planner_run *run, struct planner_source *source)
{
    struct link *link = links_find(&node->links, source->link);
    uint64_t expected_us = planner_expected_us(source);
    struct request *request = node_plan_new_request(node, link, REQUEST_CHUNKS);
    request->expected_us = time_add_us(node->now_us, expected_us);
    request->priority = run->priority;
    request->file = run->file->handle;
    request->first_chunk = run->first_chunk;
    request->count = (uint16_t)run->count;
    request->wants_proofs = run->wants_proofs;
    uint64_t before = link->requests.bytes;
    for (uint32_t i = 0; i < run->count && node->failed == 0; i++) {
        bool is_asked = node_chunks_request(node, link, request, run->file, run->first_chunk + i);
        assert(is_asked || node->failed != 0);
    }
    uint64_t bytes = link->requests.bytes - before;
    source->outstanding_bytes += bytes;
    source->requests_left--;
    if (run->is_speculative) {
        window_budget_spend(&node->budget, bytes);
    }
    node_plan_send(node, link, request, run->file);
}

static void open_track(struct node *node, struct link *link, struct track *track, bool wants_start)
{
    struct request *request = node_plan_new_request(node, link, REQUEST_OPEN);
    request->wants_start = wants_start;
    request->wants_proofs = wants_start;
    memcpy(request->track_id, track->id, TRACK_ID_BYTES);
    track->state = TRACK_OPENING;
    struct p2p_message *message = node_links_send(node, link, P2P_OPEN);
    message->open.request = request->number;
    message->open.flags = wants_start ? P2P_OPEN_START_SET : 0;
    memcpy(message->open.track_id, track->id, TRACK_ID_BYTES);
    node_links_sent(node, message);
    NODE_TRACE(node, "open %u%s", request->number, wants_start ? " with the start set" : "");
}

/* Nobody but peers can be asked for manifests: one peer after the other, for what is to play first;
 * who has gone round them all rests. They are signed, so that it does not matter whose they are. */
static void open_tracks_of_peers(struct node *node)
{
    for (uint32_t i = 0; i < node->window.count; i++) {
        const struct window_item *item = &node->window.items[i];
        struct track *track = node_track_of(node, item->entry);
        if (track == NULL || track->state != TRACK_ABSENT) {
            continue;
        }
        if (track->retry_us > node->now_us) {
            node->peers.plan_us = time_min_us(node->peers.plan_us, track->retry_us);
            continue;
        }
        uint32_t count = 0;
        struct link *link = node_peers_asked(node, track->peer_tries, &count);
        if (link == NULL) {
            return;
        }
        if (++track->peer_tries % count == 0) {
            track->retry_us = time_add_us(node->now_us, node->preset->peer_busy_us);
        }
        open_track(node, link, track, false);
    }
}

/* Asks for manifests: at once for what is to play or to be fetched, a few at a time for others. */
static void open_tracks(struct node *node)
{
    struct link *link = links_origin(&node->links);
    if (link == NULL || !node_sources_may_ask(node, link)) {
        open_tracks_of_peers(node);
        return;
    }
    uint32_t opening = 0;
    for (uint32_t i = 0; i < link->requests.count; i++) {
        opening += link->requests.list[i].kind == REQUEST_OPEN;
    }
    for (uint32_t i = 0; i < node->window.count && links_requests_left(link) > 0; i++) {
        const struct window_item *item = &node->window.items[i];
        struct track *track = node_track_of(node, item->entry);
        if (track == NULL || track->state != TRACK_ABSENT) {
            continue;
        }
        bool is_next_due =
            item->role == WINDOW_NEXT && node->play.phase == PLAY_SOUNDING &&
            playhead_left_us(&node->play.head, node->now_us) <= node->preset->next_origin_us;
        bool wants_start =
            item->role == WINDOW_CURRENT || item->role >= WINDOW_FETCH || is_next_due;
        if (wants_start || opening < node->preset->lookup_open_max) {
            open_track(node, link, track, wants_start);
            opening++;
        }
    }
}

/* Of which files nobody is there yet, and may come any moment. */
static void mark_sought(const struct node *node, struct demands *demands)
{
    struct overlay_sources sources = {0};
    for (uint32_t i = 0; i < demands->count && node->overlay != NULL; i++) {
        struct planner_demand *demand = &demands->list[i];
        if (i == 0 || demand->file != demands->list[i - 1].file) {
            overlay_get_sources(node->overlay, demand->file->handle, &sources);
        }
        demand->is_sought = sources.up == 0 && (sources.is_looking ||
                                                node_peers_is_new_wish(node, demand->file->handle));
    }
}

/* What is left waits for its time to be asked of the origin, or for a peer that has it. */
static void plan_again(struct node *node, const struct demands *demands)
{
    for (uint32_t i = 0; i < demands->count && node->overlay != NULL; i++) {
        const struct planner_demand *demand = &demands->list[i];
        if (files_next_missing(demand->file, demand->begin, demand->end) < demand->end) {
            uint64_t again_us = time_add_us(node->now_us, PLAN_AGAIN_US);
            node->peers.plan_us = time_min_us(node->peers.plan_us, again_us);
            return;
        }
    }
}

static void ask_for_chunks(struct node *node)
{
    struct planner_source sources[PLANNER_SOURCES_MAX];
    struct node_holding holdings[PLANNER_SOURCES_MAX];
    struct node_shares shares;
    struct planner_view view = {.sources = sources};
    node_sources_show(node, &view, holdings, &shares);
    if (!planner_has_room(&view, true)) {
        return;
    }
    struct demands demands;
    make_demands(node, &demands);
    if (demands.count == 0) {
        return;
    }
    mark_sought(node, &demands);
    node_chunks_relieve(node);
    view.demands = demands.list;
    view.demand_count = demands.count;
    view.slots_available = slots_available(&node->slots);
    struct planner_run run;
    while (node->failed == 0 && planner_next(&view, &run)) {
        ask(node, &run, &sources[run.source]);
        view.slots_available = slots_available(&node->slots);
        if (run.is_speculative && node->budget.tokens == 0) {
            break; /* the demands say otherwise, and are made anew next time */
        }
    }
    plan_again(node, &demands);
}

void node_plan(struct node *node)
{
    bool is_time = node->overlay != NULL && node->now_us >= node->peers.plan_us;
    if ((!node->is_plan_due && !is_time) || (node->is_stopped && node->lends.count == 0)) {
        return;
    }
    node->is_plan_due = false;
    node->peers.plan_us = TIME_NEVER_US;
    open_tracks(node);
    ask_for_chunks(node);
}

/* --- taking back -------------------------------------------------------------------------------*/

void node_plan_idle(struct node *node, struct link *link)
{
    if (link->requests.count > 0) {
        return;
    }
    rate_idle(&link->rate, node->now_us);
    for (uint32_t i = 0; i < node->links.count; i++) {
        if (node->links.list[i]->requests.count > 0) {
            return;
        }
    }
    start_rule_idle(&node->start_rule);
}

uint32_t node_plan_first_left(const struct node *node, const struct link *link,
                              const struct request *request)
{
    const struct file *file = request->file == 0 ? NULL : files_find(&node->files, request->file);
    for (uint32_t i = 0; file != NULL && i < request->count; i++) {
        uint32_t chunk = request->first_chunk + i;
        const struct row *row = files_row(file, chunk);
        if (row != NULL && row->links[chunk % ROW_CHUNKS] == link->number &&
            row->requests[chunk % ROW_CHUNKS] == request->number) {
            return chunk;
        }
    }
    return request->first_chunk;
}

void node_plan_take_back(struct node *node, struct link *link, uint32_t number)
{
    struct request *request = requests_find(&link->requests, number);
    assert(request != NULL);
    if (request->kind == REQUEST_OPEN) {
        node_tracks_unopened(node, request->track_id);
    }
    struct file *file = request->file == 0 ? NULL : files_find(&node->files, request->file);
    if (request->kind == REQUEST_HEDGE) {
        node_late_dropped(node, link, number);
        requests_remove(&link->requests, number);
        node_plan_idle(node, link);
        return;
    }
    requests_remove(&link->requests, number);
    for (uint32_t r = 0; file != NULL && file->rows != NULL && r < file->row_count; r++) {
        for (uint32_t i = 0; file->rows != NULL && file->rows[r] != NULL && i < ROW_CHUNKS; i++) {
            const struct row *row = file->rows[r];
            if (row->links[i] == link->number && row->requests[i] == number) {
                node_chunks_unrequest(node, link, file, r * ROW_CHUNKS + i);
            }
        }
        struct row *left = file->rows == NULL ? NULL : file->rows[r];
        if (left != NULL && left->proof_link == link->number && left->proof_request == number) {
            node_chunks_unproven(node, link, left);
        }
    }
    node_plan_idle(node, link);
}

void node_plan_cancel(struct node *node, struct link *link, uint32_t number)
{
    node_plan_take_back(node, link, number);
    struct p2p_message *message = node_links_send(node, link, P2P_CANCEL);
    message->cancel.request = number;
    node_links_sent(node, message);
    NODE_TRACE(node, "cancel %u", number);
}

void node_plan_forget(struct node *node, struct link *link)
{
    while (link->requests.count > 0) {
        node_plan_take_back(node, link, link->requests.list[0].number);
    }
}

/* Cancels the requests of all links that `concerns` says yes to. */
static void cancel_where(struct node *node,
                         bool (*concerns)(const struct request *request, const void *context),
                         const void *context)
{
    for (uint32_t i = 0; i < node->links.count; i++) {
        struct link *link = node->links.list[i];
        for (uint32_t j = 0; j < link->requests.count;) {
            if (concerns(&link->requests.list[j], context)) {
                node_plan_cancel(node, link, link->requests.list[j].number);
                j = 0; /* others may have gone with it */
            } else {
                j++;
            }
        }
    }
}

static bool concerns_file(const struct request *request, const void *context)
{
    const struct file *file = context;
    return request->file == file->handle;
}

void node_plan_cancel_file(struct node *node, const struct file *file)
{
    cancel_where(node, concerns_file, file);
}

static bool concerns_track(const struct request *request, const void *context)
{
    const struct track *track = context;
    return request->kind == REQUEST_OPEN &&
           memcmp(request->track_id, track->id, TRACK_ID_BYTES) == 0;
}

void node_plan_cancel_track(struct node *node, const struct track *track)
{
    cancel_where(node, concerns_track, track);
}

static bool is_chunks_ahead(const struct request *request, const void *context)
{
    (void)context;
    return request->kind == REQUEST_CHUNKS && request->priority > P2P_PRIORITY_PLAY;
}

/* Would what stands behind so many bytes wait too long? Not known: no. */
static bool is_bottleneck(const struct node *node, const struct link *link, uint64_t bytes)
{
    return link->rate.bytes_per_s > 0 &&
           rate_span_us(&link->rate, bytes) > node->preset->overtake_us;
}

void node_plan_cancel_far(struct node *node)
{
    for (uint32_t i = 0; i < node->links.count; i++) {
        const struct link *link = node->links.list[i];
        if (is_bottleneck(node, link, link->requests.bytes)) {
            cancel_where(node, is_chunks_ahead, NULL);
            return;
        }
    }
}

uint64_t node_plan_bytes_before(const struct link *link, const struct request *asked,
                                uint32_t chunk)
{
    uint64_t chunks = 0;
    for (uint32_t i = 0; i < link->requests.count; i++) {
        const struct request *request = &link->requests.list[i];
        bool is_sooner = request->priority < asked->priority ||
                         (request->priority == asked->priority && request->number < asked->number);
        if (request->kind != REQUEST_OPEN && is_sooner) {
            chunks += request->left;
        }
    }
    uint32_t own = chunk - asked->first_chunk;
    uint32_t arrived = asked->count - asked->left;
    return (chunks + (own > arrived ? own - arrived : 0)) * CHUNK_BYTES;
}

void node_plan_overtake(struct node *node, const struct want *want)
{
    struct file *file = files_find(&node->files, want->file);
    for (uint32_t i = 0; i < want->count; i++) {
        uint32_t chunk = want->first_chunk + i;
        if (files_state(file, chunk) != CHUNK_REQUESTED) {
            continue;
        }
        const struct row *row = files_row(file, chunk);
        struct link *link = links_find(&node->links, row->links[chunk % ROW_CHUNKS]);
        uint32_t number = row->requests[chunk % ROW_CHUNKS];
        const struct request *request = requests_find(&link->requests, number);
        if (is_chunks_ahead(request, NULL) &&
            is_bottleneck(node, link, node_plan_bytes_before(link, request, chunk))) {
            node_plan_cancel(node, link, number);
        }
    }
}
