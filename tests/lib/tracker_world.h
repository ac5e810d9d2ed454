/*
 * tracker_world.h: a tracker with players of one letter, told and asked in short strings.
 *
 * For the unit tests of streamserver/core/tracker*. A player 'a' has the peer id "aaaa...", its
 * number is its letter. Files are small numbers; keys are files spread over 64 bits.
 */
#ifndef TESTS_LIB_TRACKER_WORLD_H
#define TESTS_LIB_TRACKER_WORLD_H

#include "streamserver/core/tracker.h"

#define TRACKER_WORLD_TEXT_BYTES 4096u

struct tracker_world {
    struct tracker *tracker;
    uint32_t links[128]; /* by letter; TRACKER_LINK_NONE = away */
    uint64_t now_us;
    char text[TRACKER_WORLD_TEXT_BYTES];
};

void tracker_world_start(struct tracker_world *world, const struct tracker_config *config);
void tracker_world_end(struct tracker_world *world);

uint64_t tracker_world_key(uint32_t file);
/* "10.1.2.3" or "2001:db8::1" (only this form of IPv6: groups in front, then "::", then groups). */
struct p2p_address tracker_world_address(const char *text, uint16_t port);
/* Comes with this observed address, gives, listens on port 4000. */
void tracker_world_up(struct tracker_world *world, int letter, const char *address);
void tracker_world_down(struct tracker_world *world, int letter);
/* LISTEN on port 5000 with these flags and one own address (NULL: none). */
void tracker_world_listen(struct tracker_world *world, int letter, uint8_t flags,
                          const char *local);
/* Files in lists like "1 2 7-30"; "" = none. */
int tracker_world_announce(struct tracker_world *world, int letter, bool is_fresh,
                           const char *whole, const char *partial, const char *lost);
/* The answer as text, "1=3: b c* | 2=0:": file, holders, players listed in order, * = partial.
 * Borrowed until the next. Asserts that it is well-formed. */
const char *tracker_world_lookup(struct tracker_world *world, int letter, const char *files,
                                 uint8_t limit);

#endif
