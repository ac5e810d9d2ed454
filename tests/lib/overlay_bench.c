/*
 * overlay_bench.c: the toy around one overlay; overlay_bench.h has its language.
 *
 * Responsible for making messages out of letters and letters out of actions.
 */
#include "tests/lib/overlay_bench.h"

#include "common/error.h"
#include "common/time_us.h"
#include "p2p/core/rendezvous.h"
#include "p2p/core/search.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define FIRST_LINK 101u

void bench_peer_id(char peer, uint8_t *ret_id)
{
    memset(ret_id, peer, HASH_BYTES);
}

void bench_address(char peer, struct p2p_address *ret_address)
{
    *ret_address =
        (struct p2p_address){.family = 4, .address = {203, 0, (uint8_t)peer, 1}, .port = 7000};
}

void bench_contact(char peer, uint8_t flags, struct p2p_contact *ret_contact)
{
    *ret_contact = (struct p2p_contact){.flags = flags};
    bench_peer_id(peer, ret_contact->peer_id);
    bench_address(peer, &ret_contact->addresses[0]);
}

void bench_file_id(char file, struct media_file_id *ret_id)
{
    memset(ret_id->root, file, HASH_BYTES);
    ret_id->bytes = (uint64_t)BENCH_CHUNKS * CHUNK_BYTES;
}

media_handle bench_file(const struct overlay_bench *bench, char file)
{
    return bench->files[file - 'A'];
}

static char file_of_id(const struct media_file_id *id)
{
    return (char)id->root[0];
}

static char file_of_key(uint64_t key)
{
    struct media_file_id id;
    for (int file = 'A'; file <= 'Z'; file++) {
        bench_file_id((char)file, &id);
        if (p2p_file_key(&id) == key) {
            return (char)file;
        }
    }
    return '?';
}

/* --- what we own -------------------------------------------------------------------------------- */

static uint8_t full_mask(uint32_t row)
{
    return row + 1 < BENCH_ROWS ? 0xff : 0x0f;
}

static uint32_t index_of(const struct overlay_bench *bench, media_handle file)
{
    uint32_t index = 0;
    while (bench->files[index] != file) {
        index++;
        assert_true(index < BENCH_FILES);
    }
    return index;
}

static enum p2p_have own_kind(void *context, media_handle file)
{
    const struct overlay_bench *bench = context;
    const uint8_t *masks = bench->masks[index_of(bench, file)];
    bool is_whole = true;
    bool is_none = true;
    for (uint32_t row = 0; row < BENCH_ROWS; row++) {
        is_whole = is_whole && masks[row] == full_mask(row);
        is_none = is_none && masks[row] == 0;
    }
    return is_none ? P2P_HAVE_NONE : is_whole ? P2P_HAVE_WHOLE : P2P_HAVE_PARTIAL;
}

static uint8_t own_row_mask(void *context, media_handle file, uint32_t row)
{
    const struct overlay_bench *bench = context;
    return bench->masks[index_of(bench, file)][row];
}

static bool own_next(void *context, uint32_t *place, media_handle *ret_file)
{
    const struct overlay_bench *bench = context;
    while (*place < BENCH_FILES) {
        media_handle file = bench->files[(*place)++];
        if (own_kind(context, file) != P2P_HAVE_NONE) {
            *ret_file = file;
            return true;
        }
    }
    return false;
}

static bool is_set(const char *picture, uint32_t chunk)
{
    if (strcmp(picture, "all") == 0 || strcmp(picture, "none") == 0) {
        return picture[0] == 'a';
    }
    return chunk < strlen(picture) && picture[chunk] == 'x';
}

void bench_put(struct overlay_bench *bench, char file, const char *picture)
{
    memset(bench->masks[file - 'A'], 0, BENCH_ROWS);
    for (uint32_t chunk = 0; chunk < BENCH_CHUNKS; chunk++) {
        if (is_set(picture, chunk)) {
            bench->masks[file - 'A'][chunk / ROW_CHUNKS] |= (uint8_t)(1u << chunk % ROW_CHUNKS);
        }
    }
}

void bench_own(struct overlay_bench *bench, char file, const char *picture)
{
    bench_put(bench, file, picture);
    assert_int_equal(overlay_own_changed(bench->overlay, bench->now_us, bench_file(bench, file)),
                     0);
}

/* --- its life ----------------------------------------------------------------------------------- */

