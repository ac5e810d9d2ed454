/*
 * origin_link.c: links come, greet, are heard, fall silent, and go.
 *
 * Responsible for the handshake (their HELLO first, then ours with the signature, then all else),
 * for silence, and for letting a link go: with a BYE, at the end of a step, everything that it had
 * freed. Not for what a link asks.
 */
#include "streamserver/core/origin_state.h"

#include "common/error.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static void silence_append(struct origin_silence *silence, struct origin_link *link)
{
    link->next = NULL;
    link->previous = silence->last;
    *(silence->last != NULL ? &silence->last->next : &silence->first) = link;
    silence->last = link;
}

static void silence_take(struct origin_silence *silence, struct origin_link *link)
{
    *(link->previous != NULL ? &link->previous->next : &silence->first) = link->next;
    *(link->next != NULL ? &link->next->previous : &silence->last) = link->previous;
}

static struct origin_silence *silence_of(struct origin *origin, const struct origin_link *link)
{
    return link->stage == ORIGIN_LINK_NEW ? &origin->silent_new : &origin->silent_open;
}

struct origin_link *origin_link_find(const struct origin *origin, uint32_t number)
{
    const struct origin_link_entry *entry = table_get(&origin->links, &number);
    return entry == NULL ? NULL : entry->link;
}

void origin_link_heard(struct origin *origin, struct origin_link *link)
{
    struct origin_silence *silence = silence_of(origin, link);
    link->heard_us = origin->now_us;
    silence_take(silence, link);
    silence_append(silence, link);
}

static void tell_disconnect(struct origin *origin, uint32_t number, enum p2p_bye reason)
{
    struct origin_effect *effect = origin_effect(origin, ORIGIN_EFFECT_DISCONNECT);
    effect->disconnect.link = number;
    effect->disconnect.reason = (uint8_t)reason;
    trace_line(origin->config.trace, origin->now_us, origin->config.trace_node, "link %u: bye: %s",
               number, p2p_bye_text((uint8_t)reason));
}

int origin_link_up(struct origin *origin, const struct origin_event *event)
{
    uint32_t number = event->link_up.link;
    assert(origin_link_find(origin, number) == NULL);
    trace_line(origin->config.trace, origin->now_us, origin->config.trace_node, "link %u: up, %s",
               number, event->link_up.is_tls ? "tls" : "plain");
    if (origin->links.count >= origin->config.link_max) {
        tell_disconnect(origin, number, P2P_BYE_FULL);
        return 0;
    }
    struct origin_link *link = calloc(1, sizeof *link);
    struct origin_link_entry *entry =
        link == NULL ? NULL : table_put(&origin->links, &number, NULL);
    if (entry == NULL) {
        free(link);
        return ERROR_NO_MEMORY;
    }
    entry->link = link;
    server_link_open(origin->server, &link->server, number);
    link->is_tls = event->link_up.is_tls;
    link->heard_us = origin->now_us;
    memcpy(link->nonce, event->link_up.nonce, sizeof link->nonce);
    link->address_family = event->link_up.address_family;
    memcpy(link->address, event->link_up.address, sizeof link->address);
    link->port = event->link_up.port;
    memcpy(link->proven_id, event->link_up.peer_id, sizeof link->proven_id);
    link->tracked = TRACKER_LINK_NONE;
    silence_append(&origin->silent_new, link);
    origin->totals.links++;
    return 0;
}

void origin_link_forget(struct origin *origin, struct origin_link *link)
{
    origin_tracker_forget(origin, link);
    server_link_close(origin->server, &link->server);
    silence_take(silence_of(origin, link), link);
    bool was_there = table_remove(&origin->links, &link->server.number);
    assert(was_there);
    free(link);
}

void origin_link_down(struct origin *origin, uint32_t number, int error)
{
    struct origin_link *link = origin_link_find(origin, number);
    if (link == NULL) {
        return; /* we let it go before */
    }
    origin->totals.misbehaved += error == ERROR_MALFORMED || error == ERROR_TOO_LARGE;
    trace_line(origin->config.trace, origin->now_us, origin->config.trace_node,
               "link %u: down, %u requests dropped", number, server_link_requests(&link->server));
    origin_link_forget(origin, link);
}

