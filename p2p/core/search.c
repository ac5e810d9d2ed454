/*
 * search.c: which searches were seen, and where their answers go.
 *
 * Responsible for the ring of the last SEARCH_SEEN_MAX searches, ours and others', and for judging
 * what neighbours send by it. All that is kept for strangers is this ring.
 */
#include "p2p/core/search.h"

#include "common/time_us.h"

#include <assert.h>
#include <string.h>

const struct search_config search_config_default = {
    .hops = 2,
    .life_us = 10 * TIME_US_PER_S,
    .own_us = TIME_US_PER_S,
    .own_burst = 10,
    .forwarded_us = 100 * TIME_US_PER_MS,
    .forwarded_burst = 50,
    .found_us = 100 * TIME_US_PER_MS,
    .found_burst = 40,
};

void search_init(struct search *search, const struct search_config *config)
{
    assert(config->hops == 1 || config->hops == 2);
    assert(config->own_us > 0 && config->own_burst > 0);
    assert(config->forwarded_us > 0 && config->forwarded_burst > 0);
    assert(config->found_us > 0 && config->found_burst > 0);
    memset(search, 0, sizeof *search);
    search->config = config;
}

void search_link_down(struct search *search, uint32_t link)
{
    for (uint32_t i = 0; i < search->count; i++) {
        if (search->seen[i].link == link) {
            search->seen[i].link = 0;
        }
    }
}

static struct search_seen *find(struct search *search, uint64_t query)
{
    for (uint32_t i = 0; i < search->count; i++) {
        if (search->seen[i].query == query) {
            return &search->seen[i];
        }
    }
    return NULL;
}

/* The oldest gives way: as published, and so that a flood costs no memory. */
static struct search_seen *remember(struct search *search, uint64_t now_us, uint64_t query,
                                    uint64_t key)
{
    struct search_seen *seen = &search->seen[search->next];
    search->next = (search->next + 1) % SEARCH_SEEN_MAX;
    search->count += search->count < SEARCH_SEEN_MAX;
    *seen = (struct search_seen){.query = query, .key = key, .at_us = now_us};
    return seen;
}

void search_begin(struct search *search, uint64_t now_us, uint64_t query, uint64_t key,
                  const struct p2p_contact *ourselves, struct p2p_message *ret_message)
{
    struct search_seen *seen = find(search, query);
    seen = seen != NULL ? seen : remember(search, now_us, query, key);
    *seen = (struct search_seen){.query = query, .key = key, .at_us = now_us, .is_ours = true};
    *ret_message = (struct p2p_message){.type = P2P_SEARCH};
    ret_message->search.query = query;
    ret_message->search.hops = (uint8_t)search->config->hops;
    ret_message->search.key = key;
    ret_message->search.contact = *ourselves;
}

unsigned search_take(struct search *search, uint64_t now_us, struct search_gate *gate,
                     uint32_t link, const uint8_t peer_id[HASH_BYTES],
                     const struct p2p_message *message)
{
    assert(message->type == P2P_SEARCH);
    const struct search_config *config = search->config;
    bool is_searcher = memcmp(message->search.contact.peer_id, peer_id, HASH_BYTES) == 0;
    bool may_forward = message->search.hops > 1;
    if (may_forward && !is_searcher) {
        return SEARCH_BREACH;
    }
    if (is_searcher ? !pace_take(&gate->own, now_us, config->own_us, config->own_burst, 1)
                    : !pace_take(&gate->forwarded, now_us, config->forwarded_us,
                                 config->forwarded_burst, 1)) {
        return SEARCH_PASS_OVER;
    }
    if (find(search, message->search.query) != NULL) {
        return SEARCH_PASS_OVER;
    }
    struct search_seen *seen = remember(search, now_us, message->search.query, message->search.key);
    seen->link = link;
    seen->is_forwarded = may_forward;
    return may_forward ? SEARCH_ANSWER | SEARCH_FORWARD : SEARCH_ANSWER;
}

