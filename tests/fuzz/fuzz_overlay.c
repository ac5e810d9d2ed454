/*
 * fuzz_overlay.c: any sequence of events and of what peers and trackers say leaves the overlay in
 * order.
 *
 * Bytes are a program for a world that is the node: it gives links their numbers, answers CONNECT,
 * tells that what was to be dropped is gone. Whatever others say passes the codec first, as in the
 * node. After every event all that is due is settled, and each action is held against the contract
 * of overlay.h. In the end all links go and a day passes: then an honest neighbour is believed, and
 * a holder that the tracker names is dialled.
 */
#include "common/error.h"
#include "common/time_us.h"
#include "p2p/core/overlay.h"
#include "tests/lib/overlay_talk.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define OPERATIONS_MAX 200u
#define LINKS_MAX 100u
#define SETTLES_MAX 200u
#define AGAIN_EVERY 8u /* inputs of such a length run twice: the same must happen */
/* More than an overlay may ever take: 60 neighbours with all their masks, 1,000 contacts. */
#define HEAP_BYTES_MAX (8u << 20)

enum link_state {
    LINK_NONE = 0,
    LINK_DIALLING,
    LINK_UP,
    LINK_CLOSING, /* the node has closed it by itself in this step */
    LINK_DROPPED, /* the overlay has; its LINK_DOWN is still to be told */
};

struct world_link {
    enum link_state state;
    uint32_t number;
    uint32_t peer;
    bool is_arranged;
    struct p2p_address address;
};

struct world {
    struct overlay *overlay;
    struct media_intern *intern;
    struct overlay_talk talk;
    uint64_t now_us;
    uint32_t next_number;
    media_handle files[OVERLAY_TALK_FILES];
    uint8_t stored[OVERLAY_TALK_FILES]; /* 0 nothing, 1 all, else every so manieth row */
    struct world_link links[LINKS_MAX];
    uint32_t tracker;
    uint32_t connects;
    bool keeps_dropped;
    uint64_t hash;
};

static uint8_t next(struct world *world)
{
    return overlay_talk_next(&world->talk);
}

/* --- what we own -------------------------------------------------------------------------------- */

static uint32_t index_of(const struct world *world, media_handle file)
{
    uint32_t index = 0;
    while (world->files[index] != file) {
        index++;
        assert(index < OVERLAY_TALK_FILES);
    }
    return index;
}

static enum p2p_have own_kind(void *context, media_handle file)
{
    const struct world *world = context;
    uint8_t stored = world->stored[index_of(world, file)];
    return stored == 0 ? P2P_HAVE_NONE : stored == 1 ? P2P_HAVE_WHOLE : P2P_HAVE_PARTIAL;
}

static uint8_t own_row_mask(void *context, media_handle file, uint32_t row)
{
    const struct world *world = context;
    uint32_t index = index_of(world, file);
    uint8_t all = (uint8_t)((1u << media_row_chunks(overlay_talk_files[index].bytes, row)) - 1);
    uint8_t stored = world->stored[index];
    bool has = stored == 1 || (stored > 1 && row % stored == 0);
    return has ? (stored % 2 == 0 ? all & 0x55 : all) : 0;
}

static bool own_next(void *context, uint32_t *place, media_handle *ret_file)
{
    const struct world *world = context;
    while (*place < OVERLAY_TALK_FILES && world->stored[*place] == 0) {
        ++*place;
    }
    if (*place == OVERLAY_TALK_FILES) {
        return false;
    }
    *ret_file = world->files[(*place)++];
    return true;
}

/* --- links -------------------------------------------------------------------------------------- */

static struct world_link *find_link(struct world *world, uint32_t number)
{
    for (uint32_t i = 0; i < LINKS_MAX; i++) {
        if (world->links[i].state != LINK_NONE && world->links[i].number == number) {
            return &world->links[i];
        }
    }
    return NULL;
}

