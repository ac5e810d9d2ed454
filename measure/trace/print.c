/*
 * print.c: hit ratios for people and for programs.
 */
#include "measure/trace/print.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define NAME_BYTES_MAX 32u

struct ratios {
    uint32_t request, byte, play, first; /* ppm */
};

/* `exact` has the denominators of a sampled tally; the tally itself when nothing is sampled. */
static struct ratios ratios_of(const struct contest_tally *tally, const struct contest_tally *exact,
                               uint32_t ppm)
{
    return (struct ratios){
        .request = contest_ratio_ppm(tally->request_hits, tally->requests, exact->requests, ppm),
        .byte = contest_ratio_ppm(tally->byte_hits, tally->bytes, exact->bytes, ppm),
        .play = contest_ratio_ppm(tally->play_hits, tally->plays, exact->plays, ppm),
        .first = contest_ratio_ppm(tally->first_hits, tally->plays, exact->plays, ppm)};
}

static void name_of(const struct contest_run *run, char ret_name[NAME_BYTES_MAX])
{
    snprintf(ret_name, NAME_BYTES_MAX, "%s%s",
             run->policy == NULL ? "infinite" : evict_policy_name(run->policy),
             run->with_queue ? "+queue" : "");
}

/* Requests of the history a second of processor time. */
static uint64_t speed_of(const struct history *history, const struct contest_run *run)
{
    return run->elapsed_us == 0 ? 0 : (uint64_t)history->request_count * 1000000 / run->elapsed_us;
}

static void print_bytes(const char *before, uint64_t bytes)
{
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    uint32_t unit = 0;
    uint64_t scaled = bytes * 10;
    while (scaled >= 10240 && unit < 4) {
        scaled /= 1024;
        unit++;
    }
    printf("%s%" PRIu64 ".%" PRIu64 " %s", before, scaled / 10, scaled % 10, units[unit]);
}

static double percent(uint32_t ppm)
{
    return (double)ppm / (CONTEST_PPM / 100.0);
}

/* --- for people ----------------------------------------------------------------------------------- */

static void print_head(const struct trace_options *options, const struct history *history,
                       const struct contest_run *infinite)
{
    printf("%" PRIu32 " requests of %" PRIu32 " objects", history->request_count,
           history->object_count);
    print_bytes(", ", infinite->all.bytes);
    print_bytes(" asked for, ", infinite->limit_bytes);
    printf(" in an infinite cache");
    if (history->passed_over > 0) {
        printf("; %" PRIu64 " lines ask for nothing and were passed over", history->passed_over);
    }
    printf("\nhit ratios in %%: cold = all requests, into an empty cache; warm = behind the first "
           "%" PRIu32 " %%\n",
           options->warm_up_percent);
    puts("infinite: what it misses came for the first time (compulsory misses)");
    puts(history_is_uniform(history)
             ? "belady: no policy can do better (exact, as all objects have one size)"
             : "belady: about what no policy can better (not exact, as sizes differ)");
    if (!history->is_plays) {
        puts("request = play = first chunk: these are objects, not plays of audio files");
    }
}

static void print_row(const struct history *history, const struct contest_run *run)
{
    char name[NAME_BYTES_MAX];
    struct ratios all = ratios_of(&run->all, &run->all, CONTEST_PPM);
    struct ratios warm = ratios_of(&run->warm, &run->warm, CONTEST_PPM);
    name_of(run, name);
    printf("  %-16s", name);
    const struct ratios *both[] = {&all, &warm};
    for (size_t i = 0; i < 2; i++) {
        printf(" %7.2f %7.2f", percent(both[i]->request), percent(both[i]->byte));
        if (history->is_plays) {
            printf(" %7.2f %7.2f", percent(both[i]->play), percent(both[i]->first));
        }
        printf("  ");
    }
    printf("%6.1f", (double)speed_of(history, run) / 1e6);
}

static void print_error(const struct contest_run *exact, const struct contest_run *sampled)
{
    struct ratios wanted = ratios_of(&exact->all, &exact->all, CONTEST_PPM);
    struct ratios found = ratios_of(&sampled->all, &exact->all, sampled->sample_ppm);
    printf("   %7.2f %+6.2f   %7.2f %+6.2f", percent(found.request),
           percent(found.request) - percent(wanted.request), percent(found.byte),
           percent(found.byte) - percent(wanted.byte));
}

static void print_columns(const struct trace_options *options, const struct history *history)
{
    const char *of =
        history->is_plays ? " request    byte    play   first  " : " request    byte  ";
    printf("  %-16s%s%s%s", "", of, of, " M req/s");
    if (options->sample_ppm != 0) {
        printf("   request  error      byte  error");
    }
    putchar('\n');
}

