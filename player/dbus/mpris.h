/*
 * mpris.h: the player on the session bus, as desktops, media keys and playerctl know players (MPRIS 2.2,
 * the D-Bus interfaces org.mpris.MediaPlayer2 and org.mpris.MediaPlayer2.Player).
 *
 * Runs on a thread with a GMainContext of its own; GIO is loaded by that thread, and only where there is
 * a session bus. It knows what it is told (mpris_tell) and hands on what is asked for (`asked`); what
 * either means is player/desktop's.
 *
 * Happy path: mpris_open -> (the name is on the bus) -> mpris_tell, asked ... -> mpris_close. Failure
 * modes: no bus, no GIO, or the bus goes away: nothing happens any more; nobody is told.
 */
#ifndef PLAYER_DBUS_MPRIS_H
#define PLAYER_DBUS_MPRIS_H

#include <stdbool.h>
#include <stdint.h>

#define MPRIS_TEXT_BYTES 600u /* of a title, UTF-8, with its end */
#define MPRIS_PATH_BYTES 4200u
#define MPRIS_URI_BYTES 600u

struct mpris;

enum mpris_state {
    MPRIS_STOPPED = 0,
    MPRIS_PLAYING,
    MPRIS_PAUSED,
};

enum mpris_loop {
    MPRIS_LOOP_NONE = 0,
    MPRIS_LOOP_TRACK,
    MPRIS_LOOP_PLAYLIST,
};

/* How everything stands. Texts are valid UTF-8; "" = not known. */
struct mpris_now {
    enum mpris_state state;
    enum mpris_loop loop;
    bool is_shuffled;
    double volume;  /* 0 to 1 */
    uint32_t count; /* entries of the queue */
    uint32_t entry; /* that plays; 0 = none, then all that follows is zero */
    uint64_t length_us;
    uint64_t position_us, position_at_us; /* where it was, and when (CLOCK_MONOTONIC) */
    uint32_t jumps;                       /* larger each time that the position has jumped */
    char title[MPRIS_TEXT_BYTES], artist[MPRIS_TEXT_BYTES], album[MPRIS_TEXT_BYTES];
    char url[MPRIS_URI_BYTES];    /* refrain://HOST/tracks/ID */
    char cover[MPRIS_PATH_BYTES]; /* a file's path */
};

enum mpris_kind {
    MPRIS_NEXT,
    MPRIS_PREVIOUS,
    MPRIS_PAUSE,
    MPRIS_PLAY,
    MPRIS_PLAY_PAUSE,
    MPRIS_STOP,
    MPRIS_SEEK_TO,     /* value: microseconds, within the track */
    MPRIS_OPEN,        /* uri */
    MPRIS_SET_LOOP,    /* value: enum mpris_loop */
    MPRIS_SET_SHUFFLE, /* value: 0 or 1 */
    MPRIS_SET_VOLUME,  /* value: percent, 0 to 100 */
    MPRIS_QUIT,
};

struct mpris_request {
    enum mpris_kind kind;
    int64_t value;
    char uri[MPRIS_URI_BYTES];
};

/* True: there seems to be a session bus. Cheap. */
bool mpris_is_possible(void);
/* `asked` is called on mpris' thread and may only post; `request` is borrowed for the call. NULL: out of
 * memory, or no more threads. */
struct mpris *mpris_open(void (*asked)(void *context, const struct mpris_request *request),
                         void *context);
/* Any thread. Copied; what differs is told on the bus. */
void mpris_tell(struct mpris *mpris, const struct mpris_now *now);
/* Leaves the bus; `asked` comes no more. May wait for the bus for a moment. Accepts NULL. */
void mpris_close(struct mpris *mpris);

#endif