/* NULL: no number is free. */
static struct world_link *new_link(struct world *world, uint32_t peer, enum link_state state)
{
    for (uint32_t i = 0; i < LINKS_MAX; i++) {
        if (world->links[i].state == LINK_NONE) {
            world->links[i] =
                (struct world_link){.state = state, .number = ++world->next_number, .peer = peer};
            return &world->links[i];
        }
    }
    return NULL;
}

/* One in this state, chosen by a byte; NULL: none. */
static struct world_link *any_link(struct world *world, enum link_state state)
{
    uint32_t start = next(world) % LINKS_MAX;
    for (uint32_t i = 0; i < LINKS_MAX; i++) {
        struct world_link *link = &world->links[(start + i) % LINKS_MAX];
        if (link->state == state) {
            return link;
        }
    }
    return NULL;
}

static void take_down(struct world *world, struct world_link *link, int error)
{
    uint32_t number = link->number;
    link->state = LINK_NONE;
    int rc = overlay_link_down(world->overlay, world->now_us, number, error);
    assert(rc == 0);
}

static uint32_t peer_of(const uint8_t *id)
{
    for (uint32_t peer = 0; peer < OVERLAY_TALK_PEERS; peer++) {
        if (memcmp(overlay_talk_peer(peer), id, HASH_BYTES) == 0) {
            return peer;
        }
    }
    assert(false); /* it would be ours, or a stranger's that nobody named */
    return 0;
}

/* --- what it does ------------------------------------------------------------------------------- */

static void note(struct world *world, const void *bytes, size_t count)
{
    const uint8_t *at = bytes;
    for (size_t i = 0; i < count; i++) {
        world->hash = (world->hash ^ at[i]) * UINT64_C(0x100000001b3);
    }
}

static void do_connect(struct world *world, const struct overlay_action *action)
{
    const struct p2p_contact *contact = &action->connect.contact;
    uint32_t peer = peer_of(contact->peer_id);
    assert(p2p_address_is_dialable(&contact->addresses[0]));
    note(world, contact->peer_id, HASH_BYTES);
    world->connects++;
    struct world_link *link = new_link(world, peer, LINK_DIALLING);
    if (link != NULL) {
        link->address = contact->addresses[0];
        link->is_arranged = action->connect.is_arranged;
    }
    overlay_dialling(world->overlay, world->now_us, contact->peer_id,
                     link == NULL ? 0 : link->number);
}

static void do_send(struct world *world, const struct overlay_action *action)
{
    static uint8_t body[P2P_ENCODED_BYTES_MAX];
    const struct p2p_message *message = &action->send.message;
    const struct world_link *link = find_link(world, action->send.link);
    size_t bytes = 0;
    bool is_tracker = action->send.link == world->tracker;
    assert(is_tracker || link != NULL);
    assert(is_tracker || link->state == LINK_UP || link->state == LINK_CLOSING);
    assert(p2p_message_encode(message, body, sizeof body, &bytes) == 0); /* also asserts its form */
    note(world, body, bytes);
    switch ((unsigned)message->type) {
    case P2P_LOOKUP:
        world->talk.lookups[world->talk.lookup_count++ % OVERLAY_TALK_QUERIES] =
            message->lookup.lookup;
        assert(is_tracker);
        break;
    case P2P_ANNOUNCE:
        assert(is_tracker);
        break;
    case P2P_SEARCH:
        world->talk.queries[world->talk.query_count++ % OVERLAY_TALK_QUERIES] =
            message->search.query;
        assert(!is_tracker);
        break;
    case P2P_LISTEN:
    case P2P_RENDEZVOUS:
        break;
    case P2P_INTEREST:
    case P2P_HAVE:
    case P2P_EXCHANGE:
    case P2P_FOUND:
        assert(!is_tracker);
        break;
    default:
        assert(false);
    }
}

static void do_drop(struct world *world, const struct overlay_action *action)
{
    struct world_link *link = find_link(world, action->drop.link);
    assert(link != NULL && link->state != LINK_DROPPED);
    link->state = LINK_DROPPED;
    note(world, &action->drop.reason, 1);
}

