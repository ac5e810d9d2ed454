/*
 * fuzz_origin_step.c: any sequence of events leaves the origin engine in order.
 *
 * Bytes are a program for tests/lib/origin_bench: an operation, then its operands. The bench is
 * shell and players in one: it checks the engine's invariants after every step and every answer
 * against what was asked. In the end all is answered and drained: then each request that was not
 * cancelled, on a link that stayed, has been served or rejected.
 */
#include "common/cursor.h"
#include "tests/lib/origin_bench.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define OPERATIONS_MAX 400u

/* A number that is in use is not lifted: the shell never does that. */
static void lift(struct bench *bench, uint32_t link, bool is_tls)
{
    if (bench->links[link].is_up) {
        return;
    }
    for (uint32_t i = 0; i < bench->pending_count; i++) {
        if (bench->pending[i].kind == ORIGIN_EFFECT_SIGN && bench->pending[i].sign.link == link) {
            return; /* an answer for the number's former owner is under way */
        }
    }
    bench_up(bench, link, is_tls);
}

static void ask(struct bench *bench, struct cursor *cursor, uint32_t link, uint32_t number)
{
    uint32_t file = cursor_u8(cursor) % 5;
    uint32_t first = cursor_u8(cursor) % 24;
    uint16_t count = 1 + cursor_u8(cursor) % 24;
    uint8_t how = cursor_u8(cursor);
    bench_ask(bench, link, number, file, first, count, how % 5, how >= 128);
}

/* A player of the overlay comes; now and then one that is not who it says. */
static void join(struct bench *bench, struct cursor *cursor, uint32_t link)
{
    uint8_t how = cursor_u8(cursor);
    for (uint32_t i = 0; i < bench->pending_count; i++) {
        if (bench->pending[i].kind == ORIGIN_EFFECT_SIGN && bench->pending[i].sign.link == link) {
            return;
        }
    }
    if (!bench->links[link].is_up) {
        bench_join_peer(bench, link, how % 4, how >= 250 ? how : 0);
    }
}

static void announce(struct bench *bench, struct cursor *cursor, uint32_t link)
{
    uint8_t keys[64 * P2P_KEY_BYTES];
    uint8_t how = cursor_u8(cursor);
    uint8_t count = cursor_u8(cursor) % 64;
    uint8_t first = cursor_u8(cursor);
    struct p2p_message message = {.type = P2P_ANNOUNCE, .announce = {.keys = keys}};
    for (uint32_t i = 0; i < count; i++) {
        p2p_key_write(keys, i, first + i);
    }
    message.announce.flags = how % 4 == 0 ? P2P_ANNOUNCE_FRESH : 0;
    message.announce.whole = how % 3 == 0 ? count : 0;
    message.announce.partial = how % 3 == 1 ? count : 0;
    message.announce.lost = how % 3 == 2 ? count : 0;
    bench_say(bench, link, &message);
}

static void listen_at(struct bench *bench, struct cursor *cursor, uint32_t link)
{
    uint8_t addresses[P2P_LISTEN_ADDRESSES_MAX * P2P_ADDRESS_BYTES];
    struct p2p_message message = {.type = P2P_LISTEN, .listen = {.addresses = addresses}};
    message.listen.port = cursor_u8(cursor);
    message.listen.flags = cursor_u8(cursor);
    message.listen.count = cursor_u8(cursor) % (P2P_LISTEN_ADDRESSES_MAX + 1);
    for (uint32_t i = 0; i < message.listen.count; i++) {
        struct p2p_address address = {.family = 4, .port = cursor_u8(cursor)};
        address.address[0] = cursor_u8(cursor);
        p2p_address_write(addresses, i, &address);
    }
    bench_say(bench, link, &message);
}

static void track(struct bench *bench, struct cursor *cursor, uint8_t what, uint32_t link)
{
    uint8_t first = cursor_u8(cursor);
    switch (what % 5) {
    case 0:
        join(bench, cursor, link);
        break;
    case 1:
        announce(bench, cursor, link);
        break;
    case 2:
        bench_lookup(bench, link, first, first + cursor_u8(cursor) % P2P_LOOKUP_MAX);
        break;
    case 3:
        bench_meet(bench, link, cursor_u8(cursor) % 16 == 15 ? P2P_RENDEZVOUS_GO : 0,
                   1 + first % (BENCH_LINKS + 1));
        break;
    default:
        listen_at(bench, cursor, link);
        break;
    }
}

