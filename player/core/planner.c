/*
 * planner.c: the first demand that some source has room for, and the run of chunks from there.
 *
 * Responsible for order, for the choice between sources by expected time of delivery, for when the
 * origin is asked although peers have the chunk, and for what one request holds. Not responsible
 * for what is demanded.
 */
#include "player/core/planner.h"

#include <assert.h>

/* The fixed pipeline of the published design: what the source delivers in this time. */
#define PIPELINE_FIXED_US (2 * TIME_US_PER_S)
#define PERCENT 100u
/* Rows of one demand among which the rarest is looked for. */
#define PLANNER_ROWS_MAX 64u

/* What is the same for all chunks that one call looks at, worked out once: hundreds of chunks are
 * looked at that nobody may be asked for yet. */
struct plan {
    const struct planner_view *view;
    uint32_t origin;                       /* index; source_count: none */
    uint64_t time_us[PLANNER_SOURCES_MAX]; /* expected; 0 = not worked out */
    bool has_room[PLANNER_SOURCES_MAX];
    bool is_urgent; /* for which has_room is */
    bool is_roomy;  /* some source has room */
    /* Of peers, for one row. */
    const struct file *file; /* NULL: none yet */
    uint32_t row;
    uint8_t any;
    uint8_t masks[PLANNER_SOURCES_MAX];
};

uint64_t planner_pipeline_bytes(const struct node_preset *preset, uint64_t bytes_per_s,
                                uint64_t delay_us)
{
    uint64_t bytes = 0;
    if (preset->pipeline_bdp_percent == 0) {
        bytes = time_scale(bytes_per_s, PIPELINE_FIXED_US, TIME_US_PER_S);
    } else {
        bytes = time_scale(bytes_per_s, delay_us, TIME_US_PER_S);
        bytes = time_scale(bytes, preset->pipeline_bdp_percent, PERCENT);
    }
    if (bytes < preset->pipeline_bytes_min) {
        return preset->pipeline_bytes_min;
    }
    return time_min_us(bytes, preset->pipeline_bytes_max);
}

uint64_t planner_peer_pipeline_bytes(const struct node_preset *preset, uint64_t bytes_per_s)
{
    if (bytes_per_s == 0) {
        return preset->peer_pipeline_bytes;
    }
    uint64_t bytes = time_scale(bytes_per_s, preset->peer_pipeline_us, TIME_US_PER_S);
    /* Who trickles holds one chunk up, not several; as published it is always two. */
    uint64_t least = preset->pipeline_bdp_percent == 0 ? preset->peer_pipeline_bytes : CHUNK_BYTES;
    bytes = bytes > least ? bytes : least;
    return time_min_us(bytes, preset->pipeline_bytes_max);
}

/* Bytes that may be asked of the source now. What is urgent may go a row beyond the limit; what is
 * not waits until a good part of the pipeline is free, so that requests are long. */
static uint64_t room_of(const struct planner_source *source, bool is_urgent)
{
    if (source->requests_left == 0) {
        return 0;
    }
    uint64_t limit = source->limit_bytes + (is_urgent ? ROW_BYTES : 0);
    if (source->outstanding_bytes >= limit) {
        return 0;
    }
    uint64_t room = limit - source->outstanding_bytes;
    uint64_t batch = time_min_us(source->limit_bytes / 2, ROW_BYTES);
    return is_urgent || room >= batch ? room : 0;
}

bool planner_has_room(const struct planner_view *view, bool is_urgent)
{
    for (uint32_t i = 0; i < view->source_count; i++) {
        if (room_of(&view->sources[i], is_urgent) > 0) {
            return true;
        }
    }
    return false;
}

bool planner_has(const struct planner_source *source, const struct file *file, uint32_t chunk)
{
    if (source->kind == NODE_SOURCE_ORIGIN && file->refused != 0) {
        return false;
    }
    return source->row_mask == NULL ||
           (source->row_mask(source->context, file->handle, chunk / ROW_CHUNKS) >>
                (chunk % ROW_CHUNKS) &
            1) != 0;
}