static void act(struct world *world, const struct overlay_actions *actions)
{
    assert(actions->count <= OVERLAY_ACTIONS_MAX);
    for (uint32_t i = 0; i < actions->count; i++) {
        const struct overlay_action *action = &actions->actions[i];
        switch (action->kind) {
        case OVERLAY_CONNECT:
            do_connect(world, action);
            break;
        case OVERLAY_SEND:
            do_send(world, action);
            break;
        case OVERLAY_DROP:
            do_drop(world, action);
            break;
        case OVERLAY_REMEMBER:
            assert(p2p_contact_ok(&action->remember.contact));
            break;
        }
    }
}

/* Everything that is due now is done, and that ends. */
static void settle(struct world *world)
{
    struct overlay_actions actions;
    uint32_t rounds = 0;
    do {
        assert(overlay_settle(world->overlay, world->now_us, &actions) == 0);
        act(world, &actions);
        assert(++rounds < SETTLES_MAX);
        for (uint32_t i = 0; i < LINKS_MAX; i++) {
            enum link_state state = world->links[i].state;
            if (state == LINK_CLOSING || (state == LINK_DROPPED && !world->keeps_dropped)) {
                take_down(world, &world->links[i], ERROR_CLOSED);
            }
        }
    } while (overlay_next_deadline_us(world->overlay) <= world->now_us);
    overlay_check_invariants(world->overlay);
    assert(overlay_heap_bytes(world->overlay) <= HEAP_BYTES_MAX);
    struct overlay_status status;
    overlay_get_status(world->overlay, &status);
    assert(status.neighbours <= overlay_config_refrain()->degree_hard);
}

/* As the node does: at each deadline. */
static void run(struct world *world, uint64_t until_us)
{
    for (uint32_t i = 0; i < SETTLES_MAX; i++) {
        uint64_t deadline_us = overlay_next_deadline_us(world->overlay);
        if (deadline_us > until_us) {
            break;
        }
        world->now_us = deadline_us > world->now_us ? deadline_us : world->now_us;
        settle(world);
    }
    world->now_us = until_us;
    settle(world);
}

/* As the node hands it over: what breaks the protocol ends the link. */
static void hand_over(struct world *world, uint32_t number, const struct p2p_message *message)
{
    int rc = overlay_message(world->overlay, world->now_us, number, message);
    assert(rc == 0 || rc == ERROR_MALFORMED);
    struct world_link *link = find_link(world, number);
    if (rc == 0 || link == NULL || link->state == LINK_DROPPED) {
        return;
    }
    assert(overlay_misbehaved(world->overlay, world->now_us, number, OVERLAY_FAULT_PROTOCOL) == 0);
    link->state = LINK_CLOSING;
}

static void say(struct world *world, uint32_t number, uint32_t speaker)
{
    static const enum p2p_type types[] = {P2P_HELLO,      P2P_LISTEN,  P2P_INTEREST, P2P_HAVE,
                                          P2P_HAVE,       P2P_HOLDERS, P2P_EXCHANGE, P2P_SEARCH,
                                          P2P_RENDEZVOUS, P2P_FOUND};
    static uint8_t list[OVERLAY_TALK_LIST_BYTES];
    static uint8_t body[P2P_ENCODED_BYTES_MAX];
    struct p2p_message message;
    struct p2p_message decoded;
    size_t bytes = 0;
    enum p2p_type type = types[next(world) % (sizeof types / sizeof types[0])];
    if (!overlay_talk_compose(&world->talk, type, speaker, &message, list)) {
        return;
    }
    assert(p2p_message_encode(&message, body, sizeof body, &bytes) == 0);
    assert(p2p_message_decode((uint8_t)message.type, body, bytes, &decoded) == 0);
    hand_over(world, number, &decoded);
}

/* --- the program -------------------------------------------------------------------------------- */

