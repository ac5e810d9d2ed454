/*
 * session_targets.h: from targets to entries: what session.c and session_targets.c share; not for others.
 */
#ifndef PLAYER_SESSION_TARGETS_H
#define PLAYER_SESSION_TARGETS_H

#include "player/session.h"

/* The first entries, or the question that they need. */
void session_targets_begin(struct session *session);
/* True when the note is the end of what was no track and is looked up as an album now: nobody else need
 * hear of it. */
bool session_targets_note(struct session *session, const struct node_note *note);
/* Tells a failure, and counts it. `track_id` may be NULL. */
void session_fail(struct session *session, const char *track_id, int exit_code,
                  const char *message);

#endif
