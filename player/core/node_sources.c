/*
 * node_sources.c: links as the planner sees them.
 *
 * Responsible for who may be asked, how fast each is taken to be, what each has, and how
 * far ahead the origin is asked for what no peer has. Not responsible for the choice (planner.c).
 */
#include "player/core/node_state.h"

#include <string.h>

/* By how much of the whole horizon those are apart who think that they are first. */
#define FIRST_SPREAD_PERCENT 40u
/* Of the horizon of the first, that of the second. */
#define LATER_PART 3u
/* How much faster than the music the horizon grows after a click. */
#define RAMP_FACTOR 3u

static uint8_t peer_row_mask(const void *context, media_handle file, uint32_t row)
{
    struct node_holding *holding = (struct node_holding *)context;
    if (holding->file != file) {
        holding->file = file;
        holding->has_any =
            overlay_holding(holding->node->overlay, holding->link, file, &holding->held);
    }
    if (!holding->has_any || holding->held.is_whole) {
        return holding->has_any ? UINT8_MAX : 0;
    }
    const uint8_t *masks = holding->held.row_masks;
    return masks == NULL ? 0 : masks[row];
}

static uint32_t count_holders(const void *context, media_handle file, uint32_t chunk)
{
    const struct node_shares *shares = context;
    return overlay_count_holders(shares->node->overlay, file, chunk);
}

/* A number for a peer and a row, the same whoever computes it. */
static uint64_t share_of(const uint8_t *peer_id, uint32_t row)
{
    uint64_t mixed = row + 1;
    for (uint32_t i = 0; i < NODE_SHARE_ID_BYTES; i++) {
        mixed = (mixed ^ peer_id[i]) * UINT64_C(0x9e3779b97f4a7c15);
        mixed ^= mixed >> 29;
    }
    return mixed;
}

static void find_holders(struct node_shares *shares, media_handle file)
{
    uint32_t numbers[NODE_SHARERS_MAX];
    const struct node *node = shares->node;
    if (shares->holders_file == file) {
        return;
    }
    shares->holders_file = file;
    shares->holder_count = overlay_get_holders(node->overlay, file, numbers, NODE_SHARERS_MAX);
    shares->id_count = 0;
    for (uint32_t i = 0; i < shares->holder_count; i++) {
        const struct link *link = links_find(&node->links, numbers[i]);
        if (link != NULL) {
            memcpy(shares->ids[shares->id_count++], link->peer_id, NODE_SHARE_ID_BYTES);
        }
    }
}

/* Of all that share the file, who has the smallest number for a row asks the origin for it first,
 * the others later in the order of theirs, so that the origin sends it once: each has it from a
 * neighbour before its own time comes. Not everybody knows all others; several may think that they
 * are first, and the number itself keeps them apart. */
static uint64_t share_ahead_us(struct node_shares *shares, media_handle file, uint32_t row)
{
    const struct node_preset *preset = shares->node->preset;
    uint64_t own = share_of(shares->node->config.peer_id, row);
    uint32_t before = 0;
    find_holders(shares, file);
    uint32_t count = shares->holder_count;
    for (uint32_t i = 0; i < shares->id_count; i++) {
        before += share_of(shares->ids[i], row) < own;
    }
    uint64_t whole_us = preset->origin_alone_us;
    if (count == 0 || whole_us == TIME_NEVER_US) {
        return whole_us;
    }
    if (before == 0) {
        uint64_t spread_us = time_scale(whole_us, FIRST_SPREAD_PERCENT, 100);
        return whole_us - time_scale(spread_us, own >> 32, UINT64_C(1) << 32);
    }
    uint64_t later_us = whole_us / LATER_PART > preset->origin_wait_us ? whole_us / LATER_PART
                                                                       : preset->origin_wait_us;
    uint64_t span_us = later_us - preset->origin_wait_us;
    return preset->origin_wait_us + time_scale(span_us, count - before, count);
}

/* Right after a click the others are not known yet: the horizon grows as they come. */
static uint64_t ramp_us(const struct node *node, media_handle file)
{
    const struct track *track = node_play_track(node);
    if (track == NULL || track->file != file) {
        return TIME_NEVER_US;
    }
    uint64_t since_us = time_until_us(node->play.command_us, node->now_us);
    return time_add_us(2 * node->preset->origin_margin_us, time_scale(since_us, RAMP_FACTOR, 1));
}

/* Each share of the horizon grows with it, and not up to it, so that those who clicked together do
 * not all reach the same row at the same moment. */
static uint64_t ramped_us(const struct node *node, media_handle file, uint64_t share_us)
{
    const struct node_preset *preset = node->preset;
    uint64_t horizon_us = ramp_us(node, file);
    if (share_us == TIME_NEVER_US || horizon_us >= preset->origin_alone_us) {
        return share_us;
    }
    uint64_t least_us = 2 * preset->origin_margin_us;
    uint64_t part_us = time_scale(share_us, horizon_us, preset->origin_alone_us);
    return part_us > least_us ? part_us : least_us;
}

