/*
 * front.h: a face's end of the control: the same questions, answers and events whether the engine is
 * in this process or in another one (docs/CLI.md, "The control socket").
 *
 * Responsible for numbering questions, for giving each its answer, for handing on events, and for
 * noticing that the engine has gone. What verbs there are, and what they mean, is player/control*.c's.
 *
 * Happy path: front_open_* -> front_ask({"do":"subscribe","events":"all"}) -> events ... ->
 * front_ask -> answered -> front_close. Failure modes: the engine goes (quit, killed): all that was asked
 * is answered with an error, then `lost` comes, once; only front_close may follow.
 *
 * Everything runs on the loop's thread. Any callback may call front_ask and front_close.
 */
#ifndef PLAYER_FRONT_FRONT_H
#define PLAYER_FRONT_FRONT_H

#include "common/net/loop.h"
#include "player/control.h"

#include <jansson.h>

struct front;

/* `answer` is the whole object, borrowed for the call: with "ok" (true), or with "error" (a sentence)
 * and what else belongs to it ("choices"). */
typedef void front_answered(void *context, const json_t *answer);

struct front_callbacks {
    /* `name` is what stands under "event"; `event` the whole object, borrowed for the call. */
    void (*event)(void *context, const char *name, const json_t *event);
    /* Attached fronts only; may be NULL. `said_bye`: the engine ended in order (quit, a signal). Without
     * it, it died or hangs no more: whoever can take the lock plays on. */
    void (*lost)(void *context, bool said_bye);
    void *context;
};

#define FRONT_QUESTIONS_MAX 256u /* asked and not answered */

/* The engine of this process; `control` outlives the front. ERROR_NO_MEMORY. */
int front_open_local(struct control *control, const struct front_callbacks *callbacks,
                     struct front **ret_front);
/* The engine that holds this state folder. Connects at once; the greeting is checked when it comes
 * (another version: `lost`). ERROR_NOT_FOUND: nobody listens there; ERROR_DENIED: another user's;
 * ERROR_NO_MEMORY, ERROR_SYSTEM (errno). */
int front_open_attached(struct net_loop *loop, const char *state,
                        const struct front_callbacks *callbacks, struct front **ret_front);
bool front_is_attached(const struct front *front);

/* Asks; takes the reference of `request` ({"do":VERB,...} without "id"), also on failure. `answered`
 * (NULL: nobody cares) comes exactly once when 0 is returned, for a local front often before that.
 * After front_close it comes no more. ERROR_FULL: FRONT_QUESTIONS_MAX; ERROR_CLOSED: the engine has
 * gone; ERROR_NO_MEMORY. */
int front_ask(struct front *front, json_t *request, front_answered *answered, void *context);

/* No callback comes any more; memory is freed when the loop has gone on. Accepts NULL. */
void front_close(struct front *front);

#endif
