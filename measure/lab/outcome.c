/*
 * outcome.c: sums and percentiles over the listeners of a lab, and their table.
 */
#include "measure/lab/outcome.h"

#include "common/time_us.h"
#include "measure/workload/grow.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void outcome_deinit(struct outcome *outcome)
{
    free(outcome->tracks);
    free(outcome->click_wait_us);
    free(outcome->wait_us);
    memset(outcome, 0, sizeof *outcome);
}

void outcome_add_track(struct outcome *outcome, const char *id, uint64_t bytes,
                       uint64_t duration_us)
{
    outcome->tracks =
        measure_grow(outcome->tracks, outcome->track_count + 1, sizeof *outcome->tracks);
    struct outcome_track *track = &outcome->tracks[outcome->track_count++];
    *track = (struct outcome_track){.bytes = bytes, .duration_us = duration_us};
    snprintf(track->id, sizeof track->id, "%s", id);
}

int outcome_find_track(const struct outcome *outcome, const char *id)
{
    for (uint32_t i = 0; i < outcome->track_count; i++) {
        if (strcmp(outcome->tracks[i].id, id) == 0) {
            return (int)i;
        }
    }
    return -1;
}

void outcome_heard(struct outcome *outcome, uint32_t at, uint64_t heard_us)
{
    struct outcome_track *track = &outcome->tracks[at];
    uint64_t most_us = heard_us < track->duration_us ? heard_us : track->duration_us;
    track->heard_us = most_us > track->heard_us ? most_us : track->heard_us;
}

static void append(uint64_t **list, uint32_t *count, uint32_t *capacity, uint64_t value)
{
    if (*count == *capacity) {
        *capacity = *capacity == 0 ? 256 : *capacity * 2;
        *list = measure_grow(*list, *capacity, sizeof **list);
    }
    (*list)[(*count)++] = value;
}

void outcome_play(struct outcome *outcome, uint64_t wait_us, bool is_click, bool is_cached,
                  uint32_t stutters, uint64_t stall_us)
{
    outcome->plays++;
    outcome->waited += wait_us >= OUTCOME_WAITS_US;
    outcome->stutters += stutters;
    outcome->stuttered_plays += stutters > 0;
    outcome->stall_us += stall_us;
    if (is_click && !is_cached) {
        append(&outcome->click_wait_us, &outcome->click_count, &outcome->click_capacity, wait_us);
    }
    append(&outcome->wait_us, &outcome->wait_count, &outcome->wait_capacity, wait_us);
}

uint64_t outcome_distinct_bytes(const struct outcome *outcome)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < outcome->track_count; i++) {
        const struct outcome_track *track = &outcome->tracks[i];
        if (track->duration_us > 0) {
            bytes += time_scale(track->bytes, track->heard_us, track->duration_us);
        }
    }
    return bytes;
}

/* Of all tracks of which anything was heard, wholly. */
static uint64_t track_bytes(const struct outcome *outcome)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < outcome->track_count; i++) {
        const struct outcome_track *track = &outcome->tracks[i];
        bytes += track->heard_us > 0 ? track->bytes : 0;
    }
    return bytes;
}

/* --- printing ------------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* The value below which `percent` of them lie (nearest rank); sorts them. */
static uint64_t percentile(uint64_t *values, uint32_t count, uint32_t percent)
{
    if (count == 0) {
        return 0;
    }
    qsort(values, count, sizeof *values, compare);
    return values[((uint64_t)count * percent + 99) / 100 - 1];
}

static uint64_t per_mille(uint64_t part, uint64_t all)
{
    return time_scale(part, 1000, all == 0 ? 1 : all);
}

/* Of the overhead, what is not music. */
static uint64_t message_bytes(const struct outcome *outcome)
{
    uint64_t payload = outcome->peers_payload_bytes + outcome->origin_payload_bytes;
    return outcome->received_bytes > payload ? outcome->received_bytes - payload : 0;
}

