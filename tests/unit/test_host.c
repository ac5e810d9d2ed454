/*
 * test_host.c: who can reach whom: the table of docs/OVERLAY.md.
 */
#include "measure/sim/host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct sim_host make_host(uint32_t number, enum workload_nat nat, bool is_resetting,
                                 uint32_t lan)
{
    const struct workload_host spec = {.up_rate = 1000,
                                       .down_rate = 1000,
                                       .delay_us = 7000,
                                       .nat = nat,
                                       .is_resetting = is_resetting,
                                       .lan = lan};
    struct sim_host host;
    sim_host_init(&host, &spec, number);
    return host;
}

/* 'd' the caller gets in by himself; 'a' only when it is arranged; '-' never. */
static char reach(const struct sim_host *from, const struct sim_host *to)
{
    if (sim_host_is_open_to(to, from, false)) {
        return 'd';
    }
    bool gets_in = sim_host_is_open_to(to, from, true) || sim_host_is_open_to(from, to, true);
    return gets_in ? 'a' : '-';
}

static void the_table_is_that_of_the_page(void **state)
{
    /* Rows: who dials; columns: who is dialled; both in the order of enum workload_nat. */
    static const char *const table[WORKLOAD_NATS] = {"ddaaad", "ddaaad", "ddaaad",
                                                     "ddaa-d", "dda--d", "ddaaad"};
    static const char *const resetting[WORKLOAD_NATS] = {"ddaaad", "ddaaad", "dd---d",
                                                         "dd---d", "dd---d", "ddaaad"};
    (void)state;
    for (uint32_t from = 0; from < WORKLOAD_NATS; from++) {
        for (uint32_t to = 0; to < WORKLOAD_NATS; to++) {
            struct sim_host a = make_host(1, (enum workload_nat)from, false, 0);
            struct sim_host b = make_host(2, (enum workload_nat)to, false, 0);
            struct sim_host c = make_host(3, (enum workload_nat)to, true, 0);
            assert_int_equal(reach(&a, &b), table[from][to]);
            assert_int_equal(reach(&a, &c), resetting[from][to]);
        }
    }
}

static void who_meets_has_begun_the_same_link(void **state)
{
    (void)state;
    struct sim_host open = make_host(1, WORKLOAD_NAT_OPEN, false, 0);
    struct sim_host port = make_host(2, WORKLOAD_NAT_PORT, false, 0);
    struct sim_host other = make_host(3, WORKLOAD_NAT_PORT, false, 0);
    struct sim_host symmetric = make_host(4, WORKLOAD_NAT_SYMMETRIC, false, 0);
    struct sim_host resetting = make_host(5, WORKLOAD_NAT_PORT, true, 0);
    assert_true(sim_host_meets(&port, &other));
    assert_true(sim_host_meets(&open, &port));
    assert_false(sim_host_meets(&open, &symmetric)); /* its port is not the one that was dialled */
    assert_false(sim_host_meets(&port, &resetting));
}

static void a_lan_shares_an_address_and_has_its_own(void **state)
{
    (void)state;
    struct sim_host a = make_host(1, WORKLOAD_NAT_PORT, false, 3);
    struct sim_host b = make_host(2, WORKLOAD_NAT_PORT, false, 3);
    struct sim_host c = make_host(3, WORKLOAD_NAT_OPEN, false, 0);
    assert_memory_equal(a.outer.address, b.outer.address, sizeof a.outer.address);
    assert_int_not_equal(a.outer.port, b.outer.port);
    assert_true(p2p_address_is_local(&a.inner));
    assert_false(p2p_address_is_local(&a.outer));
    assert_true(sim_host_is_near(&a, &b));
    assert_int_equal(reach(&a, &b), 'd');
    assert_true(sim_host_is_at(&a, &b, &b.inner));
    assert_false(sim_host_is_at(&a, &b, &b.outer));
    assert_false(sim_host_is_at(&c, &b, &b.inner));
    assert_true(sim_host_is_at(&c, &b, &b.outer));
    assert_true(sim_host_delay(&a, &b) < sim_host_delay(&a, &c));
    assert_int_equal(sim_host_delay(&a, &c), 14000);
}

static void who_moves_is_elsewhere(void **state)
{
    (void)state;
    struct sim_host a = make_host(1, WORKLOAD_NAT_OPEN, false, 0);
    struct sim_host before = a;
    struct sim_host b = make_host(2, WORKLOAD_NAT_OPEN, false, 0);
    sim_host_move(&a, 1);
    assert_false(sim_host_is_at(&b, &a, &before.outer));
    assert_true(sim_host_is_at(&b, &a, &a.outer));
    assert_true(p2p_address_is_dialable(&a.outer));
    assert_false(p2p_address_same_prefix(&a.outer, &before.outer));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_is_that_of_the_page),
        cmocka_unit_test(who_meets_has_begun_the_same_link),
        cmocka_unit_test(a_lan_shares_an_address_and_has_its_own),
        cmocka_unit_test(who_moves_is_elsewhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
