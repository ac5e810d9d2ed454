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

/* Somebody who asks and hears. One of the socket is noted when it subscribes. */
struct control_face {
    struct control_face *next;
    uint32_t number;
    uint32_t events;   /* a bit for each control_event */
    control_say *say;  /* NULL: over the socket */
    void *say_context; /* of `say` */
};

struct gateway;

struct control {
    struct session *session;
    struct playing *playing;       /* NULL: nothing is played */
    struct control_server *server; /* NULL: no socket could be had */
    struct control_face *faces;    /* owned */
    uint32_t last_local;
    struct gateway *gateway; /* NULL: nobody has asked for it */
};

/* NULL: none of this number. */
struct control_face *control_find_face(const struct control *control, uint32_t number);
/* New, without subscriptions; NULL: out of memory. */
struct control_face *control_add_face(struct control *control, uint32_t number);
/* Harmless when there is none. */
void control_drop_face(struct control *control, uint32_t number);
/* Says an object to a face of any kind; takes the reference. */
void control_say_to(struct control *control, uint32_t number, json_t *object);

#endif
