/*
 * test_workload.c: what a workload file may say, and what it is told when it says otherwise.
 */
#include "measure/workload/workload.h"

#include "common/error.h"
#include "common/time_us.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static int load(const char *text, struct workload *ret_workload, char *ret_error)
{
    char path[] = "/tmp/test_workload.XXXXXX";
    struct prng prng;
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    assert_int_equal(write(descriptor, text, strlen(text)), strlen(text));
    close(descriptor);
    prng_init(&prng, 1);
    int error = workload_load(path, &prng, ret_workload, ret_error);
    unlink(path);
    return error;
}

static void a_whole_workload_is_read(void **state)
{
    (void)state;
    struct workload workload;
    char error[WORKLOAD_ERROR_BYTES_MAX] = "";
    assert_int_equal(load("# a comment\n"
                          "origin up=8k delay=3ms\n"
                          "tracks 2 bytes=100000 bitrate=80k\n"
                          "tracks 1 bytes=40000..50000 duration=7s runs=0+1,2+1\n"
                          "listeners 3 down=16M up=800k queue=4k cache=2M delay=9ms\n"
                          "at 1s 2 play 0 2 1\n"
                          "at 2s..3s all play random 5\n"
                          "at 4500ms 1 seek 1m\n"
                          "at 5s origin stop\n"
                          "listeners 2 nat=port syn=reset lan=7 does=trickle:8k here=no gives=no\n"
                          "hold 3..4 0..1 rows=1/3\n"
                          "hold all 2\n"
                          "at 6s..7s 1..3 vanish 2s..3s 50%\n"
                          "at 8s 4 wander 9\n"
                          "at 9s origin nonsense\n"
                          "end 1h\n",
                          &workload, error),
                     0);
    assert_int_equal(workload.track_count, 3);
    assert_int_equal(workload.tracks[0].duration_us, 10 * TIME_US_PER_S);
    assert_int_equal(workload.tracks[1].run_count, 2);
    assert_in_range(workload.tracks[2].bytes, 40000, 50000);
    assert_int_equal(workload.tracks[2].duration_us, 7 * TIME_US_PER_S);
    assert_int_equal(workload.tracks[2].runs[1].first, 2);
    assert_int_equal(workload.origin.up_rate, 1000);
    assert_int_equal(workload.origin.delay_us, 3000);
    assert_int_equal(workload.listener_count, 5);
    assert_int_equal(workload.listeners[2].down_rate, 2000000);
    assert_int_equal(workload.listeners[2].cache_bytes, 2u << 20);
    assert_int_equal(workload.command_count, 7);
    assert_int_equal(workload.commands[0].track_count, 3);
    assert_int_equal(workload.played[1], 2);
    assert_int_equal(workload.commands[1].listener, 0);
    assert_int_equal(workload.commands[1].last_listener, 2);
    assert_int_equal(workload.commands[1].random_count, 5);
    assert_int_equal(workload.commands[1].until_us, 3 * TIME_US_PER_S);
    assert_int_equal(workload.commands[2].position_us, 60 * TIME_US_PER_S);
    assert_int_equal(workload.commands[3].kind, WORKLOAD_ORIGIN_STOP);
    assert_true(workload.end_us == 3600 * TIME_US_PER_S);
    const struct workload_host *host = &workload.listeners[4];
    assert_int_equal(host->nat, WORKLOAD_NAT_PORT);
    assert_true(host->is_resetting && host->is_absent && host->is_taking_only);
    assert_int_equal(host->lan, 7);
    assert_int_equal(host->deed, WORKLOAD_TRICKLE);
    assert_int_equal(host->trickle_rate, 1000);
    assert_int_equal(workload.listeners[0].nat, WORKLOAD_NAT_OPEN);
    assert_int_equal(workload.hold_count, 2);
    assert_int_equal(workload.holds[0].listener, 3);
    assert_int_equal(workload.holds[0].last_track, 1);
    assert_int_equal(workload.holds[0].part, 1);
    assert_int_equal(workload.holds[0].parts, 3);
    assert_int_equal(workload.holds[1].last_listener, 4);
    assert_int_equal(workload.holds[1].parts, 1);
    assert_int_equal(workload.commands[4].kind, WORKLOAD_VANISH);
    assert_int_equal(workload.commands[4].listener, 1);
    assert_int_equal(workload.commands[4].last_listener, 3);
    assert_int_equal(workload.commands[4].chance_percent, 50);
    assert_int_equal(workload.commands[4].away_until_us, 3 * TIME_US_PER_S);
    assert_int_equal(workload.commands[0].chance_percent, 100);
    assert_int_equal(workload.commands[5].random_count, 9);
    assert_int_equal(workload.commands[6].kind, WORKLOAD_ORIGIN_NONSENSE);
    workload_deinit(&workload);
}

