/*
 * effects.c: insertion behind the last effect of the same or a lower kind.
 *
 * Responsible for order and memory of the list. Most steps make none to three effects, already in
 * order, so that nothing moves.
 */
#include "player/core/effects.h"

#include "common/error.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int effects_init(struct effects *effects)
{
    memset(effects, 0, sizeof *effects);
    effects->list = calloc(EFFECTS_KEPT, sizeof *effects->list);
    if (effects->list == NULL) {
        return ERROR_NO_MEMORY;
    }
    effects->capacity = EFFECTS_KEPT;
    return 0;
}

void effects_deinit(struct effects *effects)
{
    free(effects->list);
    memset(effects, 0, sizeof *effects);
}

void effects_clear(struct effects *effects)
{
    effects->count = 0;
    effects->out_of_memory = false;
    if (effects->capacity == EFFECTS_KEPT) {
        return;
    }
    struct node_effect *kept = calloc(EFFECTS_KEPT, sizeof *kept);
    if (kept != NULL) {
        free(effects->list);
        effects->list = kept;
        effects->capacity = EFFECTS_KEPT;
    }
}

static bool grow(struct effects *effects)
{
    uint32_t capacity = effects->capacity * 2;
    struct node_effect *list = calloc(capacity, sizeof *list);
    if (list == NULL) {
        return false;
    }
    memcpy(list, effects->list, effects->count * sizeof *list);
    free(effects->list);
    effects->list = list;
    effects->capacity = capacity;
    return true;
}

struct node_effect *effects_add(struct effects *effects, enum node_effect_kind kind)
{
    assert(kind < NODE_EFFECT_KINDS);
    struct node_effect *effect = &effects->spare;
    if (effects->out_of_memory || (effects->count == effects->capacity && !grow(effects))) {
        effects->out_of_memory = true;
    } else {
        uint32_t at = effects->count++;
        while (at > 0 && effects->list[at - 1].kind > kind) {
            at--;
        }
        effect = &effects->list[at];
        memmove(effect + 1, effect, (effects->count - 1 - at) * sizeof *effect);
    }
    memset(effect, 0, sizeof *effect);
    effect->kind = kind;
    return effect;
}

size_t effects_heap_bytes(const struct effects *effects)
{
    return effects->capacity * sizeof *effects->list;
}
