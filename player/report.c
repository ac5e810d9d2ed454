/*
 * report.c: the words and the JSON lines.
 *
 * Responsible for valid JSON whatever the tags hold (control characters, broken UTF-8), for one
 * write a line, and for a progress line that fits the terminal. JSON is written by hand: a library
 * would cost more at start than all the lines of a track.
 */
#include "player/report.h"

#include "media/core/file_id.h"
#include "player/terminal_text.h"

#include <assert.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define REPORT_BAR_CELLS 20u
#define REPORT_COLUMNS_DEFAULT 80u
#define REPORT_LINE_BYTES 2048u
#define REPORT_NAME_BYTES 640u
#define REPORT_REST_BYTES 240u
/* The bar and the shares leave so much to the name, if it is as long. */
#define REPORT_NAME_COLUMNS 24u

static bool line_is_open; /* a progress line stands on the terminal */
static void (*listener)(void *context, const char *message);
static void *listener_context;

void report_listen(void (*hear)(void *context, const char *message), void *context)
{
    listener = hear;
    listener_context = context;
}

void report_progress_clear(void)
{
    if (line_is_open) {
        fputs("\r\033[K", stdout);
        fflush(stdout);
        line_is_open = false;
    }
}

void report_error(const char *format, ...)
{
    char text[REPORT_LINE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    report_progress_clear();
    fprintf(stderr, "refrain: %s\n", text);
    if (listener != NULL) {
        listener(listener_context, text);
    }
}

bool report_is_terminal(bool json)
{
    return !json && isatty(STDOUT_FILENO) == 1;
}

/* --- JSON ------------------------------------------------------------------------------------------------ */

static void put_string(const char *text)
{
    putchar('"');
    while (*text != '\0') {
        uint32_t point = 0;
        unsigned count = terminal_text_decode(text, &point);
        if (count == 0) {
            fputs("\\ufffd", stdout);
            count = 1;
        } else if (point == '"' || point == '\\') {
            printf("\\%c", *text);
        } else if (point < 0x20) {
            printf("\\u%04x", (unsigned)point);
        } else {
            fwrite(text, 1, count, stdout);
        }
        text += count;
    }
    putchar('"');
}

static void put_field(const char *name, const char *text)
{
    printf(",\"%s\":", name);
    put_string(text);
}

static void end_line(void)
{
    fputs("}\n", stdout);
    fflush(stdout);
}

void report_started_json(const struct report_track *track)
{
    fputs("{\"event\":\"started\"", stdout);
    put_field("track", track->id);
    put_field("title", track->title);
    put_field("artist", track->artist);
    printf(",\"duration_ms\":%" PRIu64, track->duration_us / 1000);
    end_line();
}

void report_ready_json(const uint8_t *peer_id, uint16_t port)
{
    char id[2 * HASH_BYTES + 1];
    if (peer_id != NULL) {
        media_hex_encode(peer_id, HASH_BYTES, id);
        printf("{\"event\":\"ready\",\"peer_id\":\"%s\",\"port\":%u", id, port);
    } else {
        printf("{\"event\":\"ready\",\"peer_id\":null,\"port\":%u", port);
    }
    end_line();
}

void report_play_json(const struct node_play_record *play)
{
    static const char *const causes[] = {"click", "auto", "seek"};
    static const char *const cached[] = {"none", "head", "full"};
    char id[2 * TRACK_ID_BYTES + 1];
    media_hex_encode(play->track_id, TRACK_ID_BYTES, id);
    printf("{\"event\":\"play\",\"track\":\"%s\",\"wait_ms\":%" PRIu64 ",\"cause\":\"%s\","
           "\"cached\":\"%s\",\"stutters\":%u,\"stall_ms\":%" PRIu64,
           id, play->wait_us / 1000, causes[play->cause], cached[play->cached], play->stutters,
           play->stall_us / 1000);
    end_line();
}

void report_fetched_json(const struct report_track *track, const char *path, uint64_t bytes)
{
    fputs("{\"event\":\"fetched\"", stdout);
    put_field("track", track->id);
    put_field("path", path);
    printf(",\"bytes\":%" PRIu64, bytes);
    end_line();
}

void report_error_json(const char *track_id, const char *message, int exit_code)
{
    fputs("{\"event\":\"error\"", stdout);
    if (track_id != NULL) {
        put_field("track", track_id);
    }
    put_field("message", message);
    printf(",\"exit_code\":%d", exit_code);
    end_line();
}

void report_choices_json(const char *message, const char *choices, int exit_code)
{
    fputs("{\"event\":\"error\"", stdout);
    put_field("message", message);
    printf(",\"exit_code\":%d,\"choices\":%s", exit_code, choices);
    end_line();
}

void report_choices(const char *choices)
{
    json_t *list = json_loads(choices, 0, NULL);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *choice = json_array_get(list, i);
        char name[200], by[200], album[200], target[200];
        const char *on = json_string_value(json_object_get(choice, "album"));
        const char *singer = json_string_value(json_object_get(choice, "by"));
        terminal_text_plain(json_string_value(json_object_get(choice, "name")), name, sizeof name);
        terminal_text_plain(json_string_value(json_object_get(choice, "target")), target,
                            sizeof target);
        terminal_text_plain(singer, by, sizeof by);
        terminal_text_plain(on != NULL ? on : "", album, sizeof album);
        fprintf(stderr, "  %-8s %s%s%s%s%s%s  ->  %s\n",
                json_string_value(json_object_get(choice, "kind")), name,
                by[0] != '\0' ? " by " : "", by, album[0] != '\0' ? " (" : "", album,
                album[0] != '\0' ? ")" : "", target);
    }
    json_decref(list);
}