static void what_is_wrong_is_named(void **state)
{
    static const struct {
        const char *text;
        const char *reason; /* a part of the message */
    } rows[] = {
        {"", "nobody does anything"},
        {"listeners 1\n", "nobody does anything"},
        {"dance\n", "line 1: a statement is"},
        {"tracks\n", "the count is missing"},
        {"tracks 0 bytes=1\n", "the count is missing, zero"},
        {"tracks 99999999999 bytes=1\n", "too large"},
        {"tracks 1\n", "a number is missing"},
        {"tracks 1 bytes=0\n", "bytes must be"},
        {"tracks 1 bytes=9..3\n", "a span ends before"},
        {"tracks 1 bytes=4294967297\n", "bytes must be"},
        {"tracks 1 bytes=10 bitrate=0\n", "bitrate must not"},
        {"tracks 1 bytes=10 colour=red\n", "not among"},
        {"tracks 1 bytes=10 runs=1+1\n", "not within the file"},
        {"tracks 1 bytes=10 runs=0+0\n", "not within the file"},
        {"tracks 1 bytes=-5\n", "a number is missing"},
        {"tracks 1 bytes=18446744073709551616\n", "too large"},
        {"listeners 1 up=7\n", "a rate must be"},
        {"listeners 1 delay=5\n", "a unit is missing"},
        {"listeners 1\nat 1s 0 play 0\n", "line 2: no such track"},
        {"tracks 1 bytes=9\nat 1s 0 play 0\n", "no such listener"},
        {"listeners 1\nat 1s 0 sing\n", "a listener may"},
        {"listeners 1\nat 1s 0\n", "`at` needs"},
        {"tracks 1 bytes=9\nlisteners 1\nat 1s 0 play\n", "play what"},
        {"at 1s origin explode\n", "the origin may"},
        {"listeners 1 nat=none\n", "nat= is open"},
        {"listeners 1 syn=ack\n", "syn= is drop"},
        {"listeners 1 does=evil\n", "does= is honest"},
        {"listeners 1 does=trickle\n", "trickle needs a rate"},
        {"listeners 1 lan=1001\n", "lan= is"},
        {"tracks 1 bytes=9\nlisteners 1\nhold 0\n", "`hold` needs"},
        {"tracks 1 bytes=9\nlisteners 1\nhold 1 0\n", "no such listener"},
        {"tracks 1 bytes=9\nlisteners 1\nhold 0 1\n", "no such track"},
        {"tracks 1 bytes=9\nlisteners 1\nhold 0 0 rows=3/3\n", "counts from 0"},
        {"listeners 2\nat 1s 1..2 leave\n", "no such listener"},
        {"listeners 2\nat 1s 0 sleep\n", "a listener may"},
        {"listeners 2\nat 1s 0 pause 5s\n", "a listener may"},
        {"listeners 2\nat 1s 0 leave 101%\n", "a chance is"},
        {"listeners 2\nat 1s 0 wander 5\n", "wander needs"},
        {"end\n", "a statement is"},
        {"end 5x\n", "a unit is"},
    };
    (void)state;
    for (uint32_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct workload workload;
        char error[WORKLOAD_ERROR_BYTES_MAX] = "";
        assert_int_equal(load(rows[i].text, &workload, error), ERROR_MALFORMED);
        if (strstr(error, rows[i].reason) == NULL) {
            fail_msg("row %u: \"%s\" does not say \"%s\"", i, error, rows[i].reason);
        }
    }
}

static void long_lines_and_missing_files_are_told(void **state)
{
    (void)state;
    struct workload workload;
    struct prng prng;
    char error[WORKLOAD_ERROR_BYTES_MAX] = "";
    char line[WORKLOAD_LINE_BYTES_MAX + 10];
    memset(line, 'x', sizeof line);
    line[sizeof line - 2] = '\n';
    line[sizeof line - 1] = '\0';
    assert_int_equal(load(line, &workload, error), ERROR_MALFORMED);
    assert_non_null(strstr(error, "split it"));
    prng_init(&prng, 1);
    assert_int_equal(workload_load("/nonexistent/workload", &prng, &workload, error), ERROR_IO);
    assert_non_null(strstr(error, "/nonexistent/workload"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_workload_is_read),
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(long_lines_and_missing_files_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