static void print_table(const struct trace_options *options, const struct history *history,
                        const struct contest_run *runs, uint32_t count)
{
    print_head(options, history, &runs[0]);
    const char *cold = history->is_plays ? "cold                            " : "cold            ";
    if (options->sample_ppm != 0) {
        printf("the last columns: cold, estimated from %.2f %% of the objects\n",
               percent(options->sample_ppm));
    }
    uint64_t limit_bytes = 0;
    for (uint32_t i = 1; i < count; i++) {
        if (runs[i].sample_ppm != CONTEST_PPM) {
            continue;
        }
        if (runs[i].limit_bytes != limit_bytes) {
            limit_bytes = runs[i].limit_bytes;
            print_bytes("\ncache of ", limit_bytes);
            printf(" (%.2f %% of all)\n  %-16s %s  warm\n",
                   100.0 * (double)limit_bytes / (double)runs[0].limit_bytes, "", cold);
            print_columns(options, history);
            print_row(history, &runs[0]);
            putchar('\n');
        }
        print_row(history, &runs[i]);
        if (i + 1 < count && runs[i + 1].sample_ppm != CONTEST_PPM) {
            print_error(&runs[i], &runs[i + 1]);
        }
        putchar('\n');
    }
}

/* --- for programs ----------------------------------------------------------------------------------- */

static void print_csv(const struct history *history, const struct contest_run *runs, uint32_t count)
{
    puts("policy,limit_bytes,sample_ppm,request_hit_ppm,byte_hit_ppm,play_hit_ppm,first_hit_ppm,"
         "warm_request_hit_ppm,warm_byte_hit_ppm,warm_play_hit_ppm,warm_first_hit_ppm,"
         "requests_per_s");
    const struct contest_run *exact = runs;
    for (uint32_t i = 0; i < count; i++) {
        char name[NAME_BYTES_MAX];
        const struct contest_run *run = &runs[i];
        exact = run->sample_ppm == CONTEST_PPM ? run : exact;
        struct ratios all = ratios_of(&run->all, &exact->all, run->sample_ppm);
        struct ratios warm = ratios_of(&run->warm, &exact->warm, run->sample_ppm);
        name_of(run, name);
        printf("%s,%" PRIu64 ",%" PRIu32 ",%" PRIu32 ",%" PRIu32 ",%" PRIu32 ",%" PRIu32 ",%" PRIu32
               ",%" PRIu32 ",%" PRIu32 ",%" PRIu32 ",%" PRIu64 "\n",
               name, run->limit_bytes, run->sample_ppm, all.request, all.byte, all.play, all.first,
               warm.request, warm.byte, warm.play, warm.first, speed_of(history, run));
    }
}

static json_t *json_of(const struct ratios *ratios)
{
    return json_pack("{s:I,s:I,s:I,s:I}", "request", (json_int_t)ratios->request, "byte",
                     (json_int_t)ratios->byte, "play", (json_int_t)ratios->play, "first",
                     (json_int_t)ratios->first);
}

static void print_json(const struct trace_options *options, const struct history *history,
                       const struct contest_run *runs, uint32_t count)
{
    json_t *list = json_array();
    const struct contest_run *exact = runs;
    for (uint32_t i = 0; i < count; i++) {
        char name[NAME_BYTES_MAX];
        const struct contest_run *run = &runs[i];
        exact = run->sample_ppm == CONTEST_PPM ? run : exact;
        struct ratios all = ratios_of(&run->all, &exact->all, run->sample_ppm);
        struct ratios warm = ratios_of(&run->warm, &exact->warm, run->sample_ppm);
        name_of(run, name);
        json_array_append_new(
            list, json_pack("{s:s,s:I,s:I,s:o,s:o,s:I}", "policy", name, "limit_bytes",
                            (json_int_t)run->limit_bytes, "sample_ppm", (json_int_t)run->sample_ppm,
                            "cold_hit_ppm", json_of(&all), "warm_hit_ppm", json_of(&warm),
                            "requests_per_s", (json_int_t)speed_of(history, run)));
    }
    json_t *object = json_pack(
        "{s:I,s:I,s:I,s:I,s:I,s:i,s:b,s:b,s:o}", "requests", (json_int_t)history->request_count,
        "objects", (json_int_t)history->object_count, "bytes", (json_int_t)runs[0].all.bytes,
        "footprint_bytes", (json_int_t)runs[0].limit_bytes, "passed_over",
        (json_int_t)history->passed_over, "warm_up_percent", (int)options->warm_up_percent, "plays",
        (int)history->is_plays, "belady_is_exact", (int)history_is_uniform(history), "runs", list);
    if (object != NULL) {
        (void)json_dumpf(object, stdout, JSON_COMPACT);
        putchar('\n');
    }
    json_decref(object);
}

void print_contest(const struct trace_options *options, const struct history *history,
                   const struct contest_run *runs, uint32_t count)
{
    if (options->json) {
        print_json(options, history, runs, count);
    } else if (options->csv) {
        print_csv(history, runs, count);
    } else {
        print_table(options, history, runs, count);
    }
}