void report_summary_json(const struct node_summary *summary)
{
    printf("{\"event\":\"summary\",\"tracks\":%u,\"played_ms\":%" PRIu64
           ",\"bytes\":{\"cache\":%" PRIu64 ",\"peers\":%" PRIu64 ",\"origin\":%" PRIu64
           "},\"duplicate_bytes\":%" PRIu64 ",\"overhead_bytes\":%" PRIu64
           ",\"unread_bytes\":%" PRIu64 ",\"received_bytes\":%" PRIu64
           ",\"payload\":{\"peers\":%" PRIu64 ",\"origin\":%" PRIu64
           "},\"stutters\":%u,\"stall_ms\":%" PRIu64,
           summary->tracks, summary->played_us / 1000, summary->bytes[NODE_SOURCE_CACHE],
           summary->bytes[NODE_SOURCE_PEERS], summary->bytes[NODE_SOURCE_ORIGIN],
           summary->duplicate_bytes, summary->overhead_bytes, summary->unread_bytes,
           summary->received_bytes, summary->payload_bytes[NODE_SOURCE_PEERS],
           summary->payload_bytes[NODE_SOURCE_ORIGIN], summary->stutters, summary->stall_us / 1000);
    end_line();
}

/* --- people --------------------------------------------------------------------------------------------------- */

/* "3:08", "1:02:03"; ret_text has 16 bytes. */
static const char *time_text(uint64_t us, char *ret_text)
{
    uint64_t seconds = us / 1000000;
    if (seconds >= 3600) {
        snprintf(ret_text, 16, "%u:%02u:%02u", (unsigned)(seconds / 3600 % 1000),
                 (unsigned)(seconds / 60 % 60), (unsigned)(seconds % 60));
    } else {
        snprintf(ret_text, 16, "%u:%02u", (unsigned)(seconds / 60), (unsigned)(seconds % 60));
    }
    return ret_text;
}

static uint64_t percent(uint64_t part, uint64_t whole)
{
    return whole == 0 ? 0 : (part * 100 + whole / 2) / whole;
}

static uint64_t total(const struct node_summary *summary)
{
    return summary->bytes[NODE_SOURCE_CACHE] + summary->bytes[NODE_SOURCE_PEERS] +
           summary->bytes[NODE_SOURCE_ORIGIN];
}

