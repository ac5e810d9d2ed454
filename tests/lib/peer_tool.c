/*
 * peer_tool.c: one side of an arranged link, for tests that put a network between two of them.
 *
 * peer_tool FOLDER OWN OTHER ADDRESS PORT: OWN and OTHER are numbers of keys (the seed is 32 times
 * that byte), FOLDER is where the own key's file goes. Listens on PORT, says "ready HEX" (its peer id), waits
 * for a line on standard input, and, unless that is "listen", dials ADDRESS:PORT from that port. Says how the link came up:
 * "up dialled" or "up incoming", greets, says "got TEXT" of the other's greeting, and ends.
 * Exit code 0: a link stood and greetings went both ways.
 */
#include "common/error.h"
#include "common/net/crypto.h"
#include "p2p/uv/peer_listener.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIMIT_US (20 * TIME_US_PER_S)
#define GREETING 1

struct tool {
    struct net_loop *loop;
    struct peer_identity *identity;
    struct peer_listener *listener;
    struct peer_link *link; /* the one that is up, or dials */
    struct net_deadline *limit;
    uint8_t other[HASH_BYTES];
    bool is_done;
};

static int fail(const char *what, int error)
{
    (void)fprintf(stderr, "peer_tool: %s: %s\n", what, error_text(error));
    return 1;
}

static void say(const char *text, const char *more)
{
    printf("%s %s\n", text, more);
    (void)fflush(stdout);
}

static void greet(struct tool *tool, struct peer_link *link)
{
    tool->link = link;
    say("up", peer_link_is_incoming(link) ? "incoming" : "dialled");
    (void)peer_link_send(link, GREETING, "hello", 5, NULL, 0);
}

static void on_up(void *context)
{
    struct tool *tool = context;
    greet(tool, tool->link);
}

static void on_frame(void *context, uint8_t type, const uint8_t *body, size_t body_bytes)
{
    struct tool *tool = context;
    char text[64];
    (void)type;
    snprintf(text, sizeof text, "%.*s", (int)(body_bytes < 32 ? body_bytes : 32),
             (const char *)body);
    say("got", text);
    tool->is_done = true;
    peer_link_finish(tool->link);
}

static void on_room(void *context, size_t queued_bytes)
{
    (void)context;
    (void)queued_bytes;
}

static void on_broken(void *context, int error)
{
    (void)context;
    (void)error;
}

static void on_closed(void *context, int error, const char *text)
{
    struct tool *tool = context;
    say(error_name(error), text);
    net_loop_stop(tool->loop);
}

static const struct peer_link_handler handler = {
    .up = on_up,
    .frame = on_frame,
    .room = on_room,
    .broken = on_broken,
    .closed = on_closed,
};

/* The other side's half of the attempt was first: ours is given up without a word. */
static void on_left(void *context, int error, const char *text)
{
    (void)context;
    (void)error;
    (void)text;
}

static void on_left_up(void *context)
{
    (void)context;
}

static void on_left_frame(void *context, uint8_t type, const uint8_t *body, size_t body_bytes)
{
    (void)context;
    (void)type;
    (void)body;
    (void)body_bytes;
}

static const struct peer_link_handler left_handler = {
    .up = on_left_up,
    .frame = on_left_frame,
    .room = on_room,
    .broken = on_broken,
    .closed = on_left,
};

static void on_accepted(void *context, struct peer_link *link)
{
    struct tool *tool = context;
    if (tool->link != NULL && peer_link_is_dialling(tool->link)) {
        peer_link_set_handler(tool->link, &left_handler, NULL);
        peer_link_close(tool->link);
    }
    peer_link_set_handler(link, &handler, tool);
    greet(tool, link);
}

static void on_limit(void *context)
{
    struct tool *tool = context;
    say("timeout", "nothing came");
    if (tool->link != NULL) {
        peer_link_close(tool->link); /* `closed` stops the loop */
    } else {
        net_loop_stop(tool->loop);
    }
}

/* Both keys follow from numbers, so that each side knows the other's peer id. */
static int make_keys(struct tool *tool, const char *folder, int own, int other)
{
    char path[512];
    uint8_t seed[CRYPTO_SEED_BYTES];
    struct crypto_key *key = NULL;
    const char *warning = NULL;
    memset(seed, other, sizeof seed);
    int error = crypto_key_from_seed(seed, &key);
    if (error != 0) {
        return error;
    }
    crypto_key_hash(key, tool->other);
    crypto_key_free(key);
    memset(seed, own, sizeof seed);
    error = crypto_key_from_seed(seed, &key);
    if (error != 0) {
        return error;
    }
    snprintf(path, sizeof path, "%s/%d.key", folder, own);
    error = crypto_key_save(path, key);
    crypto_key_free(key);
    if (error == 0 || error == ERROR_EXISTS) {
        error = peer_identity_new(path, &tool->identity, &warning);
    }
    return error;
}

static int begin(struct tool *tool, const char *address, uint16_t port)
{
    char text[NET_LISTENER_TEXT_BYTES];
    char line[16];
    char id[17];
    struct peer_dial_config dial = {.is_arranged = true, .local_port = port};
    int error = net_loop_new(&tool->loop);
    if (error == 0) {
        error = peer_listener_open(tool->loop, tool->identity, port, on_accepted, tool,
                                   &tool->listener, text);
    }
    if (error == 0) {
        error = net_deadline_open(tool->loop, on_limit, tool, &tool->limit);
    }
    if (error != 0 || net_address_parse(address, port, &dial.address) != 0) {
        return fail("listening", error);
    }
    for (size_t i = 0; i < 8; i++) {
        snprintf(id + 2 * i, 3, "%02x", peer_identity_id(tool->identity)[i]);
    }
    say("ready", id);
    if (fgets(line, sizeof line, stdin) == NULL) {
        return 1;
    }
    net_deadline_set(tool->limit, net_now_us() + LIMIT_US);
    if (strcmp(line, "listen\n") == 0) {
        return 0;
    }
    error =
        peer_link_dial(tool->loop, tool->identity, &dial, tool->other, &handler, tool, &tool->link);
    return error != 0 ? fail("dialling", error) : 0;
}

/* After the loop has stopped. What is closed here ends in a last round of the loop. */
static void end(struct tool *tool)
{
    peer_listener_close(tool->listener);
    net_deadline_close(tool->limit);
    net_loop_run(tool->loop);
    net_loop_free(tool->loop);
    peer_identity_free(tool->identity);
}

int main(int argc, char *argv[])
{
    struct tool tool = {0};
    if (argc != 6) {
        (void)fputs("usage: peer_tool FOLDER OWN OTHER ADDRESS PORT\n", stderr);
        return 2;
    }
    int error = make_keys(&tool, argv[1], atoi(argv[2]), atoi(argv[3]));
    if (error != 0) {
        return fail("keys", error);
    }
    if (begin(&tool, argv[4], (uint16_t)atoi(argv[5])) != 0) {
        return 1;
    }
    net_loop_run(tool.loop);
    end(&tool);
    return tool.is_done ? 0 : 1;
}
