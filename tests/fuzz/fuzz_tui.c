/*
 * fuzz_tui.c: what a terminal sends: any bytes are keys, the mouse or nothing, and what they do to the
 * full screen stays within its bounds. The first two bytes are its size.
 */
#include "player/tui/act.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Each question is answered with the same object, in which there is something for all of them. */
static json_t *answer;

static void ask(void *context, json_t *request, enum model_question question, uint32_t serial)
{
    struct model *model = context;
    assert(request != NULL);
    model_answer(model, question, serial, answer, model->now_us);
    json_decref(request);
}

static json_t *make_answer(void)
{
    return json_pack("{s:[{s:i, s:s, s:s}, {s:i, s:s, s:s}], s:[{s:s, s:s}], s:[{s:s}], s:[{s:s}], "
                     "s:[{s:s, s:s}],"
                     " s:{s:s, s:s, s:i, s:s}}",
                     "entries", "entry", 1, "track", "a", "title", "One", "entry", 2, "track", "b",
                     "title", "Two", "albums", "id", "c", "album", "Three", "artists", "artist",
                     "Four", "playlists", "name", "Five", "tracks", "id", "d", "title", "Six",
                     "playing", "track", "a", "state", "playing", "duration_ms", 60000, "title",
                     "One");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct model model;
    static struct view_hits hits;
    struct keymap keymap;
    struct theme theme = {.depth = THEME_TRUE};
    struct screen screen;
    struct input input = {0};
    struct input_event event;
    if (size < 2 || screen_init(&screen, data[0], data[1]) != 0) {
        return 0;
    }
    answer = make_answer();
    theme_set_glyphs(&theme, THEME_FULL);
    keymap_init(&keymap);
    if (answer != NULL && model_init(&model, ask, &model) == 0) {
        const struct view_look look = {.theme = &theme, .keymap = &keymap, .now_us = 1};
        model_start(&model, 1);
        view_draw(&model, &look, &screen, &hits);
        for (size_t i = 2; i < size; i++) {
            if (input_push(&input, data[i], &event)) {
                act_input(&model, &keymap, &hits, &event, i);
                view_draw(&model, &look, &screen, &hits);
            }
        }
        assert(strlen(model.text) < MODEL_TEXT_BYTES);
        model_tick(&model, UINT64_MAX);
        model_deinit(&model);
    }
    json_decref(answer);
    screen_deinit(&screen);
    return 0;
}