/* "Artist - Title"; without tags the id. */
static void put_name(const struct report_track *track, char *ret_text, size_t capacity)
{
    char title[300], artist[300];
    terminal_text_plain(track->title[0] != '\0' ? track->title : track->id, title, sizeof title);
    terminal_text_plain(track->artist, artist, sizeof artist);
    snprintf(ret_text, capacity, "%s%s%s", artist, artist[0] != '\0' ? " - " : "", title);
}

void report_started(const struct report_track *track)
{
    char name[REPORT_NAME_BYTES], duration[16];
    put_name(track, name, sizeof name);
    report_progress_clear();
    printf("%s (%s)\n", name, time_text(track->duration_us, duration));
    fflush(stdout);
}

void report_ready(const uint8_t *peer_id, uint16_t port)
{
    char id[2 * HASH_BYTES + 1];
    if (peer_id == NULL) {
        puts("ready, without peers");
    } else {
        media_hex_encode(peer_id, HASH_BYTES, id);
        printf("ready: peer %.8s at port %u\n", id, port);
    }
    fflush(stdout);
}

static int compare_us(const void *a, const void *b)
{
    const uint64_t *left = a;
    const uint64_t *right = b;
    return (*left > *right) - (*left < *right);
}

static void put_sum(const struct node_summary *summary, uint64_t *waits_us, uint32_t wait_count,
                    bool fetched)
{
    char played[16];
    uint64_t whole = total(summary);
    if (fetched) {
        printf("%.1f MB: ", (double)whole / 1e6);
    } else {
        printf("%u track%s, %s played: ", summary->tracks, summary->tracks == 1 ? "" : "s",
               time_text(summary->played_us, played));
    }
    printf("%" PRIu64 " %% from the cache, %" PRIu64 " %% from peers, %" PRIu64
           " %% from the origin",
           percent(summary->bytes[NODE_SOURCE_CACHE], whole),
           percent(summary->bytes[NODE_SOURCE_PEERS], whole),
           percent(summary->bytes[NODE_SOURCE_ORIGIN], whole));
    if (wait_count > 0) {
        qsort(waits_us, wait_count, sizeof waits_us[0], compare_us);
        printf("; median wait %" PRIu64 " ms", waits_us[wait_count / 2] / 1000);
    }
    if (!fetched && summary->stutters == 0) {
        fputs("; no stutters", stdout);
    } else if (!fetched) {
        printf("; %u stutter%s, %" PRIu64 " ms", summary->stutters,
               summary->stutters == 1 ? "" : "s", summary->stall_us / 1000);
    }
    putchar('\n');
}

void report_summary(const struct node_summary *summary, uint64_t given_bytes, uint64_t *waits_us,
                    uint32_t wait_count, bool fetched)
{
    report_progress_clear();
    if (summary->tracks > 0 || total(summary) > 0) { /* else what went wrong was told */
        put_sum(summary, waits_us, wait_count, fetched);
    }
    if (given_bytes > 0) {
        printf("%.1f MB given to peers\n", (double)given_bytes / 1e6);
    }
    fflush(stdout);
}

/* --- the progress line ------------------------------------------------------------------------------------------ */

static unsigned terminal_columns(void)
{
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1) {
        return size.ws_col;
    }
    return REPORT_COLUMNS_DEFAULT;
}

/* In the background the terminal is another program's. A terminal that is not ours to control, as
 * behind `script`, has no foreground. */
static bool is_background(void)
{
    pid_t foreground = tcgetpgrp(STDOUT_FILENO);
    return foreground > 0 && foreground != getpgrp();
}

static void put_bar(uint64_t part, uint64_t whole, unsigned cells, char *ret_text)
{
    uint64_t filled = whole == 0 ? 0 : part * cells / whole;
    for (unsigned i = 0; i < cells; i++) {
        ret_text[i] = i < filled ? '=' : i == filled ? '>' : '-';
    }
    ret_text[cells] = '\0';
}

/* What stands behind the name, the indispensable first: with how much room there is, more of it is
 * shown. */