bool search_goes_to(const struct p2p_message *message, uint32_t from_link, uint32_t link,
                    const uint8_t peer_id[HASH_BYTES])
{
    assert(message->type == P2P_SEARCH);
    return link != from_link && memcmp(message->search.contact.peer_id, peer_id, HASH_BYTES) != 0;
}

void search_forward(const struct p2p_message *message, struct p2p_message *ret_message)
{
    assert(message->type == P2P_SEARCH && message->search.hops > 1);
    *ret_message = *message;
    ret_message->search.hops--;
}

void search_answer(const struct p2p_message *message, enum p2p_have kind,
                   const struct p2p_contact *ourselves, struct p2p_message *ret_message)
{
    assert(message->type == P2P_SEARCH);
    assert(kind == P2P_HAVE_WHOLE || kind == P2P_HAVE_PARTIAL);
    *ret_message = (struct p2p_message){.type = P2P_FOUND};
    ret_message->found.query = message->search.query;
    ret_message->found.key = message->search.key;
    ret_message->found.kind = (uint8_t)kind;
    ret_message->found.contact = *ourselves;
}

/* One place a finder: false when it has one, or none is left. */
static bool take_place(struct search_seen *seen, const uint8_t *peer_id)
{
    uint16_t finder = (uint16_t)(peer_id[0] << 8 | peer_id[1]);
    for (uint32_t i = 0; i < seen->found; i++) {
        if (seen->finders[i] == finder) {
            return false;
        }
    }
    if (seen->found == SEARCH_FOUND_MAX) {
        return false;
    }
    seen->finders[seen->found++] = finder;
    return true;
}

/* An answer to what we passed on for a neighbour. */
static enum search_found found_back(struct search_seen *seen, uint32_t link,
                                    const uint8_t peer_id[HASH_BYTES],
                                    const struct p2p_message *message, uint32_t *ret_link)
{
    if (memcmp(message->found.contact.peer_id, peer_id, HASH_BYTES) != 0) {
        return SEARCH_FOUND_BREACH; /* we asked it for one hop: it can only have itself */
    }
    if (seen->link == 0 || seen->link == link || !take_place(seen, peer_id)) {
        return SEARCH_FOUND_NONE;
    }
    *ret_link = seen->link;
    return SEARCH_FOUND_BACK;
}

enum search_found search_found(struct search *search, uint64_t now_us, struct search_gate *gate,
                               uint32_t link, const uint8_t peer_id[HASH_BYTES],
                               const struct p2p_message *message, uint32_t *ret_link)
{
    assert(message->type == P2P_FOUND);
    const struct search_config *config = search->config;
    struct search_seen *seen = find(search, message->found.query);
    if (!pace_take(&gate->found, now_us, config->found_us, config->found_burst, 1)) {
        return SEARCH_FOUND_NONE;
    }
    if (seen == NULL || (!seen->is_ours && !seen->is_forwarded) ||
        time_add_us(seen->at_us, config->life_us) < now_us) {
        return SEARCH_FOUND_NONE; /* forgotten since, never passed on, or too late */
    }
    if (seen->key != message->found.key) {
        return SEARCH_FOUND_BREACH;
    }
    return seen->is_ours ? SEARCH_FOUND_OURS : found_back(seen, link, peer_id, message, ret_link);
}

void search_check_invariants(const struct search *search)
{
    assert(search->count <= SEARCH_SEEN_MAX);
    assert(search->next < SEARCH_SEEN_MAX);
    assert(search->count == SEARCH_SEEN_MAX || search->next == search->count);
    for (uint32_t i = 0; i < search->count; i++) {
        const struct search_seen *seen = &search->seen[i];
        assert(seen->found <= SEARCH_FOUND_MAX);
        assert(!seen->is_ours || (seen->link == 0 && !seen->is_forwarded));
        for (uint32_t k = 0; k < i; k++) {
            assert(search->seen[k].query != seen->query);
        }
    }
}
