/*
 * window.c: see window.h.
 *
 * Responsible for choosing entries and counting tokens.
 */
#include "player/core/window.h"

#include "common/time_us.h"

#include <assert.h>

#define PPM UINT64_C(1000000)
#define AHEAD_MAX (WINDOW_MAX - 1u - WINDOW_FETCHES - WINDOW_LENDS)

static void add(struct window *window, uint32_t entry, enum window_role role)
{
    if (window->count < WINDOW_MAX) {
        window->items[window->count++] = (struct window_item){.entry = entry, .role = role};
    }
}

void window_make(struct window *window, struct queue *queue, const struct node_preset *preset,
                 uint32_t current)
{
    window->count = 0;
    if (current != 0) {
        add(window, current, WINDOW_CURRENT);
        const struct queue_entry *entry = queue_next_play(queue, current);
        uint32_t ahead = preset->lookup_entries < AHEAD_MAX ? preset->lookup_entries : AHEAD_MAX;
        for (uint32_t i = 0; i < ahead && entry != NULL; i++) {
            enum window_role role = i < preset->head_entries ? WINDOW_HEAD : WINDOW_LOOKUP;
            add(window, entry->number, i == 0 ? WINDOW_NEXT : role);
            entry = queue_next_play(queue, entry->number);
        }
    }
    const struct queue_entry *fetch = queue_next_fetch(queue, 0);
    for (uint32_t i = 0; i < WINDOW_FETCHES && fetch != NULL; i++) {
        add(window, fetch->number, WINDOW_FETCH);
        fetch = queue_next_fetch(queue, fetch->number);
    }
}

void window_add_lent(struct window *window, uint32_t entry)
{
    assert(window->count < WINDOW_MAX);
    add(window, entry, WINDOW_LENT);
}

void window_budget_init(struct budget *budget, const struct node_preset *preset)
{
    budget->tokens = preset->speculation_bytes;
    budget->rest = 0;
}

void window_budget_earn(struct budget *budget, const struct node_preset *preset, uint64_t bytes)
{
    assert(bytes <= UINT32_MAX);
    uint64_t millionths = budget->rest + bytes * preset->speculation_ppm;
    budget->tokens += millionths / PPM;
    budget->rest = millionths % PPM;
    budget->tokens = time_min_us(budget->tokens, preset->speculation_bytes);
}

void window_budget_spend(struct budget *budget, uint64_t bytes)
{
    budget->tokens -= time_min_us(budget->tokens, bytes);
}