static void op_incoming(struct world *world)
{
    uint32_t peer = next(world) % OVERLAY_TALK_PEERS;
    uint8_t how = next(world);
    struct world_link *link = new_link(world, peer, LINK_UP);
    if (link != NULL) {
        link->address = overlay_talk_address(peer, how % 8 == 7 ? 0 : how);
        assert(overlay_link_up(world->overlay, world->now_us, link->number, true,
                               overlay_talk_peer(peer), &link->address) == 0);
    }
}

static void op_dialled(struct world *world)
{
    static const int errors[] = {ERROR_UNREACHABLE, ERROR_TIMEOUT, ERROR_MISMATCH,
                                 ERROR_EXISTS,      ERROR_CLOSED,  ERROR_CRYPTO};
    uint8_t how = next(world);
    struct world_link *link = any_link(world, LINK_DIALLING);
    if (link == NULL) {
        return;
    }
    if (how % 3 == 0) {
        take_down(world, link, errors[how / 3 % 6]);
        return;
    }
    link->state = LINK_UP;
    assert(overlay_link_up(world->overlay, world->now_us, link->number, false,
                           overlay_talk_peer(link->peer), &link->address) == 0);
}

static void op_tracker(struct world *world)
{
    uint8_t how = next(world);
    if (how % 4 == 0 && world->tracker != 0) {
        world->tracker = 0;
        overlay_tracker_down(world->overlay, world->now_us);
    } else if (world->tracker == 0) {
        world->tracker = ++world->next_number;
        assert(overlay_tracker_up(world->overlay, world->now_us, world->tracker,
                                  &(struct p2p_address){0}) == 0);
    } else {
        say(world, world->tracker, next(world) % OVERLAY_TALK_PEERS);
    }
}

static void op_wishes(struct world *world)
{
    struct overlay_wish wishes[OVERLAY_TALK_FILES];
    uint8_t which = next(world);
    uint8_t how = next(world);
    uint32_t count = 0;
    for (uint32_t i = 0; i < OVERLAY_TALK_FILES; i++) {
        if ((which >> i & 1) != 0) {
            wishes[count] = (struct overlay_wish){.file = world->files[i],
                                                  .weight = 1000 - 100 * count,
                                                  .is_urgent = count == 0 && how % 2 == 0};
            count++;
        }
    }
    assert(overlay_set_wishes(world->overlay, world->now_us, wishes, count) == 0);
}

static void op_own(struct world *world)
{
    uint32_t file = next(world) % OVERLAY_TALK_FILES;
    uint8_t how = next(world);
    world->stored[file] = how % 8;
    assert(overlay_own_changed(world->overlay, world->now_us, world->files[file]) == 0);
    if (how % 16 > 12) {
        assert(overlay_own_played(world->overlay, world->now_us, world->files[file]) == 0);
    }
}

static void op_count(struct world *world)
{
    uint8_t how = next(world);
    uint32_t file = next(world) % OVERLAY_TALK_FILES;
    const struct world_link *link = any_link(world, LINK_UP);
    uint32_t number = link == NULL ? 9999999 : link->number;
    media_handle handle = world->files[file];
    if (how % 8 < 2) {
        overlay_received(world->overlay, world->now_us, number, handle, how * 10000u);
    } else if (how % 8 == 2) {
        overlay_sent(world->overlay, world->now_us, number, how * 10000u);
    } else if (how % 8 == 3) {
        overlay_rtt(world->overlay, number, how * TIME_US_PER_MS);
    } else if (how % 8 < 7) {
        uint32_t chunk = (how / 8u * 7u) % media_chunk_count(overlay_talk_files[file].bytes);
        assert(overlay_not_held(world->overlay, world->now_us, number, handle, chunk) == 0);
    } else {
        assert(overlay_misbehaved(world->overlay, world->now_us, number,
                                  (enum overlay_fault)(how / 8 % 4)) == 0);
    }
}

