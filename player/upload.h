/*
 * upload.h: keeps what is given to peers in line with the command line, the clock, the battery and the
 * kind of network.
 *
 * Looks some seconds after the start, so that nothing of it delays the first sound, and then once a
 * minute, on another thread.
 */
#ifndef PLAYER_UPLOAD_H
#define PLAYER_UPLOAD_H

#include "common/net/loop.h"
#include "player/upload_rule.h"
#include "player/uv/engine.h"

struct upload;

/* NULL: out of memory, or nothing is to be looked at (no peers); what the engine was opened with then
 * stays. Everything is borrowed until upload_close. */
struct upload *upload_open(struct net_loop *loop, struct engine *engine, const struct args *args);
/* Before the engine is closed. The loop frees the memory. Accepts NULL. */
void upload_close(struct upload *upload);
/* What holds now. `upload` may be NULL. */
enum upload_off upload_off(const struct upload *upload);
/* What holds before the first look, for engine_config. */
struct upload_rule upload_first(const struct args *args);

#endif
