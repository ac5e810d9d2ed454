/*
 * tui.c: terminal, model, picture and front, wired together.
 *
 * One picture is under way at a time: while the terminal has not taken the last one, nothing is drawn,
 * and what has changed since comes with the next.
 */
#include "player/tui/tui.h"

#include "common/error.h"
#include "player/front/front.h"
#include "player/library/conf.h"
#include "player/tui/act.h"
#include "player/tui/ansi.h"
#include "player/tui/tty.h"
#include "player/tui/view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Not more pictures than this: what comes sooner is drawn together. */
#define TUI_FRAME_US UINT64_C(16000)
#define TUI_TICK_US TIME_US_PER_S

struct tui_question {
    struct tui *tui;
    enum model_question question;
    uint32_t serial;
    bool is_asked;
};

struct tui {
    struct tui_config config;
    struct net_deadline *deadline;
    struct tty *tty;
    struct input input;
    struct keymap keymap;
    struct theme theme;
    struct model model;
    struct view_hits hits;
    struct screen shown, next;
    struct ansi ansi;
    struct tui_question questions[FRONT_QUESTIONS_MAX];
    uint64_t started_us, drawn_us, tick_us, escape_us;
    bool has_started; /* the model has asked for what it shows */
    bool is_known;    /* `shown` is what the terminal shows */
    bool is_leaving, was_used;
};

static void request_draw(struct tui *tui)
{
    net_deadline_set(tui->deadline, 0); /* all that is due is found there */
}

/* --- asking ------------------------------------------------------------------------------------------- */

static void answered(void *context, const json_t *answer)
{
    struct tui_question *question = context;
    struct tui *tui = question->tui;
    question->is_asked = false;
    model_answer(&tui->model, question->question, question->serial, answer, net_now_us());
    request_draw(tui);
}

static struct tui_question *free_question(struct tui *tui)
{
    for (size_t i = 0; i < FRONT_QUESTIONS_MAX; i++) {
        if (!tui->questions[i].is_asked) {
            return &tui->questions[i];
        }
    }
    return NULL;
}

static void ask(void *context, json_t *request, enum model_question question, uint32_t serial)
{
    struct tui *tui = context;
    struct tui_question *slot = free_question(tui);
    if (request == NULL || slot == NULL) {
        json_decref(request);
        return;
    }
    *slot = (struct tui_question){tui, question, serial, true};
    if (front_ask(tui->config.front, request, answered, slot) != 0) {
        slot->is_asked = false;
    }
}

/* --- pictures ------------------------------------------------------------------------------------------- */

static void start(struct tui *tui)
{
    if (!tui->has_started) {
        tui->has_started = true;
        tui->tick_us = net_now_us() + TUI_TICK_US;
        model_start(&tui->model, net_now_us());
        if (tui->config.starts_with_search) {
            model_show(&tui->model, MODEL_VIEW_SEARCH);
        }
    }
}

static void draw(struct tui *tui, uint64_t now_us)
{
    const struct view_look look = {
        .theme = &tui->theme, .keymap = &tui->keymap, .cover = NULL, .now_us = now_us};
    view_draw(&tui->model, &look, &tui->next, &tui->hits);
    ansi_draw(&tui->ansi, &tui->theme, tui->is_known ? &tui->shown : NULL, &tui->next);
    tui->drawn_us = now_us;
    tui->is_known = !tui->ansi.failed;
    if (tui->ansi.count > 0 && !tui->ansi.failed) {
        tty_write(tui->tty, tui->ansi.bytes, tui->ansi.count);
        screen_copy(&tui->shown, &tui->next);
    }
    tui->ansi.count = 0;
    tui->ansi.failed = false;
}

static uint64_t sooner(uint64_t a_us, uint64_t b_us)
{
    return a_us < b_us ? a_us : b_us;
}

