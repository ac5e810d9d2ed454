/*
 * player.h: one listener of the lab: a `refrain daemon`, its control socket and its script.
 */
#ifndef MEASURE_LAB_PLAYER_H
#define MEASURE_LAB_PLAYER_H

#include "measure/lab/outcome.h"
#include "measure/lab/process.h"
#include "measure/lab/remote.h"
#include "measure/lab/script.h"

#define PLAYER_QUEUE_TRACKS 10u /* that a click puts behind the track in the album's order */

struct player {
    struct process process;
    struct remote remote;
    struct script script;
    struct outcome *outcome; /* shared */
    struct script_step step; /* what comes next */
    uint64_t step_at_us;     /* and when; TIME_NEVER_US: after the next start */
    int track;               /* that sounds; -1: none yet */
    uint64_t started_at_us;
    bool is_flash; /* it only listens, after its first click */
    uint64_t now_us;
};

/* Starts the daemon on a host. ERROR_IO, ERROR_SYSTEM, ERROR_NO_MEMORY. */
int player_start(struct player *player, const struct network *network, uint32_t host,
                 const char *folder, const char *const words[]);
/* Reads what it says, and does what its script asks for. False: its output has ended. */
bool player_attend(struct player *player, uint64_t now_us);
/* When player_attend is due at the latest. */
uint64_t player_next_us(const struct player *player);
/* Ends what it hears, and asks the daemon to end. */
void player_stop(struct player *player, uint64_t now_us);
void player_deinit(struct player *player);

#endif
