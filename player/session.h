/*
 * session.h: what `play`, `fetch` and `daemon` share: an engine, targets, entries, failures.
 *
 * Turns targets into entries of the engine (session_targets.c): a single track is enqueued at once,
 * without asking anybody; names are looked up in the own copy of the catalogue, which is refreshed first
 * when it lacks one; offline, "all" and ids mean what the cache has. A single id that turns out to be no
 * track is looked up as an album. A daemon has no targets; its entries are added one by one.
 *
 * Happy path: session_open -> session_run -> hooks.ready -> notes -> session_end (by the command, or
 * on the first signal) -> session_run returns -> session_close.
 */
#ifndef PLAYER_SESSION_H
#define PLAYER_SESSION_H

#include "player/args.h"
#include "player/core/lineup.h"
#include "player/library/library.h"
#include "player/listing.h"
#include "player/report.h"
#include "player/target.h"
#include "player/upload.h"
#include "player/uv/engine.h"
#include "player/words.h"

struct session;

struct session_hooks {
    /* What the targets mean, in order; `tracks` is borrowed. Called once, or again when an album was found
     * late. NULL: the session queues them itself, and says `ready`. */
    void (*found)(void *context, const struct lineup_track *tracks, uint32_t count);
    /* Entries stand in the queue; as `found`. */
    void (*ready)(void *context, uint32_t first_entry);
    /* Notes of the engine, but ENTRY_FAILED and QUEUE_ENDED while the session still looks for more. */
    void (*note)(void *context, const struct node_note *note);
    /* Peers may come from now on (engine.h). May be NULL. */
    void (*listening)(void *context, uint16_t port);
    /* An entry's manifest; borrowed for the call. May be NULL. */
    void (*manifest)(void *context, uint32_t entry, const struct media_manifest *manifest);
    /* EXIT_CODE_IN_USE of session_open is no message: the command attaches to the engine that runs. */
    bool may_attach;
    void *context;
};

struct session_entry {
    char id[2 * TRACK_ID_BYTES + 1];
    uint8_t track_id[TRACK_ID_BYTES];
    bool failed, done;
};

/* What targets mean (docs/CLI.md): `error` NULL: `count` tracks, not none; else "THING: REASON; CURE", and
 * `choices` (may be NULL) is a JSON list of what could be meant. All borrowed for the call. */
typedef void session_picked(void *context, const struct lineup_track *tracks, uint32_t count,
                            const char *error, const char *choices);

/* A front end's question that waits for the origin. */
struct session_question {
    session_picked *done; /* NULL: none waits */
    void *context;
};

struct session {
    const struct args *args;
    struct session_hooks hooks;
    struct net_loop *loop;
    struct engine *engine;
    struct upload *upload; /* NULL: no peers */
    struct engine_paths paths;
    struct target *targets;
    const char *origin; /* URL; NULL: none */
    bool fetch_only;

    struct words words;
    struct session_entry *entries; /* entry number = entry_base + index + 1; owned */
    uint32_t entry_base, entry_count, entry_capacity;

    struct library *library; /* NULL: out of memory */
    /* Somebody wants to know of changes (library.h); NULL: nobody. */
    void (*library_changed)(void *context, const char *what);
    void *library_context;
    struct session_question question;
    bool is_picking;       /* the origin is asked what targets mean */
    bool is_album_search;  /* likewise: for a single id that was no track */
    bool has_asked_albums; /* it was looked up once */
    bool is_running;       /* inside the loop */
    bool ended;
    uint64_t given_bytes; /* to peers; by session_close */
    uint32_t failures, successes;
    int first_failure; /* exit code */
    int exit_code;     /* when the run was cut short; else EXIT_CODE_OK */
};

/* Opens the engine. 0, or an exit code: the message was printed and nothing is left. */
int session_open(const struct args *args, bool fetch_only, const struct session_hooks *hooks,
                 struct session *ret_session);
/* Until session_end. */
void session_run(struct session *session);
/* Appends a track; its entry's number, or 0 when out of memory. */
uint32_t session_add_entry(struct session *session, const uint8_t track_id[TRACK_ID_BYTES]);
/* The engine has forgotten entries: so does the session. */
void session_forget(struct session *session);
/* NULL: no such entry, or it was forgotten. */
struct session_entry *session_entry(const struct session *session, uint32_t entry);
/* What targets mean. `done` comes exactly once, perhaps from inside this call; not any more after session_close. */
void session_pick(struct session *session, const char *const *targets, uint32_t count,
                  session_picked *done, void *context);
/* Ends the run: EXIT_CODE_OK, or why it is cut short. */
void session_end(struct session *session, int exit_code);
/* Closes the engine (last play records come here) and everything else but the entries' names; the
 * program's exit code. *ret_summary: the engine's last word. */
int session_close(struct session *session, struct node_summary *ret_summary);
void session_free(struct session *session);

/* Words of an entry, for reports. */
struct report_track session_track(const struct session *session, uint32_t entry);
/* An entry failed for a reason that the command found; prints it. */
void session_fail_entry(struct session *session, uint32_t entry, int exit_code, const char *format,
                        ...) __attribute__((format(printf, 4, 5)));
/* Wrong bytes, or a breach of the protocol: told when the origin is to blame. A peer that misbehaves
 * is dropped and what it owed comes from others: nothing that a listener could mend. */
void session_tell_bad_chunk(const struct session *session, const struct node_note *note);
void session_tell_misbehaved(const struct session *session, const struct node_note *note);
/* An entry is done well. */
void session_entry_done(struct session *session, uint32_t entry);

#endif
