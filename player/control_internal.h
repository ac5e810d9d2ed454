/*
 * control_internal.h: the control's state, for control*.c alone.
 */
#ifndef PLAYER_CONTROL_INTERNAL_H
#define PLAYER_CONTROL_INTERNAL_H

#include "player/control.h"
#include "player/control_verbs.h"
#include "player/ipc/control_server.h"

/* Faces in this process have numbers from here on, those of the socket the server's. */
#define CONTROL_FACE_LOCAL 0x80000000u
#define CONTROL_POSITION_MS_MAX (INT64_C(1000) * 3600 * 1000)

/* Somebody who asks and hears. One of the socket is noted when it subscribes. */
struct control_face {
    struct control_face *next;
    uint32_t number;
    uint32_t events;   /* a bit for each control_event */
    control_say *say;  /* NULL: over the socket */
    void *say_context; /* of `say` */
};

struct desktop;
struct gateway;
struct control_adding;
/* What was told last of what plays. */
struct control_now {
    struct net_deadline *tick; /* NULL: out of memory; nothing is told by the clock */
    uint32_t entry;            /* the lineup's; 0 = nothing plays */
    bool has_words;            /* its names were known */
    const char *state;
    uint64_t position_us, told_us; /* of the last position, and when */
    uint32_t queue_version;
    enum lineup_shuffle shuffle;
    enum lineup_repeat repeat;
    uint32_t percent;
    enum playing_gain gain;
    uint64_t chunks_hash; /* of the runs told last */
};

struct control {
    struct control_now now;
    struct session *session;
    struct playing *playing;       /* NULL: nothing is played */
    struct control_server *server; /* NULL: no socket could be had */
    struct control_face *faces;    /* owned */
    uint32_t last_local;
    struct desktop *desktop;       /* NULL: nothing is played */
    struct gateway *gateway;       /* NULL: nobody has asked for it */
    struct control_adding *adding; /* control_queue.c: waits for what its targets mean; owned */
};

/* NULL: none of this number. */
struct control_face *control_find_face(const struct control *control, uint32_t number);
/* New, without subscriptions; NULL: out of memory. */
struct control_face *control_add_face(struct control *control, uint32_t number);
/* Harmless when there is none. */
void control_drop_face(struct control *control, uint32_t number);
/* As control_tell, to one face, whatever it subscribed to. */
void control_tell_one(struct control *control, uint32_t face, enum control_event event,
                      json_t *fields);

/* control_queue.c: what waits is not answered any more. */
void control_queue_close(struct control *control);

/* control_library.c: tells of changes from now on. */
void control_library_open(struct control *control);
void control_library_close(struct control *control);

/* control_now.c: watches what plays, and tells what has changed. */
void control_now_open(struct control *control);
void control_now_close(struct control *control);
/* To one face: how everything stands, as the events that it subscribed to. */
void control_now_introduce(struct control *control, uint32_t number);
/* Where the chunks of what plays came from: what "chunks" answers. NULL: nothing plays. */
json_t *control_now_chunks(const struct control *control);

/* control_queue.c: "position_ms" of a request; 0 when it is not there. False: it is none. */
bool control_take_position(const json_t *request, bool is_needed, uint64_t *ret_us,
                           const char **ret_error);

/* Says an object to a face of any kind; takes the reference. */
void control_say_to(struct control *control, uint32_t number, json_t *object);

#endif
