/*
 * playing.h: the listener's queue above the engine, and what `play` and `daemon` tell of what is heard.
 *
 * Responsible for keeping the engine told of what follows (playing_queue.c: the lineup's next entries are
 * the engine's), and for the words and the JSON lines that notes of the engine become (playing.c). Not
 * responsible for when a run ends.
 *
 * Numbers: an ENTRY is the lineup's, and what listeners and scripts see; each time that it is begun it is
 * a new entry of the engine.
 */
#ifndef PLAYER_PLAYING_H
#define PLAYER_PLAYING_H

#include "player/core/lineup.h"
#include "player/session.h"

#include <jansson.h>

/* How far ahead the engine knows the queue. */
#define PLAYING_AHEAD 48u
/* "Previous" later than this begins the track again. */
#define PLAYING_RESTART_US (3 * TIME_US_PER_S)

struct playing_fed {
    uint32_t entry;  /* the engine's */
    uint32_t number; /* the lineup's */
};

enum playing_gain {
    PLAYING_GAIN_OFF = 0,
    PLAYING_GAIN_TRACK,
    PLAYING_GAIN_ALBUM,
    PLAYING_GAIN_AUTO, /* the album's, where tracks of one album follow each other */
};

struct remember;

struct playing {
    struct remember *remember; /* borrowed; NULL: nothing is remembered */
    struct session *session;   /* borrowed */
    uint32_t current;          /* the engine's entry that sounds, or sounded last; 0 = none yet */
    uint64_t *waits_us;        /* one a play record; owned */
    uint32_t wait_count, wait_capacity;
    uint64_t last_wait_us;
    bool is_quiet; /* a face shows what plays: no lines for people */

    struct lineup lineup;
    struct playing_fed fed[PLAYING_AHEAD + 1]; /* what the engine has; [0] plays or is about to */
    uint32_t fed_count;
    uint32_t failed_entry; /* the engine's: it failed while it was being queued; 0 = none did */
    bool is_feeding, is_feed_due; /* a note of the engine came while it was being told */
    uint32_t percent;             /* how loud; 0 to OUTPUT_PERCENT_MAX */
    enum playing_gain gain;
    uint32_t told_percent; /* the engine */
    enum output_gain told_gain;
    uint32_t queue_version; /* larger with each change of the queue */
    /* Told after whatever may have changed what plays, the queue or the modes. NULL: nobody cares. */
    void (*changed)(void *context);
    /* A play record. NULL: nobody cares. */
    void (*played)(void *context, const struct node_play_record *play);
    void *changed_context; /* for both */
    uint64_t resume_us;    /* where the current entry goes on when nothing was begun yet */
};

/* The session may be opened later. */
void playing_init(struct playing *playing, struct session *session, uint64_t seed);
void playing_deinit(struct playing *playing);

/* Tells of a note, and keeps the queue going; QUEUE_ENDED is the caller's. */
void playing_note(struct playing *playing, const struct node_note *note);
/* The last line. */
void playing_summary(struct playing *playing, const struct node_summary *summary);

/* playing_queue.c. Errors are lineup.h's. */

/* Adds; starts nothing. */
int playing_add(struct playing *playing, const struct lineup_track *tracks, uint32_t count,
                enum lineup_where where, uint32_t *ret_first);
/* Replaces the queue, and begins: the first of them, or with shuffle any. */
int playing_replace(struct playing *playing, const struct lineup_track *tracks, uint32_t count,
                    uint64_t position_us, uint32_t *ret_first);
/* This entry begins now. False: there is no such entry. */
bool playing_jump(struct playing *playing, uint32_t number, uint64_t position_us);
/* False: nothing is there. */
bool playing_next(struct playing *playing);
bool playing_previous(struct playing *playing);
/* What stands still goes on: a pause, or a queue that had ended or was stopped. False: nothing could. */
bool playing_resume(struct playing *playing);
void playing_pause(struct playing *playing);
void playing_stop(struct playing *playing);
/* What plays may be among them: the next one begins then. */
int playing_remove(struct playing *playing, const uint32_t *numbers, uint32_t count,
                   uint32_t *ret_removed);
bool playing_move(struct playing *playing, uint32_t number, uint32_t to);
/* All but what plays; all, when nothing does. */
void playing_clear(struct playing *playing);
int playing_set_shuffle(struct playing *playing, enum lineup_shuffle shuffle);
void playing_set_repeat(struct playing *playing, enum lineup_repeat repeat);
/* What the command line says of how it is played. */
void playing_set_modes(struct playing *playing, const struct args *args);
void playing_set_volume(struct playing *playing, uint32_t percent);
void playing_set_gain(struct playing *playing, enum playing_gain gain);
/* "off", "track", "album", "auto". False: no such name. */
const char *playing_gain_name(enum playing_gain gain);
bool playing_gain_parse(const char *name, enum playing_gain *ret_gain);
/* playing_restore.c: the queue and how it is played, as an object that outlives the process (of
 * "queue"'s form, with "position_ms" and "playing"). */
json_t *playing_save(const struct playing *playing, uint64_t position_us, bool is_sounding);
/* Into an empty queue; starts nothing (playing_resume does). ERROR_MALFORMED and lineup_restore's: the
 * queue stays empty. */
int playing_restore(struct playing *playing, const json_t *saved);
/* The lineup's number of an entry of the engine; 0 = it is none of ours. */
uint32_t playing_number(const struct playing *playing, uint32_t entry);
/* What follows has changed, or what plays: the engine is told. */
void playing_feed(struct playing *playing);

#endif
