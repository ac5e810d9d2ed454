/*
 * listener.c: sessions of plays: what is chosen, how long it is heard, since when it was in the queue.
 */
#include "measure/trace/listener.h"

#include "common/error.h"
#include "common/prng.h"

#include <stdlib.h>
#include <string.h>

#define BYTES_PER_S 20000u /* 160 kbit/s */
#define TRACKS_PER_ALBUM 12u
#define SESSION_TRACKS_MAX 40u
#define TRACK_S_MIN 120u
#define TRACK_S_MAX 420u
#define READ_AHEAD_BYTES 131072u /* fetched beyond the play point when a play is left */
#define GAP_S_MAX 43200u

struct listener_profile {
    const char *name, *about;
    uint32_t tracks;        /* in the catalogue */
    uint32_t favourites;    /* albums that a listener comes back to */
    uint32_t listeners;     /* that share the cache */
    uint32_t album_percent; /* of the sessions: an album in order; of the others tracks at random */
    uint32_t favourite_percent; /* chosen among favourites; else in the whole catalogue */
    uint32_t drift_sessions;    /* one favourite is replaced after so many; 0 = never */
};

static const struct listener_profile albums = {
    "albums", "albums in order, old loves and new ones", 30000, 120, 1, 80, 70, 20};
static const struct listener_profile shuffler = {
    "shuffler", "favourites at random, seldom anything else", 30000, 60, 1, 10, 90, 40};
static const struct listener_profile radio = {
    "radio", "what is popular, at random", 30000, 10, 1, 5, 10, 0};
static const struct listener_profile collector = {
    "collector", "a large library, most of it heard once a year", 60000, 2000, 1, 60, 60, 5};
static const struct listener_profile drifter = {
    "drifter", "few favourites that change every other day", 30000, 15, 1, 50, 80, 2};
static const struct listener_profile household = {
    "household", "four people with a taste each and one cache", 30000, 60, 4, 40, 75, 20};

const struct listener_profile *const listener_profiles[] = {
    &albums, &shuffler, &radio, &collector, &drifter, &household, NULL};

struct life {
    const struct listener_profile *profile;
    struct prng prng;
    struct history *history;
    uint32_t *favourites; /* albums, listener by listener; owned */
    uint64_t catalogue_seed;
    uint32_t now_s, sessions, plays_left;
};

const struct listener_profile *listener_profile_find(const char *name)
{
    for (const struct listener_profile *const *each = listener_profiles; *each != NULL; each++) {
        if (strcmp((*each)->name, name) == 0) {
            return *each;
        }
    }
    return NULL;
}

const char *listener_profile_name(const struct listener_profile *profile)
{
    return profile->name;
}

const char *listener_profile_about(const struct listener_profile *profile)
{
    return profile->about;
}

static uint32_t below(struct life *life, uint64_t bound)
{
    return (uint32_t)prng_below(&life->prng, bound);
}

/* Rank r with a chance about proportional to 1 / (r + 1): every doubling of ranks is as likely. */
static uint32_t zipf(struct life *life, uint32_t count)
{
    uint32_t octaves = 1;
    while (UINT32_C(1) << octaves < count) {
        octaves++;
    }
    for (;;) {
        uint32_t low = UINT32_C(1) << below(life, octaves);
        uint32_t rank = low + below(life, low) - 1;
        if (rank < count) {
            return rank;
        }
    }
}

static uint32_t album_count(const struct life *life)
{
    return life->profile->tracks / TRACKS_PER_ALBUM;
}

static uint32_t pick_album(struct life *life, uint32_t listener)
{
    const struct listener_profile *profile = life->profile;
    if (below(life, 100) < profile->favourite_percent) {
        uint32_t place = zipf(life, profile->favourites);
        return life->favourites[listener * profile->favourites + place];
    }
    return zipf(life, album_count(life));
}

/* The same track is always as long. */
static uint32_t duration_s(const struct life *life, uint32_t track)
{
    struct prng prng;
    prng_init(&prng, life->catalogue_seed + track);
    return TRACK_S_MIN + (uint32_t)prng_below(&prng, TRACK_S_MAX - TRACK_S_MIN);
}

static uint32_t heard_s(struct life *life, uint32_t whole_s)
{
    uint32_t percent = below(life, 100);
    if (percent < 24) {
        return 1 + below(life, 4);
    }
    if (percent < 35) {
        return 5 + below(life, 25);
    }
    return percent < 49 ? 30 + below(life, whole_s - 30) : whole_s;
}

static int play(struct life *life, uint32_t track, uint32_t since_s)
{
    uint32_t whole_s = duration_s(life, track);
    uint32_t played_s = heard_s(life, whole_s);
    uint64_t size = (uint64_t)whole_s * BYTES_PER_S;
    uint64_t asked = (uint64_t)played_s * BYTES_PER_S + READ_AHEAD_BYTES;
    struct history_request request = {.id = track,
                                      .bytes = asked < size ? asked : size,
                                      .size = size,
                                      .time_s = life->now_s,
                                      .since_s = since_s};
    life->now_s += played_s + 1;
    life->plays_left--;
    return history_add(life->history, &request);
}

static void drift(struct life *life)
{
    const struct listener_profile *profile = life->profile;
    if (profile->drift_sessions != 0 && life->sessions % profile->drift_sessions == 0) {
        uint32_t place = below(life, (uint64_t)profile->listeners * profile->favourites);
        life->favourites[place] = zipf(life, album_count(life));
    }
}

/* Its tracks stand in the queue from its beginning. */
static int session(struct life *life)
{
    const struct listener_profile *profile = life->profile;
    uint32_t listener = below(life, profile->listeners);
    uint32_t begin_s = life->now_s;
    bool is_album = below(life, 100) < profile->album_percent;
    uint32_t album = pick_album(life, listener);
    uint32_t count = is_album ? TRACKS_PER_ALBUM : 1 + below(life, SESSION_TRACKS_MAX);
    for (uint32_t i = 0; i < count && life->plays_left > 0; i++) {
        uint32_t chosen = is_album ? album : pick_album(life, listener);
        uint32_t place = is_album ? i : below(life, TRACKS_PER_ALBUM);
        /* A click at random was not known before; the rest of a session was. */
        bool was_known = i > 0 && (is_album || below(life, 100) < 61);
        int error =
            play(life, chosen * TRACKS_PER_ALBUM + place, was_known ? begin_s : life->now_s);
        if (error != 0) {
            return error;
        }
    }
    life->sessions++;
    life->now_s += 1 + below(life, GAP_S_MAX);
    drift(life);
    return 0;
}

int listener_make(const struct listener_profile *profile, uint32_t plays, uint64_t seed,
                  struct history *history)
{
    struct life life = {
        .profile = profile, .history = history, .catalogue_seed = seed << 32, .plays_left = plays};
    uint32_t count = profile->listeners * profile->favourites;
    int error = 0;
    prng_init(&life.prng, seed);
    life.favourites = malloc(count * sizeof *life.favourites);
    if (life.favourites == NULL) {
        return ERROR_NO_MEMORY;
    }
    for (uint32_t i = 0; i < count; i++) {
        life.favourites[i] = zipf(&life, album_count(&life));
    }
    while (life.plays_left > 0 && error == 0) {
        error = session(&life);
    }
    free(life.favourites);
    history->is_plays = true;
    return error != 0 ? error : history_finish(history);
}