static void print_json(struct outcome *outcome, const char *title)
{
    uint64_t distinct = outcome_distinct_bytes(outcome);
    json_t *object = json_pack(
        "{s:s, s:I, s:I, s:{s:I, s:I, s:I}, s:{s:I, s:I}, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, "
        "s:{s:I, s:I, s:I}, s:{s:I, s:I, s:I}, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
        "lab", title, "plays", (json_int_t)outcome->plays, "played_ms",
        (json_int_t)(outcome->played_us / TIME_US_PER_MS), "bytes", "cache",
        (json_int_t)outcome->cache_bytes, "peers", (json_int_t)outcome->peers_bytes, "origin",
        (json_int_t)outcome->origin_bytes, "payload", "peers",
        (json_int_t)outcome->peers_payload_bytes, "origin",
        (json_int_t)outcome->origin_payload_bytes, "distinct_bytes", (json_int_t)distinct,
        "origin_per_mille", (json_int_t)per_mille(outcome->origin_payload_bytes, distinct),
        "copies_per_mille", (json_int_t)per_mille(outcome->origin_bytes, track_bytes(outcome)),
        "received_bytes", (json_int_t)outcome->received_bytes, "duplicate_bytes",
        (json_int_t)outcome->duplicate_bytes, "overhead_bytes", (json_int_t)outcome->overhead_bytes,
        "message_bytes", (json_int_t)message_bytes(outcome), "unread_bytes",
        (json_int_t)outcome->unread_bytes, "click_wait_ms", "p50",
        (json_int_t)(percentile(outcome->click_wait_us, outcome->click_count, 50) / 1000), "p90",
        (json_int_t)(percentile(outcome->click_wait_us, outcome->click_count, 90) / 1000), "count",
        (json_int_t)outcome->click_count, "wait_ms", "p50",
        (json_int_t)(percentile(outcome->wait_us, outcome->wait_count, 50) / 1000), "p75",
        (json_int_t)(percentile(outcome->wait_us, outcome->wait_count, 75) / 1000), "p90",
        (json_int_t)(percentile(outcome->wait_us, outcome->wait_count, 90) / 1000), "waited",
        (json_int_t)outcome->waited, "stutters", (json_int_t)outcome->stutters, "stuttered_plays",
        (json_int_t)outcome->stuttered_plays, "stall_ms",
        (json_int_t)(outcome->stall_us / TIME_US_PER_MS), "failed", (json_int_t)outcome->failed,
        "origin_sent_bytes", (json_int_t)outcome->origin_sent_bytes, "cpu_ms",
        (json_int_t)(outcome->cpu_us / TIME_US_PER_MS), "relay_late_us",
        (json_int_t)outcome->lateness_us);
    if (object != NULL) {
        json_dumpf(object, stdout, JSON_COMPACT);
        putchar('\n');
    }
    json_decref(object);
}

static void print_share(const char *name, uint64_t bytes, uint64_t all)
{
    uint64_t share = per_mille(bytes, all);
    printf("  %-26s %13" PRIu64 " bytes %5" PRIu64 ".%" PRIu64 " %%\n", name, bytes, share / 10,
           share % 10);
}

static void print_waits(const char *name, uint64_t *waits_us, uint32_t count)
{
    printf("  %-26s median %" PRIu64 " ms, 90th %" PRIu64 " ms (%" PRIu32 ")\n", name,
           percentile(waits_us, count, 50) / 1000, percentile(waits_us, count, 90) / 1000, count);
}

static void print_text(struct outcome *outcome, const char *title)
{
    uint64_t heard = outcome->cache_bytes + outcome->peers_bytes + outcome->origin_bytes;
    uint64_t distinct = outcome_distinct_bytes(outcome);
    uint64_t tracks = track_bytes(outcome);
    uint64_t ratio = time_scale(outcome->origin_payload_bytes, 100, distinct == 0 ? 1 : distinct);
    printf("%s: %" PRIu32 " plays, %" PRIu64 " s of music\n", title, outcome->plays,
           outcome->played_us / TIME_US_PER_S);
    print_share("from the cache", outcome->cache_bytes, heard);
    print_share("from peers", outcome->peers_bytes, heard);
    print_share("from the origin", outcome->origin_bytes, heard);
    printf("  %-26s %13" PRIu64 " bytes: the origin gave %" PRIu64 ".%02" PRIu64 " times that\n",
           "distinct, heard", distinct, ratio / 100, ratio % 100);
    printf("  %-26s %13" PRIu64 " bytes\n", "left the origin's host", outcome->origin_sent_bytes);
    ratio = time_scale(outcome->origin_bytes, 100, tracks == 0 ? 1 : tracks);
    printf("  %-26s %13" PRIu64 " bytes: of these tracks the origin gave %" PRIu64 ".%02" PRIu64
           " copies\n",
           "tracks, heard of", tracks, ratio / 100, ratio % 100);
    print_share("duplicates, of received", outcome->duplicate_bytes, outcome->received_bytes);
    print_share("overhead, of received", outcome->overhead_bytes, outcome->received_bytes);
    print_share("  what is not music", message_bytes(outcome), outcome->received_bytes);
    print_share("not read so far", outcome->unread_bytes, outcome->received_bytes);
    print_waits("clicks, nothing cached", outcome->click_wait_us, outcome->click_count);
    print_waits("all plays", outcome->wait_us, outcome->wait_count);
    printf("  %-26s %" PRIu32 " of %" PRIu32 " plays waited %u ms or more\n", "", outcome->waited,
           outcome->plays, OUTCOME_WAITS_US / 1000);
    printf("  %-26s %" PRIu32 " in %" PRIu32 " plays, %" PRIu64 " ms\n", "stutters",
           outcome->stutters, outcome->stuttered_plays, outcome->stall_us / TIME_US_PER_MS);
    printf("  %-26s %" PRIu32 "\n", "plays that failed", outcome->failed);
    printf("  %-26s %" PRIu64 " ms of processor time; the relay came %" PRIu64 " us late at most\n",
           "the lab itself", outcome->cpu_us / TIME_US_PER_MS, outcome->lateness_us);
}

void outcome_print(struct outcome *outcome, const char *title, bool json)
{
    if (json) {
        print_json(outcome, title);
    } else {
        print_text(outcome, title);
    }
}
