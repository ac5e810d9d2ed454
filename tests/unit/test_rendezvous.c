/*
 * test_rendezvous.c: the broker arranges what both bear, and only answers to questions count.
 */
#include "p2p/core/rendezvous.h"

#include "common/time_us.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const struct rendezvous_config *const config = &rendezvous_config_default;
static struct rendezvous rendezvous;
static struct rendezvous_gate gates[8]; /* by link */

static void start(void)
{
    rendezvous_init(&rendezvous, config);
    memset(gates, 0, sizeof gates);
}

static struct p2p_contact contact(uint32_t number)
{
    struct p2p_contact contact = {.peer_id = {(uint8_t)number, (uint8_t)(number >> 8), 1}};
    contact.addresses[0] =
        (struct p2p_address){.family = 4, .address = {198, 51, 100, 7}, .port = 7373};
    return contact;
}

static struct p2p_message said(uint8_t role, uint32_t number)
{
    return (struct p2p_message){.type = P2P_RENDEZVOUS, .rendezvous = {role, contact(number)}};
}

/* ---- The broker ---- */

static void test_arranged(void **state)
{
    (void)state;
    struct rendezvous_broker broker;
    const struct p2p_message ask = said(P2P_RENDEZVOUS_ASK, 2);
    const struct p2p_contact one = contact(1), two = contact(2);
    start();
    rendezvous_broker(config, 5, &ask, &gates[1], &one, &gates[2], &two, &broker);
    assert_true(broker.is_arranged);
    assert_true(broker.is_answered);
    assert_int_equal(broker.invite.rendezvous.role, P2P_RENDEZVOUS_INVITE);
    assert_memory_equal(broker.invite.rendezvous.contact.peer_id, one.peer_id, HASH_BYTES);
    assert_int_equal(broker.invite.rendezvous.contact.addresses[0].port, 7373);
    assert_int_equal(broker.answer.rendezvous.role, P2P_RENDEZVOUS_GO);
    assert_memory_equal(broker.answer.rendezvous.contact.peer_id, two.peer_id, HASH_BYTES);
    rendezvous_broker(config, 5, &ask, &gates[1], &one, NULL, NULL, &broker);
    assert_false(broker.is_arranged);
    assert_true(broker.is_answered);
    assert_int_equal(broker.answer.rendezvous.role, P2P_RENDEZVOUS_AWAY);
    assert_memory_equal(broker.answer.rendezvous.contact.peer_id, two.peer_id, HASH_BYTES);
    assert_int_equal(p2p_contact_address_count(&broker.answer.rendezvous.contact), 0);
    uint8_t body[P2P_ENCODED_BYTES_MAX];
    size_t bytes = 0;
    assert_int_equal(p2p_message_encode(&broker.answer, body, sizeof body, &bytes), 0);
}

/* A flood of one link is met with silence; many that want the same one do not flood it. */
static void test_broker_pace(void **state)
{
    (void)state;
    struct rendezvous_broker broker;
    const struct p2p_message ask = said(P2P_RENDEZVOUS_ASK, 2);
    const struct p2p_contact one = contact(1), two = contact(2);
    uint32_t arranged = 0, answered = 0;
    start();
    for (uint32_t i = 0; i < 100; i++) {
        rendezvous_broker(config, 5, &ask, &gates[1], &one, NULL, NULL, &broker);
        answered += broker.is_answered;
        assert_false(broker.is_arranged);
    }
    assert_int_equal(answered, config->ask_burst);
    for (uint32_t link = 3; link < 8; link++) {
        for (uint32_t i = 0; i < config->ask_burst; i++) {
            rendezvous_broker(config, 5, &ask, &gates[link], &one, &gates[2], &two, &broker);
            arranged += broker.is_arranged;
            assert_true(broker.is_answered);
            assert_int_equal(broker.answer.rendezvous.role,
                             broker.is_arranged ? P2P_RENDEZVOUS_GO : P2P_RENDEZVOUS_AWAY);
        }
    }
    assert_int_equal(arranged, config->invite_burst);
    rendezvous_broker(config, 5 + config->ask_us, &ask, &gates[1], &one, &gates[2], &two, &broker);
    assert_true(broker.is_arranged);
}

/* ---- The asker ---- */

static bool ask(uint64_t now_us, uint32_t link, uint32_t number)
{
    struct p2p_message message;
    struct p2p_contact wanted = contact(number);
    bool is_asked =
        rendezvous_ask(&rendezvous, now_us, &gates[link], link, wanted.peer_id, &message);
    rendezvous_check_invariants(&rendezvous);
    if (is_asked) {
        assert_int_equal(message.rendezvous.role, P2P_RENDEZVOUS_ASK);
        assert_memory_equal(message.rendezvous.contact.peer_id, wanted.peer_id, HASH_BYTES);
        assert_int_equal(p2p_contact_address_count(&message.rendezvous.contact), 0);
    }
    return is_asked;
}

static enum rendezvous_taken answered(uint64_t now_us, uint32_t link, uint8_t role, uint32_t number)
{
    struct p2p_message message = said(role, number);
    enum rendezvous_taken taken = rendezvous_answered(&rendezvous, now_us, link, &message);
    rendezvous_check_invariants(&rendezvous);
    return taken;
}

static bool is_waiting(uint64_t now_us, uint32_t number)
{
    struct p2p_contact wanted = contact(number);
    return rendezvous_is_waiting(&rendezvous, now_us, wanted.peer_id);
}