/* Whatever is due: the first questions, the tick, an ESC that was the key, a picture. */
static void handle_deadline(void *context)
{
    struct tui *tui = context;
    uint64_t now_us = net_now_us();
    struct input_event event;
    if (tui->is_leaving) {
        return;
    }
    if (now_us >= tui->started_us + TUI_FIRST_DELAY_US) {
        start(tui);
    }
    if (tui->has_started && now_us >= tui->tick_us) {
        tui->tick_us = now_us + TUI_TICK_US;
        model_tick(&tui->model, now_us);
    }
    if (now_us >= tui->escape_us) {
        tui->escape_us = TIME_NEVER_US;
        if (input_flush(&tui->input, &event)) {
            act_input(&tui->model, &tui->keymap, &tui->hits, &event, now_us);
        }
    }
    uint64_t next_us = tui->has_started ? tui->tick_us : tui->started_us + TUI_FIRST_DELAY_US;
    next_us = sooner(next_us, tui->escape_us);
    if (tui->has_started && !tty_is_busy(tui->tty)) {
        if (now_us >= tui->drawn_us + TUI_FRAME_US) {
            draw(tui, now_us);
            next_us = sooner(next_us, view_next_change_us(&tui->model, tui->next.columns, now_us));
        } else {
            next_us = sooner(next_us, tui->drawn_us + TUI_FRAME_US);
        }
    }
    net_deadline_set(tui->deadline, next_us);
}

/* --- the terminal --------------------------------------------------------------------------------------------- */

static void leave(struct tui *tui, enum tui_quit why)
{
    if (!tui->is_leaving) {
        tui->is_leaving = true;
        tui->config.quit(tui->config.context, why);
    }
}

/* The music rests meanwhile, so that it goes on where it was; that of another process plays on. */
static void suspend(struct tui *tui)
{
    bool rests = !tui->config.is_attached && tui->model.playing.state == MODEL_PLAYING;
    if (rests) {
        ask(tui, json_pack("{s:s}", "do", "pause"), MODEL_ASK_QUIET, 0);
    }
    tty_suspend(tui->tty);
    if (rests) {
        ask(tui, json_pack("{s:s}", "do", "resume"), MODEL_ASK_QUIET, 0);
    }
}

static void on_event(struct tui *tui, const struct input_event *event)
{
    switch (act_input(&tui->model, &tui->keymap, &tui->hits, event, net_now_us())) {
    case ACT_QUIT:
        leave(tui, TUI_QUIT_ASKED);
        break;
    case ACT_SUSPEND:
        suspend(tui);
        break;
    case ACT_REDRAW:
        tui->is_known = false;
        break;
    case ACT_DONE:
        break;
    }
}

static void on_bytes(void *context, const uint8_t *bytes, size_t count)
{
    struct tui *tui = context;
    struct input_event event;
    start(tui);
    tui->was_used = true;
    for (size_t i = 0; i < count && !tui->is_leaving; i++) {
        if (input_push(&tui->input, bytes[i], &event)) {
            on_event(tui, &event);
        }
    }
    tui->escape_us = input_is_waiting(&tui->input) ? net_now_us() + INPUT_ESCAPE_US : TIME_NEVER_US;
    request_draw(tui);
}

static void on_drained(void *context)
{
    request_draw(context);
}

static void on_resized(void *context, unsigned columns, unsigned rows, bool is_blank)
{
    struct tui *tui = context;
    struct screen shown, next;
    tui->is_known = tui->is_known && !is_blank;
    if (columns != tui->next.columns || rows != tui->next.rows) {
        if (screen_init(&shown, columns, rows) != 0) {
            return; /* the old size stays */
        }
        if (screen_init(&next, columns, rows) != 0) {
            screen_deinit(&shown);
            return;
        }
        screen_deinit(&tui->shown);
        screen_deinit(&tui->next);
        tui->shown = shown;
        tui->next = next;
        tui->is_known = false;
    }
    request_draw(tui);
}

static void on_error_line(void *context, const char *line)
{
    static const char prefix[] = "refrain: ";
    bool is_ours = strncmp(line, prefix, sizeof prefix - 1) == 0;
    tui_message(context, is_ours ? line + sizeof prefix - 1 : line);
}

static void on_gone(void *context)
{
    leave(context, TUI_QUIT_HANGUP);
}

/* --- life ------------------------------------------------------------------------------------------------------ */

bool tui_is_possible(void)
{
    return tty_is_usable();
}

void tui_event(struct tui *tui, const json_t *event)
{
    model_event(&tui->model, event, net_now_us());
    start(tui);
    request_draw(tui);
}

