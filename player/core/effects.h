/*
 * effects.h: the list of effects that one step makes, always sorted by kind.
 *
 * Responsible for the documented order (node.h): by kind, and in the order of decision within one
 * kind. When memory runs out the list says so once, at the end of the step; until then its callers
 * write into a spare effect that nobody sees, so that no decision needs an error path of its own.
 */
#ifndef PLAYER_CORE_EFFECTS_H
#define PLAYER_CORE_EFFECTS_H

#include "player/core/node.h"

/* Places that a list keeps between steps; a larger one is given back. */
#define EFFECTS_KEPT 8u

struct effects {
    struct node_effect *list; /* `capacity` places; owned */
    uint32_t count;
    uint32_t capacity;
    bool out_of_memory; /* since the last clear */
    struct node_effect spare;
};

/* ERROR_NO_MEMORY. */
int effects_init(struct effects *effects);
void effects_deinit(struct effects *effects);
/* Empties the list, and gives back what a large step took. */
void effects_clear(struct effects *effects);
/* A new effect of this kind, zeroed but for the kind; valid until the next add. Never NULL. */
struct node_effect *effects_add(struct effects *effects, enum node_effect_kind kind);
size_t effects_heap_bytes(const struct effects *effects);

#endif
