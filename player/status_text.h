/*
 * status_text.h: the answers of "status" and "peers" (control_status.h) for people, in 80 columns.
 *
 * Fields that are missing (an engine of another build) read as 0 or nothing.
 */
#ifndef PLAYER_STATUS_TEXT_H
#define PLAYER_STATUS_TEXT_H

#include <jansson.h>

void status_text_show(const json_t *status);
void status_text_show_peers(const json_t *peers);

#endif
