/*
 * report.c: the figures of simulations; docs/SIMULATION.md defines each.
 */
#include "measure/report.h"

#include "common/time_us.h"
#include "measure/workload/grow.h"

#include <assert.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#define ALL_CAUSES 3u
#define ALL_CACHED 3u
#define PPM_PER_PERCENT 10000u

struct figures {
    uint64_t p50_us, p75_us, p90_us, most_us;
    uint32_t count;
    uint32_t waited; /* longer than nothing at all */
};

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* The value below which `percent` of the sorted values lie (nearest rank). 0 of none. */
static uint64_t percentile(const uint64_t *values, uint32_t count, uint32_t percent)
{
    uint64_t rank = ((uint64_t)count * percent + 99) / 100;
    return count == 0 ? 0 : values[rank == 0 ? 0 : rank - 1];
}

/* Over the waits of a cause and a kind, or of all. */
static struct figures sum_waits(const struct sim_result *result, uint32_t cause, uint32_t cached)
{
    struct figures figures = {0};
    uint64_t *values = measure_grow(NULL, result->wait_count + 1, sizeof *values);
    for (uint32_t i = 0; i < result->wait_count; i++) {
        const struct sim_wait *wait = &result->waits[i];
        if ((cause == ALL_CAUSES || wait->cause == cause) &&
            (cached == ALL_CACHED || wait->cached == cached)) {
            values[figures.count++] = wait->us;
            figures.waited += wait->us > 0;
        }
    }
    qsort(values, figures.count, sizeof *values, compare);
    figures.p50_us = percentile(values, figures.count, 50);
    figures.p75_us = percentile(values, figures.count, 75);
    figures.p90_us = percentile(values, figures.count, 90);
    figures.most_us = percentile(values, figures.count, 100);
    free(values);
    return figures;
}

static uint64_t events_per_s(const struct report_column *column)
{
    return time_scale(column->result.events, TIME_US_PER_S,
                      column->real_us == 0 ? 1 : column->real_us);
}

static uint64_t ppm(uint64_t part, uint64_t whole)
{
    return time_scale(part, 100 * PPM_PER_PERCENT, whole == 0 ? 1 : whole);
}

static uint64_t searches(const struct sim_result *result)
{
    return result->messages[P2P_LOOKUP] + result->messages[P2P_SEARCH];
}

/* What the origin sent, of what was heard at all: 1,000,000 = one copy. */
static uint64_t origin_ppm(const struct sim_result *result)
{
    return ppm(result->origin.payload_bytes, result->distinct_bytes);
}

static json_t *pack_waits(const struct sim_result *result, uint32_t cause, uint32_t cached)
{
    struct figures figures = sum_waits(result, cause, cached);
    return json_pack("{s:f, s:f, s:f, s:f, s:I}", "p50", (double)figures.p50_us / 1000.0, "p75",
                     (double)figures.p75_us / 1000.0, "p90", (double)figures.p90_us / 1000.0,
                     "most", (double)figures.most_us / 1000.0, "count", (json_int_t)figures.count);
}

static json_t *pack_messages(const struct sim_result *result)
{
    json_t *object = json_object();
    for (uint32_t type = 1; type < SIM_TYPES; type++) {
        if (result->messages[type] > 0) {
            json_object_set_new(object, p2p_type_name((uint8_t)type),
                                json_pack("{s:I, s:I}", "count", (json_int_t)result->messages[type],
                                          "bytes", (json_int_t)result->message_bytes[type]));
        }
    }
    return object;
}

static json_t *pack_totals(const struct sim_result *result)
{
    const struct node_summary *total = &result->total;
    return json_pack(
        "{s:I, s:I, s:{s:I, s:I, s:I}, s:I, s:I, s:I, s:I, s:{s:I, s:I}, s:I, s:I, s:I, s:I, s:I, "
        "s:I, "
        "s:I, s:I, s:I, s:I}",
        "plays", (json_int_t)result->plays, "played_ms",
        (json_int_t)(total->played_us / TIME_US_PER_MS), "bytes", "cache",
        (json_int_t)total->bytes[NODE_SOURCE_CACHE], "peers",
        (json_int_t)total->bytes[NODE_SOURCE_PEERS], "origin",
        (json_int_t)total->bytes[NODE_SOURCE_ORIGIN], "duplicate_bytes",
        (json_int_t)total->duplicate_bytes, "overhead_bytes", (json_int_t)total->overhead_bytes,
        "unread_bytes", (json_int_t)total->unread_bytes, "received_bytes",
        (json_int_t)total->received_bytes, "payload", "peers",
        (json_int_t)total->payload_bytes[NODE_SOURCE_PEERS], "origin",
        (json_int_t)total->payload_bytes[NODE_SOURCE_ORIGIN], "origin_sent_bytes",
        (json_int_t)result->origin.payload_bytes, "distinct_bytes",
        (json_int_t)result->distinct_bytes, "origin_per_mille",
        (json_int_t)time_scale(origin_ppm(result), 1, 1000), "stutters",
        (json_int_t)total->stutters, "stuttered_plays", (json_int_t)result->stuttered_plays,
        "stall_ms", (json_int_t)(total->stall_us / TIME_US_PER_MS), "ended_entries",
        (json_int_t)result->ended_entries, "failed_entries", (json_int_t)result->failed_entries,
        "bad_chunks", (json_int_t)result->bad_chunks, "misbehaved", (json_int_t)result->misbehaved);
}