/* A source of unknown rate counts as one round trip. */
uint64_t planner_expected_us(const struct planner_source *source)
{
    uint64_t delay_us = time_add_us(source->delay_us, source->lateness_us);
    if (source->bytes_per_s == 0) {
        return delay_us;
    }
    uint64_t queued = source->outstanding_bytes + CHUNK_BYTES;
    return time_add_us(delay_us, time_scale(queued, TIME_US_PER_S, source->bytes_per_s));
}

/* No peer has it. How far ahead is the origin asked? As far as need be when it is ours to fetch it
 * for all; what others fetch, or may turn out to have, only when it would else be late. */
static bool origin_may_alone(const struct planner_view *view, const struct planner_demand *demand,
                             uint32_t chunk, uint64_t left_us)
{
    const struct node_preset *preset = view->preset;
    if (demand->due_us == TIME_NEVER_US) {
        return !demand->is_sought &&
               (demand->is_speculative || demand->priority == P2P_PRIORITY_OFFLINE);
    }
    uint64_t ahead_us = 2 * preset->origin_margin_us;
    if (!demand->is_sought) {
        /* A row at a time: its chunks are stored and told of together. */
        uint32_t begun = chunk - demand->begin;
        begun = begun < chunk % ROW_CHUNKS ? begun : chunk % ROW_CHUNKS;
        left_us -= time_min_us(left_us, time_scale(demand->step_us, begun, 1));
        ahead_us = view->ahead_us(view->context, demand->file->handle, chunk);
    }
    ahead_us = ahead_us > preset->origin_ahead_us ? ahead_us : preset->origin_ahead_us;
    return left_us <= ahead_us;
}

/* Would the best peer miss the deadline, or is it so near that the origin stands in anyway? */
static bool origin_may(const struct planner_view *view, const struct planner_demand *demand,
                       uint32_t chunk, uint64_t peer_us)
{
    const struct node_preset *preset = view->preset;
    uint64_t due_us =
        time_add_us(demand->due_us, time_scale(demand->step_us, chunk - demand->begin, 1));
    uint64_t left_us = time_until_us(view->now_us, due_us);
    if (view->with_peers && demand->is_speculative &&
        demand->use_percent <= preset->origin_use_percent) {
        return false;
    }
    if (peer_us == TIME_NEVER_US) {
        return !view->with_peers || origin_may_alone(view, demand, chunk, left_us);
    }
    if (demand->due_us == TIME_NEVER_US) {
        return demand->priority == P2P_PRIORITY_OFFLINE && peer_us > preset->origin_wait_us;
    }
    return left_us <= preset->origin_ahead_us ||
           left_us <= time_add_us(peer_us, preset->origin_margin_us);
}

static void look_at_room(struct plan *plan, bool is_urgent)
{
    plan->is_urgent = is_urgent;
    plan->is_roomy = false;
    for (uint32_t i = 0; i < plan->view->source_count; i++) {
        plan->has_room[i] = room_of(&plan->view->sources[i], is_urgent) > 0;
        plan->is_roomy = plan->is_roomy || plan->has_room[i];
    }
}

static void begin(struct plan *plan, const struct planner_view *view)
{
    assert(view->source_count <= PLANNER_SOURCES_MAX);
    plan->view = view;
    plan->origin = view->source_count;
    plan->file = NULL;
    for (uint32_t i = 0; i < view->source_count; i++) {
        plan->time_us[i] = 0;
        if (view->sources[i].kind == NODE_SOURCE_ORIGIN) {
            plan->origin = i;
        }
    }
    look_at_room(plan, true);
}

