/*
 * test_engine_peers.c: the engine's shell for peers, with real sockets, files and threads, around a
 * node that does what the story says.
 *
 * The node's functions are this file's own: node_step writes down what it is told and answers with
 * the effects that the test has put ready. The other side is a peer_link on the same loop.
 */
#include "common/error.h"
#include "common/net/crypto.h"
#include "p2p/uv/peer_listener.h"
#include "player/uv/engine_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define LOG_BYTES 2048

struct scene {
    char folder[64];
    struct engine_paths paths;
    struct net_loop *loop;
    struct engine *engine;
    struct net_deadline *guard;
    struct peer_identity *identity; /* the other side's */
    struct peer_listener *listener;
    struct peer_link *other;
    uint8_t engine_id[HASH_BYTES]; /* as the node was told */
    struct node_effect effects[4]; /* of the next step */
    uint32_t effect_count;
    char log[LOG_BYTES];
    const char *until; /* the loop stops when the log has it */
    uint16_t port;
    uint32_t contacts;
    uint8_t payload[16]; /* of the last FRAGMENT that the other side got */
};

static struct scene *scene; /* the one that is played; the node has no context */

static void note(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void note(const char *format, ...)
{
    size_t used = strlen(scene->log);
    va_list arguments;
    va_start(arguments, format);
    int bytes = vsnprintf(scene->log + used, LOG_BYTES - used, format, arguments);
    va_end(arguments);
    assert_true(bytes >= 0 && used + (size_t)bytes < LOG_BYTES);
    if (scene->until != NULL && strstr(scene->log, scene->until) != NULL) {
        net_loop_stop(scene->loop);
    }
}

/* ---- the node ---- */

static int the_node;

int node_new(const struct node_config *config, struct node **ret_node)
{
    assert_true(config->with_peers);
    assert_true(config->give_slot_count > 0);
    memcpy(scene->engine_id, config->peer_id, HASH_BYTES);
    *ret_node = (struct node *)&the_node;
    return 0;
}

void node_free(struct node *node)
{
    (void)node;
}

static void note_link_up(const struct node_event *event)
{
    bool is_incoming = (event->link_up.link & NODE_LINK_INCOMING) != 0;
    note("%s%u up %s ", is_incoming ? "in" : "", event->link_up.link & ~NODE_LINK_INCOMING,
         memcmp(event->link_up.peer_id, peer_identity_id(scene->identity), HASH_BYTES) == 0
             ? "known"
             : "unknown");
    assert_int_equal(event->link_up.link_kind, NODE_LINK_PEER);
    assert_int_equal(event->link_up.listen_port, scene->port);
    assert_int_equal(event->link_up.address.family, 4);
    assert_int_not_equal(event->link_up.address.port, 0);
}

static void note_event(const struct node_event *event)
{
    switch ((int)event->kind) {
    case NODE_EVENT_LISTENING:
        scene->port = event->listening.port;
        note("listening%s ", (event->listening.flags & P2P_LISTEN_MAPPED) != 0 ? " mapped" : "");
        break;
    case NODE_EVENT_LINK_UP:
        note_link_up(event);
        break;
    case NODE_EVENT_LINK_DOWN:
        note("down %s ", error_name(event->link_down.error));
        break;
    case NODE_EVENT_MESSAGE:
        note("message %u ", event->message.message->type);
        break;
    case NODE_EVENT_ROOM:
        note("room %u ", event->room.queued_bytes);
        break;
    case NODE_EVENT_CONTACT:
        scene->contacts++;
        note("contact %u penalty %u ", event->contact.contact.peer_id[0], event->contact.penalty);
        break;
    case NODE_EVENT_GIVING:
        note("giving %d %u ", event->giving.is_allowed, (unsigned)event->giving.bytes_per_s);
        break;
    case NODE_EVENT_GIVE_READ:
        note("read %u %s ", event->give_read.slot, error_name(event->give_read.error));
        break;
    case NODE_EVENT_PROOF_FOUND:
        note("proof %u %s ", event->proof_found.operation,
             event->proof_found.proof != NULL ? "found" : "none");
        break;
    case NODE_EVENT_TRACK_FOUND:
        note("track %u %s ", event->track_found.operation,
             event->track_found.manifest != NULL ? (const char *)event->track_found.manifest
                                                 : "none");
        break;
    case NODE_EVENT_STORED:
        note("stored %s ", error_name(event->stored.error));
        break;
    default:
        break;
    }
}

int node_step(struct node *node, const struct node_event *event, struct node_update *ret_update)
{
    static struct node_effect effects[4];
    (void)node;
    memcpy(effects, scene->effects, sizeof effects);
    *ret_update = (struct node_update){
        .effects = effects, .count = scene->effect_count, .next_deadline_us = TIME_NEVER_US};
    scene->effect_count = 0;
    note_event(event);
    return 0;
}

bool node_is_storing(const struct node *node)
{
    (void)node;
    return false; /* it stores nothing */
}

void node_get_summary(const struct node *node, struct node_summary *ret_summary)
{
    (void)node;
    *ret_summary = (struct node_summary){0};
}

void node_get_status(const struct node *node, uint64_t now_us, struct node_status *ret_status)
{
    (void)node;
    (void)now_us;
    *ret_status = (struct node_status){0};
}

uint32_t node_get_peers(const struct node *node, uint64_t now_us, struct node_peer *ret_peers,
                        uint32_t capacity)
{
    (void)node;
    (void)now_us;
    (void)ret_peers;
    (void)capacity;
    return 0;
}

bool node_chunk_source(const struct node *node, media_handle file, uint32_t chunk,
                       enum node_source *ret_source)
{
    (void)node;
    (void)file;
    (void)chunk;
    (void)ret_source;
    return false;
}

/* ---- the other side ---- */

static void other_up(void *context)
{
    (void)context;
    note("other up ");
}

static void other_frame(void *context, uint8_t type, const uint8_t *body, size_t body_bytes)
{
    (void)context;
    note("other got %u ", type);
    if (type == P2P_FRAGMENT) {
        assert_true(body_bytes >= P2P_FRAGMENT_HEADER_BYTES + sizeof scene->payload);
        memcpy(scene->payload, body + P2P_FRAGMENT_HEADER_BYTES, sizeof scene->payload);
    }
}

static void other_room(void *context, size_t queued_bytes)
{
    (void)context;
    (void)queued_bytes;
}

static void other_broken(void *context, int error)
{
    (void)context;
    (void)error;
}

static void other_closed(void *context, int error, const char *text)
{
    (void)context;
    (void)error;
    (void)text;
    scene->other = NULL;
    note("other closed ");
}

static const struct peer_link_handler other_handler = {
    .up = other_up,
    .frame = other_frame,
    .room = other_room,
    .broken = other_broken,
    .closed = other_closed,
};

static void other_accepted(void *context, struct peer_link *link)
{
    (void)context;
    scene->other = link;
    peer_link_set_handler(link, &other_handler, NULL);
    note("other up ");
}

/* ---- stories ---- */

static void on_guard(void *context)
{
    (void)context;
    fail_msg("hangs, waiting for [%s]: %s", scene->until, scene->log);
}

/* Runs until the log has the text. */
static void wait_for(const char *text)
{
    scene->until = text;
    if (strstr(scene->log, text) == NULL) {
        net_deadline_set(scene->guard, net_now_us() + 20 * TIME_US_PER_S);
        net_loop_run(scene->loop);
        net_deadline_set(scene->guard, TIME_NEVER_US);
    }
    scene->until = NULL;
    assert_non_null(strstr(scene->log, text));
}

/* Puts an effect into a step of its own. */
static void emit(const struct node_effect *effect)
{
    scene->effects[scene->effect_count++] = *effect;
    engine_set_paused(scene->engine, true);
}

static void open_engine(void)
{
    struct engine_failure failure;
    struct engine_config config = {.paths = &scene->paths,
                                   .silent = true,
                                   .with_peers = true,
                                   .cache_limit_bytes = 64 << 20,
                                   .upload_limit_bytes_per_s = 1000};
    assert_int_equal(engine_open(scene->loop, &config, &scene->engine, &failure), 0);
    assert_int_equal(engine_listen_port(scene->engine), 0); /* the start waits for nobody */
    wait_for("listening");
    assert_int_equal(engine_listen_port(scene->engine), scene->port);
    assert_int_not_equal(scene->port, 0);
}

static void close_engine(void)
{
    engine_close(scene->engine);
    net_deadline_close(scene->guard);
    net_loop_run(scene->loop);
    engine_free(scene->engine);
    assert_int_equal(net_deadline_open(scene->loop, on_guard, NULL, &scene->guard), 0);
}

static void begin(struct scene *own)
{
    char text[NET_LISTENER_TEXT_BYTES];
    const char *warning = NULL;
    memset(own, 0, sizeof *own);
    scene = own;
    snprintf(own->folder, sizeof own->folder, "/tmp/refrain-test-engine-XXXXXX");
    assert_non_null(mkdtemp(own->folder));
    snprintf(own->paths.cache, sizeof own->paths.cache, "%s/cache", own->folder);
    snprintf(own->paths.state, sizeof own->paths.state, "%s/state", own->folder);
    assert_int_equal(net_loop_new(&own->loop), 0);
    assert_int_equal(net_deadline_open(own->loop, on_guard, NULL, &own->guard), 0);
    assert_int_equal(peer_identity_new("/nonexistent/peer.key", &own->identity, &warning), 0);
    assert_int_equal(
        peer_listener_open(own->loop, own->identity, 0, other_accepted, NULL, &own->listener, text),
        0);
    open_engine();
}

static void remove_tree(const char *folder)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    assert_int_equal(system(command), 0);
}