static json_t *pack_links(const struct sim_result *result)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "attempts", (json_int_t)result->attempts,
                     "connected", (json_int_t)result->connected, "arranged_attempts",
                     (json_int_t)result->arranged_attempts, "arranged_connected",
                     (json_int_t)result->arranged_connected, "refused", (json_int_t)result->refused,
                     "most", (json_int_t)result->links_max);
}

static void print_json(const struct report_column *column)
{
    const struct sim_result *result = &column->result;
    char hash[17];
    snprintf(hash, sizeof hash, "%016" PRIx64, result->trace_hash);
    json_t *object = pack_totals(result);
    json_t *rest = json_pack(
        "{s:s, s:s, s:I, s:o, s:o, s:o, s:I, s:o, s:I, s:I, s:I}", "trace_hash", hash, "policy",
        column->options.preset->name, "seed", (json_int_t)column->options.seed, "wait_ms",
        pack_waits(result, ALL_CAUSES, ALL_CACHED), "wait_none_ms",
        pack_waits(result, NODE_CAUSE_CLICK, NODE_CACHED_NONE), "links", pack_links(result),
        "searches", (json_int_t)searches(result), "messages", pack_messages(result), "events",
        (json_int_t)result->events, "events_per_s", (json_int_t)events_per_s(column), "virtual_ms",
        (json_int_t)(result->ended_us / TIME_US_PER_MS));
    if (object != NULL && rest != NULL && json_object_update(object, rest) == 0) {
        json_dumpf(object, stdout, JSON_COMPACT | JSON_REAL_PRECISION(9));
        putchar('\n');
    }
    json_decref(object);
    json_decref(rest);
}

/* --- the table ------------------------------------------------------------------------------- */

enum unit { PLAIN, PERCENT, MILLISECONDS };

static void print_row(const char *name, enum unit unit, const uint64_t *values, uint32_t count)
{
    printf("%-34s", name);
    for (uint32_t i = 0; i < count; i++) {
        if (unit == PERCENT) {
            printf(" %15" PRIu64 ".%" PRIu64 " %%", values[i] / PPM_PER_PERCENT,
                   values[i] / (PPM_PER_PERCENT / 10) % 10);
        } else if (unit == MILLISECONDS) {
            printf(" %15" PRIu64 ".%" PRIu64 " ms", values[i] / 1000, values[i] / 100 % 10);
        } else {
            printf(" %20" PRIu64, values[i]);
        }
    }
    putchar('\n');
}

typedef uint64_t value_of(const struct report_column *column);

#define VALUE(name, expression)                                                                    \
    static uint64_t name(const struct report_column *column)                                       \
    {                                                                                              \
        const struct sim_result *result = &column->result;                                         \
        const struct node_summary *total = &result->total;                                         \
        (void)total;                                                                               \
        return expression;                                                                         \
    }

static uint64_t all_bytes(const struct node_summary *total)
{
    return total->bytes[NODE_SOURCE_CACHE] + total->bytes[NODE_SOURCE_PEERS] +
           total->bytes[NODE_SOURCE_ORIGIN];
}

VALUE(of_plays, result->plays)
VALUE(of_music, total->played_us / TIME_US_PER_S)
VALUE(of_cache, ppm(total->bytes[NODE_SOURCE_CACHE], all_bytes(total)))
VALUE(of_peers, ppm(total->bytes[NODE_SOURCE_PEERS], all_bytes(total)))
VALUE(of_origin, ppm(total->bytes[NODE_SOURCE_ORIGIN], all_bytes(total)))
VALUE(of_origin_bytes, result->origin.payload_bytes)
VALUE(of_copies, origin_ppm(result))
VALUE(of_unread, ppm(total->unread_bytes, total->received_bytes))
VALUE(of_duplicates, ppm(total->duplicate_bytes, total->received_bytes))
VALUE(of_overhead, ppm(total->overhead_bytes, total->received_bytes))
VALUE(of_stutters, total->stutters)
VALUE(of_stuttered, ppm(result->stuttered_plays, result->plays))
VALUE(of_stall, total->stall_us)
VALUE(of_failed, result->failed_entries)
VALUE(of_bad, result->bad_chunks)
VALUE(of_attempts, result->attempts)
VALUE(of_success, ppm(result->connected, result->attempts))
VALUE(of_arranged, ppm(result->arranged_connected, result->arranged_attempts))
VALUE(of_links, result->links_max)
VALUE(of_searches, searches(result))
VALUE(of_found, result->messages[P2P_HOLDERS] + result->messages[P2P_FOUND])
VALUE(of_events, result->events)
VALUE(of_virtual, result->ended_us / TIME_US_PER_S)

