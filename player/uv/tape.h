/*
 * tape.h: writes the recording of a node's events to a file (format: player/core/record.h).
 */
#ifndef PLAYER_UV_TAPE_H
#define PLAYER_UV_TAPE_H

#include "player/core/record.h"

struct tape;

/* Makes or replaces the file. ERROR_NO_MEMORY, ERROR_IO (errno says why). */
int tape_open(const char *path, const struct record_head *head, struct tape **ret_tape);
/* One step; before the next one, while the update's pointers live. */
void tape_write(struct tape *tape, const struct node_event *event, const struct node_update *update,
                const struct media_intern *intern);
/* 0, or ERROR_IO when something could not be written. Accepts NULL. */
int tape_close(struct tape *tape);

#endif