/* Which peers have which chunks of the row. */
static void look_at_row(struct plan *plan, const struct file *file, uint32_t row)
{
    if (plan->file == file && plan->row == row) {
        return;
    }
    plan->file = file;
    plan->row = row;
    plan->any = 0;
    for (uint32_t i = 0; i < plan->view->source_count; i++) {
        const struct planner_source *source = &plan->view->sources[i];
        uint8_t mask = source->row_mask == NULL
                           ? UINT8_MAX
                           : source->row_mask(source->context, file->handle, row);
        plan->masks[i] = source->kind == NODE_SOURCE_ORIGIN ? 0 : mask;
        plan->any |= plan->masks[i];
    }
}

static uint64_t time_of_us(struct plan *plan, uint32_t source)
{
    if (plan->time_us[source] == 0) {
        plan->time_us[source] = planner_expected_us(&plan->view->sources[source]);
    }
    return plan->time_us[source];
}

/* The source that brings the chunk first, of those with room; source_count: none. */
static uint32_t choose(struct plan *plan, const struct planner_demand *demand, uint32_t chunk)
{
    const struct planner_view *view = plan->view;
    uint32_t at = chunk % ROW_CHUNKS;
    uint64_t peer_us = TIME_NEVER_US;
    uint32_t best = view->source_count;
    uint64_t best_us = TIME_NEVER_US;
    look_at_row(plan, demand->file, chunk / ROW_CHUNKS);
    for (uint32_t i = 0; i < view->source_count && (plan->any >> at & 1) != 0; i++) {
        if ((plan->masks[i] >> at & 1) == 0) {
            continue;
        }
        uint64_t time_us = time_of_us(plan, i);
        peer_us = time_min_us(peer_us, time_us);
        if (time_us < best_us && plan->has_room[i]) {
            best = i;
            best_us = time_us;
        }
    }
    uint32_t origin = plan->origin;
    if (origin == view->source_count || !plan->has_room[origin] ||
        !planner_has(&view->sources[origin], demand->file, chunk) ||
        !origin_may(view, demand, chunk, peer_us)) {
        return best;
    }
    return best == view->source_count || time_of_us(plan, origin) < best_us ? origin : best;
}

/* A proof that the same source was asked for is on its way; it comes before it is needed, or the
 * chunks wait for it. */
static bool needs_proof(const struct file *file, uint32_t chunk, uint32_t link)
{
    const struct row *row = files_row(file, chunk);
    return row == NULL || (!row->has_proof && (row->proof_request == 0 || row->proof_link != link));
}

/* Extends the run from its first chunk as far as one request may go. */
static void extend(struct plan *plan, const struct planner_demand *demand, uint32_t slots,
                   struct planner_run *run)
{
    const struct planner_view *view = plan->view;
    const struct planner_source *source = &view->sources[run->source];
    uint64_t room = room_of(source, demand->priority == P2P_PRIORITY_PLAY);
    uint32_t most = view->preset->request_chunks;
    most = most < slots ? most : slots;
    uint64_t bytes = files_chunk_bytes(run->file, run->first_chunk);
    while (run->count < most && bytes < room) {
        uint32_t chunk = run->first_chunk + run->count;
        if (chunk >= demand->end || files_state(run->file, chunk) != CHUNK_MISSING ||
            needs_proof(run->file, chunk, source->link) != run->wants_proofs ||
            !planner_has(source, run->file, chunk)) {
            return;
        }
        /* Of the origin only what it may be asked for, chunk by chunk. */
        if (view->with_peers && source->kind == NODE_SOURCE_ORIGIN &&
            choose(plan, demand, chunk) != run->source) {
            return;
        }
        bytes += files_chunk_bytes(run->file, chunk);
        run->count++;
    }
}

/* Rows are asked for whole where that is possible: a run that goes beyond a row's end, and not to
 * the demand's, stops at a row's end, so that no row's proof is asked for twice. */
static void cut_at_row(const struct planner_demand *demand, struct planner_run *run)
{
    uint32_t end = run->first_chunk + run->count;
    uint32_t row_end = end / ROW_CHUNKS * ROW_CHUNKS;
    if (end < demand->end && row_end > run->first_chunk &&
        files_state(run->file, end) == CHUNK_MISSING) {
        run->count = row_end - run->first_chunk;
    }
}