static uint64_t of_speed(const struct report_column *column)
{
    return events_per_s(column);
}

struct row {
    const char *name;
    enum unit unit;
    value_of *value;
};

static void print_rows(const struct row *rows, uint32_t row_count,
                       const struct report_column *columns, uint32_t count)
{
    uint64_t values[REPORT_COLUMNS_MAX];
    for (uint32_t i = 0; i < row_count; i++) {
        for (uint32_t j = 0; j < count; j++) {
            values[j] = rows[i].value(&columns[j]);
        }
        print_row(rows[i].name, rows[i].unit, values, count);
    }
}

static void print_waits(const struct report_column *columns, uint32_t count)
{
    static const struct {
        const char *name;
        uint32_t cause, cached;
    } kinds[] = {{"all plays", ALL_CAUSES, ALL_CACHED},
                 {"clicks, nothing cached", NODE_CAUSE_CLICK, NODE_CACHED_NONE},
                 {"clicks, head cached", NODE_CAUSE_CLICK, NODE_CACHED_HEAD},
                 {"clicks, all cached", NODE_CAUSE_CLICK, NODE_CACHED_FULL},
                 {"in order", NODE_CAUSE_AUTO, ALL_CACHED},
                 {"seeks", NODE_CAUSE_SEEK, ALL_CACHED}};
    for (uint32_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        printf("wait, %-28s", kinds[i].name);
        for (uint32_t j = 0; j < count; j++) {
            struct figures figures = sum_waits(&columns[j].result, kinds[i].cause, kinds[i].cached);
            printf(" %5" PRIu64 "/%5" PRIu64 "/%5" PRIu64 " ms", figures.p50_us / 1000,
                   figures.p75_us / 1000, figures.p90_us / 1000);
        }
        putchar('\n');
    }
}

static void print_table(const struct report_column *columns, uint32_t count)
{
    static const struct row music[] = {{"plays", PLAIN, of_plays},
                                       {"music, s", PLAIN, of_music},
                                       {"from the cache", PERCENT, of_cache},
                                       {"from peers", PERCENT, of_peers},
                                       {"from the origin", PERCENT, of_origin},
                                       {"origin sent, bytes", PLAIN, of_origin_bytes},
                                       {"that is, of distinct heard", PERCENT, of_copies},
                                       {"duplicates, of received", PERCENT, of_duplicates},
                                       {"overhead, of received", PERCENT, of_overhead},
                                       {"not read so far, of received", PERCENT, of_unread}};
    static const struct row trouble[] = {{"stutters", PLAIN, of_stutters},
                                         {"plays that stuttered", PERCENT, of_stuttered},
                                         {"standstill in all", MILLISECONDS, of_stall},
                                         {"failed entries", PLAIN, of_failed},
                                         {"bad chunks", PLAIN, of_bad},
                                         {"links dialled", PLAIN, of_attempts},
                                         {"of these connected", PERCENT, of_success},
                                         {"of the arranged ones", PERCENT, of_arranged},
                                         {"links, most at a time", PLAIN, of_links},
                                         {"searches", PLAIN, of_searches},
                                         {"answers to them", PLAIN, of_found},
                                         {"events", PLAIN, of_events},
                                         {"virtual time, s", PLAIN, of_virtual},
                                         {"events/s", PLAIN, of_speed}};
    printf("%-34s", "");
    for (uint32_t i = 0; i < count; i++) {
        printf(" %20s", columns[i].options.preset->name);
    }
    printf("\n%-34s", "trace hash");
    for (uint32_t i = 0; i < count; i++) {
        printf("     %016" PRIx64, columns[i].result.trace_hash);
    }
    putchar('\n');
    print_rows(music, sizeof music / sizeof music[0], columns, count);
    print_waits(columns, count);
    print_rows(trouble, sizeof trouble / sizeof trouble[0], columns, count);
}

void report_print(const struct report_column *columns, uint32_t count, bool json)
{
    assert(count > 0 && count <= REPORT_COLUMNS_MAX);
    if (!json) {
        printf("seed %" PRIu64 "; waits: 50th/75th/90th percentile\n", columns[0].options.seed);
        print_table(columns, count);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        print_json(&columns[i]);
    }
}
