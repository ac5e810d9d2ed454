/*
 * engine_loan.c: tracks that other players read through the engine.
 *
 * Responsible for the entries' numbers, for telling once whether a loan can be read, and for telling
 * the node once of each chunk that was read of a loan, however many readers it has.
 */
#include "common/error.h"
#include "common/exit_code.h"
#include "player/uv/engine_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct engine_loan {
    struct engine *engine;
    struct engine_loan *next;
    uint32_t entry;
    uint32_t reader_count;
    engine_loan_ready *ready; /* NULL: it was called */
    void *context;
    int error; /* told by the next turn; 0 = none */
    struct media_file file;
    media_handle handle; /* 0 = not known yet */
    uint64_t *read;      /* a bit a chunk: told to the node; owned */
    struct net_deadline *turn;
};

static struct engine_loan *find(struct engine *engine, uint32_t entry)
{
    struct engine_loan *loan = engine->loans;
    while (loan != NULL && loan->entry != entry) {
        loan = loan->next;
    }
    return loan;
}

static void drop(struct engine *engine, uint32_t entry)
{
    struct node_event event = {.kind = NODE_EVENT_DROP};
    event.drop.entry = entry;
    engine_step(engine, &event);
}

/* Not from inside a step, where the caller could not give commands. */
static void tell(void *context)
{
    struct engine_loan *loan = context;
    engine_loan_ready *ready = loan->ready;
    loan->ready = NULL;
    if (ready != NULL) {
        ready(loan->context, loan->error, loan->error == 0 ? &loan->file : NULL);
    }
}

static void tell_soon(struct engine_loan *loan, int error)
{
    loan->error = error;
    net_deadline_set(loan->turn, net_now_us());
}

static void free_loan(struct engine_loan *loan)
{
    net_deadline_close(loan->turn);
    free(loan->read);
    free(loan);
}

int engine_lend(struct engine *engine, const uint8_t track_id[TRACK_ID_BYTES],
                engine_loan_ready *ready, void *context, struct engine_loan **ret_loan)
{
    uint32_t count = 0;
    for (const struct engine_loan *loan = engine->loans; loan != NULL; loan = loan->next) {
        count++;
    }
    if (count == ENGINE_LOANS_MAX) {
        return ERROR_BUSY;
    }
    struct engine_loan *loan = calloc(1, sizeof *loan);
    if (loan == NULL || net_deadline_open(engine->loop, tell, loan, &loan->turn) != 0) {
        free(loan);
        return ERROR_NO_MEMORY;
    }
    loan->engine = engine;
    loan->ready = ready;
    loan->context = context;
    loan->entry = NODE_ENTRY_LENT | ++engine->loan_serial;
    loan->next = engine->loans;
    engine->loans = loan;
    struct node_event event = {.kind = NODE_EVENT_ENQUEUE};
    event.enqueue.entry = loan->entry;
    event.enqueue.lent = true;
    memcpy(event.enqueue.track_id, track_id, TRACK_ID_BYTES);
    engine_step(engine, &event);
    *ret_loan = loan;
    return 0;
}

void engine_loan_return(struct engine_loan *loan)
{
    if (loan == NULL) {
        return;
    }
    assert(loan->reader_count == 0);
    struct engine *engine = loan->engine;
    struct engine_loan **link = &engine->loans;
    while (*link != loan) {
        link = &(*link)->next;
    }
    *link = loan->next;
    uint32_t entry = loan->entry;
    free_loan(loan);
    drop(engine, entry);
}

int engine_loan_open(struct engine_loan *loan, struct reader_file **ret_file)
{
    assert(loan->handle != 0);
    struct reader_file *file =
        sound_open_input(loan->engine, loan->entry, loan->handle, &loan->file.id);
    if (file == NULL) {
        return ERROR_NO_MEMORY;
    }
    loan->reader_count++;
    *ret_file = file;
    return 0;
}

void engine_loan_close(struct engine_loan *loan, struct reader_file *file)
{
    assert(loan->reader_count > 0);
    loan->reader_count--;
    sound_close_input(loan->engine, file);
}

/* --- what the node says ---------------------------------------------------------------------------- */

void engine_loan_lent(struct engine *engine, const struct node_effect *effect)
{
    struct engine_loan *loan = find(engine, effect->open.entry);
    if (loan == NULL) {
        return; /* returned within the same turn */
    }
    assert(loan->handle == 0);
    loan->file = effect->open.manifest->files[effect->open.file_index];
    size_t words = (media_chunk_count(loan->file.id.bytes) + 63u) / 64u;
    loan->read = calloc(words, sizeof *loan->read);
    if (loan->read == NULL) {
        tell_soon(loan, ERROR_NO_MEMORY);
        return;
    }
    loan->handle = effect->open.file;
    tell_soon(loan, 0);
}

void engine_loan_failed(struct engine *engine, const struct node_note *note)
{
    struct engine_loan *loan = find(engine, note->entry);
    if (note->kind == NODE_NOTE_ENTRY_FAILED && loan != NULL && loan->ready != NULL) {
        tell_soon(loan, note->error);
    }
}

void engine_loan_read(struct engine *engine, const struct reader_post *post)
{
    struct engine_loan *loan = find(engine, post->entry);
    if (loan == NULL) {
        return; /* it was returned meanwhile */
    }
    uint64_t bit = UINT64_C(1) << (post->first_chunk % 64);
    uint64_t *word = &loan->read[post->first_chunk / 64];
    if ((*word & bit) == 0) {
        *word |= bit;
        struct node_event event = {.kind = NODE_EVENT_READ};
        event.read.entry = post->entry;
        event.read.file = post->file;
        event.read.first_chunk = post->first_chunk;
        event.read.count = 1;
        engine_step(engine, &event);
    }
}

void engine_loan_free_all(struct engine *engine)
{
    while (engine->loans != NULL) {
        struct engine_loan *loan = engine->loans;
        engine->loans = loan->next;
        free_loan(loan);
    }
}
