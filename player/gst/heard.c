/*
 * heard.c: from frames that have left to events that a listener would confirm.
 *
 * Responsible for the order (an end before the next start), for positions at most four a second,
 * and for what a stall is: an entry is at the sink, not paused, and the sink has had nothing for
 * OUTPUT_STALL_US. Silence between two entries is a wait, not a stall.
 */
#include "player/gst/heard.h"

#include "common/time_us.h"

#include <assert.h>
#include <string.h>

void heard_init(struct heard *heard, bool unclocked, heard_tell *tell, void *context)
{
    *heard = (struct heard){
        .tell = tell, .context = context, .unclocked = unclocked, .starved_us = TIME_NEVER_US};
}

void heard_reset(struct heard *heard)
{
    heard->mark_count = 0;
    heard->entry = 0;
    heard->starved_us = TIME_NEVER_US;
    heard->stalled = false;
}

bool heard_has_room(const struct heard *heard)
{
    return heard->mark_count + 2 <= HEARD_MARKS_MAX;
}

static void set_mark(struct heard *heard, struct heard_mark mark)
{
    assert(heard->mark_count < HEARD_MARKS_MAX);
    assert(heard->mark_count == 0 || heard->marks[heard->mark_count - 1].frame <= mark.frame);
    heard->marks[heard->mark_count++] = mark;
}

void heard_start(struct heard *heard, uint64_t frame, uint32_t entry, uint64_t position_us)
{
    set_mark(heard,
             (struct heard_mark){.frame = frame, .entry = entry, .position_us = position_us});
}

void heard_end(struct heard *heard, uint64_t frame, uint32_t entry, int error)
{
    set_mark(heard,
             (struct heard_mark){.frame = frame, .entry = entry, .is_end = true, .error = error});
}

void heard_forget(struct heard *heard, uint32_t entry)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < heard->mark_count; i++) {
        if (heard->marks[i].entry != entry) {
            heard->marks[kept++] = heard->marks[i];
        }
    }
    heard->mark_count = kept;
    if (heard->entry == entry) {
        heard->entry = 0;
        heard->starved_us = TIME_NEVER_US;
        heard->stalled = false;
    }
}

static void pass_end(struct heard *heard, const struct heard_mark *mark)
{
    if (heard->entry == mark->entry) {
        heard->entry = 0;
    }
    heard->starved_us = TIME_NEVER_US;
    heard->stalled = false; /* what follows is a wait */
    heard->tell(heard->context, mark->error == 0 ? OUTPUT_EVENT_ENDED : OUTPUT_EVENT_FAILED,
                mark->entry, 0, mark->error);
}

static void pass_start(struct heard *heard, const struct heard_mark *mark, uint64_t now_us)
{
    heard->entry = mark->entry;
    heard->entry_frame = mark->frame;
    heard->entry_position_us = mark->position_us;
    heard->told_us = now_us;
    heard->told_position_us = mark->position_us;
    heard->tell(heard->context, OUTPUT_EVENT_STARTED, mark->entry, mark->position_us, 0);
}

static void pass_marks(struct heard *heard, const struct heard_now *now)
{
    while (heard->mark_count > 0) {
        struct heard_mark mark = heard->marks[0];
        /* A start is heard with its first frame; an entry without frames when its place is. */
        bool empty = heard->mark_count > 1 && heard->marks[1].frame == mark.frame;
        bool waits = !mark.is_end && now->written == mark.frame && !empty;
        if (mark.frame > now->played || waits) {
            return;
        }
        heard->mark_count--;
        memmove(&heard->marks[0], &heard->marks[1], heard->mark_count * sizeof mark);
        if (mark.is_end) {
            pass_end(heard, &mark);
        } else {
            pass_start(heard, &mark, now->now_us);
        }
    }
}

static void tell_position(struct heard *heard, const struct heard_now *now)
{
    if (heard->entry == 0) {
        return;
    }
    uint64_t frames = now->played > heard->entry_frame ? now->played - heard->entry_frame : 0;
    uint64_t position_us =
        heard->entry_position_us + time_scale(frames, TIME_US_PER_S, heard->rate_hz);
    bool due = now->now_us - heard->told_us >= OUTPUT_POSITION_INTERVAL_US &&
               position_us != heard->told_position_us;
    bool far = heard->unclocked && position_us - heard->told_position_us >= HEARD_POSITION_SOUND_US;
    if (due || far) {
        heard->told_us = now->now_us;
        heard->told_position_us = position_us;
        heard->tell(heard->context, OUTPUT_EVENT_POSITION, heard->entry, position_us, 0);
    }
}

static void tell_stall(struct heard *heard, const struct heard_now *now)
{
    if (heard->unclocked) {
        return;
    }
    bool starving = heard->entry != 0 && now->played == now->written;
    if (!starving && heard->stalled) {
        heard->stalled = false;
        heard->tell(heard->context, OUTPUT_EVENT_RESUMED, heard->entry, 0, 0);
    }
    if (!starving || now->paused) {
        heard->starved_us = TIME_NEVER_US;
        return;
    }
    if (heard->starved_us == TIME_NEVER_US) {
        heard->starved_us = now->now_us;
    }
    if (!heard->stalled && now->now_us - heard->starved_us >= OUTPUT_STALL_US) {
        heard->stalled = true;
        heard->tell(heard->context, OUTPUT_EVENT_STALLED, heard->entry, 0, 0);
    }
}

void heard_update(struct heard *heard, const struct heard_now *now)
{
    assert(now->played <= now->written);
    pass_marks(heard, now);
    tell_position(heard, now);
    tell_stall(heard, now);
}

bool heard_is_active(const struct heard *heard, uint64_t *ret_frame)
{
    *ret_frame = heard->mark_count > 0 ? heard->marks[0].frame : UINT64_MAX;
    return heard->entry != 0 || heard->mark_count > 0;
}