/* Questions have answers that hold together. */
static void ask(struct world *world)
{
    uint32_t links[OVERLAY_LINKS_MAX];
    for (uint32_t i = 0; i < OVERLAY_TALK_FILES; i++) {
        struct overlay_sources sources;
        uint32_t chunk = next(world) % media_chunk_count(overlay_talk_files[i].bytes);
        overlay_get_sources(world->overlay, world->files[i], &sources);
        uint32_t count =
            overlay_get_holders(world->overlay, world->files[i], links, OVERLAY_LINKS_MAX);
        uint32_t with_chunk = 0;
        for (uint32_t k = 0; k < count; k++) {
            struct overlay_neighbour neighbour;
            struct overlay_holding holding;
            assert(overlay_get_neighbour(world->overlay, links[k], &neighbour));
            assert(overlay_holding(world->overlay, links[k], world->files[i], &holding));
            with_chunk += overlay_has(world->overlay, links[k], world->files[i], chunk);
        }
        assert(with_chunk <= overlay_count_holders(world->overlay, world->files[i], chunk));
        assert(count <= sources.up);
    }
    assert(overlay_get_best(world->overlay, world->now_us, links, OVERLAY_LINKS_MAX) <=
           OVERLAY_LINKS_MAX);
}

static void op_network(struct world *world)
{
    uint8_t how = next(world);
    struct p2p_address addresses[P2P_LISTEN_ADDRESSES_MAX];
    for (uint32_t i = 0; i < P2P_LISTEN_ADDRESSES_MAX; i++) {
        addresses[i] = overlay_talk_address(50 + i, 3);
    }
    if (how % 4 == 0) {
        overlay_network_changed(world->overlay, world->now_us);
    } else {
        overlay_listening(world->overlay, world->now_us, how % 4 == 1 ? 0 : 7373, how / 4 % 4,
                          addresses, how % (P2P_LISTEN_ADDRESSES_MAX + 1));
    }
}

static void op_contact(struct world *world)
{
    uint8_t how = next(world);
    struct p2p_contact contact = overlay_talk_any_contact(&world->talk);
    assert(overlay_contact(world->overlay, world->now_us, &contact, how % 4 == 0, how * 2u,
                           how * TIME_US_PER_S) == 0);
}

static void op_say(struct world *world)
{
    uint8_t how = next(world);
    const struct world_link *link = any_link(world, how % 16 == 15 ? LINK_DROPPED : LINK_UP);
    if (link != NULL) {
        say(world, link->number, link->peer);
    } else if (how % 16 == 14) {
        say(world, 8888888, 0); /* a link that is not known */
    }
}

static void operate(struct world *world)
{
    uint8_t what = next(world);
    struct world_link *link;
    switch (what % 16) {
    case 0:
        run(world, world->now_us + next(world) * (what < 128 ? 1u : 400u) * TIME_US_PER_MS);
        break;
    case 1:
    case 2:
        op_incoming(world);
        break;
    case 3:
    case 4:
        op_dialled(world);
        break;
    case 5:
        link = any_link(world, LINK_UP);
        if (link != NULL) {
            take_down(world, link, what < 128 ? ERROR_CLOSED : ERROR_IO);
        }
        break;
    case 6:
        op_tracker(world);
        break;
    case 7:
        op_wishes(world);
        break;
    case 8:
        op_own(world);
        break;
    case 9:
        op_count(world);
        break;
    case 10:
        op_contact(world);
        break;
    case 11:
        op_network(world);
        world->keeps_dropped = what >= 128;
        break;
    default:
        op_say(world);
        break;
    }
    settle(world);
    ask(world);
}

/* --- the end ------------------------------------------------------------------------------------ */

static void all_down(struct world *world)
{
    world->keeps_dropped = false;
    for (uint32_t i = 0; i < LINKS_MAX; i++) {
        if (world->links[i].state != LINK_NONE) {
            take_down(world, &world->links[i], ERROR_CLOSED);
            settle(world);
        }
    }
    if (world->tracker != 0) {
        world->tracker = 0;
        overlay_tracker_down(world->overlay, world->now_us);
    }
    settle(world);
}

