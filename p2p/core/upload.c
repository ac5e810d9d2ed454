/*
 * upload.c: two rings of links (who may fetch, who may send), and lists of jobs within a link.
 *
 * Responsible for the order and the charges that upload.h promises. Not for what jobs are.
 *
 * A link stands in a ring exactly while it has something that it may do there: after every change
 * turns_refresh() makes it so. A turn's credit is spent by what it does; who has none left gets a
 * quantum and goes to the end of the ring. On leaving, what is left of credit is lost, what is
 * overdrawn stays, so that leaving and coming back gains nothing.
 */
#include "p2p/core/upload.h"

#include "common/error.h"

#include <assert.h>
#include <stddef.h>

static void ring_init(struct upload_turn *ring)
{
    *ring = (struct upload_turn){.next = ring, .previous = ring};
}

static void ring_append(struct upload_turn *ring, struct upload_turn *turn)
{
    turn->previous = ring->previous;
    turn->next = ring;
    ring->previous->next = turn;
    ring->previous = turn;
}

static void ring_take(struct upload_turn *turn)
{
    turn->previous->next = turn->next;
    turn->next->previous = turn->previous;
    turn->next = NULL;
    turn->previous = NULL;
}

/* Puts a turn into its ring, or takes it out. */
static void turn_set(const struct upload *upload, struct upload_turn *ring,
                     struct upload_turn *turn, bool is_waiting)
{
    if (is_waiting == (turn->next != NULL)) {
        return;
    }
    if (is_waiting) {
        turn->credit_bytes += upload->config.quantum_bytes;
        ring_append(ring, turn);
    } else {
        ring_take(turn);
        turn->credit_bytes = turn->credit_bytes < 0 ? turn->credit_bytes : 0;
    }
}

/* Whose turn it is; NULL when nobody waits. Ends, as every pass raises all credits. */
static struct upload_turn *turn_next(const struct upload *upload, struct upload_turn *ring)
{
    struct upload_turn *turn = ring->next;
    while (turn != ring && turn->credit_bytes <= 0) {
        turn->credit_bytes += upload->config.quantum_bytes;
        ring_take(turn);
        ring_append(ring, turn);
        turn = ring->next;
    }
    return turn == ring ? NULL : turn;
}

/* The most urgent job that has something to fetch (or, else, to send). */
static struct upload_job *link_first(const struct upload_link *link, bool to_fetch)
{
    for (uint32_t priority = 0; priority < UPLOAD_PRIORITIES; priority++) {
        struct upload_job *first = link->jobs[priority];
        struct upload_job *job = first;
        while (job != NULL) {
            if (to_fetch ? job->wanted_bytes > 0 : job->ready_bytes > 0) {
                return job;
            }
            job = job->next == first ? NULL : job->next;
        }
    }
    return NULL;
}

/* The size of the next frame of what is ready. */
static uint32_t frame_of(const struct upload *upload, const struct upload_job *job)
{
    uint32_t most = upload->config.fragment_bytes;
    return job->ready_bytes < most ? (uint32_t)job->ready_bytes : most;
}

/* A frame fits into the window, or is alone in it. */
static bool fits(const struct upload *upload, uint64_t charged_bytes, uint32_t more_bytes)
{
    return charged_bytes == 0 || charged_bytes + more_bytes <= upload->config.window_bytes;
}

static bool may_fetch(const struct upload *upload, const struct upload_link *link)
{
    const struct upload_job *job = link->is_held ? NULL : link_first(link, true);
    return job != NULL &&
           fits(upload, link->queued_bytes + link->reserved_bytes, job->wanted_bytes);
}

static bool may_send(const struct upload *upload, const struct upload_link *link)
{
    const struct upload_job *job = link->is_held ? NULL : link_first(link, false);
    return job != NULL && fits(upload, link->queued_bytes, frame_of(upload, job));
}

