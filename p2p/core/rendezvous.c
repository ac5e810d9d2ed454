/*
 * rendezvous.c: who is brought together with whom, and whose word about it counts.
 *
 * Happy path of the asker: rendezvous_ask -> GO -> dial. Failure modes: AWAY, no answer in time,
 * the broker's link gone: each leads to the next broker, RENDEZVOUS_BROKERS_MAX in all. An entry
 * outlives its answer for forget_us, so that the same peer is not asked for at once again and what
 * comes late is told from what nobody asked for.
 */
#include "p2p/core/rendezvous.h"

#include "common/time_us.h"

#include <assert.h>
#include <string.h>

const struct rendezvous_config rendezvous_config_default = {
    .ask_us = 250 * TIME_US_PER_MS,
    .ask_burst = 16,
    .invite_us = 250 * TIME_US_PER_MS,
    .invite_burst = 16,
    .answer_us = TIME_US_PER_S,
    .forget_us = 30 * TIME_US_PER_S,
};

static void fill(struct p2p_message *message, enum p2p_rendezvous role,
                 const struct p2p_contact *contact)
{
    *message = (struct p2p_message){.type = P2P_RENDEZVOUS};
    message->rendezvous.role = (uint8_t)role;
    message->rendezvous.contact = *contact;
}

/* ---- The broker ---- */

void rendezvous_broker(const struct rendezvous_config *config, uint64_t now_us,
                       const struct p2p_message *ask, struct rendezvous_gate *asker_gate,
                       const struct p2p_contact *asker, struct rendezvous_gate *asked_gate,
                       const struct p2p_contact *asked, struct rendezvous_broker *ret_broker)
{
    assert(ask->type == P2P_RENDEZVOUS && ask->rendezvous.role == P2P_RENDEZVOUS_ASK);
    assert((asked == NULL) == (asked_gate == NULL));
    memset(ret_broker, 0, sizeof *ret_broker);
    if (!pace_take(&asker_gate->asks, now_us, config->ask_us, config->ask_burst, 1)) {
        return; /* a flood is not worth an answer */
    }
    ret_broker->is_answered = true;
    if (asked == NULL ||
        !pace_take(&asked_gate->invites, now_us, config->invite_us, config->invite_burst, 1)) {
        struct p2p_contact away = {0};
        memcpy(away.peer_id, ask->rendezvous.contact.peer_id, HASH_BYTES);
        fill(&ret_broker->answer, P2P_RENDEZVOUS_AWAY, &away);
        return;
    }
    ret_broker->is_arranged = true;
    fill(&ret_broker->invite, P2P_RENDEZVOUS_INVITE, asker);
    fill(&ret_broker->answer, P2P_RENDEZVOUS_GO, asked);
}

/* ---- The asker ---- */

void rendezvous_init(struct rendezvous *rendezvous, const struct rendezvous_config *config)
{
    assert(config->ask_us > 0 && config->ask_burst > 0);
    assert(config->invite_us > 0 && config->invite_burst > 0);
    assert(config->answer_us > 0);
    memset(rendezvous, 0, sizeof *rendezvous);
    rendezvous->config = config;
}

static struct rendezvous_asked *find(struct rendezvous *rendezvous, const uint8_t *peer_id)
{
    for (uint32_t i = 0; i < rendezvous->count; i++) {
        if (memcmp(rendezvous->asked[i].peer_id, peer_id, HASH_BYTES) == 0) {
            return &rendezvous->asked[i];
        }
    }
    return NULL;
}

static void take_out(struct rendezvous *rendezvous, struct rendezvous_asked *asked)
{
    *asked = rendezvous->asked[--rendezvous->count];
}

static bool was_asked(const struct rendezvous_asked *asked, uint32_t link)
{
    for (uint32_t i = 0; i < asked->broker_count; i++) {
        if (asked->brokers[i] == link) {
            return true;
        }
    }
    return false;
}

