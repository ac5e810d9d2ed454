/*
 * output_mail.h: commands from the engine's thread to the mixing thread.
 */
#ifndef PLAYER_GST_OUTPUT_MAIL_H
#define PLAYER_GST_OUTPUT_MAIL_H

#include "player/gst/output.h"

#include <pthread.h>

enum command_kind {
    COMMAND_SWITCH,
    COMMAND_PREPARE,
    COMMAND_UNPREPARE,
    COMMAND_LEVEL,
    COMMAND_SILENCE,
    COMMAND_PAUSE,
    COMMAND_RESUME,
    COMMAND_QUIT,
};

struct command {
    enum command_kind kind;
    uint32_t serial;           /* SWITCH */
    struct output_track track; /* SWITCH, PREPARE; UNPREPARE: its entry */
    uint32_t percent;          /* LEVEL */
    enum output_gain gain;     /* LEVEL */
    struct command *next;
};

struct output_mail {
    int wake; /* an eventfd */
    pthread_mutex_t mutex;
    struct command *first, **last; /* under mutex */
    struct command quit;           /* the one that must not fail */
};

/* ERROR_SYSTEM. */
int output_mail_init(struct output_mail *mail);
void output_mail_deinit(struct output_mail *mail);
/* Any thread; a struct output_mail as the context of a deck's wake. */
void output_mail_wake(void *context);
/* Copies the command. ERROR_NO_MEMORY. */
int output_mail_post(struct output_mail *mail, const struct command *command);
void output_mail_post_quit(struct output_mail *mail);
/* The mixing thread's: all that waits, in order; each is given back with output_mail_done. */
struct command *output_mail_take(struct output_mail *mail);
void output_mail_done(struct output_mail *mail, struct command *command);
bool output_mail_is_empty(struct output_mail *mail);
/* Empties the counter that made `wake` readable. */
void output_mail_woken(struct output_mail *mail);

#endif
