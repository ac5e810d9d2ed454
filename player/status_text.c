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
#define NAME_BYTES 400
#define NAME_COLUMNS 60u

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

/* --- status ---------------------------------------------------------------------------------------- */

static void show_playing(const json_t *playing)
{
    char title[NAME_BYTES / 2], artist[NAME_BYTES / 2], name[NAME_BYTES];
    char at[TEXT_BYTES], duration[TEXT_BYTES];
    if (!json_is_object(playing)) {
        puts("playing    nothing");
        return;
    }
    terminal_text_plain(word(playing, "title"), title, sizeof title);
    terminal_text_plain(word(playing, "artist"), artist, sizeof artist);
    snprintf(name, sizeof name, "%s%s%s", artist, artist[0] != '\0' ? " - " : "",
             title[0] != '\0' ? title : word(playing, "track"));
    terminal_text_cut(name, NAME_COLUMNS);
    printf("%-10s %s\n", word(playing, "state"), name);
    printf("%-10s %s of %s, %" PRIu64 " s ahead, %" PRIu64 " more in the queue\n", "position",
           time_text(number(playing, "position_ms"), at),
           time_text(number(playing, "duration_ms"), duration),
           number(playing, "buffered_ms") / 1000, number(playing, "following"));
}

static void show_sources(const json_t *summary)
{
    const json_t *bytes = json_object_get(summary, "bytes");
    uint64_t cache = number(bytes, "cache");
    uint64_t peers = number(bytes, "peers");
    uint64_t origin = number(bytes, "origin");
    uint64_t whole = cache + peers + origin;
    char text[TEXT_BYTES], played[TEXT_BYTES];
    printf("%-10s %" PRIu64 " tracks, %s; %" PRIu64 " stutters\n", "so far",
           number(summary, "tracks"), time_text(number(summary, "played_ms"), played),
           number(summary, "stutters"));
    printf("%-10s cache  %10s  %3u %%\n", "sources", size_text(cache, text), percent(cache, whole));
    printf("%-10s peers  %10s  %3u %%\n", "", size_text(peers, text), percent(peers, whole));
    printf("%-10s origin %10s  %3u %%", "", size_text(origin, text), percent(origin, whole));
    printf("%s", whole > 0 ? "" : "\n");
    if (whole > 0) {
        printf("   (%u %% spared)\n", percent(whole - origin, whole));
    }
}

static void show_origin(const json_t *origin)
{
    if (!json_is_object(origin)) {
        puts("origin     none: offline");
        return;
    }
    bool is_up = json_is_true(json_object_get(origin, "up"));
    char text[NAME_BYTES], rate[TEXT_BYTES];
    terminal_text_plain(word(origin, "url"), text, sizeof text);
    terminal_text_cut(text, 40);
    printf("%-10s %s, %s", "origin", text, is_up ? "connected" : "not connected");
    if (is_up && number(origin, "rtt_ms") > 0) {
        printf(", %" PRIu64 " ms", number(origin, "rtt_ms"));
    }
    if (is_up && number(origin, "rate_bytes_per_s") > 0) {
        printf(", %s/s", size_text(number(origin, "rate_bytes_per_s"), rate));
    }
    putchar('\n');
}

static void show_neighbours(const json_t *peers)
{
    if (!json_is_object(peers)) {
        puts("peers      off");
        return;
    }
    printf("%-10s %" PRIu64 " neighbours, %" PRIu64 " being tried, %" PRIu64 " others known\n",
           "peers", number(peers, "neighbours"), number(peers, "attempts"),
           number(peers, "contacts"));
    if (number(peers, "port") > 0) {
        printf("%-10s %.8s, takes links at port %" PRIu64 "\n", "we are", word(peers, "peer_id"),
               number(peers, "port"));
    } else {
        printf("%-10s %.8s, nobody can reach us\n", "we are", word(peers, "peer_id"));
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
    printf("%-10s %s given; ", "upload", size_text(number(upload, "given_bytes"), given));
    if (json_is_string(json_object_get(upload, "off"))) {
        printf("off: %s\n", off_text(word(upload, "off")));
    } else {
        printf("%" PRIu64 " of %" PRIu64 " slots in use, at most %s/s\n", number(upload, "served"),
               number(upload, "slots"), size_text(number(upload, "limit_bytes_per_s"), limit));
    }
}

void status_text_show(const json_t *status)
{
    show_playing(json_object_get(status, "playing"));
    show_sources(json_object_get(status, "summary"));
    show_origin(json_object_get(status, "origin"));
    show_neighbours(json_object_get(status, "peers"));
    show_upload(json_object_get(status, "upload"));
}

/* --- peers ------------------------------------------------------------------------------------------ */

static bool is(const json_t *peer, const char *key)
{
    return json_is_true(json_object_get(peer, key));
}

static void show_peer(const json_t *peer)
{
    char address[NAME_BYTES], rate[TEXT_BYTES], received[TEXT_BYTES], sent[TEXT_BYTES];
    terminal_text_plain(word(peer, "address"), address, sizeof address);
    terminal_text_cut(address, 21);
    size_text(number(peer, "rate_bytes_per_s"), rate);
    printf("%-21s %.8s %-3s %-3s %8s %5" PRIu64 " %8s %8s %3" PRIu64 " %s%s\n", address,
           word(peer, "peer_id"), is(peer, "incoming") ? "in" : "out", is(peer, "lan") ? "lan" : "",
           rate, number(peer, "rtt_ms"), size_text(number(peer, "received_bytes"), received),
           size_text(number(peer, "sent_bytes"), sent), number(peer, "files"),
           is(peer, "giving") ? "<" : "", is(peer, "asking") ? ">" : "");
}

void status_text_show_peers(const json_t *peers)
{
    size_t index;
    const json_t *peer;
    const json_t *list = json_object_get(peers, "peers");
    if (json_array_size(list) == 0) {
        puts("no neighbours");
        return;
    }
    printf("%-21s %-8s %-7s %8s %5s %8s %8s %3s\n", "address", "peer", "link", "a second", "ms",
           "received", "sent", "has");
    json_array_foreach((json_t *)list, index, peer)
    {
        show_peer(peer);
    }
}
