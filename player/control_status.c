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

const char *control_state_name(const struct node_status *status)
{
    if (status->entry == 0) {
        return "stopped";
    }
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

void control_put_words(json_t *object, const struct words_track *words)
{
    static const uint8_t none[ALBUM_ID_BYTES];
    char album_id[2 * ALBUM_ID_BYTES + 1];
    bool has_album = memcmp(words->album_id, none, ALBUM_ID_BYTES) != 0;
    media_hex_encode(words->album_id, ALBUM_ID_BYTES, album_id);
    json_object_set_new(object, "title", words_of(words->title));
    json_object_set_new(object, "artist", words_of(words->artist));
    json_object_set_new(object, "album", words_of(words->album));
    json_object_set_new(object, "album_id", has_album ? json_string(album_id) : json_null());
    json_object_set_new(object, "year", count_of(words->year));
    json_object_set_new(object, "duration_ms", count_of(words->duration_us / 1000));
    json_object_set_new(object, "format", json_string(words->format));
}

/* Two fields of old have their values also when nothing is known of the track yet. */
static json_t *playing_of(const struct session *session, const struct playing *playing,
                          const struct node_status *status)
{
    const struct session_entry *entry = session_entry(session, status->entry);
    if (status->entry == 0 || entry == NULL || playing == NULL) {
        return json_null();
    }
    const struct lineup *lineup = &playing->lineup;
    const struct words_track *words = words_get(&session->words, entry->track_id);
    json_t *object =
        json_pack("{s:s, s:s, s:s, s:i, s:s, s:o, s:o, s:o, s:o, s:o}", "track", entry->id, "title",
                  "", "artist", "", "duration_ms", 0, "state", control_state_name(status),
                  "position_ms", count_of(status->position_us / 1000), "buffered_ms",
                  count_of(status->buffered_us / 1000), "entry", count_of(lineup_current(lineup)),
                  "following", count_of(lineup->count - lineup->at - (lineup->has_current ? 1 : 0)),
                  "wait_ms", count_of(playing->last_wait_us / 1000));
    if (words != NULL && object != NULL) {
        control_put_words(object, words);
    }
    return object;
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
    return json_pack("{s:s, s:o, s:o, s:s?, s:o, s:o, s:o}", "peer_id", id, "port",
                     count_of(engine_listen_port(session->engine)), "mapped_port",
                     count_of(engine_mapped_port(session->engine)), "mapped_by",
                     engine_mapped_by(session->engine), "neighbours", count_of(status->neighbours),
                     "attempts", count_of(status->attempts), "contacts",
                     count_of(status->contacts));
}

/* `off`: why nothing is given; null when something may be. */
static json_t *upload_of(const struct session *session, const struct node_status *status)
{
    return json_pack(
        "{s:s?, s:o, s:o, s:o, s:o}", "off", upload_off_name(upload_off(session->upload)), "slots",
        count_of(status->give_slots), "served", count_of(status->served), "limit_bytes_per_s",
        count_of(status->give_limit_bytes_per_s), "given_bytes", count_of(status->given_bytes));
}

json_t *control_status(const struct session *session, const struct playing *playing)
{
    struct node_status status;
    struct node_summary summary;
    engine_get_status(session->engine, &status);
    engine_get_summary(session->engine, &summary);
    json_t *answer =
        json_pack("{s:i, s:o, s:o, s:o, s:o, s:o}", "pid", (int)getpid(), "playing",
                  playing_of(session, playing, &status), "origin", origin_of(session, &status),
                  "summary", summary_of(&summary), "peers", peers_of(session, &status), "upload",
                  upload_of(session, &status));
    if (playing != NULL && answer != NULL) {
        const struct lineup *lineup = &playing->lineup;
        json_object_set_new(answer, "shuffle", json_string(lineup_shuffle_name(lineup->shuffle)));
        json_object_set_new(answer, "repeat", json_string(lineup_repeat_name(lineup->repeat)));
        json_object_set_new(answer, "volume", count_of(playing->percent));
        json_object_set_new(answer, "replaygain", json_string(playing_gain_name(playing->gain)));
        json_object_set_new(answer, "queue", count_of(lineup->count));
    }
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