static void turns_refresh(struct upload *upload, struct upload_link *link)
{
    turn_set(upload, &upload->fetch, &link->fetch, may_fetch(upload, link));
    turn_set(upload, link->is_free ? &upload->send_free : &upload->send, &link->send,
             may_send(upload, link));
}

void upload_init(struct upload *upload, const struct upload_config *config)
{
    assert(config->fragment_bytes > 0);
    assert(config->quantum_bytes >= config->fragment_bytes);
    assert(config->job_max > 0);
    *upload = (struct upload){.config = *config};
    ring_init(&upload->fetch);
    ring_init(&upload->send);
    ring_init(&upload->send_free);
}

void upload_deinit(struct upload *upload)
{
    assert(upload->link_count == 0);
    assert(upload->fetch.next == &upload->fetch);
    assert(upload->send.next == &upload->send);
    assert(upload->send_free.next == &upload->send_free);
}

void upload_link_open(struct upload *upload, struct upload_link *link, bool is_held)
{
    *link = (struct upload_link){.is_held = is_held};
    link->fetch.link = link;
    link->send.link = link;
    upload->link_count++;
}

void upload_link_hold(struct upload *upload, struct upload_link *link, bool is_held)
{
    link->is_held = is_held;
    turns_refresh(upload, link);
}

void upload_link_set_free(struct upload *upload, struct upload_link *link)
{
    assert(link->job_count == 0);
    assert(upload->link_count > 0);
    link->is_free = true;
}

void upload_link_close(struct upload *upload, struct upload_link *link)
{
    assert(upload->link_count > 0);
    assert(link->job_count == 0);
    assert(link->reserved_bytes == 0);
    assert(link->fetch.next == NULL);
    assert(link->send.next == NULL);
    upload->link_count--;
}

void upload_room(struct upload *upload, struct upload_link *link, uint64_t queued_bytes)
{
    link->queued_bytes = queued_bytes;
    turns_refresh(upload, link);
}

int upload_control(struct upload *upload, struct upload_link *link, uint32_t frame_bytes)
{
    uint64_t most = (uint64_t)upload->config.window_bytes + upload->config.control_bytes;
    link->queued_bytes += frame_bytes;
    turns_refresh(upload, link);
    return link->queued_bytes > most ? ERROR_FULL : 0;
}

int upload_job_add(struct upload *upload, struct upload_link *link, struct upload_job *job,
                   uint8_t priority)
{
    assert(job->link == NULL);
    if (link->job_count >= upload->config.job_max) {
        return ERROR_FULL;
    }
    priority = priority < UPLOAD_PRIORITIES ? priority : UPLOAD_PRIORITIES - 1;
    *job = (struct upload_job){.link = link, .priority = priority};
    struct upload_job **first = &link->jobs[priority];
    if (*first == NULL) {
        job->next = job->previous = *first = job;
    } else {
        job->next = *first;
        job->previous = (*first)->previous;
        job->previous->next = job;
        (*first)->previous = job;
    }
    link->job_count++;
    return 0;
}

void upload_job_remove(struct upload *upload, struct upload_job *job)
{
    struct upload_link *link = job->link;
    assert(link != NULL);
    assert(link->reserved_bytes >= job->reserved_bytes);
    link->reserved_bytes -= job->reserved_bytes;
    struct upload_job **first = &link->jobs[job->priority];
    if (job->next == job) {
        *first = NULL;
    } else {
        job->previous->next = job->next;
        job->next->previous = job->previous;
        *first = *first == job ? job->next : *first;
    }
    link->job_count--;
    *job = (struct upload_job){0};
    turns_refresh(upload, link);
}

void upload_job_want(struct upload *upload, struct upload_job *job, uint32_t frame_bytes)
{
    assert(job->link != NULL);
    job->wanted_bytes = frame_bytes;
    turns_refresh(upload, job->link);
}

struct upload_job *upload_next_fetch(struct upload *upload)
{
    struct upload_turn *turn = turn_next(upload, &upload->fetch);
    return turn == NULL ? NULL : link_first(turn->link, true);
}