int origin_link_hello(struct origin *origin, struct origin_link *link,
                      const struct p2p_hello *hello)
{
    assert(link->stage == ORIGIN_LINK_NEW);
    if (hello->version == 0) {
        origin_link_doom(origin, link, P2P_BYE_PROTOCOL);
        return 0;
    }
    silence_take(&origin->silent_new, link);
    link->stage = ORIGIN_LINK_GREETED;
    link->heard_us = origin->now_us;
    silence_append(&origin->silent_open, link);
    trace_line(origin->config.trace, origin->now_us, origin->config.trace_node,
               "link %u: hello, version %u", link->server.number, hello->version);

    struct origin_effect *effect = origin_effect(origin, ORIGIN_EFFECT_SIGN);
    effect->sign.link = link->server.number;
    effect->sign.form = link->is_tls ? P2P_IDENTITY_TLS : P2P_IDENTITY_NONCE;
    memcpy(effect->sign.nonce, hello->nonce, sizeof effect->sign.nonce);
    return origin_tracker_greet(origin, link, hello);
}

void origin_link_signed(struct origin *origin, const struct origin_event *event)
{
    struct origin_link *link = origin_link_find(origin, event->signed_hello.link);
    if (link == NULL) {
        return; /* it went while we signed */
    }
    assert(link->stage == ORIGIN_LINK_GREETED);
    struct p2p_message message = {.type = P2P_HELLO};
    struct p2p_hello *hello = &message.hello;
    hello->version = P2P_VERSION;
    hello->features = P2P_FEATURE_GIVES | (origin->tracker != NULL ? P2P_FEATURE_TRACKER : 0);
    memcpy(hello->nonce, link->nonce, sizeof hello->nonce);
    hello->request_max = (uint16_t)origin->config.request_max;
    hello->observed_family = link->address_family;
    memcpy(hello->observed_address, link->address, sizeof hello->observed_address);
    hello->observed_port = link->port;
    hello->form = (uint8_t)(link->is_tls ? P2P_IDENTITY_TLS : P2P_IDENTITY_NONCE);
    memcpy(hello->identity, origin->config.identity, sizeof hello->identity);
    memcpy(hello->signature, event->signed_hello.signature, sizeof hello->signature);
    link->stage = ORIGIN_LINK_OPEN;
    server_link_greet(origin->server, &link->server);
    server_control(origin->server, &link->server, &message);
    origin_link_pong(origin, link);
    origin_tracker_opened(origin, link);
}

void origin_link_pong(struct origin *origin, struct origin_link *link)
{
    if (link->owes_pong && link->stage == ORIGIN_LINK_OPEN) {
        struct p2p_message pong = {.type = P2P_PONG, .pong = {.token = link->pong_token}};
        link->owes_pong = false;
        server_control(origin->server, &link->server, &pong);
    }
}

void origin_link_doom(struct origin *origin, struct origin_link *link, enum p2p_bye reason)
{
    if (link->doom != 0) {
        return;
    }
    link->doom = (uint8_t)reason;
    link->next_doomed = origin->doomed;
    origin->doomed = link;
    origin->doomed_count++;
    origin->totals.misbehaved += reason == P2P_BYE_PROTOCOL;
}

static void expire(struct origin *origin, struct origin_silence *silence, enum p2p_bye reason,
                   uint32_t *left)
{
    struct origin_link *link = silence->first;
    while (link != NULL && time_add_us(link->heard_us, silence->span_us) <= origin->now_us) {
        if (*left == 0) {
            origin->has_more = true;
            return;
        }
        (*left)--;
        origin_link_doom(origin, link, reason);
        link = link->next;
    }
}

void origin_link_expire(struct origin *origin)
{
    uint32_t left = ORIGIN_EXPIRED_MAX;
    expire(origin, &origin->silent_new, P2P_BYE_PROTOCOL, &left);
    expire(origin, &origin->silent_open, P2P_BYE_IDLE, &left);
}

void origin_link_bury(struct origin *origin)
{
    while (origin->doomed != NULL) {
        struct origin_link *link = origin->doomed;
        origin->doomed = link->next_doomed;
        origin->doomed_count--;
        tell_disconnect(origin, link->server.number, (enum p2p_bye)link->doom);
        origin_link_forget(origin, link);
    }
}

static uint64_t silence_deadline_us(const struct origin_silence *silence)
{
    return silence->first == NULL ? TIME_NEVER_US
                                  : time_add_us(silence->first->heard_us, silence->span_us);
}

uint64_t origin_link_next_deadline_us(const struct origin *origin)
{
    return time_min_us(silence_deadline_us(&origin->silent_new),
                       silence_deadline_us(&origin->silent_open));
}