void tui_message(struct tui *tui, const char *text)
{
    model_say(&tui->model, text, true, net_now_us());
    request_draw(tui);
}

bool tui_was_used(const struct tui *tui)
{
    return tui->was_used;
}

static const char *get_environment(void *context, const char *name)
{
    (void)context;
    return getenv(name);
}

static void complain(struct tui *tui, const struct conf_entry *entry, const char *why)
{
    char text[2 * KEYMAP_TEXT_BYTES];
    snprintf(text, sizeof text, "refrain.conf:%u: %s", entry->line, why);
    tui_message(tui, text);
}

/* [keys] and [tui]; what is wrong there is told and passed over. */
static void configure(struct tui *tui)
{
    char text[KEYMAP_TEXT_BYTES];
    const struct conf_entry *entry;
    uint32_t place = 0;
    while ((entry = conf_next(conf_of_program(), "keys", &place)) != NULL) {
        if (keymap_bind(&tui->keymap, entry->key, entry->value, text) != 0) {
            complain(tui, entry, text);
        }
    }
    place = 0;
    while ((entry = conf_next(conf_of_program(), "tui", &place)) != NULL) {
        bool is_background = strcmp(entry->key, "background") == 0;
        bool is_light = strcmp(entry->value, "light") == 0;
        if (is_background && (is_light || strcmp(entry->value, "dark") == 0)) {
            tui->theme.is_light = is_light;
        } else if (is_background) {
            complain(tui, entry, "background: neither dark nor light; write one of them");
        } else if (strcmp(entry->key, "colours") != 0) {
            complain(tui, entry, "no such setting; there are colours and background");
        } else if (!theme_set_depth(&tui->theme, entry->value)) {
            complain(tui, entry, "colours: no such word; there are auto, true, 256, 16 and none");
        }
    }
}

static int open_screen(struct tui *tui)
{
    unsigned columns, rows;
    tty_size(tui->tty, &columns, &rows);
    int error = screen_init(&tui->shown, columns, rows);
    return error != 0 ? error : screen_init(&tui->next, columns, rows);
}

int tui_open(struct net_loop *loop, const struct tui_config *config, struct tui **ret_tui)
{
    struct tui *tui = calloc(1, sizeof *tui);
    if (tui == NULL) {
        return ERROR_NO_MEMORY;
    }
    const struct tty_callbacks callbacks = {.bytes = on_bytes,
                                            .drained = on_drained,
                                            .resized = on_resized,
                                            .error_line = on_error_line,
                                            .gone = on_gone,
                                            .context = tui};
    tui->config = *config;
    tui->started_us = net_now_us();
    tui->escape_us = TIME_NEVER_US;
    keymap_init(&tui->keymap);
    theme_detect(get_environment, NULL, &tui->theme);
    int error = model_init(&tui->model, ask, tui);
    if (error != 0) {
        goto err_after_alloc;
    }
    error = net_deadline_open(loop, handle_deadline, tui, &tui->deadline);
    if (error != 0) {
        goto err_after_model;
    }
    error = tty_open(loop, &callbacks, &tui->tty);
    if (error != 0) {
        goto err_after_deadline;
    }
    error = open_screen(tui);
    if (error != 0) {
        goto err_after_tty;
    }
    tui->model.is_attached = config->is_attached;
    configure(tui);
    net_deadline_set(tui->deadline, tui->started_us + TUI_FIRST_DELAY_US);
    *ret_tui = tui;
    return 0;

err_after_tty:
    screen_deinit(&tui->shown);
    tty_close(tui->tty);
err_after_deadline:
    net_deadline_close(tui->deadline);
err_after_model:
    model_deinit(&tui->model);
err_after_alloc:
    free(tui);
    return error;
}

void tui_close(struct tui *tui)
{
    if (tui == NULL) {
        return;
    }
    tui->is_leaving = true;
    tty_close(tui->tty);
    net_deadline_close(tui->deadline);
    model_deinit(&tui->model);
    screen_deinit(&tui->shown);
    screen_deinit(&tui->next);
    ansi_deinit(&tui->ansi);
    free(tui);
}