/* The one whose answer is awaited. */
static uint32_t broker_of(const struct rendezvous_asked *asked)
{
    return asked->brokers[asked->broker_count - 1];
}

/* A new entry; instead of one that is only remembered, if need be. NULL: all are waiting. */
static struct rendezvous_asked *add(struct rendezvous *rendezvous, const uint8_t *peer_id)
{
    struct rendezvous_asked *asked = NULL;
    if (rendezvous->count < RENDEZVOUS_ASKED_MAX) {
        asked = &rendezvous->asked[rendezvous->count++];
    }
    for (uint32_t i = 0; asked == NULL && i < rendezvous->count; i++) {
        asked = rendezvous->asked[i].is_waiting ? NULL : &rendezvous->asked[i];
    }
    if (asked != NULL) {
        memset(asked, 0, sizeof *asked);
        memcpy(asked->peer_id, peer_id, HASH_BYTES);
    }
    return asked;
}

static void forget_old(struct rendezvous *rendezvous, uint64_t now_us)
{
    uint32_t i = 0;
    while (i < rendezvous->count) {
        struct rendezvous_asked *asked = &rendezvous->asked[i];
        if (!asked->is_waiting && asked->wait_us <= now_us) {
            take_out(rendezvous, asked);
        } else {
            i++;
        }
    }
}

static void settle(const struct rendezvous *rendezvous, struct rendezvous_asked *asked,
                   uint64_t now_us)
{
    asked->is_waiting = false;
    asked->wait_us = time_add_us(now_us, rendezvous->config->forget_us);
}

bool rendezvous_ask(struct rendezvous *rendezvous, uint64_t now_us, struct rendezvous_gate *gate,
                    uint32_t link, const uint8_t peer_id[HASH_BYTES],
                    struct p2p_message *ret_message)
{
    assert(link != 0);
    const struct rendezvous_config *config = rendezvous->config;
    forget_old(rendezvous, now_us);
    struct rendezvous_asked *asked = find(rendezvous, peer_id);
    if (asked != NULL && (asked->is_waiting || asked->broker_count == RENDEZVOUS_BROKERS_MAX ||
                          was_asked(asked, link))) {
        return false;
    }
    if (!pace_take(&gate->asks, now_us, config->ask_us, config->ask_burst, 1)) {
        return false;
    }
    asked = asked != NULL ? asked : add(rendezvous, peer_id);
    if (asked == NULL) {
        return false;
    }
    asked->brokers[asked->broker_count++] = link;
    asked->is_waiting = true;
    asked->wait_us = time_add_us(now_us, config->answer_us);
    struct p2p_contact wanted = {0};
    memcpy(wanted.peer_id, peer_id, HASH_BYTES);
    fill(ret_message, P2P_RENDEZVOUS_ASK, &wanted);
    return true;
}

bool rendezvous_is_waiting(const struct rendezvous *rendezvous, uint64_t now_us,
                           const uint8_t peer_id[HASH_BYTES])
{
    for (uint32_t i = 0; i < rendezvous->count; i++) {
        const struct rendezvous_asked *asked = &rendezvous->asked[i];
        if (memcmp(asked->peer_id, peer_id, HASH_BYTES) == 0) {
            return asked->is_waiting && asked->wait_us > now_us;
        }
    }
    return false;
}

enum rendezvous_taken rendezvous_answered(struct rendezvous *rendezvous, uint64_t now_us,
                                          uint32_t link, const struct p2p_message *message)
{
    assert(message->type == P2P_RENDEZVOUS);
    bool is_go = message->rendezvous.role == P2P_RENDEZVOUS_GO;
    assert(is_go || message->rendezvous.role == P2P_RENDEZVOUS_AWAY);
    struct rendezvous_asked *asked = find(rendezvous, message->rendezvous.contact.peer_id);
    if (asked == NULL) {
        return RENDEZVOUS_NOTHING; /* forgotten since: the link is up, or it came very late */
    }
    if (!was_asked(asked, link)) {
        return RENDEZVOUS_BREACH;
    }
    if (!asked->is_waiting || broker_of(asked) != link) {
        return RENDEZVOUS_NOTHING; /* another has been asked meanwhile */
    }
    settle(rendezvous, asked, now_us);
    return is_go ? RENDEZVOUS_DIAL : RENDEZVOUS_NEXT;
}

