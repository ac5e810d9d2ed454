/*
 * control_status.c: an engine's state as JSON.
 */
#include "player/control_status.h"

#include "common/net/address.h"
#include "media/core/file_id.h"

#include <string.h>
#include <unistd.h>

#define HEX_BYTES (2 * HASH_BYTES + 1)

static json_t *count_of(uint64_t count)
{
    return json_integer((json_int_t)(count > INT64_MAX ? INT64_MAX : count));
}

static const char *state_of(const struct node_status *status)
{
    if (status->paused) {
        return "paused";
    }
    if (status->stalled) {
        return "waiting";
    }
    return status->playing ? "playing" : "opening";
}

/* Tags may hold what is no UTF-8; the id stands for such a title. */
static json_t *words_of(const char *text)
{
    json_t *string = json_string(text);
    return string != NULL ? string : json_string("");
}

static json_t *playing_of(const struct session *session, const struct node_status *status)
{
    if (status->entry == 0 || status->entry > session->entry_count) {
        return json_null();
    }
    struct report_track track = session_track(session, status->entry);
    return json_pack("{s:s, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o}", "track", track.id, "title",
                     words_of(track.title), "artist", words_of(track.artist), "state",
                     state_of(status), "position_ms", count_of(status->position_us / 1000),
                     "duration_ms", count_of(track.duration_us / 1000), "buffered_ms",
                     count_of(status->buffered_us / 1000), "entry", count_of(status->entry),
                     "following", count_of(session->entry_count - status->entry));
}

static json_t *summary_of(const struct node_summary *summary)
{
    return json_pack(
        "{s:o, s:o, s:{s:o, s:o, s:o}, s:o, s:o, s:o, s:o, s:{s:o, s:o}, s:o, s:o, s:o}", "tracks",
        count_of(summary->tracks), "played_ms", count_of(summary->played_us / 1000), "bytes",
        "cache", count_of(summary->bytes[NODE_SOURCE_CACHE]), "peers",
        count_of(summary->bytes[NODE_SOURCE_PEERS]), "origin",
        count_of(summary->bytes[NODE_SOURCE_ORIGIN]), "duplicate_bytes",
        count_of(summary->duplicate_bytes), "overhead_bytes", count_of(summary->overhead_bytes),
        "unread_bytes", count_of(summary->unread_bytes), "received_bytes",
        count_of(summary->received_bytes), "payload", "peers",
        count_of(summary->payload_bytes[NODE_SOURCE_PEERS]), "origin",
        count_of(summary->payload_bytes[NODE_SOURCE_ORIGIN]), "sent_bytes",
        count_of(summary->sent_bytes), "stutters", count_of(summary->stutters), "stall_ms",
        count_of(summary->stall_us / 1000));
}

static json_t *origin_of(const struct session *session, const struct node_status *status)
{
    const char *words = engine_origin_text(session->engine);
    if (session->origin == NULL) {
        return json_null();
    }
    return json_pack("{s:s, s:b, s:o, s:o, s:o}", "url", session->origin, "up", status->origin_up,
                     "rtt_ms", count_of(status->origin_rtt_us / 1000), "rate_bytes_per_s",
                     count_of(status->origin_rate_bps), "text", words_of(words));
}

static json_t *peers_of(const struct session *session, const struct node_status *status)
{
    char id[HEX_BYTES] = "";
    const uint8_t *peer_id = engine_peer_id(session->engine);
    if (peer_id == NULL) {
        return json_null();
    }
    media_hex_encode(peer_id, HASH_BYTES, id);
    return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o}", "peer_id", id, "port",
                     count_of(engine_listen_port(session->engine)), "mapped_port",
                     count_of(engine_mapped_port(session->engine)), "neighbours",
                     count_of(status->neighbours), "attempts", count_of(status->attempts),
                     "contacts", count_of(status->contacts));
}

/* `off`: why nothing is given; null when something may be. */
static json_t *upload_of(const struct session *session, const struct node_status *status)
{
    return json_pack(
        "{s:s?, s:o, s:o, s:o, s:o}", "off", upload_off_name(upload_off(session->upload)), "slots",
        count_of(status->give_slots), "served", count_of(status->served), "limit_bytes_per_s",
        count_of(status->give_limit_bytes_per_s), "given_bytes", count_of(status->given_bytes));
}

json_t *control_status(const struct session *session)
{
    struct node_status status;
    struct node_summary summary;
    engine_get_status(session->engine, &status);
    engine_get_summary(session->engine, &summary);
    json_t *answer = json_pack("{s:i, s:o, s:o, s:o, s:o, s:o}", "pid", (int)getpid(), "playing",
                               playing_of(session, &status), "origin", origin_of(session, &status),
                               "summary", summary_of(&summary), "peers", peers_of(session, &status),
                               "upload", upload_of(session, &status));
    return answer;
}

/* --- peers ------------------------------------------------------------------------------------------- */

static json_t *peer_of(const struct node_peer *peer)
{
    char id[HEX_BYTES], address[NET_ADDRESS_TEXT_BYTES];
    struct net_address from = {.family = peer->address.family, .port = peer->address.port};
    memcpy(from.bytes, peer->address.address, sizeof from.bytes);
    net_address_format(&from, address);
    media_hex_encode(peer->peer_id, HASH_BYTES, id);
    return json_pack("{s:s, s:s, s:b, s:b, s:b, s:b, s:o, s:o, s:o, s:o, s:o}", "peer_id", id,
                     "address", address, "incoming", peer->is_incoming, "lan", peer->is_lan,
                     "giving", peer->is_giving, "asking", peer->is_asking, "rate_bytes_per_s",
                     count_of(peer->rate_bytes_per_s), "rtt_ms", count_of(peer->rtt_us / 1000),
                     "received_bytes", count_of(peer->received_bytes), "sent_bytes",
                     count_of(peer->sent_bytes), "files", count_of(peer->files));
}

json_t *control_peers(const struct session *session)
{
    struct node_peer peers[NODE_LINKS_MAX];
    uint32_t count = engine_get_peers(session->engine, peers, NODE_LINKS_MAX);
    json_t *list = json_array();
    for (uint32_t i = 0; i < count && i < NODE_LINKS_MAX; i++) {
        json_array_append_new(list, peer_of(&peers[i]));
    }
    return json_pack("{s:o}", "peers", list);
}