void upload_fetch(struct upload *upload, struct upload_job *job, uint32_t next_bytes)
{
    struct upload_link *link = job->link;
    assert(link != NULL);
    assert(job->wanted_bytes > 0);
    job->reserved_bytes += job->wanted_bytes;
    link->reserved_bytes += job->wanted_bytes;
    link->fetch.credit_bytes -= job->wanted_bytes;
    job->wanted_bytes = next_bytes;
    turns_refresh(upload, link);
}

void upload_ready(struct upload *upload, struct upload_job *job, uint32_t frame_bytes)
{
    assert(job->link != NULL);
    assert(job->reserved_bytes - job->ready_bytes >= frame_bytes);
    job->ready_bytes += frame_bytes;
    turns_refresh(upload, job->link);
}

void upload_return(struct upload *upload, struct upload_job *job, uint32_t frame_bytes)
{
    assert(job->link != NULL);
    assert(job->reserved_bytes - job->ready_bytes >= frame_bytes);
    job->reserved_bytes -= frame_bytes;
    job->link->reserved_bytes -= frame_bytes;
    turns_refresh(upload, job->link);
}

struct upload_job *upload_next_send(struct upload *upload, bool has_leave, uint32_t *ret_bytes)
{
    struct upload_turn *turn = turn_next(upload, &upload->send_free);
    if (turn == NULL && has_leave) {
        turn = turn_next(upload, &upload->send);
    }
    if (turn == NULL) {
        return NULL;
    }
    struct upload_job *job = link_first(turn->link, false);
    *ret_bytes = frame_of(upload, job);
    return job;
}

void upload_sent(struct upload *upload, struct upload_job *job, uint32_t frame_bytes)
{
    struct upload_link *link = job->link;
    assert(link != NULL);
    assert(frame_bytes > 0);
    assert(frame_bytes <= job->ready_bytes);
    job->ready_bytes -= frame_bytes;
    job->reserved_bytes -= frame_bytes;
    link->reserved_bytes -= frame_bytes;
    link->queued_bytes += frame_bytes;
    link->send.credit_bytes -= frame_bytes;
    turns_refresh(upload, link);
}

void upload_link_check_invariants(const struct upload *upload, const struct upload_link *link)
{
    uint32_t count = 0;
    uint64_t reserved_bytes = 0;
    for (uint32_t priority = 0; priority < UPLOAD_PRIORITIES; priority++) {
        const struct upload_job *job = link->jobs[priority];
        while (job != NULL) {
            assert(job->link == link);
            assert(job->priority == priority);
            assert(job->next->previous == job);
            assert(job->ready_bytes <= job->reserved_bytes);
            reserved_bytes += job->reserved_bytes;
            count++;
            assert(count <= upload->config.job_max);
            job = job->next == link->jobs[priority] ? NULL : job->next;
        }
    }
    assert(count == link->job_count);
    assert(reserved_bytes == link->reserved_bytes);
    assert((link->fetch.next != NULL) == may_fetch(upload, link));
    assert((link->send.next != NULL) == may_send(upload, link));
}

static void ring_check(const struct upload *upload, const struct upload_turn *ring)
{
    uint32_t count = 0;
    for (const struct upload_turn *turn = ring->next; turn != ring; turn = turn->next) {
        assert(turn->next->previous == turn);
        assert(turn->credit_bytes <= upload->config.quantum_bytes);
        assert(turn == (ring == &upload->fetch ? &turn->link->fetch : &turn->link->send));
        assert(ring == &upload->fetch || turn->link->is_free == (ring == &upload->send_free));
        upload_link_check_invariants(upload, turn->link);
        count++;
        assert(count <= upload->link_count);
    }
}

void upload_check_invariants(const struct upload *upload)
{
    ring_check(upload, &upload->fetch);
    ring_check(upload, &upload->send);
    ring_check(upload, &upload->send_free);
}