static void finish(void)
{
    peer_listener_close(scene->listener);
    if (scene->other != NULL) {
        peer_link_close(scene->other);
    }
    close_engine();
    net_deadline_close(scene->guard);
    net_loop_run(scene->loop);
    net_loop_free(scene->loop);
    peer_identity_free(scene->identity);
    remove_tree(scene->folder);
}

static struct node_effect connect_effect(uint32_t link, const uint8_t *peer_id, uint16_t port)
{
    struct node_effect effect = {.kind = NODE_EFFECT_CONNECT};
    effect.connect.link = link;
    effect.connect.link_kind = NODE_LINK_PEER;
    memcpy(effect.connect.contact.peer_id, peer_id, HASH_BYTES);
    effect.connect.contact.addresses[0] =
        (struct p2p_address){.family = 4, .address = {127, 0, 0, 1}, .port = port};
    return effect;
}

static void connect_to_other(uint32_t link)
{
    struct node_effect effect = connect_effect(link, peer_identity_id(scene->identity),
                                               peer_listener_port(scene->listener));
    emit(&effect);
}

static void dial_engine(void)
{
    struct peer_dial_config config = {
        .address = {.family = 4, .bytes = {127, 0, 0, 1}, .port = scene->port}};
    assert_int_equal(peer_link_dial(scene->loop, scene->identity, &config, scene->engine_id,
                                    &other_handler, NULL, &scene->other),
                     0);
}