void bench_start(struct overlay_bench *bench)
{
    memset(bench, 0, sizeof *bench);
    bench->config = *overlay_config_refrain();
    bench->config.exchange = NULL;
    bench->config.rendezvous = NULL;
    bench->config.degree_low = 0;
    bench->now_us = TIME_US_PER_S;
    bench->next_link = FIRST_LINK;
    bench->intern = media_intern_new(7);
    assert_non_null(bench->intern);
    for (uint32_t i = 0; i < BENCH_FILES; i++) {
        struct media_file_id id;
        bench_file_id((char)('A' + i), &id);
        bench->files[i] = media_intern_put(bench->intern, &id);
        assert_true(bench->files[i] != 0);
    }
}

void bench_begin(struct overlay_bench *bench)
{
    struct overlay_setup setup = {
        .config = &bench->config,
        .intern = bench->intern,
        .own = {.context = bench, .kind = own_kind, .row_mask = own_row_mask, .next = own_next},
        .seed = 11,
        .gives = true};
    bench_peer_id('m', setup.peer_id);
    assert_int_equal(overlay_new(&setup, &bench->overlay), 0);
}

void bench_end(struct overlay_bench *bench)
{
    overlay_free(bench->overlay);
    media_intern_free(bench->intern);
}

void bench_wait_ms(struct overlay_bench *bench, uint32_t ms)
{
    bench->now_us += ms * TIME_US_PER_MS;
}

void bench_wish(struct overlay_bench *bench, const char *wishes)
{
    struct overlay_wish list[BENCH_FILES];
    uint32_t count = 0;
    for (const char *at = wishes; *at != '\0'; at++) {
        if (*at == '!') {
            list[count - 1].is_urgent = true;
            continue;
        }
        list[count] = (struct overlay_wish){.file = bench_file(bench, *at),
                                            .weight = count == 0 ? 1000 : 500};
        count++;
    }
    assert_int_equal(overlay_set_wishes(bench->overlay, bench->now_us, list, count), 0);
    overlay_check_invariants(bench->overlay);
}

void bench_contact_heard(struct overlay_bench *bench, char peer, bool is_lan)
{
    struct p2p_contact contact;
    bench_contact(peer, P2P_CONTACT_REACHABLE, &contact);
    assert_int_equal(overlay_contact(bench->overlay, bench->now_us, &contact, is_lan, 0, 0), 0);
}

void bench_up(struct overlay_bench *bench, uint32_t link, char peer, bool is_incoming)
{
    uint8_t id[HASH_BYTES];
    struct p2p_address address;
    bench_peer_id(peer, id);
    bench_address(peer, &address);
    address.port = is_incoming ? 40000 : address.port;
    assert_int_equal(
        overlay_link_up(bench->overlay, bench->now_us, link, is_incoming, id, &address), 0);
    overlay_check_invariants(bench->overlay);
}

void bench_down(struct overlay_bench *bench, uint32_t link, int error)
{
    assert_int_equal(overlay_link_down(bench->overlay, bench->now_us, link, error), 0);
    overlay_check_invariants(bench->overlay);
}

void bench_tracker_up(struct overlay_bench *bench)
{
    struct p2p_address address = {.family = 4, .address = {198, 51, 100, 1}, .port = 7373};
    assert_int_equal(overlay_tracker_up(bench->overlay, bench->now_us, BENCH_TRACKER, &address), 0);
}

/* --- messages that come ------------------------------------------------------------------------- */

/* Through the codec and back, so that no test makes what the wire does not know. */
int bench_hear(struct overlay_bench *bench, uint32_t link, const struct p2p_message *message)
{
    static uint8_t body[P2P_FRAME_BODY_BYTES_MAX];
    struct p2p_message decoded;
    size_t bytes = 0;
    assert_int_equal(p2p_message_encode(message, body, sizeof body, &bytes), 0);
    assert_int_equal(p2p_message_decode((uint8_t)message->type, body, bytes, &decoded), 0);
    int error = overlay_message(bench->overlay, bench->now_us, link, &decoded);
    overlay_check_invariants(bench->overlay);
    return error;
}

int bench_hello(struct overlay_bench *bench, uint32_t link, uint32_t features, uint16_t port)
{
    struct p2p_message message = {.type = P2P_HELLO};
    message.hello.version = P2P_VERSION;
    message.hello.features = features;
    message.hello.request_max = 64;
    message.hello.listen_port = port;
    return bench_hear(bench, link, &message);
}