static void raw(struct bench *bench, struct cursor *cursor, uint32_t link)
{
    struct p2p_message message = {.type = (enum p2p_type)(cursor_u8(cursor) % (P2P_FOUND + 1))};
    if (message.type != P2P_OPEN && message.type != P2P_REQUEST && message.type != P2P_CANCEL &&
        message.type != P2P_HELLO && message.type != P2P_LOOKUP &&
        message.type != P2P_RENDEZVOUS) { /* those have no empty form */
        bench_say(bench, link, &message);
    }
}

static void on_link(struct bench *bench, struct cursor *cursor, uint8_t what, uint32_t *numbers)
{
    uint32_t link = 1 + cursor_u8(cursor) % BENCH_LINKS;
    bool is_up = bench->links[link].is_up;
    switch (what % 13) {
    case 0:
        numbers[link] = is_up ? numbers[link] : 0;
        lift(bench, link, what >= 128);
        break;
    case 1:
        bench_hello(bench, link); /* the second breaks the rules */
        break;
    case 2:
        bench_open(bench, link, ++numbers[link], cursor_u8(cursor) % 5, what >= 128);
        break;
    case 3:
    case 4:
        ask(bench, cursor, link, ++numbers[link]);
        break;
    case 5:
        bench_cancel(bench, link, cursor_u8(cursor) % (numbers[link] + 1));
        break;
    case 6:
        bench_drain(bench, link, cursor_u16(cursor));
        break;
    case 7:
        bench_ping(bench, link, what);
        break;
    case 9:
    case 10:
    case 11:
    case 12:
        track(bench, cursor, what / 13, link);
        break;
    default:
        if (what >= 200 && is_up) {
            bench_down(bench, link);
        } else {
            raw(bench, cursor, link);
        }
        break;
    }
}

static void operate(struct bench *bench, struct cursor *cursor, uint32_t *numbers)
{
    uint8_t what = cursor_u8(cursor);
    switch (what % 8) {
    case 0:
        if (bench->pending_count > 0) {
            bench_answer(bench, cursor_u8(cursor) % bench->pending_count);
        }
        break;
    case 1:
        bench_at(bench, bench->now_us + cursor_u16(cursor) * UINT64_C(1000));
        break;
    case 2:
        bench->holds_answers = what >= 128;
        break;
    case 3:
        bench->holds_rooms = what >= 128;
        break;
    case 4:
        bench->read_error = what >= 240 ? 5 : 0;
        bench->has_no_proofs = what >= 230;
        break;
    default:
        on_link(bench, cursor, what / 8 + cursor_u8(cursor), numbers);
        break;
    }
}

static void finish(struct bench *bench)
{
    bench->holds_answers = false;
    bench->holds_rooms = false;
    bench_answer_all(bench);
    for (uint32_t link = 1; link <= BENCH_LINKS; link++) {
        if (bench->links[link].is_up) {
            bench_drain(bench, link, UINT64_MAX);
        }
    }
    for (uint32_t link = 1; link <= BENCH_LINKS; link++) {
        for (uint32_t i = 1; i < ASKER_REQUESTS; i++) {
            const struct asker_request *request = &bench->links[link].requests[i];
            assert(!bench->links[link].is_up || !bench->links[link].is_greeted ||
                   !request->is_asked || request->is_over || request->is_cancelled);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct bench bench;
    uint32_t numbers[BENCH_LINKS + 1] = {0};
    struct cursor cursor;
    cursor_init(&cursor, data, size);
    struct origin_config config = bench_config();
    config.slot_count = 1 + cursor_u8(&cursor) % BENCH_SLOTS_MAX;
    config.fragment_bytes_max = 2048 + cursor_u16(&cursor) % (CHUNK_BYTES - 2047);
    config.link_queue_bytes = 1 + cursor_u16(&cursor);
    config.request_max = 1 + cursor_u8(&cursor) % 8;
    config.link_max = BENCH_LINKS - 1;
    config.has_tracker = true;
    config.tracker = tracker_config_default;
    config.tracker.shard_count = 1 + config.slot_count % 3;
    config.tracker.link_files_max = 100;
    config.tracker.holders_max = config.request_max % 2 == 0 ? 3 : 0;
    bench_start(&bench, &config);
    bench.keeps_story = false;
    for (uint32_t i = 0; i < OPERATIONS_MAX && cursor_left(&cursor) > 0; i++) {
        operate(&bench, &cursor, numbers);
    }
    finish(&bench);
    bench_end(&bench);
    return 0;
}