static void say_to_engine(const struct p2p_message *message)
{
    uint8_t body[P2P_ENCODED_BYTES_MAX];
    size_t bytes = 0;
    assert_int_equal(p2p_message_encode(message, body, sizeof body, &bytes), 0);
    assert_int_equal(peer_link_send(scene->other, (uint8_t)message->type, body, bytes, NULL, 0), 0);
}

static void test_a_link_that_we_dial(void **state)
{
    (void)state;
    struct scene own;
    begin(&own);
    connect_to_other(7);
    wait_for("other up");
    wait_for("7 up known");
    struct p2p_message ping = {.type = P2P_PING, .ping = {.token = 1}};
    say_to_engine(&ping);
    wait_for("message 9");
    struct node_effect send = {.kind = NODE_EFFECT_SEND};
    send.send.link = 7;
    send.send.message = (struct p2p_message){.type = P2P_PONG, .pong = {.token = 1}};
    emit(&send);
    wait_for("other got 10");
    wait_for("room 0");
    struct node_effect disconnect = {.kind = NODE_EFFECT_DISCONNECT};
    disconnect.disconnect.link = 7;
    disconnect.disconnect.reason = P2P_BYE_DONE;
    emit(&disconnect);
    wait_for("other got 11");
    wait_for("down ERROR_CLOSED");
    emit(&send); /* too late: passed over */
    finish();
    assert_null(strstr(strstr(own.log, "down") + 1, "down")); /* once */
}