int bench_interest(struct overlay_bench *bench, uint32_t link, const char *files)
{
    uint8_t list[P2P_INTEREST_MAX * P2P_INTEREST_BYTES];
    struct p2p_message message = {.type = P2P_INTEREST};
    for (const char *at = files; *at != '\0'; at += 2) {
        struct media_file_id id;
        bench_file_id(at[1], &id);
        p2p_interest_write(list, message.interest.count++, &id, at[0] == '+');
    }
    message.interest.files = list;
    return bench_hear(bench, link, &message);
}

static int hear_have(struct overlay_bench *bench, uint32_t link, char file, const char *picture,
                     enum p2p_have kind)
{
    uint8_t list[BENCH_CHUNKS * P2P_HAVE_RUN_BYTES];
    struct p2p_message message = {.type = P2P_HAVE};
    bench_file_id(file, &message.have.file);
    message.have.kind = (uint8_t)kind;
    message.have.runs = list;
    for (uint32_t chunk = 0; chunk < BENCH_CHUNKS; chunk++) {
        uint32_t end = chunk;
        while (end < BENCH_CHUNKS && is_set(picture, end)) {
            end++;
        }
        if (end > chunk) {
            struct p2p_have_run run = {.first = chunk, .count = end - chunk};
            p2p_have_run_write(list, message.have.count++, &run);
            chunk = end;
        }
    }
    if (strcmp(picture, "all") == 0 || strcmp(picture, "none") == 0) {
        message.have.kind = picture[0] == 'a' ? P2P_HAVE_WHOLE : P2P_HAVE_NONE;
        message.have.count = 0;
    }
    return bench_hear(bench, link, &message);
}

int bench_have(struct overlay_bench *bench, uint32_t link, char file, const char *picture)
{
    return hear_have(bench, link, file, picture, P2P_HAVE_RUNS);
}

int bench_have_more(struct overlay_bench *bench, uint32_t link, char file, const char *picture)
{
    return hear_have(bench, link, file, picture, P2P_HAVE_MORE);
}

/* The index of a contact in a HOLDERS, added when it is new. */
static uint8_t contact_index(uint8_t *contacts, char *peers, uint8_t *count, char peer)
{
    struct p2p_contact contact;
    for (uint8_t i = 0; i < *count; i++) {
        if (peers[i] == peer) {
            return i;
        }
    }
    bench_contact(peer, P2P_CONTACT_REACHABLE | P2P_CONTACT_GIVES, &contact);
    p2p_contact_write(contacts, *count, &contact);
    peers[*count] = peer;
    return (*count)++;
}

int bench_holders(struct overlay_bench *bench, uint32_t lookup, const char *files)
{
    static uint8_t list[P2P_CONTACTS_MAX * P2P_CONTACT_BYTES];
    static uint8_t records[8 * P2P_HOLDERS_FILE_BYTES_MAX];
    char peers[P2P_CONTACTS_MAX];
    struct p2p_message message = {.type = P2P_HOLDERS};
    uint32_t bytes = 0;
    for (const char *at = files; *at != '\0';) {
        struct media_file_id id;
        struct p2p_holders_file file = {.listed = 0};
        bench_file_id(*at, &id);
        file.key = p2p_file_key(&id);
        uint8_t kind = P2P_HAVE_WHOLE;
        for (at += 2; *at != '\0' && *at != ' '; at++) {
            if (*at == '/') {
                kind = P2P_HAVE_PARTIAL;
                continue;
            }
            file.contacts[file.listed] =
                contact_index(list, peers, &message.holders.contact_count, *at);
            file.kinds[file.listed++] = kind;
        }
        file.holders = file.listed;
        bytes += p2p_holders_write(records + bytes, &file);
        message.holders.file_count++;
        at += *at == ' ';
    }
    message.holders.lookup = lookup;
    message.holders.contacts = list;
    message.holders.files = records;
    message.holders.file_bytes = (uint16_t)bytes;
    /* The list is one: contacts, then files. */
    static uint8_t whole[sizeof list + sizeof records];
    size_t contacts_bytes = message.holders.contact_count * P2P_CONTACT_BYTES;
    memcpy(whole, list, contacts_bytes);
    memcpy(whole + contacts_bytes, records, bytes);
    message.holders.contacts = whole;
    message.holders.files = whole + contacts_bytes;
    return bench_hear(bench, BENCH_TRACKER, &message);
}