static void hear(struct world *world, uint32_t number, const struct p2p_message *message)
{
    assert(overlay_message(world->overlay, world->now_us, number, message) == 0);
    settle(world);
}

/* A day later: bans are over, and an honest neighbour is believed. */
static void end_well(struct world *world)
{
    const struct overlay_wish wish = {.file = world->files[1], .weight = 1000, .is_urgent = true};
    all_down(world);
    world->now_us += 24 * 3600 * TIME_US_PER_S;
    for (uint32_t i = 0; i < LINKS_MAX; i++) {
        if (world->links[i].state != LINK_NONE) {
            take_down(world, &world->links[i], ERROR_TIMEOUT);
        }
    }
    assert(overlay_set_wishes(world->overlay, world->now_us, &wish, 1) == 0);
    settle(world);
    struct world_link *link = new_link(world, 5, LINK_UP);
    assert(link != NULL);
    link->address = overlay_talk_address(5, 0);
    uint32_t number = link->number;
    assert(overlay_link_up(world->overlay, world->now_us, number, true, overlay_talk_peer(5),
                           &link->address) == 0);
    settle(world);
    struct p2p_message hello = {.type = P2P_HELLO};
    hello.hello.version = 1;
    hello.hello.features = P2P_FEATURE_GIVES | P2P_FEATURE_OVERLAY;
    hear(world, number, &hello);
    const struct p2p_message have = {
        .type = P2P_HAVE, .have = {.file = overlay_talk_files[1], .kind = P2P_HAVE_WHOLE}};
    hear(world, number, &have);
    assert(overlay_has(world->overlay, number, world->files[1], 100));
    assert(overlay_count_holders(world->overlay, world->files[1], 100) == 1);
    all_down(world);
    assert(overlay_count_holders(world->overlay, world->files[1], 100) == 0);
}

/* No faster than the pace, for each contact's addresses, and for each that was arranged. */
static void check_connects(const struct world *world)
{
    const struct overlay_config *config = overlay_config_refrain();
    uint64_t seconds = world->now_us / TIME_US_PER_S + 1;
    uint64_t most =
        (config->attempts_burst + seconds * config->attempts_per_s) * P2P_CONTACT_ADDRESSES_MAX +
        world->talk.arranged;
    assert(world->connects <= most);
}

static uint64_t play(const uint8_t *data, size_t size)
{
    struct world *world = calloc(1, sizeof *world);
    assert(world != NULL);
    cursor_init(&world->talk.cursor, data, size);
    world->intern = media_intern_new(1);
    assert(world->intern != NULL);
    for (uint32_t i = 0; i < OVERLAY_TALK_FILES; i++) {
        world->files[i] = media_intern_put(world->intern, &overlay_talk_files[i]);
    }
    uint8_t how = next(world);
    struct overlay_setup setup = {.config = how % 4 == 3 ? overlay_config_spotify2010()
                                                         : overlay_config_refrain(),
                                  .intern = world->intern,
                                  .own = {world, own_kind, own_row_mask, own_next},
                                  .seed = how,
                                  .gives = how % 8 != 5};
    memcpy(setup.peer_id, overlay_talk_us, HASH_BYTES);
    assert(overlay_new(&setup, &world->overlay) == 0);
    for (uint32_t i = 0; i < OPERATIONS_MAX && cursor_left(&world->talk.cursor) > 0; i++) {
        operate(world);
    }
    check_connects(world);
    end_well(world);
    uint64_t hash = world->hash;
    overlay_free(world->overlay);
    media_intern_free(world->intern);
    free(world);
    return hash;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t hash = play(data, size);
    if (size % AGAIN_EVERY == 0) { /* nothing depends on where memory lies */
        void *elsewhere = malloc(12345);
        assert(play(data, size) == hash);
        free(elsewhere);
    }
    return 0;
}
