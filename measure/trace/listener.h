/*
 * listener.h: synthetic listeners: plays of files as people who use a music player make them.
 *
 * Six profiles that differ in what they choose: albums in order, favourites at random, radio, many
 * albums once, a taste that drifts, and a household that shares a cache. What they have in common is
 * published: skips (24 % within 5 s, 35 % within 30 s, 49 % before the end) and tracks of about 5
 * minutes at 160 kbit/s (Zhang et al., "Understanding User Behavior in Spotify", INFOCOM 2013; Kreitz
 * and Niemela, P2P 2010). The profiles themselves are ours, not measured: they show whether a policy
 * is good for all, not how good it will be for one.
 */
#ifndef MEASURE_TRACE_LISTENER_H
#define MEASURE_TRACE_LISTENER_H

#include "measure/trace/history.h"

struct listener_profile;

extern const struct listener_profile *const listener_profiles[];        /* NULL ends them */
const struct listener_profile *listener_profile_find(const char *name); /* NULL: none */
const char *listener_profile_name(const struct listener_profile *profile);
const char *listener_profile_about(const struct listener_profile *profile);

/* So many plays into an empty history; finishes it. ERROR_NO_MEMORY. */
int listener_make(const struct listener_profile *profile, uint32_t plays, uint64_t seed,
                  struct history *history);

#endif