/* Slots that a demand of this priority may still take. */
static uint32_t slots_for(const struct planner_view *view, uint8_t priority)
{
    if (priority == P2P_PRIORITY_PLAY) {
        return view->slots_available;
    }
    uint32_t kept =
        (uint32_t)time_scale(view->slots_count, view->preset->slots_urgent_percent, PERCENT);
    return view->slots_available > kept ? view->slots_available - kept : 0;
}

static bool try_run(struct plan *plan, const struct planner_demand *demand, uint32_t chunk,
                    uint32_t slots, struct planner_run *ret_run)
{
    const struct planner_view *view = plan->view;
    uint32_t source = choose(plan, demand, chunk);
    if (source == view->source_count) {
        return false;
    }
    *ret_run = (struct planner_run){
        .file = demand->file,
        .first_chunk = chunk,
        .count = 1,
        .priority = demand->priority,
        .wants_proofs = needs_proof(demand->file, chunk, view->sources[source].link),
        .is_speculative = demand->is_speculative,
        .source = source};
    extend(plan, demand, slots, ret_run);
    cut_at_row(demand, ret_run);
    return true;
}

/* The missing chunk of the row that the fewest peers have, at least one; `end`: there is none. The
 * first of several rarest rows is another one for each listener, so that they can exchange. */
static uint32_t rarest(const struct planner_view *view, const struct planner_demand *demand)
{
    uint32_t best = demand->end;
    uint32_t best_count = UINT32_MAX;
    uint32_t first_row = demand->begin / ROW_CHUNKS;
    uint32_t rows = (demand->end - 1) / ROW_CHUNKS - first_row + 1;
    rows = rows < PLANNER_ROWS_MAX ? rows : PLANNER_ROWS_MAX;
    for (uint32_t i = 0; i < rows; i++) {
        uint32_t row = first_row + (i + view->salt) % rows;
        uint32_t begin = row * ROW_CHUNKS > demand->begin ? row * ROW_CHUNKS : demand->begin;
        uint32_t end = (row + 1) * ROW_CHUNKS < demand->end ? (row + 1) * ROW_CHUNKS : demand->end;
        uint32_t chunk = files_next_missing(demand->file, begin, end);
        uint32_t count =
            chunk == end ? 0 : view->count_holders(view->context, demand->file->handle, chunk);
        if (count > 0 && count < best_count) {
            best = chunk;
            best_count = count;
        }
    }
    return best;
}

static bool try_demand(struct plan *plan, const struct planner_demand *demand,
                       struct planner_run *ret_run)
{
    const struct planner_view *view = plan->view;
    uint32_t slots = slots_for(view, demand->priority);
    if (plan->is_urgent != (demand->priority == P2P_PRIORITY_PLAY)) {
        look_at_room(plan, !plan->is_urgent);
    }
    if (slots == 0 || !plan->is_roomy) {
        return false;
    }
    if (view->with_peers && demand->is_rarest_first) {
        uint32_t rare = rarest(view, demand);
        if (rare < demand->end && try_run(plan, demand, rare, slots, ret_run)) {
            return true;
        }
    }
    uint32_t chunk = files_next_missing(demand->file, demand->begin, demand->end);
    for (uint32_t looked = 0; chunk < demand->end && looked < PLANNER_LOOK_MAX; looked++) {
        if (try_run(plan, demand, chunk, slots, ret_run)) {
            return true;
        }
        chunk = files_next_missing(demand->file, chunk + 1, demand->end);
    }
    return false;
}

bool planner_next(const struct planner_view *view, struct planner_run *ret_run)
{
    struct plan plan;
    begin(&plan, view);
    for (uint32_t i = 0; i < view->demand_count; i++) {
        assert(view->demands[i].end <= view->demands[i].file->chunk_count);
        if (try_demand(&plan, &view->demands[i], ret_run)) {
            return true;
        }
    }
    return false;
}
