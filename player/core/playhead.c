/*
 * playhead.c: see playhead.h.
 *
 * Responsible for the arithmetic only.
 */
#include "player/core/playhead.h"

#include "common/time_us.h"

void playhead_place(struct playhead *head, uint64_t now_us, uint64_t position_us,
                    uint64_t duration_us)
{
    head->heard_us = playhead_heard_us(head, now_us);
    head->position_us = time_min_us(position_us, duration_us);
    head->from_us = head->position_us;
    head->anchor_us = now_us;
    head->duration_us = duration_us;
    head->is_moving = false;
}

void playhead_report(struct playhead *head, uint64_t now_us, uint64_t position_us)
{
    head->position_us = time_min_us(position_us, head->duration_us);
    head->anchor_us = now_us;
}

/* Carries the anchor to this moment. */
static void advance(struct playhead *head, uint64_t now_us)
{
    playhead_report(head, now_us, playhead_position_us(head, now_us));
}

void playhead_move(struct playhead *head, uint64_t now_us)
{
    advance(head, now_us);
    head->is_moving = true;
}

void playhead_halt(struct playhead *head, uint64_t now_us)
{
    advance(head, now_us);
    head->is_moving = false;
}

uint64_t playhead_position_us(const struct playhead *head, uint64_t now_us)
{
    if (!head->is_moving || head->is_unsynced) {
        return head->position_us;
    }
    uint64_t position = time_add_us(head->position_us, time_until_us(head->anchor_us, now_us));
    return time_min_us(position, head->duration_us);
}

uint64_t playhead_heard_us(const struct playhead *head, uint64_t now_us)
{
    return head->heard_us + time_until_us(head->from_us, playhead_position_us(head, now_us));
}

uint64_t playhead_left_us(const struct playhead *head, uint64_t now_us)
{
    return head->duration_us - playhead_position_us(head, now_us);
}

uint64_t playhead_when_us(const struct playhead *head, uint64_t now_us, uint64_t left_us)
{
    uint64_t left_now_us = playhead_left_us(head, now_us);
    if (left_now_us <= left_us) {
        return now_us;
    }
    if (!head->is_moving || head->is_unsynced) {
        return TIME_NEVER_US;
    }
    return time_add_us(now_us, left_now_us - left_us);
}