static void test_a_link_that_comes_in(void **state)
{
    (void)state;
    struct scene own;
    begin(&own);
    dial_engine();
    wait_for("in1 up known");
    /* Payload of a fragment goes from the give slot that the node names. */
    memset(giving_slot(own.engine, 3), 'x', CHUNK_BYTES);
    struct node_effect send = {.kind = NODE_EFFECT_SEND};
    send.send.link = NODE_LINK_INCOMING | 1;
    send.send.slot = 3;
    send.send.message.type = P2P_FRAGMENT;
    send.send.message.fragment.request = 1;
    send.send.message.fragment.offset = 100;
    send.send.message.fragment.bytes = 2000;
    emit(&send);
    wait_for("other got 6");
    assert_memory_equal(own.payload, "xxxxxxxxxxxxxxxx", 16);
    peer_link_close(own.other);
    wait_for("down ERROR_CLOSED");
    finish();
}

static void test_rubbish_ends_a_link(void **state)
{
    (void)state;
    struct scene own;
    begin(&own);
    dial_engine();
    wait_for("in1 up known");
    wait_for("other up");
    assert_int_equal(peer_link_send(own.other, 63, "later version", 13, NULL, 0), 0);
    assert_int_equal(peer_link_send(own.other, P2P_PING, "short", 5, NULL, 0), 0);
    wait_for("other got 11"); /* BYE */
    wait_for("down ERROR_MALFORMED");
    assert_null(strstr(own.log, "message"));
    finish();
}

static void test_each_connect_is_answered_once(void **state)
{
    (void)state;
    struct scene own;
    begin(&own);
    uint8_t stranger[HASH_BYTES] = {1};
    uint16_t port = peer_listener_port(own.listener);
    struct node_effect effect = connect_effect(1, stranger, port);
    emit(&effect); /* the key there is another one */
    wait_for("down ERROR_MISMATCH ");
    effect = connect_effect(2, stranger, 1);
    emit(&effect); /* nobody is there */
    wait_for("down ERROR_MISMATCH down ERROR_UNREACHABLE ");
    effect = connect_effect(3, stranger, port);
    effect.connect.contact.addresses[0].family = 0;
    emit(&effect); /* no address at all */
    wait_for("down ERROR_UNREACHABLE down ERROR_UNREACHABLE ");
    effect = connect_effect(4, own.engine_id, own.port);
    emit(&effect); /* ourselves */
    wait_for("ERROR_UNREACHABLE down ERROR_MISMATCH ");
    assert_null(strstr(own.log, " up "));
    finish();
}

/* An arranged dial gives way to the other's half of the same attempt. */
static void test_an_arranged_dial_gives_way(void **state)
{
    (void)state;
    struct scene own;
    begin(&own);
    /* A port on which nobody listens: refused, tried again and again. */
    struct node_effect effect = connect_effect(9, peer_identity_id(own.identity), 1);
    effect.connect.is_arranged = true;
    emit(&effect);
    dial_engine();
    wait_for("in1 up known");
    wait_for("down ERROR_EXISTS");
    finish();
}

/* ---- the store ---- */

static void hash_chunk(const uint8_t *bytes, uint32_t count, struct media_file_id *ret_id,
                       struct media_proof *ret_proof)
{
    /* A file of one chunk: its root is the chunk's hash. */
    memset(ret_proof, 0, sizeof *ret_proof);
    crypto_sha256(bytes, count, ret_id->root);
    ret_id->bytes = count;
    ret_proof->leaf_count = 1;
    memcpy(ret_proof->hashes[0], ret_id->root, HASH_BYTES);
}