static uint64_t ahead_us(const void *context, media_handle file, uint32_t chunk)
{
    struct node_shares *shares = (struct node_shares *)context;
    uint32_t row = chunk / ROW_CHUNKS;
    if (shares->file != file || shares->row != row) {
        shares->file = file;
        shares->row = row;
        shares->ahead_us = ramped_us(shares->node, file, share_ahead_us(shares, file, row));
    }
    return shares->ahead_us;
}

static struct planner_source make_source(const struct node *node, const struct link *link,
                                         struct node_holding *holding)
{
    const struct node_preset *preset = node->preset;
    const struct rate *rate = &link->rate;
    struct planner_source source = {.kind = NODE_SOURCE_ORIGIN,
                                    .link = link->number,
                                    .bytes_per_s = rate->bytes_per_s,
                                    .delay_us = rate->rtt_us,
                                    .outstanding_bytes = link->requests.bytes,
                                    .requests_left = links_requests_left(link)};
    if (link->kind == NODE_LINK_PEER) {
        *holding = (struct node_holding){.node = node, .link = link->number};
        source.kind = NODE_SOURCE_PEERS;
        source.limit_bytes = planner_peer_pipeline_bytes(preset, rate->bytes_per_s);
        source.bytes_per_s = rate->bytes_per_s > 0 ? rate->bytes_per_s : preset->peer_bytes_per_s;
        source.delay_us = rate->rtt_us > 0 ? rate->rtt_us : preset->peer_delay_us;
        source.lateness_us = rate->lateness_us;
        source.row_mask = peer_row_mask;
        source.context = holding;
    } else {
        source.limit_bytes = planner_pipeline_bytes(preset, rate->bytes_per_s, rate->rtt_us);
    }
    return source;
}

/* May it be asked now? The origin, when it is silent and others are there, is not waited for. */
bool node_sources_may_ask(const struct node *node, const struct link *link)
{
    bool is_silent =
        link->kind == NODE_LINK_ORIGIN && link->ping_us != 0 &&
        time_until_us(link->quiet_since_us, node->now_us) >= node->preset->request_timeout_us;
    return link->state == LINK_UP && link->busy_until_us <= node->now_us &&
           !(is_silent && node_peers_may_help(node)) &&
           (link->kind == NODE_LINK_ORIGIN || node->overlay != NULL);
}

/* A peer that is asked nothing for a while, and will bring what it has when that is over: the origin
 * need not be asked before. */
static bool is_busy(const struct node *node, const struct link *link)
{
    return link->kind == NODE_LINK_PEER && link->state == LINK_UP && node->overlay != NULL &&
           link->doubts == 0;
}

static uint32_t make_sources(const struct node *node, struct planner_source *sources,
                             struct node_holding *holdings)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < node->links.count; i++) {
        const struct link *link = node->links.list[i];
        bool may_ask = node_sources_may_ask(node, link) && links_requests_left(link) > 0;
        if (may_ask || is_busy(node, link)) {
            sources[count] = make_source(node, link, &holdings[count]);
            if (!may_ask) {
                uint64_t rest_us = time_until_us(node->now_us, link->busy_until_us);
                sources[count].requests_left = 0;
                sources[count].delay_us = time_add_us(sources[count].delay_us, rest_us);
            }
            count++;
        }
    }
    return count;
}

uint64_t node_sources_expected_us(const struct node *node, const struct link *link)
{
    struct node_holding holding;
    struct planner_source source = make_source(node, link, &holding);
    return planner_expected_us(&source);
}

struct link *node_sources_other(struct node *node, const struct file *file, uint32_t chunk,
                                uint32_t not_link)
{
    struct link *best = NULL;
    uint64_t best_us = TIME_NEVER_US;
    for (uint32_t i = 0; i < node->links.count; i++) {
        struct link *link = node->links.list[i];
        if (link->number == not_link || !node_sources_may_ask(node, link) ||
            links_requests_left(link) == 0) {
            continue;
        }
        struct node_holding holding;
        struct planner_source source = make_source(node, link, &holding);
        uint64_t time_us = planner_expected_us(&source);
        if (time_us < best_us && planner_has(&source, file, chunk)) {
            best = link;
            best_us = time_us;
        }
    }
    return best;
}

void node_sources_show(const struct node *node, struct planner_view *view,
                       struct node_holding *holdings, struct node_shares *shares)
{
    *shares = (struct node_shares){.node = node};
    view->preset = node->preset;
    view->now_us = node->now_us;
    view->source_count = make_sources(node, view->sources, holdings);
    view->slots_count = node->slots.count;
    view->with_peers = node->overlay != NULL;
    view->salt = node->config.peer_id[0];
    view->ahead_us = ahead_us;
    view->count_holders = count_holders;
    view->context = shares;
}
