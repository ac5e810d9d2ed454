/*
 * sound.c: the node's chains as the output's entries, and what is heard as the node's events.
 *
 * Responsible for one reader_file a deck, from SWITCH or PREPARE until the output has closed the
 * deck; for dropping what the output still tells of entries that a later SWITCH has made old; and
 * for counting a chunk as read once a play, however many decks read it.
 */
#include "common/error.h"
#include "common/exit_code.h"
#include "player/uv/engine_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* --- readers' files --------------------------------------------------------------------------------- */

struct reader_file *sound_open_input(struct engine *engine, uint32_t entry, media_handle handle,
                                     const struct media_file_id *id)
{
    struct engine_input *input = calloc(1, sizeof *input);
    if (input == NULL || reader_file_open(engine->reader, entry, handle, id, &input->file) != 0) {
        free(input);
        return NULL;
    }
    input->next = engine->inputs;
    engine->inputs = input;
    return input->file;
}

void sound_close_input(struct engine *engine, struct reader_file *file)
{
    for (struct engine_input **link = &engine->inputs; *link != NULL; link = &(*link)->next) {
        if ((*link)->file == file) {
            struct engine_input *input = *link;
            *link = input->next;
            reader_file_close(file);
            free(input);
            return;
        }
    }
}

void sound_close_inputs(struct engine *engine)
{
    while (engine->inputs != NULL) {
        sound_close_input(engine, engine->inputs->file);
    }
}

/* --- effects ------------------------------------------------------------------------------------------- */

static void fail_memory(struct engine *engine)
{
    engine_fail(engine, EXIT_CODE_INTERNAL, "player: out of memory; close other programs");
}

void sound_open_entry(struct engine *engine, const struct node_effect *effect)
{
    assert(engine->output != NULL); /* a silent engine has no entries that play */
    assert(effect->open.file_index < effect->open.manifest->file_count);
    const struct media_file *file = &effect->open.manifest->files[effect->open.file_index];
    struct reader_file *input =
        sound_open_input(engine, effect->open.entry, effect->open.file, &file->id);
    if (input == NULL) {
        fail_memory(engine);
        return;
    }
    struct output_track track = {
        .entry = effect->open.entry,
        .position_us = effect->open.position_us,
        .file = *file,
        .source = {.bytes = file->id.bytes,
                   .read_at = reader_file_read,
                   .unlock = reader_file_unlock,
                   .unlock_stop = reader_file_unlock_stop,
                   .context = input},
    };
    int error = effect->kind == NODE_EFFECT_SWITCH
                    ? output_switch(engine->output, &track, ++engine->serial)
                    : output_prepare(engine->output, &track);
    if (error != 0) {
        sound_close_input(engine, input);
        fail_memory(engine);
    }
}

void sound_unprepare(struct engine *engine, uint32_t entry)
{
    if (engine->output != NULL && output_unprepare(engine->output, entry) != 0) {
        fail_memory(engine);
    }
}

void sound_silence(struct engine *engine)
{
    engine->serial++; /* what is still told is old */
    if (engine->output != NULL && output_silence(engine->output) != 0) {
        fail_memory(engine);
    }
}

/* --- events ---------------------------------------------------------------------------------------------- */

static void tell_position(struct engine *engine, enum node_event_kind kind,
                          const struct output_event *heard)
{
    struct node_event event = {.kind = kind};
    event.position.entry = heard->entry;
    event.position.position_us = heard->position_us;
    engine_step(engine, &event);
}

static void tell_sound(struct engine *engine, enum node_event_kind kind,
                       const struct output_event *heard)
{
    struct node_event event = {.kind = kind};
    event.sound.entry = heard->entry;
    event.sound.error = heard->error;
    engine_step(engine, &event);
}

static void break_output(struct engine *engine, const struct output_event *event)
{
    engine_fail(engine, event->error == ERROR_NO_MEMORY ? EXIT_CODE_INTERNAL : EXIT_CODE_STORAGE,
                "output %s; see whether it can be written there, or choose another --output",
                event->text);
}

void sound_hear(struct engine *engine, const struct output_event *event)
{
    bool current = event->serial == engine->serial;
    switch (event->kind) {
    case OUTPUT_EVENT_STARTED:
        if (current) {
            tell_position(engine, NODE_EVENT_SOUND_STARTED, event);
        }
        break;
    case OUTPUT_EVENT_POSITION:
        if (current) {
            tell_position(engine, NODE_EVENT_POSITION, event);
        }
        break;
    case OUTPUT_EVENT_STALLED:
        if (current) {
            tell_sound(engine, NODE_EVENT_SOUND_STALLED, event);
        }
        break;
    case OUTPUT_EVENT_RESUMED:
        if (current) {
            tell_sound(engine, NODE_EVENT_SOUND_RESUMED, event);
        }
        break;
    case OUTPUT_EVENT_ENDED:
        if (current) {
            tell_sound(engine, NODE_EVENT_SOUND_ENDED, event);
        }
        break;
    case OUTPUT_EVENT_FAILED:
        if (current) {
            tell_sound(engine, NODE_EVENT_SOUND_FAILED, event);
        }
        break;
    case OUTPUT_EVENT_CLOSED:
        sound_close_input(engine, event->source_context);
        break;
    case OUTPUT_EVENT_FELL_BACK:
        engine_warn(engine,
                    "audio output: %s; playing in real time without sound (connect a device, or "
                    "use --output null)",
                    event->text);
        break;
    case OUTPUT_EVENT_BROKEN:
        break_output(engine, event);
        break;
    }
}

/* True when the chunk was not told in this play; notes it. */
static bool is_first_read(struct engine_entry *entry, uint32_t chunk)
{
    uint64_t bit = UINT64_C(1) << (chunk % 64);
    bool first = (entry->read[chunk / 64] & bit) == 0;
    entry->read[chunk / 64] |= bit;
    return first;
}

void sound_read(struct engine *engine, const struct reader_post *post)
{
    if ((post->entry & NODE_ENTRY_LENT) != 0) {
        engine_loan_read(engine, post);
        return;
    }
    if (post->entry <= engine->entry_base) {
        return; /* a deck's last read of what was forgotten */
    }
    uint32_t index = post->entry - engine->entry_base - 1;
    assert(index < engine->entry_count && post->count == 1);
    struct engine_entry *entry = &engine->entries[index];
    if (entry->read == NULL) {
        const struct media_file_id *id = media_intern_id(engine->intern, post->file);
        entry->read_chunks = media_chunk_count(id->bytes);
        entry->read = calloc((entry->read_chunks + 63u) / 64u, sizeof *entry->read);
        if (entry->read == NULL) {
            fail_memory(engine);
            return;
        }
    }
    assert(post->first_chunk < entry->read_chunks);
    if (is_first_read(entry, post->first_chunk)) {
        struct node_event event = {.kind = NODE_EVENT_READ};
        event.read.entry = post->entry;
        event.read.file = post->file;
        event.read.first_chunk = post->first_chunk;
        event.read.count = 1;
        engine_step(engine, &event);
    }
}