static void test_what_peers_ask_for_comes_from_the_store(void **state)
{
    (void)state;
    struct scene own;
    struct media_file_id id;
    struct media_proof proof;
    begin(&own);
    memset(own.engine->slots, 'm', 1000);
    hash_chunk(own.engine->slots, 1000, &id, &proof);
    media_handle file = media_intern_put(own.engine->intern, &id);
    struct node_effect store = {.kind = NODE_EFFECT_STORE_ROW};
    store.store_row.file = file;
    store.store_row.mask = 1;
    store.store_row.proof = &proof;
    emit(&store);
    wait_for("stored ERROR_NONE");

    struct node_effect read = {.kind = NODE_EFFECT_READ};
    read.read.slot = 5;
    read.read.file = file;
    memset(giving_slot(own.engine, 5), 0, CHUNK_BYTES);
    emit(&read);
    assert_null(strstr(own.log, "read 5")); /* from the disk's thread, later */
    wait_for("read 5 ERROR_NONE");
    assert_memory_equal(giving_slot(own.engine, 5), own.engine->slots, 1000);
    read.read.chunk = 1; /* beyond the end */
    emit(&read);
    wait_for("read 5 ERROR_NOT_FOUND");

    struct node_effect find = {.kind = NODE_EFFECT_FIND_PROOF};
    find.find_proof.operation = 11;
    find.find_proof.file = file;
    emit(&find);
    wait_for("proof 11 found");
    find.find_proof.operation = 12;
    find.find_proof.row = 3;
    emit(&find);
    wait_for("proof 12 none");

    static const uint8_t track[TRACK_ID_BYTES] = {1};
    struct node_effect put = {.kind = NODE_EFFECT_STORE_MANIFEST};
    put.store_manifest.track_id = track;
    put.store_manifest.bytes = (const uint8_t *)"signed";
    put.store_manifest.count = sizeof "signed";
    emit(&put);
    assert_int_equal(store_flush(own.engine->store), 0);
    struct node_effect found = {.kind = NODE_EFFECT_FIND_TRACK};
    found.find_track.operation = 13;
    memcpy(found.find_track.track_id, track, TRACK_ID_BYTES);
    emit(&found);
    wait_for("track 13 signed");
    found.find_track.operation = 14;
    found.find_track.track_id[0] = 2;
    emit(&found);
    wait_for("track 14 none");
    /* Closing while a job waits: it is worked off, and nobody hears of it. */
    emit(&read);
    finish();
}

/* ---- from one run to the next ---- */

static void test_contacts_and_the_key_are_kept(void **state)
{
    (void)state;
    struct scene own;
    uint8_t id[HASH_BYTES];
    begin(&own);
    memcpy(id, own.engine_id, HASH_BYTES);
    struct node_effect remember = {.kind = NODE_EFFECT_REMEMBER};
    for (uint8_t i = 1; i <= 2; i++) {
        memset(&remember.remember.contact, 0, sizeof remember.remember.contact);
        remember.remember.contact.peer_id[0] = i;
        remember.remember.contact.addresses[0] =
            (struct p2p_address){.family = 4, .address = {192, 0, 2, i}, .port = 80};
        remember.remember.penalty = i * 10u;
        emit(&remember);
    }
    assert_int_equal(own.contacts, 0);
    peer_listener_close(own.listener); /* the loop has to run out */
    own.listener = NULL;
    close_engine(); /* what is remembered is written rarely, and at the end */
    memset(own.log, 0, sizeof own.log);
    memset(own.engine_id, 0, sizeof own.engine_id);
    open_engine();
    wait_for("contact 1 penalty 10 contact 2 penalty 20");
    assert_memory_equal(own.engine_id, id, HASH_BYTES);
    finish();
}

static void test_a_mapped_port_is_told(void **state)
{
    (void)state;
    struct scene own;
    begin(&own);
    assert_non_null(strstr(own.log, "giving 1 1000"));
    uint16_t port = own.port;
    engine_set_mapping(own.engine, 4000);
    assert_non_null(strstr(own.log, "listening mapped"));
    assert_int_equal(own.port, 4000);
    assert_int_equal(engine_listen_port(own.engine), port);
    engine_set_mapping(own.engine, 0);
    assert_int_equal(own.port, port);
    engine_set_giving(own.engine, false, 0);
    assert_non_null(strstr(own.log, "giving 0 0"));
    finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_link_that_we_dial),
        cmocka_unit_test(test_a_link_that_comes_in),
        cmocka_unit_test(test_rubbish_ends_a_link),
        cmocka_unit_test(test_each_connect_is_answered_once),
        cmocka_unit_test(test_an_arranged_dial_gives_way),
        cmocka_unit_test(test_what_peers_ask_for_comes_from_the_store),
        cmocka_unit_test(test_contacts_and_the_key_are_kept),
        cmocka_unit_test(test_a_mapped_port_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