int bench_exchange(struct overlay_bench *bench, uint32_t link, const char *peers)
{
    uint8_t list[P2P_CONTACTS_MAX * P2P_CONTACT_BYTES];
    struct p2p_message message = {.type = P2P_EXCHANGE};
    for (const char *at = peers; *at != '\0'; at++) {
        struct p2p_contact contact;
        bench_contact(*at, P2P_CONTACT_GIVES, &contact);
        p2p_contact_write(list, message.exchange.count++, &contact);
    }
    message.exchange.contacts = list;
    return bench_hear(bench, link, &message);
}

int bench_rendezvous(struct overlay_bench *bench, uint32_t link, enum p2p_rendezvous role,
                     char peer)
{
    struct p2p_message message = {.type = P2P_RENDEZVOUS};
    message.rendezvous.role = (uint8_t)role;
    bench_contact(peer, P2P_CONTACT_GIVES, &message.rendezvous.contact);
    return bench_hear(bench, link, &message);
}

int bench_search(struct overlay_bench *bench, uint32_t link, uint64_t query, uint8_t hops,
                 char file, char searcher)
{
    struct media_file_id id;
    struct p2p_message message = {.type = P2P_SEARCH};
    bench_file_id(file, &id);
    message.search.query = query;
    message.search.hops = hops;
    message.search.key = p2p_file_key(&id);
    bench_contact(searcher, P2P_CONTACT_GIVES, &message.search.contact);
    return bench_hear(bench, link, &message);
}

int bench_found(struct overlay_bench *bench, uint32_t link, uint64_t query, char file, char holder)
{
    struct media_file_id id;
    struct p2p_message message = {.type = P2P_FOUND};
    bench_file_id(file, &id);
    message.found.query = query;
    message.found.key = p2p_file_key(&id);
    message.found.kind = P2P_HAVE_WHOLE;
    bench_contact(holder, P2P_CONTACT_GIVES | P2P_CONTACT_REACHABLE, &message.found.contact);
    return bench_hear(bench, link, &message);
}

/* --- actions as text ---------------------------------------------------------------------------- */

__attribute__((format(printf, 2, 3))) static void say(struct overlay_bench *bench,
                                                      const char *format, ...)
{
    size_t used = strlen(bench->text);
    va_list arguments;
    va_start(arguments, format);
    int bytes = vsnprintf(bench->text + used, sizeof bench->text - used, format, arguments);
    va_end(arguments);
    assert_true(bytes >= 0 && (size_t)bytes < sizeof bench->text - used);
}

static void say_keys(struct overlay_bench *bench, const uint8_t *keys, uint32_t first,
                     uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        say(bench, "%c", file_of_key(p2p_key_read(keys, first + i)));
    }
}

static void say_have(struct overlay_bench *bench, const struct p2p_message *message)
{
    static const char *const kinds[] = {"=none", "=all", "=", "+"};
    say(bench, "have %c%s", file_of_id(&message->have.file), kinds[message->have.kind]);
    for (uint32_t i = 0; i < message->have.count; i++) {
        struct p2p_have_run run;
        p2p_have_run_read(message->have.runs, i, &run);
        say(bench, "%s%u-%u", i == 0 ? "" : ",", run.first, run.first + run.count - 1);
    }
}

static void say_interest(struct overlay_bench *bench, const struct p2p_message *message)
{
    say(bench, "interest");
    for (uint32_t i = 0; i < message->interest.count; i++) {
        struct media_file_id id;
        bool is_wanted;
        p2p_interest_read(message->interest.files, i, &id, &is_wanted);
        say(bench, "%c%c", is_wanted ? '+' : '-', file_of_id(&id));
    }
}

static void say_announce(struct overlay_bench *bench, const struct p2p_message *message)
{
    uint32_t whole = message->announce.whole;
    uint32_t partial = message->announce.partial;
    say(bench, "announce%s", (message->announce.flags & P2P_ANNOUNCE_FRESH) != 0 ? "!" : ":");
    say_keys(bench, message->announce.keys, 0, whole);
    say(bench, "%s", partial > 0 ? "/" : "");
    say_keys(bench, message->announce.keys, whole, partial);
    say(bench, "%s", message->announce.lost > 0 ? "-" : "");
    say_keys(bench, message->announce.keys, whole + partial, message->announce.lost);
}

static void say_exchange(struct overlay_bench *bench, const struct p2p_message *message)
{
    say(bench, "exchange:");
    for (uint32_t i = 0; i < message->exchange.count; i++) {
        struct p2p_contact contact;
        p2p_contact_read(message->exchange.contacts, i, &contact);
        say(bench, "%c", contact.peer_id[0]);
    }
}

