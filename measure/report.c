/*
 * report.c: the figures of one simulation; docs/SIMULATION.md defines each.
 */
#include "measure/report.h"

#include "common/time_us.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

uint64_t report_percentile(uint64_t *values, uint32_t count, uint32_t percent)
{
    if (count == 0) {
        return 0;
    }
    qsort(values, count, sizeof *values, compare);
    uint64_t rank = ((uint64_t)count * percent + 99) / 100;
    return values[rank == 0 ? 0 : rank - 1];
}

static uint64_t events_per_s(const struct sim_result *result, uint64_t real_us)
{
    return time_scale(result->events, TIME_US_PER_S, real_us == 0 ? 1 : real_us);
}

static void print_json(struct sim_result *result, const struct sim_options *options,
                       uint64_t real_us)
{
    const struct node_summary *total = &result->total;
    char hash[17];
    uint32_t waits = result->wait_count;
    uint64_t *wait_us = result->wait_us;
    snprintf(hash, sizeof hash, "%016" PRIx64, result->trace_hash);
    json_t *object = json_pack(
        "{s:s, s:s, s:I, s:I, s:I, s:{s:I, s:I, s:I}, s:I, s:I, s:{s:f, s:f, s:f}, s:I, s:I, s:I,"
        " s:I, s:I, s:I, s:I, s:I}",
        "trace_hash", hash, "policy", options->preset->name, "seed", (json_int_t)options->seed,
        "plays", (json_int_t)result->plays, "played_ms",
        (json_int_t)(total->played_us / TIME_US_PER_MS), "bytes", "cache",
        (json_int_t)total->bytes[NODE_SOURCE_CACHE], "peers",
        (json_int_t)total->bytes[NODE_SOURCE_PEERS], "origin",
        (json_int_t)total->bytes[NODE_SOURCE_ORIGIN], "duplicate_bytes",
        (json_int_t)total->duplicate_bytes, "overhead_bytes", (json_int_t)total->overhead_bytes,
        "wait_ms", "p50", (double)report_percentile(wait_us, waits, 50) / 1000.0, "p75",
        (double)report_percentile(wait_us, waits, 75) / 1000.0, "p90",
        (double)report_percentile(wait_us, waits, 90) / 1000.0, "stutters",
        (json_int_t)total->stutters, "stuttered_plays", (json_int_t)result->stuttered_plays,
        "stall_ms", (json_int_t)(total->stall_us / TIME_US_PER_MS), "failed_entries",
        (json_int_t)result->failed_entries, "bad_chunks", (json_int_t)result->bad_chunks, "events",
        (json_int_t)result->events, "events_per_s", (json_int_t)events_per_s(result, real_us),
        "virtual_ms", (json_int_t)(result->ended_us / TIME_US_PER_MS));
    if (object != NULL) {
        json_dumpf(object, stdout, JSON_COMPACT | JSON_REAL_PRECISION(9));
        putchar('\n');
    }
    json_decref(object);
}

static void print_share(const char *name, uint64_t bytes, uint64_t all)
{
    printf("  %-10s %14" PRIu64 " bytes  %3" PRIu64 ".%" PRIu64 " %%\n", name, bytes,
           time_scale(bytes, 100, all == 0 ? 1 : all),
           time_scale(bytes, 1000, all == 0 ? 1 : all) % 10);
}

static void print_text(struct sim_result *result, const struct sim_options *options,
                       uint64_t real_us)
{
    const struct node_summary *total = &result->total;
    uint64_t all = total->bytes[0] + total->bytes[1] + total->bytes[2];
    printf("policy %s, seed %" PRIu64 ": %" PRIu32 " plays, %" PRIu64 " s of music\n",
           options->preset->name, options->seed, result->plays, total->played_us / TIME_US_PER_S);
    print_share("cache", total->bytes[NODE_SOURCE_CACHE], all);
    print_share("peers", total->bytes[NODE_SOURCE_PEERS], all);
    print_share("origin", total->bytes[NODE_SOURCE_ORIGIN], all);
    printf("  %-10s %14" PRIu64 " bytes\n", "duplicate", total->duplicate_bytes);
    printf("  %-10s %14" PRIu64 " bytes\n", "overhead", total->overhead_bytes);
    for (uint32_t percent = 50; percent <= 100; percent += percent < 75 ? 25 : 15) {
        uint64_t wait_us = report_percentile(result->wait_us, result->wait_count, percent);
        printf("wait, %" PRIu32 "th percentile: %" PRIu64 ".%03" PRIu64 " ms\n", percent,
               wait_us / 1000, wait_us % 1000);
    }
    printf("stutters: %" PRIu32 " in %" PRIu32 " plays, %" PRIu64 " ms in all\n", total->stutters,
           result->stuttered_plays, total->stall_us / TIME_US_PER_MS);
    printf("failed: %" PRIu32 " entries, %" PRIu32 " bad chunks\n", result->failed_entries,
           result->bad_chunks);
    printf("trace hash %016" PRIx64 " over %" PRIu64 " decisions\n", result->trace_hash,
           result->trace_lines);
    printf("%" PRIu64 " events in %" PRIu64 " s of virtual time, %" PRIu64 " events/s\n",
           result->events, result->ended_us / TIME_US_PER_S, events_per_s(result, real_us));
}

void report_print(struct sim_result *result, const struct sim_options *options, uint64_t real_us,
                  bool json)
{
    if (json) {
        print_json(result, options, real_us);
    } else {
        print_text(result, options, real_us);
    }
}