static bool is_dialable(const struct p2p_contact *contact)
{
    for (uint32_t i = 0; i < p2p_contact_address_count(contact); i++) {
        if (p2p_address_is_dialable(&contact->addresses[i])) {
            return true;
        }
    }
    return false;
}

enum rendezvous_taken rendezvous_invited(const struct rendezvous_config *config, uint64_t now_us,
                                         struct rendezvous_gate *gate, const uint8_t us[HASH_BYTES],
                                         const struct p2p_message *message)
{
    assert(message->type == P2P_RENDEZVOUS);
    assert(message->rendezvous.role == P2P_RENDEZVOUS_INVITE);
    const struct p2p_contact *contact = &message->rendezvous.contact;
    if (memcmp(contact->peer_id, us, HASH_BYTES) == 0 || !is_dialable(contact)) {
        return RENDEZVOUS_NOTHING;
    }
    bool may = pace_take(&gate->follows, now_us, config->invite_us, config->invite_burst, 1);
    return may ? RENDEZVOUS_DIAL : RENDEZVOUS_NOTHING;
}

/* ---- Time ---- */

bool rendezvous_expired(struct rendezvous *rendezvous, uint64_t now_us,
                        uint8_t ret_peer_id[HASH_BYTES])
{
    for (uint32_t i = 0; i < rendezvous->count; i++) {
        struct rendezvous_asked *asked = &rendezvous->asked[i];
        if (asked->is_waiting && asked->wait_us <= now_us) {
            settle(rendezvous, asked, now_us);
            memcpy(ret_peer_id, asked->peer_id, HASH_BYTES);
            return true;
        }
    }
    return false;
}

uint64_t rendezvous_next_deadline_us(const struct rendezvous *rendezvous)
{
    uint64_t deadline_us = TIME_NEVER_US;
    for (uint32_t i = 0; i < rendezvous->count; i++) {
        if (rendezvous->asked[i].is_waiting) {
            deadline_us = time_min_us(deadline_us, rendezvous->asked[i].wait_us);
        }
    }
    return deadline_us;
}

void rendezvous_link_down(struct rendezvous *rendezvous, uint64_t now_us, uint32_t link)
{
    for (uint32_t i = 0; i < rendezvous->count; i++) {
        struct rendezvous_asked *asked = &rendezvous->asked[i];
        if (asked->is_waiting && broker_of(asked) == link) {
            asked->wait_us = time_min_us(asked->wait_us, now_us);
        }
        for (uint32_t k = 0; k < asked->broker_count; k++) {
            asked->brokers[k] = asked->brokers[k] == link ? 0 : asked->brokers[k];
        }
    }
}

void rendezvous_done(struct rendezvous *rendezvous, const uint8_t peer_id[HASH_BYTES])
{
    struct rendezvous_asked *asked = find(rendezvous, peer_id);
    if (asked != NULL) {
        take_out(rendezvous, asked);
    }
}

void rendezvous_check_invariants(const struct rendezvous *rendezvous)
{
    assert(rendezvous->count <= RENDEZVOUS_ASKED_MAX);
    for (uint32_t i = 0; i < rendezvous->count; i++) {
        const struct rendezvous_asked *asked = &rendezvous->asked[i];
        assert(asked->broker_count > 0);
        assert(asked->broker_count <= RENDEZVOUS_BROKERS_MAX);
        for (uint32_t k = 0; k < i; k++) {
            assert(memcmp(asked->peer_id, rendezvous->asked[k].peer_id, HASH_BYTES) != 0);
        }
    }
}
