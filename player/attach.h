/*
 * attach.h: `refrain play` beside an engine that runs already: what it was asked to play is played there,
 * and it shows what that engine tells.
 *
 * Responsible for asking, for showing, and for keeping a copy of the queue and the position, so that it can
 * go on when the engine dies. One queue, one sound: what needs a sound of its own can't be attached.
 */
#ifndef PLAYER_ATTACH_H
#define PLAYER_ATTACH_H

#include "player/args.h"

#include <jansson.h>

struct attach {
    const struct args *args; /* borrowed; its operands are asked for */
    json_t *saved;           /* the queue as playing_restore takes it; owned; NULL: none yet */
    char origin[512];        /* the engine's; "" = unknown */
    uint32_t tries;          /* without an engine that listens */
    bool was_told;           /* that it died */
    bool is_orphan;          /* it died without a word: whoever can takes its place */
};

/* An engine that begins or ends holds the lock and has no socket: it is tried again so often. */
#define ATTACH_TRIES_MAX 100u
#define ATTACH_RETRY_MS 20

bool attach_is_possible(const struct args *args);
/* Runs until the listener leaves, the engine ends, or the queue does. `saved` and `origin` are what was
 * learnt. The program's exit code; without meaning when is_orphan is set. EXIT_CODE_IN_USE: no engine
 * listens; nothing was told while `tries` is below ATTACH_TRIES_MAX, and some time has passed. */
int attach_run(struct attach *attach);
void attach_deinit(struct attach *attach);

#endif
