/*
 * origin_tracker.c: what players tell and ask about each other, between links and the tracker.
 *
 * Responsible for who takes part (a HELLO with a peer id), for answers that fit into what a link
 * still reads, and for bringing two players together. Not for who has what: tracker.c.
 *
 * Failure modes: who asks and does not read gets shorter answers, in the end none; nobody is let go
 * for it. A peer id that is not the one that TLS proved ends the link.
 */
#include "streamserver/core/origin_state.h"

#include "common/error.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* A HOLDERS' frame without its lists. */
#define HOLDERS_FRAME_BYTES (4u + 6u)

static void trace_link(const struct origin *origin, const struct origin_link *link,
                       const char *what, uint32_t first, const char *of, uint32_t second)
{
    trace_line(origin->config.trace, origin->now_us, origin->config.trace_node,
               "link %u: %s %u%s %u", link->server.number, what, first, of, second);
}

int origin_tracker_greet(struct origin *origin, struct origin_link *link,
                         const struct p2p_hello *hello)
{
    if (origin->tracker == NULL || p2p_peer_id_is_none(hello->peer_id)) {
        return 0;
    }
    if (!p2p_peer_id_is_none(link->proven_id) &&
        memcmp(link->proven_id, hello->peer_id, HASH_BYTES) != 0) {
        origin_link_doom(origin, link, P2P_BYE_IDENTITY);
        return 0;
    }
    struct tracker_peer peer = {.number = link->server.number, .listen_port = hello->listen_port};
    peer.observed.family = link->address_family;
    memcpy(peer.observed.address, link->address, link->address_family == 4 ? 4 : 16);
    peer.observed.port = link->port;
    peer.flags = (hello->features & P2P_FEATURE_GIVES) != 0 ? P2P_CONTACT_GIVES : 0;
    memcpy(peer.peer_id, hello->peer_id, sizeof peer.peer_id);
    int error = tracker_link_up(origin->tracker, &peer, &link->tracked);
    return error == ERROR_FULL ? 0 : error; /* served, and not found by others */
}

void origin_tracker_forget(struct origin *origin, struct origin_link *link)
{
    free(link->early);
    link->early = NULL;
    if (link->tracked != TRACKER_LINK_NONE) {
        tracker_link_down(origin->tracker, link->tracked);
        link->tracked = TRACKER_LINK_NONE;
    }
}

static void look_up(struct origin *origin, struct origin_link *link,
                    const struct p2p_message *message)
{
    uint32_t room = server_control_room(origin->server, &link->server);
    if (room < HOLDERS_FRAME_BYTES + TRACKER_ANSWER_BYTES_MIN) {
        return; /* it asks and does not read */
    }
    struct tracker_answer answer;
    tracker_lookup(origin->tracker, origin->now_us, link->tracked, message,
                   room - HOLDERS_FRAME_BYTES, &answer);
    struct p2p_message holders = {.type = P2P_HOLDERS,
                                  .holders = {.lookup = message->lookup.lookup,
                                              .contact_count = answer.contact_count,
                                              .file_count = answer.file_count,
                                              .contacts = answer.contacts,
                                              .files = answer.files,
                                              .file_bytes = answer.file_bytes}};
    trace_link(origin, link, "holders of", answer.file_count, " files, contacts",
               answer.contact_count);
    server_control(origin->server, &link->server, &holders);
}

/* What is asked in the first flight waits for our HELLO; one, as more need not be asked so soon. */
static int keep_early(struct origin_link *link, const struct p2p_message *message)
{
    if (link->early != NULL) {
        return 0;
    }
    struct origin_early *early = calloc(1, sizeof *early);
    if (early == NULL) {
        return ERROR_NO_MEMORY;
    }
    early->message = *message;
    memcpy(early->keys, message->lookup.keys, (size_t)message->lookup.count * P2P_KEY_BYTES);
    early->message.lookup.keys = early->keys;
    link->early = early;
    return 0;
}

