/*
 * status_text.c: a few lines and a table.
 */
#include "player/status_text.h"

#include "player/terminal_text.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define TEXT_BYTES 24
#define WORDS_BYTES 300
#define NAME_BYTES (2 * WORDS_BYTES + 8)
#define NAME_COLUMNS 68u
#define URL_COLUMNS 40u
#define ADDRESS_COLUMNS 24u
#define BAR_CELLS 20u
#define LABEL "%-10s " /* in front of each line */

static uint64_t number(const json_t *object, const char *key)
{
    json_int_t value = json_integer_value(json_object_get(object, key));
    return value < 0 ? 0 : (uint64_t)value;
}

static const char *word(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

/* "3:08", "1:02:03" */
static const char *time_text(uint64_t ms, char ret_text[TEXT_BYTES])
{
    uint64_t s = ms / 1000;
    if (s >= 3600) {
        snprintf(ret_text, TEXT_BYTES, "%" PRIu64 ":%02u:%02u", s / 3600 % 100000,
                 (unsigned)(s / 60 % 60), (unsigned)(s % 60));
    } else {
        snprintf(ret_text, TEXT_BYTES, "%u:%02u", (unsigned)(s / 60), (unsigned)(s % 60));
    }
    return ret_text;
}

/* "0 B", "12.3 kB", "4.5 MB": at most eight columns. */
static const char *size_text(uint64_t bytes, char ret_text[TEXT_BYTES])
{
    static const char *const units[] = {"kB", "MB", "GB", "TB", "PB", "EB"};
    if (bytes < 1000) {
        snprintf(ret_text, TEXT_BYTES, "%u B", (unsigned)bytes);
        return ret_text;
    }
    unsigned unit = 0;
    uint64_t tenths = bytes / 100;
    while (tenths >= 10000) {
        tenths /= 1000;
        unit++;
    }
    snprintf(ret_text, TEXT_BYTES, "%u.%u %s", (unsigned)(tenths / 10), (unsigned)(tenths % 10),
             units[unit]);
    return ret_text;
}

static unsigned percent(uint64_t part, uint64_t whole)
{
    return whole == 0 ? 0 : (unsigned)((part * 100 + whole / 2) / whole);
}

/* "1 track", "2 tracks" */
static const char *plural(uint64_t count, const char *noun, char ret_text[TEXT_BYTES])
{
    snprintf(ret_text, TEXT_BYTES, "%" PRIu64 " %.12s%s", count % 1000000, noun,
             count == 1 ? "" : "s");
    return ret_text;
}

/* So many cells of BAR_CELLS as the part is of the whole. */
static const char *bar_text(uint64_t part, uint64_t whole, char fill, char rest,
                            char ret_text[TEXT_BYTES])
{
    uint64_t filled = whole == 0 ? 0 : (part < whole ? part : whole) * BAR_CELLS / whole;
    for (unsigned i = 0; i < BAR_CELLS; i++) {
        ret_text[i] = i < filled ? fill : rest;
    }
    ret_text[BAR_CELLS] = '\0';
    return ret_text;
}

/* --- status ---------------------------------------------------------------------------------------- */

static void show_playing(const json_t *playing)
{
    char title[WORDS_BYTES], artist[WORDS_BYTES], name[NAME_BYTES];
    char at[TEXT_BYTES], duration[TEXT_BYTES], bar[TEXT_BYTES];
    if (!json_is_object(playing)) {
        printf(LABEL "nothing\n", "playing");
        return;
    }
    const char *words = word(playing, "title");
    terminal_text_plain(words[0] != '\0' ? words : word(playing, "track"), title, sizeof title);
    terminal_text_plain(word(playing, "artist"), artist, sizeof artist);
    snprintf(name, sizeof name, "%s%s%s", artist, artist[0] != '\0' ? " - " : "", title);
    terminal_text_cut(name, NAME_COLUMNS);
    printf(LABEL "%s\n", word(playing, "state"), name);
    uint64_t position_ms = number(playing, "position_ms");
    uint64_t duration_ms = number(playing, "duration_ms");
    printf(LABEL "%s of %s [%s] %" PRIu64 " s ahead, %" PRIu64 " in the queue\n", "",
           time_text(position_ms, at), time_text(duration_ms, duration),
           bar_text(position_ms, duration_ms, '=', '-', bar), number(playing, "buffered_ms") / 1000,
           number(playing, "following"));
}

static void show_source(const char *label, const json_t *bytes, const char *source, uint64_t whole)
{
    char text[TEXT_BYTES], bar[TEXT_BYTES];
    uint64_t part = number(bytes, source);
    printf(LABEL "%-6s %9s %3u %%  %s\n", label, source, size_text(part, text),
           percent(part, whole), bar_text(part, whole, '#', '.', bar));
}

static void show_sources(const json_t *summary)
{
    const json_t *bytes = json_object_get(summary, "bytes");
    uint64_t spared = number(bytes, "cache") + number(bytes, "peers");
    uint64_t whole = spared + number(bytes, "origin");
    uint64_t stutters = number(summary, "stutters");
    char tracks[TEXT_BYTES], played[TEXT_BYTES], stutter[TEXT_BYTES];
    printf(LABEL "%s, %s, %s\n", "so far", plural(number(summary, "tracks"), "track", tracks),
           time_text(number(summary, "played_ms"), played),
           stutters == 0 ? "no stutters" : plural(stutters, "stutter", stutter));
    if (whole > 0) {
        show_source("from", bytes, "cache", whole);
        show_source("", bytes, "peers", whole);
        show_source("", bytes, "origin", whole);
        printf(LABEL "the origin was spared %u %% of it\n", "", percent(spared, whole));
    }
}

static void show_origin(const json_t *origin)
{
    if (!json_is_object(origin)) {
        printf(LABEL "none: offline\n", "origin");
        return;
    }
    bool is_up = json_is_true(json_object_get(origin, "up"));
    char url[WORDS_BYTES], why[WORDS_BYTES], rate[TEXT_BYTES];
    terminal_text_plain(word(origin, "url"), url, sizeof url);
    terminal_text_cut(url, URL_COLUMNS);
    printf(LABEL "%s, %s", "origin", url, is_up ? "connected" : "not connected");
    if (is_up && number(origin, "rtt_ms") > 0) {
        printf(", %" PRIu64 " ms", number(origin, "rtt_ms"));
    }
    if (is_up && number(origin, "rate_bytes_per_s") > 0) {
        printf(", %s/s", size_text(number(origin, "rate_bytes_per_s"), rate));
    }
    putchar('\n');
    terminal_text_plain(word(origin, "text"), why, sizeof why);
    if (!is_up && why[0] != '\0') {
        terminal_text_cut(why, NAME_COLUMNS);
        printf(LABEL "%s\n", "", why);
    }
}

static void show_neighbours(const json_t *peers)
{
    char neighbours[TEXT_BYTES];
    if (!json_is_object(peers)) {
        printf(LABEL "off\n", "peers");
        return;
    }
    printf(LABEL "%s, %" PRIu64 " being tried, %" PRIu64 " more known\n", "peers",
           plural(number(peers, "neighbours"), "neighbour", neighbours), number(peers, "attempts"),
           number(peers, "contacts"));
    if (number(peers, "mapped_port") > 0) {
        char by[TEXT_BYTES];
        terminal_text_plain(word(peers, "mapped_by"), by, sizeof by);
        printf(LABEL "we are %.8s and take links at port %" PRIu64 ", from outside at %" PRIu64
                     " (%s)\n",
               "", word(peers, "peer_id"), number(peers, "port"), number(peers, "mapped_port"), by);
    } else if (number(peers, "port") > 0) {
        printf(LABEL "we are %.8s and take links at port %" PRIu64 "\n", "", word(peers, "peer_id"),
               number(peers, "port"));
    } else {
        printf(LABEL "we are %.8s; nobody can reach us\n", "", word(peers, "peer_id"));
    }
}

static const char *off_text(const char *off)
{
    if (strcmp(off, "metered") == 0) {
        return "the network is metered";
    }
    return strcmp(off, "battery") == 0 ? "the battery is low" : "--no-upload";
}

static void show_upload(const json_t *upload)
{
    char given[TEXT_BYTES], limit[TEXT_BYTES];
    if (!json_is_object(upload)) {
        return;
    }
    printf(LABEL "%s given; ", "upload", size_text(number(upload, "given_bytes"), given));
    if (json_is_string(json_object_get(upload, "off"))) {
        printf("off: %s\n", off_text(word(upload, "off")));
    } else if (number(upload, "slots") == 0) {
        puts("nobody has asked yet");
    } else {
        printf("%" PRIu64 " of %" PRIu64 " slots in use, now at most %s/s\n",
               number(upload, "served"), number(upload, "slots"),
               size_text(number(upload, "limit_bytes_per_s"), limit));
    }
}

void status_text_show(const json_t *status)
{
    show_playing(json_object_get(status, "playing"));
    show_sources(json_object_get(status, "summary"));
    show_origin(json_object_get(status, "origin"));
    show_neighbours(json_object_get(status, "peers"));
    if (json_is_object(json_object_get(status, "peers"))) {
        show_upload(json_object_get(status, "upload"));
    }
}

/* --- peers ------------------------------------------------------------------------------------------ */

static bool is(const json_t *peer, const char *key)
{
    return json_is_true(json_object_get(peer, key));
}

static void show_peer(const json_t *peer)
{
    char address[WORDS_BYTES], rate[TEXT_BYTES], received[TEXT_BYTES], sent[TEXT_BYTES];
    terminal_text_plain(word(peer, "address"), address, sizeof address);
    terminal_text_cut(address, ADDRESS_COLUMNS);
    printf("%-24s %.8s %-3s %-3s %8s %5" PRIu64 " %8s %8s %3" PRIu64 " %s%s\n", address,
           word(peer, "peer_id"), is(peer, "incoming") ? "in" : "out", is(peer, "lan") ? "lan" : "",
           size_text(number(peer, "rate_bytes_per_s"), rate), number(peer, "rtt_ms"),
           size_text(number(peer, "received_bytes"), received),
           size_text(number(peer, "sent_bytes"), sent), number(peer, "files"),
           is(peer, "giving") ? "<" : "", is(peer, "asking") ? ">" : "");
}

void status_text_show_peers(const json_t *peers)
{
    const json_t *list = json_object_get(peers, "peers");
    size_t count = json_array_size(list);
    if (count == 0) {
        puts("no neighbours");
        return;
    }
    printf("%-24s %-8s %-7s %8s %5s %8s %8s %3s\n", "address", "peer", "link", "rate/s", "ms",
           "received", "sent", "has");
    for (size_t i = 0; i < count; i++) {
        show_peer(json_array_get(list, i));
    }
    puts("\nhas: of the files that we look for; < it gives to us now; > it asks us now");
}