struct line {
    const char *head;     /* "1:02/3:08" */
    uint64_t part, whole; /* of the bar */
    const char *tail;     /* " origin 70%" */
};

/* With a bar of so many cells (0 = none), and the tail or not. */
static void put_rest(const struct line *line, unsigned cells, bool tail, char *ret_text,
                     size_t capacity)
{
    char bar[REPORT_BAR_CELLS + 1];
    assert(cells <= REPORT_BAR_CELLS);
    put_bar(line->part, line->whole, cells, bar);
    snprintf(ret_text, capacity, "%s%s%s%s%s", line->head, cells > 0 ? " [" : "",
             cells > 0 ? bar : "", cells > 0 ? "]" : "", tail ? line->tail : "");
}

/* The name takes what the rest leaves; when that is little, the rest gives way. */
static void show(const char *name, const struct line *line)
{
    static const struct {
        unsigned cells;
        bool tail;
    } forms[] = {{REPORT_BAR_CELLS, true}, {REPORT_BAR_CELLS / 2, true}, {0, true}, {0, false}};
    char rest[REPORT_REST_BYTES], cut_name[REPORT_NAME_BYTES];
    unsigned columns = terminal_columns() - 1; /* the last one would wrap */
    unsigned name_columns = terminal_text_columns(name);
    unsigned wanted = name_columns < REPORT_NAME_COLUMNS ? name_columns : REPORT_NAME_COLUMNS;
    unsigned rest_columns = 0;
    if (is_background()) {
        return;
    }
    for (unsigned i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        put_rest(line, forms[i].cells, forms[i].tail, rest, sizeof rest);
        rest_columns = terminal_text_columns(rest);
        if (wanted + 1 + rest_columns <= columns) {
            break;
        }
    }
    terminal_text_cut(rest, columns);
    snprintf(cut_name, sizeof cut_name, "%s", name);
    terminal_text_cut(cut_name, columns > rest_columns + 1 ? columns - rest_columns - 1 : 0);
    printf("\r%s%s%s\033[K", cut_name, cut_name[0] != '\0' ? " " : "", rest);
    fflush(stdout);
    line_is_open = true;
}

/* " cache 30% origin 70%": those that gave something. */
static void put_shares(const struct node_summary *summary, char *ret_text, size_t capacity)
{
    static const char *const names[NODE_SOURCES] = {"cache", "peers", "origin"};
    size_t used = 0;
    uint64_t whole = total(summary);
    ret_text[0] = '\0';
    for (unsigned i = 0; i < NODE_SOURCES && used < capacity; i++) {
        if (summary->bytes[i] > 0) {
            used += (size_t)snprintf(ret_text + used, capacity - used, " %s %u%%", names[i],
                                     (unsigned)percent(summary->bytes[i], whole));
        }
    }
}

void report_progress(const struct report_track *track, const struct node_status *status,
                     const struct node_summary *summary)
{
    char name[REPORT_NAME_BYTES], head[64], tail[100], at[16], duration[16], shares[80];
    put_name(track, name, sizeof name);
    put_shares(summary, shares, sizeof shares);
    snprintf(head, sizeof head, "%s%s/%s",
             status->paused    ? "paused "
             : status->stalled ? "waiting "
                               : "",
             time_text(status->position_us, at), time_text(track->duration_us, duration));
    snprintf(tail, sizeof tail, " +%us%s", (unsigned)(status->buffered_us / 1000000), shares);
    show(name, &(struct line){head, status->position_us, track->duration_us, tail});
}

void report_fetch_progress(const struct report_track *track, uint64_t bytes, uint64_t whole)
{
    char name[REPORT_NAME_BYTES], head[16], tail[40];
    put_name(track, name, sizeof name);
    snprintf(head, sizeof head, "%u%%", (unsigned)percent(bytes, whole));
    snprintf(tail, sizeof tail, " of %u.%u MB", (unsigned)(whole / 1000000),
             (unsigned)(whole / 100000 % 10));
    show(name, &(struct line){head, bytes, whole, tail});
}
