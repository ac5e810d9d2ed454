/*
 * report.c: the words and the JSON lines.
 *
 * Responsible for valid JSON whatever the tags hold (control characters, broken UTF-8), for one
 * write a line, and for a progress line that fits the terminal. JSON is written by hand: a library
 * would cost more at start than all the lines of a track.
 */
#include "player/report.h"

#include "media/core/file_id.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define REPORT_BAR_CELLS 20u
#define REPORT_COLUMNS_DEFAULT 80u
#define REPORT_LINE_BYTES 2048u

static bool line_is_open; /* a progress line stands on the terminal */

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
}

bool report_is_terminal(bool json)
{
    return !json && isatty(STDOUT_FILENO) == 1;
}

/* --- JSON ------------------------------------------------------------------------------------------------ */

/* How many bytes the UTF-8 character at `text` has; 0 = it is none. */
static unsigned utf8_bytes(const unsigned char *text)
{
    unsigned count = text[0] < 0x80                      ? 1
                     : text[0] >= 0xc2 && text[0] < 0xe0 ? 2
                     : text[0] >= 0xe0 && text[0] < 0xf0 ? 3
                     : text[0] >= 0xf0 && text[0] < 0xf5 ? 4
                                                         : 0;
    for (unsigned i = 1; i < count; i++) {
        if ((text[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return count;
}

static void put_string(const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    putchar('"');
    while (*at != '\0') {
        unsigned count = utf8_bytes(at);
        if (count == 0) {
            fputs("\\ufffd", stdout);
            count = 1;
        } else if (*at == '"' || *at == '\\') {
            printf("\\%c", *at);
        } else if (*at < 0x20) {
            printf("\\u%04x", *at);
        } else {
            fwrite(at, 1, count, stdout);
        }
        at += count;
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

void report_summary_json(const struct node_summary *summary)
{
    printf("{\"event\":\"summary\",\"tracks\":%u,\"played_ms\":%" PRIu64
           ",\"bytes\":{\"cache\":%" PRIu64 ",\"peers\":%" PRIu64 ",\"origin\":%" PRIu64
           "},\"duplicate_bytes\":%" PRIu64 ",\"overhead_bytes\":%" PRIu64
           ",\"stutters\":%u,\"stall_ms\":%" PRIu64,
           summary->tracks, summary->played_us / 1000, summary->bytes[NODE_SOURCE_CACHE],
           summary->bytes[NODE_SOURCE_PEERS], summary->bytes[NODE_SOURCE_ORIGIN],
           summary->duplicate_bytes, summary->overhead_bytes, summary->stutters,
           summary->stall_us / 1000);
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

/* A name without what would steer the terminal; ret_text has `capacity` bytes. */
static const char *plain(const char *text, char *ret_text, size_t capacity)
{
    size_t used = 0;
    const unsigned char *at = (const unsigned char *)text;
    while (*at != '\0') {
        unsigned count = utf8_bytes(at);
        bool control = *at < 0x20 || *at == 0x7f || (*at == 0xc2 && at[1] < 0xa0);
        if (used + 5 > capacity) {
            break;
        }
        if (count == 0 || control) {
            ret_text[used++] = '?';
            at += count == 2 ? 2 : 1;
            continue;
        }
        memcpy(ret_text + used, at, count);
        used += count;
        at += count;
    }
    ret_text[used] = '\0';
    return ret_text;
}

static void put_name(const struct report_track *track, char *ret_text, size_t capacity)
{
    char title[300], artist[300];
    plain(track->title[0] != '\0' ? track->title : track->id, title, sizeof title);
    plain(track->artist, artist, sizeof artist);
    snprintf(ret_text, capacity, "%s%s%s", title, artist[0] != '\0' ? " - " : "", artist);
}

void report_started(const struct report_track *track)
{
    char name[640], duration[16];
    put_name(track, name, sizeof name);
    report_progress_clear();
    printf("%s (%s)\n", name, time_text(track->duration_us, duration));
    fflush(stdout);
}

static int compare_us(const void *a, const void *b)
{
    const uint64_t *left = a;
    const uint64_t *right = b;
    return (*left > *right) - (*left < *right);
}

void report_summary(const struct node_summary *summary, uint64_t *waits_us, uint32_t wait_count,
                    bool fetched)
{
    char played[16];
    uint64_t whole = total(summary);
    report_progress_clear();
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
    fflush(stdout);
}

/* --- the progress line ------------------------------------------------------------------------------------------ */

static unsigned terminal_columns(void)
{
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
        return size.ws_col;
    }
    return REPORT_COLUMNS_DEFAULT;
}

/* Cuts text to `columns` characters (each counted as one column). */
static void cut(char *text, unsigned columns)
{
    unsigned used = 0;
    char *at = text;
    while (*at != '\0') {
        unsigned count = utf8_bytes((const unsigned char *)at);
        if (used == columns) {
            *at = '\0';
            return;
        }
        used++;
        at += count > 0 ? count : 1;
    }
}

static void put_bar(uint64_t part, uint64_t whole, char *ret_text)
{
    uint64_t filled = whole == 0 ? 0 : part * REPORT_BAR_CELLS / whole;
    for (unsigned i = 0; i < REPORT_BAR_CELLS; i++) {
        ret_text[i] = i < filled ? '=' : i == filled ? '>' : '-';
    }
    ret_text[REPORT_BAR_CELLS] = '\0';
}

/* The name takes what the rest leaves. */
static void show(const char *name, const char *rest)
{
    char line[REPORT_LINE_BYTES];
    unsigned columns = terminal_columns();
    unsigned rest_columns = (unsigned)strlen(rest) + 1;
    char cut_name[640];
    snprintf(cut_name, sizeof cut_name, "%s", name);
    cut(cut_name, columns > rest_columns + 10 ? columns - rest_columns - 1 : 10);
    snprintf(line, sizeof line, "%s %s", cut_name, rest);
    cut(line, columns - 1);
    printf("\r%s\033[K", line);
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
    char name[640], rest[200], bar[REPORT_BAR_CELLS + 1], at[16], duration[16], shares[80];
    put_name(track, name, sizeof name);
    put_bar(status->position_us, track->duration_us, bar);
    put_shares(summary, shares, sizeof shares);
    snprintf(rest, sizeof rest, "%s%s/%s [%s] +%us%s",
             status->paused    ? "paused "
             : status->stalled ? "waiting "
                               : "",
             time_text(status->position_us, at), time_text(track->duration_us, duration), bar,
             (unsigned)(status->buffered_us / 1000000), shares);
    show(name, rest);
}

void report_fetch_progress(const struct report_track *track, uint64_t bytes, uint64_t whole)
{
    char name[640], rest[100], bar[REPORT_BAR_CELLS + 1];
    put_name(track, name, sizeof name);
    put_bar(bytes, whole, bar);
    snprintf(rest, sizeof rest, "[%s] %u%% of %u.%u MB", bar, (unsigned)percent(bytes, whole),
             (unsigned)(whole / 1000000), (unsigned)(whole / 100000 % 10));
    show(name, rest);
}
