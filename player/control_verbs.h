/*
 * control_verbs.h: how a module adds verbs to the control socket, answers and tells.
 *
 * Each module is one file, control_NAME.c, with one table of its verbs, which control.c lists. The same
 * objects go to a face in this process (player/front, by function call) and over the socket
 * (player/ipc, as lines); a verb does not know which. docs/CLI.md has every verb and event.
 *
 * Everything runs on the thread of the session's loop.
 */
#ifndef PLAYER_CONTROL_VERBS_H
#define PLAYER_CONTROL_VERBS_H

#include "player/playing.h"

#include <jansson.h>

struct control;

/* Who asked, and under which id: a value, to be kept by whoever answers later. */
struct control_call {
    uint32_t face; /* never used again after that face has gone */
    bool has_id;
    json_int_t id;
};

/*
 * Does what is asked. `request` is the whole object, borrowed for the call. Returns
 *   - an object with the answer's fields (may be empty), which is taken: "id" and "ok" are added;
 *   - an object with "error" ("THING: REASON; CURE") and, if need be, more ("choices"): the answer is
 *     an error;
 *   - NULL: *ret_error is the reason (borrowed until the next call; "out of memory" when it is left
 *     alone);
 *   - NULL with *ret_error = NULL: *call was copied, and control_answer comes exactly once, later.
 */
typedef json_t *control_verb(struct control *control, const struct control_call *call,
                             const json_t *request, const char **ret_error);

enum control_need {
    CONTROL_NEEDS_NOTHING, /* also an engine that only fetches has it */
    CONTROL_NEEDS_PLAYING, /* control_playing() is not NULL */
};

struct control_row {
    const char *name;
    control_verb *run;
    enum control_need need;
};

/* The rows end with a name of NULL. */
extern const struct control_row control_gateway_rows[]; /* control_gateway.c */
extern const struct control_row control_face_rows[];    /* control_events.c: subscribe */
extern const struct control_row control_library_rows[]; /* control_library.c: names, lists, likes */
extern const struct control_row control_play_rows[];    /* control_play.c */
extern const struct control_row control_queue_rows[];   /* control_queue.c */
extern const struct control_row control_modes_rows[];   /* control_modes.c */
extern const struct control_row control_status_rows[];  /* control_look.c */

/* What is told to those who subscribed: X(name in C, name in JSON). */
#define CONTROL_EVENT_MAP(X)                                                                       \
    X(TRACK, "track")       /* what plays has changed: all its words, or "track": null */          \
    X(STATE, "state")       /* opening, playing, waiting, paused, stopped */                       \
    X(POSITION, "position") /* once a second, and at jumps */                                      \
    X(QUEUE, "queue")       /* entries came, went or moved */                                      \
    X(VOLUME, "volume")                                                                            \
    X(MODES, "modes")     /* shuffle, repeat, replaygain */                                        \
    X(CHUNKS, "chunks")   /* where the chunks of what plays are; at most four times a second */    \
    X(MESSAGE, "message") /* a sentence for people, with its level: info, warning, error */        \
    X(LIBRARY, "library") /* the catalogue's copy, likes or playlists have changed */              \
    X(PINS, "pins")       /* what is kept, and how far that has come */                            \
    X(PLAY, "play")       /* a play record (docs/CLI.md) */                                        \
    X(BYE, "bye")         /* the engine ends */

enum control_event {
#define CONTROL_EVENT_ENUM(name, text) CONTROL_EVENT_##name,
    CONTROL_EVENT_MAP(CONTROL_EVENT_ENUM)
#undef CONTROL_EVENT_ENUM
        CONTROL_EVENTS
};

/* The answer to a call that was kept: as a verb's object above, which is taken; NULL with `error`. */
void control_answer(struct control *control, const struct control_call *call, json_t *answer,
                    const char *error);
/* Whether anybody wants to know: spares the making of what nobody hears. */
bool control_is_heard(const struct control *control, enum control_event event);
/* Tells it to all who subscribed; takes `fields` (NULL: nothing is told), and adds "event" to it. */
void control_tell(struct control *control, enum control_event event, json_t *fields);

/* Both are borrowed and live as long as the control. */
struct session *control_session(const struct control *control);
struct playing *control_playing(const struct control *control); /* NULL: nothing is played */

#endif