void origin_tracker_opened(struct origin *origin, struct origin_link *link)
{
    if (link->early != NULL) {
        look_up(origin, link, &link->early->message);
        free(link->early);
        link->early = NULL;
    }
}

static bool has_room(const struct origin *origin, const struct origin_link *link,
                     const struct p2p_message *message)
{
    return server_control_room(origin->server, &link->server) >= p2p_message_frame_bytes(message);
}

/* Who is asked for, when it can be told now; NULL. */
static struct origin_link *find_asked(const struct origin *origin, const struct origin_link *asker,
                                      const struct p2p_message *ask)
{
    uint32_t tracked = tracker_find_peer(origin->tracker, ask->rendezvous.contact.peer_id);
    if (tracked == TRACKER_LINK_NONE || tracked == asker->tracked) {
        return NULL;
    }
    struct origin_link *asked = origin_link_find(origin, tracker_number(origin->tracker, tracked));
    assert(asked != NULL && asked->tracked == tracked);
    return asked->stage == ORIGIN_LINK_OPEN && asked->doom == 0 && has_room(origin, asked, ask)
               ? asked
               : NULL;
}

static void bring_together(struct origin *origin, struct origin_link *asker,
                           const struct p2p_message *ask)
{
    struct origin_link *asked = find_asked(origin, asker, ask);
    struct p2p_contact to_asker = {0};
    struct p2p_contact to_asked = {0};
    if (asked != NULL) {
        tracker_contact(origin->tracker, asker->tracked, asked->tracked, &to_asker);
        tracker_contact(origin->tracker, asked->tracked, asker->tracked, &to_asked);
    }
    struct rendezvous_broker broker;
    rendezvous_broker(&rendezvous_config_default, origin->now_us, ask, &asker->gate, &to_asker,
                      asked == NULL ? NULL : &asked->gate, asked == NULL ? NULL : &to_asked,
                      &broker);
    if (broker.is_arranged) {
        trace_link(origin, asker, "asks for a meeting: links", asker->server.number, " and",
                   asked->server.number);
        server_control(origin->server, &asked->server, &broker.invite);
        origin->totals.meetings++;
    }
    if (broker.is_answered && has_room(origin, asker, &broker.answer)) {
        server_control(origin->server, &asker->server, &broker.answer);
    }
}

static int announce(struct origin *origin, struct origin_link *link,
                    const struct p2p_message *message)
{
    trace_link(origin, link,
               (message->announce.flags & P2P_ANNOUNCE_FRESH) != 0 ? "has" : "has now",
               (uint32_t)message->announce.whole + message->announce.partial, " files, lost",
               message->announce.lost);
    return tracker_announce(origin->tracker, origin->now_us, &link->tracked, message);
}

int origin_tracker_message(struct origin *origin, struct origin_link *link,
                           const struct p2p_message *message)
{
    if (link->tracked == TRACKER_LINK_NONE) {
        return 0; /* it takes no part, or what it says had left before our HELLO said so */
    }
    if (message->type == P2P_LISTEN) {
        return tracker_link_listen(origin->tracker, link->tracked, message);
    }
    if (message->type == P2P_ANNOUNCE) {
        return announce(origin, link, message);
    }
    if (message->type == P2P_LOOKUP && link->stage != ORIGIN_LINK_OPEN) {
        return keep_early(link, message);
    }
    if (message->type == P2P_LOOKUP) {
        look_up(origin, link, message);
        return 0;
    }
    assert(message->type == P2P_RENDEZVOUS);
    if (message->rendezvous.role != P2P_RENDEZVOUS_ASK) {
        origin_link_doom(origin, link, P2P_BYE_PROTOCOL); /* we asked nobody */
    } else if (link->stage == ORIGIN_LINK_OPEN) {
        bring_together(origin, link, message);
    }
    return 0;
}

void origin_tracker_work(struct origin *origin)
{
    if (origin->tracker != NULL && tracker_work(origin->tracker, ORIGIN_TRACKER_WORK)) {
        origin->has_more = true;
    }
}