/* One broker after the other: away, silent, go. */
static void test_brokers(void **state)
{
    (void)state;
    uint8_t expired[HASH_BYTES];
    const struct p2p_contact nine = contact(9);
    start();
    assert_int_equal(rendezvous_next_deadline_us(&rendezvous), TIME_NEVER_US);
    assert_true(ask(0, 1, 9));
    assert_true(is_waiting(0, 9));
    assert_false(ask(0, 2, 9)); /* one at a time */
    assert_int_equal(rendezvous_next_deadline_us(&rendezvous), config->answer_us);
    assert_int_equal(answered(10, 1, P2P_RENDEZVOUS_AWAY, 9), RENDEZVOUS_NEXT);
    assert_false(is_waiting(10, 9));
    assert_int_equal(answered(10, 1, P2P_RENDEZVOUS_GO, 9), RENDEZVOUS_NOTHING); /* again */
    assert_false(ask(11, 1, 9));
    assert_true(ask(11, 2, 9));
    assert_false(rendezvous_expired(&rendezvous, 10 + config->answer_us, expired));
    assert_true(rendezvous_expired(&rendezvous, 11 + config->answer_us, expired));
    assert_memory_equal(expired, nine.peer_id, HASH_BYTES);
    assert_false(rendezvous_expired(&rendezvous, 11 + config->answer_us, expired));
    assert_int_equal(rendezvous_next_deadline_us(&rendezvous), TIME_NEVER_US);
    assert_true(ask(2000000, 3, 9));
    /* The second's late answer is harmless, the third's counts. */
    assert_int_equal(answered(2000001, 2, P2P_RENDEZVOUS_GO, 9), RENDEZVOUS_NOTHING);
    assert_int_equal(answered(2000002, 3, P2P_RENDEZVOUS_GO, 9), RENDEZVOUS_DIAL);
    assert_false(ask(2000003, 4, 9)); /* three are enough */
    assert_true(ask(2000002 + config->forget_us, 4, 9));
    rendezvous_done(&rendezvous, nine.peer_id);
    assert_int_equal(rendezvous.count, 0);
}

static void test_unasked(void **state)
{
    (void)state;
    start();
    assert_int_equal(answered(0, 1, P2P_RENDEZVOUS_GO, 9), RENDEZVOUS_NOTHING);
    assert_true(ask(0, 1, 9));
    assert_int_equal(answered(1, 2, P2P_RENDEZVOUS_GO, 9), RENDEZVOUS_BREACH);
    assert_int_equal(answered(1, 1, P2P_RENDEZVOUS_GO, 8), RENDEZVOUS_NOTHING);
    assert_true(is_waiting(1, 9));
    assert_int_equal(answered(1, 1, P2P_RENDEZVOUS_GO, 9), RENDEZVOUS_DIAL);
}

static void test_broker_gone(void **state)
{
    (void)state;
    uint8_t expired[HASH_BYTES];
    start();
    assert_true(ask(0, 1, 9));
    assert_true(ask(0, 2, 8));
    rendezvous_link_down(&rendezvous, 5, 1);
    assert_false(is_waiting(5, 9));
    assert_true(is_waiting(5, 8));
    assert_true(rendezvous_expired(&rendezvous, 5, expired));
    assert_int_equal(expired[0], 9);
    assert_false(rendezvous_expired(&rendezvous, 5, expired));
    /* The link's number comes again: it is another broker. */
    assert_true(ask(6, 1, 9));
}

static void test_bounds(void **state)
{
    (void)state;
    uint8_t expired[HASH_BYTES];
    uint32_t count = 0;
    start();
    for (uint32_t i = 0; i < 100; i++) {
        count += ask(0, 1 + i % 7, 1000 + i);
    }
    assert_int_equal(count, RENDEZVOUS_ASKED_MAX);
    while (rendezvous_expired(&rendezvous, config->answer_us, expired)) {
        count--;
    }
    assert_int_equal(count, 0);
    /* Those that are only remembered give way. */
    assert_true(ask(config->answer_us, 1, 5000));
    assert_int_equal(rendezvous.count, RENDEZVOUS_ASKED_MAX);
    /* One broker is not asked faster than it bears. */
    start();
    for (uint32_t i = 0; i < 100; i++) {
        count += ask(0, 1, 1000 + i);
    }
    assert_int_equal(count, config->ask_burst);
}

/* ---- The asked ---- */

static void test_invited(void **state)
{
    (void)state;
    static const uint8_t us[HASH_BYTES] = {77, 0, 1};
    struct p2p_message message = said(P2P_RENDEZVOUS_INVITE, 9);
    uint32_t count = 0;
    start();
    for (uint32_t i = 0; i < 100; i++) {
        count += rendezvous_invited(config, 5, &gates[1], us, &message) == RENDEZVOUS_DIAL;
    }
    assert_int_equal(count, config->invite_burst);
    assert_int_equal(rendezvous_invited(config, 5, &gates[2], us, &message), RENDEZVOUS_DIAL);
    message = said(P2P_RENDEZVOUS_INVITE, 77); /* ourselves */
    assert_int_equal(rendezvous_invited(config, 5, &gates[2], us, &message), RENDEZVOUS_NOTHING);
    message = said(P2P_RENDEZVOUS_INVITE, 9);
    message.rendezvous.contact.addresses[0].address[0] = 255;
    assert_int_equal(rendezvous_invited(config, 5, &gates[2], us, &message), RENDEZVOUS_NOTHING);
    message.rendezvous.contact.addresses[0] = (struct p2p_address){0};
    assert_int_equal(rendezvous_invited(config, 5, &gates[2], us, &message), RENDEZVOUS_NOTHING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arranged),    cmocka_unit_test(test_broker_pace),
        cmocka_unit_test(test_brokers),     cmocka_unit_test(test_unasked),
        cmocka_unit_test(test_broker_gone), cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_invited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
