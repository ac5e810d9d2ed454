/*
 * links.c: records, silence and backoff; see links.h.
 *
 * Responsible for when; what is sent is node_links.c's.
 */
#include "player/core/links.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define BACKOFF_DOUBLINGS_MAX 20u

void links_init(struct links *links)
{
    memset(links, 0, sizeof *links);
    links->next_number = 1;
    links->origin.down_since_us = TIME_NEVER_US;
}

void links_deinit(struct links *links)
{
    for (uint32_t i = 0; i < links->count; i++) {
        free(links->list[i]);
    }
    memset(links, 0, sizeof *links);
}

static struct link *insert(struct links *links, uint32_t number, enum node_link_kind kind,
                           enum link_state state)
{
    struct link *link = calloc(1, sizeof *link);
    if (link == NULL) {
        return NULL;
    }
    link->number = number;
    link->kind = kind;
    link->state = state;
    link->request_max = LINK_REQUESTS_BEFORE_HELLO;
    requests_init(&link->requests);
    uint32_t at = links->count++;
    while (at > 0 && links->list[at - 1]->number > number) {
        links->list[at] = links->list[at - 1];
        at--;
    }
    links->list[at] = link;
    return link;
}

struct link *links_add(struct links *links, enum node_link_kind kind)
{
    assert(links->count < NODE_LINKS_MAX && links->next_number < NODE_LINK_INCOMING);
    struct link *link = insert(links, links->next_number, kind, LINK_CONNECTING);
    if (link != NULL) {
        links->next_number++;
    }
    return link;
}

struct link *links_accept(struct links *links, uint32_t number)
{
    assert(number >= NODE_LINK_INCOMING && links_find(links, number) == NULL);
    if (links->count == NODE_LINKS_MAX) {
        return NULL;
    }
    struct link *link = insert(links, number, NODE_LINK_PEER, LINK_UP);
    if (link != NULL) {
        link->is_incoming = true;
    }
    return link;
}

struct link *links_find(const struct links *links, uint32_t number)
{
    for (uint32_t i = 0; i < links->count; i++) {
        if (links->list[i]->number == number) {
            return links->list[i];
        }
    }
    return NULL;
}

struct link *links_origin(const struct links *links)
{
    for (uint32_t i = 0; i < links->count; i++) {
        if (links->list[i]->kind == NODE_LINK_ORIGIN) {
            return links->list[i];
        }
    }
    return NULL;
}

void links_remove(struct links *links, uint32_t number)
{
    for (uint32_t i = 0; i < links->count; i++) {
        if (links->list[i]->number == number) {
            free(links->list[i]);
            links->count--;
            memmove(&links->list[i], &links->list[i + 1],
                    (links->count - i) * sizeof links->list[0]);
            return;
        }
    }
}

uint32_t links_requests_left(const struct link *link)
{
    uint32_t most = link->request_max < REQUESTS_MAX ? link->request_max : REQUESTS_MAX;
    return link->requests.count < most ? most - link->requests.count : 0;
}

bool links_is_waiting(const struct link *link)
{
    return link->state == LINK_UP &&
           (link->requests.count > 0 || !link->has_hello || link->ping_us != 0);
}

void links_asked(struct link *link, uint64_t now_us)
{
    if (!links_is_waiting(link) || link->quiet_since_us == 0) {
        link->quiet_since_us = now_us;
    }
}

enum links_duty links_duty(const struct link *link, const struct node_preset *preset,
                           uint64_t now_us)
{
    if (!links_is_waiting(link)) {
        return LINK_DUTY_NONE;
    }
    uint64_t patience_us =
        link->is_under_test ? preset->request_timeout_us : preset->link_timeout_us;
    if (now_us >= time_add_us(link->quiet_since_us, patience_us)) {
        return LINK_DUTY_GIVE_UP;
    }
    if (link->ping_us == 0 &&
        now_us >= time_add_us(link->quiet_since_us, preset->request_timeout_us)) {
        return LINK_DUTY_PING;
    }
    return LINK_DUTY_NONE;
}

uint64_t links_next_deadline_us(const struct link *link, const struct node_preset *preset)
{
    if (!links_is_waiting(link)) {
        return TIME_NEVER_US;
    }
    bool is_soon = link->ping_us == 0 || link->is_under_test;
    return time_add_us(link->quiet_since_us,
                       is_soon ? preset->request_timeout_us : preset->link_timeout_us);
}

void links_connector_failed(struct connector *connector, const struct node_preset *preset,
                            struct prng *prng, uint64_t now_us, int error)
{
    uint32_t doublings =
        connector->attempts < BACKOFF_DOUBLINGS_MAX ? connector->attempts : BACKOFF_DOUBLINGS_MAX;
    uint64_t delay_us = time_scale(preset->connect_backoff_us, UINT64_C(1) << doublings, 1);
    delay_us = time_min_us(delay_us, preset->connect_backoff_max_us);
    /* Half of it by chance, so that the listeners of an origin that restarts come one by one. */
    uint64_t half_us = delay_us / 2;
    connector->retry_us = time_add_us(now_us, delay_us - half_us + prng_below(prng, half_us + 1));
    connector->attempts++;
    connector->error = error;
    if (connector->down_since_us == TIME_NEVER_US) {
        connector->down_since_us = now_us;
    }
    if (!connector->was_up && connector->attempts >= preset->connect_attempts_first) {
        connector->is_given_up = true;
    }
}

void links_connector_succeeded(struct connector *connector)
{
    connector->retry_us = 0;
    connector->down_since_us = TIME_NEVER_US;
    connector->was_up = true;
    connector->is_told = false;
    connector->error = 0;
}

void links_connector_proved(struct connector *connector)
{
    connector->attempts = 0;
}

void links_connector_broke(struct connector *connector, const struct node_preset *preset,
                           uint64_t now_us)
{
    connector->tracker_us = time_add_us(now_us, preset->tracker_rest_us);
}

void links_connector_renew(struct connector *connector, uint64_t now_us)
{
    connector->attempts = 0;
    connector->is_given_up = false;
    connector->retry_us = time_min_us(connector->retry_us, now_us);
}

void links_connector_encourage(struct connector *connector, uint64_t now_us)
{
    if (connector->is_given_up) {
        connector->is_given_up = false;
        connector->attempts = 0;
        connector->retry_us = now_us;
    }
}

bool links_connector_may(const struct connector *connector, uint64_t now_us)
{
    return !connector->is_refused && !connector->is_given_up && now_us >= connector->retry_us;
}

size_t links_heap_bytes(const struct links *links)
{
    return links->count * sizeof *links->list[0];
}

void links_check_invariants(const struct links *links)
{
    uint32_t origins = 0;
    for (uint32_t i = 0; i < links->count; i++) {
        const struct link *link = links->list[i];
        assert(link->is_incoming == (link->number >= NODE_LINK_INCOMING));
        assert(link->is_incoming || link->number < links->next_number);
        assert(!link->is_incoming || link->kind == NODE_LINK_PEER);
        assert(i == 0 || links->list[i - 1]->number < link->number);
        assert(link->state == LINK_UP || link->requests.count == 0);
        assert(!link->is_checked || link->has_hello);
        requests_check_invariants(&link->requests);
        origins += link->kind == NODE_LINK_ORIGIN;
    }
    assert(origins <= 1);
}
