/*
 * test_links.c: silence, and when to try again.
 */
#include "common/error.h"
#include "player/core/links.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void test_list(void **state)
{
    (void)state;
    struct links links;
    links_init(&links);
    assert_null(links_origin(&links));
    struct link *origin = links_add(&links, NODE_LINK_ORIGIN);
    struct link *peer = links_add(&links, NODE_LINK_PEER);
    assert_int_equal(origin->number, 1);
    assert_int_equal(peer->number, 2);
    assert_ptr_equal(links_origin(&links), origin);
    assert_ptr_equal(links_find(&links, 2), peer);
    links_check_invariants(&links);
    links_remove(&links, 1);
    links_remove(&links, 1);
    assert_null(links_find(&links, 1));
    assert_null(links_origin(&links));
    /* Numbers are never given twice. */
    assert_int_equal(links_add(&links, NODE_LINK_ORIGIN)->number, 3);
    links_check_invariants(&links);
    links_deinit(&links);
}

/* Links that others began stand behind ours, whenever they come. */
static void test_incoming(void **state)
{
    (void)state;
    struct links links;
    links_init(&links);
    struct link *first = links_accept(&links, NODE_LINK_INCOMING | 7);
    struct link *second = links_accept(&links, NODE_LINK_INCOMING | 3);
    struct link *ours = links_add(&links, NODE_LINK_PEER);
    assert_int_equal(first->state, LINK_UP);
    assert_true(first->is_incoming);
    assert_false(ours->is_incoming);
    assert_ptr_equal(links.list[0], ours);
    assert_ptr_equal(links.list[1], second);
    assert_ptr_equal(links_find(&links, NODE_LINK_INCOMING | 7), first);
    links_check_invariants(&links);
    for (uint32_t i = 100; links.count < NODE_LINKS_MAX; i++) {
        assert_non_null(links_accept(&links, NODE_LINK_INCOMING | i));
    }
    assert_null(links_accept(&links, NODE_LINK_INCOMING | 99));
    links_deinit(&links);
}

/* After a change of the network an answer has to come soon. */
static void test_under_test(void **state)
{
    (void)state;
    struct node_preset preset = node_preset_refrain;
    struct links links;
    links_init(&links);
    struct link *link = links_accept(&links, NODE_LINK_INCOMING | 1);
    link->has_hello = true;
    link->quiet_since_us = 1000;
    link->ping_us = 1000;
    link->is_under_test = true;
    uint64_t due_us = 1000 + preset.request_timeout_us;
    assert_int_equal(links_next_deadline_us(link, &preset), due_us);
    assert_int_equal(links_duty(link, &preset, due_us - 1), LINK_DUTY_NONE);
    assert_int_equal(links_duty(link, &preset, due_us), LINK_DUTY_GIVE_UP);
    links_deinit(&links);
}

static void test_silence(void **state)
{
    (void)state;
    struct node_preset preset = node_preset_refrain;
    preset.request_timeout_us = 100;
    preset.link_timeout_us = 500;
    struct links links;
    links_init(&links);
    struct link *link = links_add(&links, NODE_LINK_ORIGIN);
    assert_int_equal(links_next_deadline_us(link, &preset), TIME_NEVER_US);
    links_asked(link, 1000);
    link->state = LINK_UP; /* their hello is waited for */
    static const struct {
        uint64_t now_us;
        enum links_duty duty;
    } rows[] = {{1050, LINK_DUTY_NONE},
                {1099, LINK_DUTY_NONE},
                {1100, LINK_DUTY_PING},
                {1499, LINK_DUTY_PING},
                {1500, LINK_DUTY_GIVE_UP}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(links_duty(link, &preset, rows[i].now_us), rows[i].duty);
    }
    assert_int_equal(links_next_deadline_us(link, &preset), 1100);
    link->ping_us = 1100;
    assert_int_equal(links_next_deadline_us(link, &preset), 1500);
    assert_int_equal(links_duty(link, &preset, 1400), LINK_DUTY_NONE);
    /* An idle link may be silent for ever. */
    link->ping_us = 0;
    link->has_hello = true;
    assert_int_equal(links_duty(link, &preset, 99999), LINK_DUTY_NONE);
    assert_int_equal(links_next_deadline_us(link, &preset), TIME_NEVER_US);
    links_deinit(&links);
}

/* Doubling, with at least half of it certain, and bounded. */
static void test_backoff(void **state)
{
    (void)state;
    struct node_preset preset = node_preset_refrain;
    preset.connect_backoff_us = 1000;
    preset.connect_backoff_max_us = 10000;
    preset.connect_attempts_first = 100;
    struct prng prng;
    prng_init(&prng, 3);
    struct connector connector = {.down_since_us = TIME_NEVER_US};
    static const uint64_t delays[] = {1000, 2000, 4000, 8000, 10000, 10000};
    for (size_t i = 0; i < sizeof delays / sizeof delays[0]; i++) {
        links_connector_failed(&connector, &preset, &prng, 50000, ERROR_CLOSED);
        assert_in_range(connector.retry_us, 50000 + delays[i] / 2, 50000 + delays[i]);
        assert_false(links_connector_may(&connector, connector.retry_us - 1));
        assert_true(links_connector_may(&connector, connector.retry_us));
        assert_int_equal(connector.down_since_us, 50000);
    }
    links_connector_succeeded(&connector);
    assert_int_equal(connector.down_since_us, TIME_NEVER_US);
    assert_true(links_connector_may(&connector, 0));
    /* Whoever is let in and gives nothing right is not tried faster. */
    links_connector_failed(&connector, &preset, &prng, 50000, ERROR_CLOSED);
    assert_in_range(connector.retry_us, 55000, 60000);
    links_connector_proved(&connector);
    links_connector_failed(&connector, &preset, &prng, 50000, ERROR_CLOSED);
    assert_in_range(connector.retry_us, 50500, 51000);
}

static void test_give_up(void **state)
{
    (void)state;
    struct node_preset preset = node_preset_refrain;
    preset.connect_attempts_first = 2;
    struct prng prng;
    prng_init(&prng, 3);
    struct connector connector = {.down_since_us = TIME_NEVER_US};
    links_connector_failed(&connector, &preset, &prng, 1, ERROR_CLOSED);
    assert_false(connector.is_given_up);
    links_connector_failed(&connector, &preset, &prng, 1, ERROR_CLOSED);
    assert_true(connector.is_given_up);
    assert_false(links_connector_may(&connector, UINT64_MAX - 1));
    links_connector_encourage(&connector, 77);
    assert_true(links_connector_may(&connector, 77));
    /* Who was there once is never given up. */
    links_connector_succeeded(&connector);
    for (int i = 0; i < 50; i++) {
        links_connector_failed(&connector, &preset, &prng, 1, ERROR_CLOSED);
    }
    assert_false(connector.is_given_up);
    connector.is_refused = true;
    assert_false(links_connector_may(&connector, UINT64_MAX - 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_list),       cmocka_unit_test(test_incoming),
        cmocka_unit_test(test_under_test), cmocka_unit_test(test_silence),
        cmocka_unit_test(test_backoff),    cmocka_unit_test(test_give_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