static void say_rendezvous(struct overlay_bench *bench, const struct p2p_message *message)
{
    static const char *const roles[] = {"ask", "invite", "go", "away"};
    say(bench, "%s:%c", roles[message->rendezvous.role], message->rendezvous.contact.peer_id[0]);
}

static void say_message(struct overlay_bench *bench, uint32_t link,
                        const struct p2p_message *message)
{
    static uint8_t body[P2P_FRAME_BODY_BYTES_MAX];
    struct p2p_message decoded;
    size_t bytes = 0;
    assert_int_equal(p2p_message_encode(message, body, sizeof body, &bytes), 0);
    assert_int_equal(p2p_message_decode((uint8_t)message->type, body, bytes, &decoded), 0);
    if (link == BENCH_TRACKER) {
        say(bench, "t:");
    } else {
        say(bench, "%u:", link);
    }
    if (decoded.type == P2P_HAVE) {
        say_have(bench, &decoded);
    } else if (decoded.type == P2P_INTEREST) {
        say_interest(bench, &decoded);
    } else if (decoded.type == P2P_ANNOUNCE) {
        say_announce(bench, &decoded);
    } else if (decoded.type == P2P_LOOKUP) {
        say(bench, "lookup%u:", decoded.lookup.lookup);
        say_keys(bench, decoded.lookup.keys, 0, decoded.lookup.count);
    } else if (decoded.type == P2P_EXCHANGE) {
        say_exchange(bench, &decoded);
    } else if (decoded.type == P2P_RENDEZVOUS) {
        say_rendezvous(bench, &decoded);
    } else if (decoded.type == P2P_SEARCH) {
        bench->last_query = decoded.search.query;
        say(bench, "search:%c%u", file_of_key(decoded.search.key), decoded.search.hops);
    } else if (decoded.type == P2P_FOUND) {
        say(bench, "found:%c=%s", file_of_key(decoded.found.key),
            decoded.found.kind == P2P_HAVE_WHOLE ? "all" : "part");
    } else {
        assert_int_equal(decoded.type, P2P_LISTEN);
        say(bench, "listen:%u/%u", decoded.listen.port, decoded.listen.flags);
    }
}

static void say_action(struct overlay_bench *bench, const struct overlay_action *action)
{
    static const char *const reasons[] = {"?",    "done", "protocol", "shutdown",
                                          "idle", "full", "identity", "bad"};
    if (bench->hides_searches && action->kind == OVERLAY_SEND &&
        action->send.message.type == P2P_SEARCH) {
        return;
    }
    say(bench, "%s", bench->text[0] == '\0' ? "" : " ");
    if (action->kind == OVERLAY_SEND) {
        say_message(bench, action->send.link, &action->send.message);
    } else if (action->kind == OVERLAY_DROP) {
        say(bench, "drop:%u/%s", action->drop.link, reasons[action->drop.reason]);
    } else if (action->kind == OVERLAY_REMEMBER) {
        say(bench, "remember:%c/%u", action->remember.contact.peer_id[0], action->remember.penalty);
    } else {
        uint32_t link = bench->refuses_dials ? 0 : bench->next_link++;
        say(bench, "connect:%c#%u%s", action->connect.contact.peer_id[0], link,
            action->connect.is_arranged ? "*" : "");
        overlay_dialling(bench->overlay, bench->now_us, action->connect.contact.peer_id, link);
    }
}

const char *bench_settle(struct overlay_bench *bench)
{
    struct overlay_actions actions;
    bench->text[0] = '\0';
    do {
        assert_int_equal(overlay_settle(bench->overlay, bench->now_us, &actions), 0);
        assert_true(actions.count <= OVERLAY_ACTIONS_MAX);
        for (uint32_t i = 0; i < actions.count; i++) {
            say_action(bench, &actions.actions[i]);
        }
        overlay_check_invariants(bench->overlay);
    } while (actions.count + 32 >= OVERLAY_ACTIONS_MAX);
    return bench->text;
}

void bench_expect(struct overlay_bench *bench, const char *text)
{
    assert_string_equal(bench_settle(bench), text);
}

uint32_t bench_count(const struct overlay_bench *bench, const char *word)
{
    uint32_t count = 0;
    for (const char *at = bench->text; (at = strstr(at, word)) != NULL; at++) {
        count++;
    }
    return count;
}
