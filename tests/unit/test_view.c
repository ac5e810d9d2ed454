/*
 * test_view.c: the full screen as text, in several sizes and depths of colour; and what keys and events
 * do to it.
 *
 * A fake engine answers each question with the object that stands for its verb; what was asked is kept
 * as text. Colours of the map are shown by letters.
 */
#include "player/tui/act.h"
#include "player/tui/view.h"

#include "common/time_us.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NOW_US (1000 * TIME_US_PER_S)

static const char answers_text[] =
    "{\"status\":{\"playing\":{\"track\":\"t2\",\"title\":\"Second\",\"artist\":\"Bo\",\"album\":"
    "\"Two\","
    "\"format\":\"Vorbis 160 "
    "kbit/s\",\"state\":\"playing\",\"position_ms\":30000,\"duration_ms\":60000,"
    "\"buffered_ms\":12000,\"entry\":8,\"year\":1999,\"liked\":true,\"wait_ms\":12},\"volume\":80,"
    "\"shuffle\":\"off\",\"repeat\":\"all\",\"peers\":{\"neighbours\":4},\"origin\":{\"up\":true},"
    "\"summary\":{\"received_bytes\":1000,\"sent_bytes\":10}},"
    "\"chunks\":{\"track\":\"t2\",\"chunk_count\":8,\"runs\":[[\"cache\",2],[\"peers\",3],["
    "\"origin\",1],"
    "[\"missing\",2]]},"
    "\"queue\":{\"entries\":[{\"entry\":7,\"track\":\"t1\",\"title\":\"First\",\"artist\":\"Anna\","
    "\"album\":\"One\",\"duration_ms\":61000,\"played\":true},{\"entry\":8,\"track\":\"t2\","
    "\"title\":"
    "\"Second\",\"artist\":\"Bo\",\"album\":\"Two\",\"duration_ms\":60000,\"liked\":true},{"
    "\"entry\":9,"
    "\"track\":\"t3\",\"title\":\"Third\",\"artist\":\"Cy\",\"album\":\"Two\",\"duration_ms\":"
    "3725000,"
    "\"pinned\":true}],\"current\":8},"
    "\"search\":{\"tracks\":[{\"id\":\"t3\",\"title\":\"Third\",\"artist\":\"Cy\"},{\"id\":\"t4\","
    "\"title\":"
    "\"Fourth\",\"artist\":\"Di\"}],\"albums\":[{\"id\":\"a2\",\"album\":\"Two\",\"artist\":\"Bo\","
    "\"tracks\":9}],\"artists\":[],\"playlists\":[]},"
    "\"browse\":{\"artists\":[{\"artist\":\"Anna\",\"albums\":1},{\"artist\":\"Bo\",\"albums\":2}],"
    "\"albums\":[{\"id\":\"a2\",\"album\":\"Two\",\"year\":1999,\"tracks\":1}],"
    "\"tracks\":[{\"id\":\"t2\",\"title\":\"Second\",\"track\":5,\"duration_ms\":60000}],\"total\":"
    "2},"
    "\"playlists\":{\"playlists\":[{\"name\":\"Morning\",\"tracks\":1}]},"
    "\"playlist\":{\"tracks\":[{\"id\":\"t1\",\"title\":\"First\"},{\"id\":\"t3\",\"title\":"
    "\"Third\"}]},"
    "\"peers\":{\"peers\":[{\"address\":\"192.0.2.7:7000\",\"peer_id\":\"1a2b3c4d\",\"lan\":true}]}"
    "}";

struct stage {
    struct model model;
    struct keymap keymap;
    struct theme theme;
    struct view_hits hits;
    struct screen screen;
    json_t *answers;
    char asked[4096]; /* what was asked since the last look, but for status, chunks and subscribe */
    bool is_deaf;     /* nothing is answered */
};

static void note_request(struct stage *stage, const json_t *request)
{
    const char *verb = model_text(request, "do");
    if (strcmp(verb, "status") == 0 || strcmp(verb, "chunks") == 0 ||
        strcmp(verb, "subscribe") == 0) {
        return;
    }
    char *text = json_dumps(request, JSON_SORT_KEYS | JSON_COMPACT);
    size_t used = strlen(stage->asked);
    snprintf(stage->asked + used, sizeof stage->asked - used, "%s ", text);
    free(text);
}

static void answer(void *context, json_t *request, enum model_question question, uint32_t serial)
{
    struct stage *stage = context;
    json_t *none = json_pack("{s:b}", "ok", 1);
    const json_t *found = json_object_get(stage->answers, model_text(request, "do"));
    note_request(stage, request);
    if (!stage->is_deaf) {
        model_answer(&stage->model, question, serial, found != NULL ? found : none, NOW_US);
    }
    json_decref(none);
    json_decref(request);
}

static void open_stage(struct stage *stage, unsigned columns, unsigned rows, enum theme_depth depth,
                       enum theme_glyph_set set)
{
    *stage = (struct stage){.theme = {.depth = depth}};
    theme_set_glyphs(&stage->theme, set);
    keymap_init(&stage->keymap);
    stage->answers = json_loads(answers_text, 0, NULL);
    assert_non_null(stage->answers);
    assert_int_equal(screen_init(&stage->screen, columns, rows), 0);
    assert_int_equal(model_init(&stage->model, answer, stage), 0);
    model_start(&stage->model, NOW_US);
    stage->asked[0] = '\0';
}

static void close_stage(struct stage *stage)
{
    model_deinit(&stage->model);
    screen_deinit(&stage->screen);
    json_decref(stage->answers);
}

static void draw(struct stage *stage)
{
    const struct view_look look = {
        .theme = &stage->theme, .keymap = &stage->keymap, .now_us = NOW_US};
    view_draw(&stage->model, &look, &stage->screen, &stage->hits);
}

/* The rows without what is blank at their ends. */
static const char *picture(struct stage *stage)
{
    static char text[65536];
    size_t used = 0;
    draw(stage);
    for (unsigned y = 0; y < stage->screen.rows; y++) {
        for (unsigned x = 0; x < stage->screen.columns; x++) {
            used += (size_t)snprintf(text + used, sizeof text - used, "%s",
                                     screen_at(&stage->screen, x, y)->text);
        }
        while (used > 0 && text[used - 1] == ' ') {
            used--;
        }
        text[used++] = '\n';
    }
    text[used] = '\0';
    return text;
}

static void has(struct stage *stage, const char *words)
{
    const char *text = picture(stage);
    if (strstr(text, words) == NULL) {
        print_message("no \"%s\" in\n%s", words, text);
        fail();
    }
}

static void has_not(struct stage *stage, const char *words)
{
    assert_null(strstr(picture(stage), words));
}

/* Keys as a terminal sends them; "~" is ESC. */
static enum act_rest press(struct stage *stage, const char *bytes)
{
    struct input input = {0};
    struct input_event event;
    enum act_rest rest = ACT_DONE;
    for (const char *at = bytes; *at != '\0'; at++) {
        if (input_push(&input, *at == '~' ? 27 : (uint8_t)*at, &event)) {
            draw(stage);
            rest = act_input(&stage->model, &stage->keymap, &stage->hits, &event, NOW_US);
        }
    }
    if (input_flush(&input, &event)) {
        rest = act_input(&stage->model, &stage->keymap, &stage->hits, &event, NOW_US);
    }
    return rest;
}

static void asked(struct stage *stage, const char *requests)
{
    assert_string_equal(stage->asked, requests);
    stage->asked[0] = '\0';
}

/* --- pictures ----------------------------------------------------------------------------------------- */

static void test_forty_by_ten(void **state)
{
    struct stage stage;
    (void)state;
    open_stage(&stage, 40, 10, THEME_MONO, THEME_ASCII);
    assert_string_equal(picture(&stage), "Second  Bo *                   > playing\n"
                                         "0:30 #######++++++++|+++===........ 1:00\n"
                                         "# cache 25 %  + peers 38 %    12 s ahead\n"
                                         "\n"
                                         "Queue  Library  Playlists  Peers       /\n"
                                         "   1  First  Anna                 1:01\n"
                                         "   >  Second  Bo           *      1:00\n"
                                         "   3  Third  Cy              ! 1:02:05\n"
                                         "\n"
                                         "space pause   n next   ? keys   q quit\n");
    close_stage(&stage);
}

static void test_eighty_by_twenty_four(void **state)
{
    struct stage stage;
    (void)state;
    open_stage(&stage, 80, 24, THEME_TRUE, THEME_FULL);
    const char *text = picture(&stage);
    static const char *const rows[] = {
        "\n  Second ♥                                                           ▶ playing\n",
        "\n  Bo                                                     volume ██████▍   80 %\n",
        "\n  Two  1999                                           shuffle off   repeat all\n",
        "\n  Vorbis 160 kbit/s                             start 12 ms   ↓ 0 B/s  ↑ 0 B/s\n",
        "\n  ■ cache 25 %  ■ peers 38 %  ■ origin 13 %  ■ missing 25 %         12 s ahead\n",
        "\n  Queue 3    Library    Playlists    Peers 4                          / search\n",
        "\n     1  First                             Anna                          1:01\n",
        "\n  ▌  ▶  Second                            Bo                     ♥      1:00\n",
        "\n     3  Third                             Cy                       ● 1:02:05\n",
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        has(&stage, rows[i]);
    }
    assert_non_null(text);
    close_stage(&stage);
}

static void test_small_ones(void **state)
{
    struct stage stage;
    (void)state;
    open_stage(&stage, 20, 5, THEME_MONO, THEME_ASCII);
    assert_string_equal(picture(&stage), "> Second\n"
                                         "  Bo\n"
                                         "  Two\n"
                                         "#####+++++|+===.....\n"
                                         "0:30 / 1:00\n");
    close_stage(&stage);
    open_stage(&stage, 8, 2, THEME_MONO, THEME_ASCII);
    assert_string_equal(picture(&stage), "> Second\n##++|=..\n");
    close_stage(&stage);
}

/* Whatever the size, in each view, with each glyph: nothing is drawn outside (asserted inside). */
static void test_all_sizes(void **state)
{
    (void)state;
    for (unsigned columns = 1; columns < 130; columns += columns < 45 ? 1 : 17) {
        for (unsigned rows = 1; rows < 45; rows += rows < 25 ? 1 : 9) {
            struct stage stage;
            open_stage(&stage, columns, rows, (enum theme_depth)(columns % 4),
                       (enum theme_glyph_set)(rows % 3));
            static const char *const views[] = {"",   "2",  "~[C", "3",  "4",
                                                "/x", "\t", "?",   "~w", "w"};
            for (size_t i = 0; i < sizeof views / sizeof views[0]; i++) {
                press(&stage, views[i]);
                assert_non_null(picture(&stage));
            }
            close_stage(&stage);
        }
    }
}

/* The colours of the map, a letter an eighth of a cell: capitals have been played. */
static void test_map(void **state)
{
    static const char letters[] = "MCPOmcpo";
    struct stage stage;
    char text[64] = "";
    (void)state;
    open_stage(&stage, 20, 5, THEME_TRUE, THEME_FULL);
    draw(&stage);
    for (unsigned x = 0; x < 20; x++) {
        const struct screen_cell *cell = screen_at(&stage.screen, x, 3);
        text[2 * x] = letters[cell->style.foreground - THEME_MISSING];
        text[2 * x + 1] = cell->style.background == THEME_OWN
                              ? text[2 * x]
                              : letters[cell->style.background - THEME_MISSING];
    }
    assert_string_equal(text, "CCCCCCCCCCPPPPPPPPPPpppppooooommmmmmmmmm");
    close_stage(&stage);
}

/* --- keys ---------------------------------------------------------------------------------------------- */

static void test_playing_keys(void **state)
{
    struct stage stage;
    (void)state;
    open_stage(&stage, 80, 24, THEME_TRUE, THEME_FULL);
    press(&stage, " ");
    asked(&stage, "{\"do\":\"pause\"} ");
    has(&stage, "‖ paused");
    press(&stage, " n");
    asked(&stage, "{\"do\":\"resume\"} {\"do\":\"next\"} ");
    press(&stage, "~[C~[D~[1;2C~[1;2D");
    asked(&stage, "{\"do\":\"seek\",\"position_ms\":40000} {\"do\":\"seek\",\"position_ms\":30000} "
                  "{\"do\":\"seek\",\"position_ms\":60000} {\"do\":\"seek\",\"position_ms\":0} ");
    press(&stage, "+-sr");
    asked(&stage, "{\"by\":5,\"do\":\"volume\"} {\"by\":-5,\"do\":\"volume\"} "
                  "{\"do\":\"shuffle\",\"mode\":\"tracks\"} {\"do\":\"repeat\",\"mode\":\"one\"} ");
    press(&stage, "L");
    asked(&stage, "{\"do\":\"unlike\",\"targets\":[\"t2\"]} ");
    assert_int_equal(press(&stage, "q"), ACT_QUIT);
    assert_int_equal(press(&stage, "\x1a"), ACT_SUSPEND);
    assert_int_equal(press(&stage, "\x0c"), ACT_REDRAW);
    close_stage(&stage);
}

static void test_queue_keys(void **state)
{
    struct stage stage;
    (void)state;
    open_stage(&stage, 80, 24, THEME_TRUE, THEME_FULL);
    press(&stage, "j\r");
    asked(&stage, "{\"do\":\"jump\",\"entry\":9} ");
    press(&stage, "x");
    asked(&stage, "{\"do\":\"queue_remove\",\"entries\":[9]} {\"do\":\"queue\"} ");
    press(&stage, "K");
    asked(&stage, "{\"do\":\"queue_move\",\"entry\":9,\"to\":1} {\"do\":\"queue\"} ");
    press(&stage, "D");
    asked(&stage, "");
    has(&stage, "empty the queue?");
    press(&stage, "D");
    asked(&stage, "{\"do\":\"queue_clear\"} {\"do\":\"queue\"} ");
    press(&stage, "gl");
    asked(&stage, "{\"do\":\"like\",\"targets\":[\"t1\"]} ");
    has(&stage, "liked: First");
    close_stage(&stage);
}

static void test_search(void **state)
{
    struct stage stage;
    (void)state;
    open_stage(&stage, 80, 24, THEME_TRUE, THEME_FULL);
    press(&stage, "/");
    has(&stage, "titles, artists, albums");
    press(&stage, "qx\x7f");
    asked(&stage, "{\"do\":\"search\",\"limit\":40,\"text\":\"q\"} "
                  "{\"do\":\"search\",\"limit\":40,\"text\":\"qx\"} "
                  "{\"do\":\"search\",\"limit\":40,\"text\":\"q\"} ");
    has(&stage, "\n  / q\n");
    has(&stage, "\n  Tracks\n  ▌ Third");
    has(&stage, "\n  Albums\n    Two");
    assert_true(stage.screen.has_cursor);
    press(&stage, "\r");
    asked(&stage, "{\"at\":\"here\",\"do\":\"play\",\"targets\":[\"t3\"]} ");
    press(&stage, "~[B");
    press(&stage, "al");
    asked(&stage, "{\"at\":\"end\",\"do\":\"play\",\"targets\":[\"t4\"]} "
                  "{\"do\":\"like\",\"targets\":[\"t4\"]} ");
    press(&stage, "jA");
    asked(&stage, "{\"at\":\"next\",\"do\":\"play\",\"targets\":[\"a2\"]} ");
    press(&stage, "gk");
    assert_true(stage.model.is_typing);
    press(&stage, "~a");
    asked(&stage, "{\"at\":\"end\",\"do\":\"play\",\"targets\":[\"t3\"]} ");
    press(&stage, "~[200~a\rq~[201~");
    assert_string_equal(stage.model.text, "qaq"); /* pasted text is text */
    stage.model.message[0] = '\0';
    press(&stage, "\x15");
    assert_string_equal(stage.model.text, "");
    press(&stage, "~");
    assert_int_equal(stage.model.view, MODEL_VIEW_QUEUE);
    close_stage(&stage);
}

static void test_stale_answers(void **state)
{
    struct stage stage;
    (void)state;
    open_stage(&stage, 80, 24, THEME_TRUE, THEME_FULL);
    stage.is_deaf = true;
    press(&stage, "/a");
    uint32_t first = stage.model.last_serial;
    press(&stage, "b");
    const json_t *found = json_object_get(stage.answers, "search");
    model_answer(&stage.model, MODEL_ASK_PAGE, first, found, NOW_US);
    has_not(&stage, "Third");
    model_answer(&stage.model, MODEL_ASK_PAGE, stage.model.last_serial, found, NOW_US);
    has(&stage, "Third");
    close_stage(&stage);
}

static void test_library(void **state)
{
    struct stage stage;
    (void)state;
    open_stage(&stage, 80, 24, THEME_TRUE, THEME_FULL);
    press(&stage, "2");
    has(&stage, "\n  ▌ Anna");
    press(&stage, "j\r");
    asked(&stage, "{\"do\":\"browse\",\"limit\":400,\"offset\":0} "
                  "{\"artist\":\"Bo\",\"do\":\"browse\",\"limit\":400,\"offset\":0} ");
    has(&stage, "\n  Bo\n\n  ▌ 1999  Two");
    press(&stage, "~[C");
    asked(&stage, "{\"album\":\"a2\",\"do\":\"browse\",\"limit\":400,\"offset\":0} ");
    press(&stage, "\r");
    asked(&stage, "{\"at\":\"now\",\"do\":\"play\",\"targets\":[\"t2\"]} ");
    press(&stage, "h~[D");
    has(&stage, "\n    Anna");
    press(&stage, "P");
    asked(&stage, "{\"at\":\"now\",\"do\":\"play\",\"targets\":[\"Bo\"]} ");
    close_stage(&stage);
}

static void test_playlists(void **state)
{
    struct stage stage;
    (void)state;
    open_stage(&stage, 80, 24, THEME_TRUE, THEME_FULL);
    press(&stage, "3j\r");
    has(&stage, "\n  Morning\n");
    asked(&stage, "{\"do\":\"playlists\"} "
                  "{\"do\":\"playlist\",\"limit\":400,\"name\":\"Morning\",\"offset\":0} ");
    press(&stage, "\r");
    asked(&stage, "{\"at\":\"now\",\"do\":\"play\",\"targets\":[\"t1\",\"t3\"]} ");
    press(&stage, "d");
    asked(&stage, "{\"do\":\"playlist_remove\",\"name\":\"Morning\",\"positions\":[0]} "
                  "{\"do\":\"playlist\",\"limit\":400,\"name\":\"Morning\",\"offset\":0} ");
    press(&stage, "wNew one");
    has(&stage, "Add to playlist: New one");
    json_object_set_new(stage.answers, "playlist_add", json_pack("{s:s}", "error", "none such"));
    press(&stage, "\r");
    asked(&stage, "{\"do\":\"playlist_add\",\"name\":\"New one\",\"targets\":[\"t1\"]} "
                  "{\"do\":\"playlist_new\",\"name\":\"New one\",\"targets\":[\"t1\"]} "
                  "{\"do\":\"playlist\",\"limit\":400,\"name\":\"Morning\",\"offset\":0} ");
    close_stage(&stage);
}

static void test_help(void **state)
{
    struct stage stage;
    char text[KEYMAP_TEXT_BYTES];
    (void)state;
    open_stage(&stage, 80, 24, THEME_TRUE, THEME_FULL);
    assert_int_equal(keymap_bind(&stage.keymap, "next", "ctrl-n", text), 0);
    press(&stage, "?");
    has(&stage, "\n  ctrl-n           next track");
    press(&stage, "GG\x04");
    assert_int_equal(press(&stage, "q"), ACT_DONE); /* only the list goes */
    has_not(&stage, "next track");
    close_stage(&stage);
    open_stage(&stage, 40, 10, THEME_TRUE, THEME_FULL);
    press(&stage, "?jjj");
    has(&stage, "10 s on");
    close_stage(&stage);
}

static void click(struct stage *stage, unsigned x, unsigned y, const char *end)
{
    char bytes[40];
    snprintf(bytes, sizeof bytes, "~[<0;%u;%u%s", x + 1, y + 1, end);
    press(stage, bytes);
}

static void test_mouse(void **state)
{
    struct stage stage;
    (void)state;
    open_stage(&stage, 40, 10, THEME_TRUE, THEME_FULL);
    click(&stage, 5, 1, "M");
    click(&stage, 20, 1, "M");
    asked(&stage, "{\"do\":\"seek\",\"position_ms\":0} {\"do\":\"seek\",\"position_ms\":30000} ");
    click(&stage, 8, 7, "M");
    asked(&stage, "");
    click(&stage, 8, 7, "M");
    asked(&stage, "{\"do\":\"jump\",\"entry\":9} ");
    press(&stage, "~[<65;3;2M~[<64;3;1M");
    asked(&stage, "{\"by\":-5,\"do\":\"volume\"} {\"by\":5,\"do\":\"volume\"} ");
    press(&stage, "~[<64;3;7M");
    assert_int_equal(model_page(&stage.model)->cursor, 0);
    click(&stage, 8, 4, "M");
    assert_int_equal(stage.model.view, MODEL_VIEW_LIBRARY);
    click(&stage, 300, 300, "M");
    close_stage(&stage);
}

/* --- events ---------------------------------------------------------------------------------------------- */

static void tell(struct stage *stage, const char *event)
{
    json_t *object = json_loads(event, 0, NULL);
    assert_non_null(object);
    model_event(&stage->model, object, NOW_US);
    json_decref(object);
}

static void test_events(void **state)
{
    struct stage stage;
    (void)state;
    open_stage(&stage, 80, 24, THEME_TRUE, THEME_FULL);
    tell(&stage, "{\"event\":\"track\",\"track\":\"t9\",\"title\":\"Ninth\",\"artist\":\"Zoe\"}");
    has(&stage, "\n  Ninth");
    has(&stage, "\n  Zoe ");
    assert_int_equal(stage.model.chunk_count, 0);
    tell(&stage, "{\"event\":\"position\",\"track\":\"t1\",\"position_ms\":5000}");
    has(&stage, "0:00");
    tell(&stage,
         "{\"event\":\"position\",\"track\":\"t9\",\"position_ms\":65000,\"duration_ms\":70000}");
    has(&stage, "1:05");
    tell(&stage, "{\"event\":\"state\",\"state\":\"waiting\"}");
    has(&stage, "◌ waiting");
    tell(&stage, "{\"event\":\"volume\",\"percent\":35}");
    has(&stage, " 35 %");
    tell(&stage, "{\"event\":\"modes\",\"shuffle\":\"albums\",\"repeat\":\"off\"}");
    has(&stage, "shuffle albums   repeat off");
    tell(&stage, "{\"event\":\"message\",\"text\":\"the link was lost\",\"level\":\"warning\"}");
    has(&stage, "\n  the link was lost\n");
    model_tick(&stage.model, NOW_US + MODEL_MESSAGE_US);
    has_not(&stage, "the link was lost");
    tell(&stage, "{\"event\":\"state\",\"state\":\"stopped\"}");
    has(&stage, "Nothing plays");
    close_stage(&stage);
}

/* Fields of other types, runs without an end, names without letters: nothing breaks. */
static void test_odd_events(void **state)
{
    static const char *const odd[] = {
        "{}",
        "{\"event\":5}",
        "{\"event\":\"track\",\"track\":{},\"title\":[],\"duration_ms\":\"long\",\"position_ms\":-"
        "4}",
        "{\"event\":\"track\",\"track\":\"t8\",\"title\":\"\",\"duration_ms\":9223372036854775807}",
        "{\"event\":\"position\",\"position_ms\":9223372036854775807}",
        "{\"event\":\"chunks\",\"track\":\"t8\",\"chunk_count\":65536,\"runs\":[[\"cache\",65537]]"
        "}",
        "{\"event\":\"chunks\",\"track\":\"t8\",\"chunk_count\":9,\"runs\":[[\"cache\",-1],[5],7,["
        "\"x\",1]]}",
        "{\"event\":\"chunks\",\"track\":\"t8\",\"chunk_count\":99999999,\"runs\":[]}",
        "{\"event\":\"chunks\",\"track\":\"t8\",\"chunk_count\":9,\"first\":8,\"runs\":[[\"peers\","
        "9]]}",
        "{\"event\":\"volume\",\"percent\":-3}",
        "{\"event\":\"modes\",\"shuffle\":\"abcdefghijklmnopqrstuvwxyz\"}",
        "{\"event\":\"library\",\"what\":7}",
        "{\"event\":\"message\",\"text\":null}",
    };
    struct stage stage;
    (void)state;
    open_stage(&stage, 80, 24, THEME_TRUE, THEME_FULL);
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        tell(&stage, odd[i]);
        assert_non_null(picture(&stage));
    }
    close_stage(&stage);
}

static void test_heads(void **state)
{
    struct stage stage;
    (void)state;
    open_stage(&stage, 80, 24, THEME_TRUE, THEME_FULL);
    press(&stage, "g");
    model_tick(&stage.model, NOW_US);
    asked(&stage, "");
    model_tick(&stage.model, NOW_US + MODEL_REST_US);
    asked(&stage, "{\"do\":\"heads\",\"tracks\":[\"t1\",\"t2\",\"t3\"]} ");
    model_tick(&stage.model, NOW_US + 2 * MODEL_REST_US);
    asked(&stage, "");
    close_stage(&stage);
}

static void test_pages_of_long_lists(void **state)
{
    struct stage stage;
    (void)state;
    open_stage(&stage, 80, 24, THEME_TRUE, THEME_FULL);
    json_t *artists = json_array();
    for (int i = 0; i < MODEL_PAGE_ROWS; i++) {
        json_array_append_new(artists, json_pack("{s:s}", "artist", "Somebody"));
    }
    json_object_set_new(stage.answers, "browse",
                        json_pack("{s:o, s:i}", "artists", artists, "total", 1000));
    press(&stage, "2");
    stage.asked[0] = '\0';
    press(&stage, "G"); /* until all have come */
    asked(&stage, "{\"do\":\"browse\",\"limit\":400,\"offset\":400} "
                  "{\"do\":\"browse\",\"limit\":400,\"offset\":800} ");
    assert_int_equal(model_page(&stage.model)->cursor, 1199);
    close_stage(&stage);
}

static void test_when_it_changes(void **state)
{
    struct stage stage;
    (void)state;
    open_stage(&stage, 80, 24, THEME_TRUE, THEME_FULL);
    uint64_t next_us = view_next_change_us(&stage.model, 80, NOW_US);
    assert_in_range(next_us, NOW_US + 60000, NOW_US + TIME_US_PER_S);
    press(&stage, " ");
    assert_true(view_next_change_us(&stage.model, 80, NOW_US) == TIME_NEVER_US);
    close_stage(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forty_by_ten),
        cmocka_unit_test(test_eighty_by_twenty_four),
        cmocka_unit_test(test_small_ones),
        cmocka_unit_test(test_all_sizes),
        cmocka_unit_test(test_map),
        cmocka_unit_test(test_playing_keys),
        cmocka_unit_test(test_queue_keys),
        cmocka_unit_test(test_search),
        cmocka_unit_test(test_stale_answers),
        cmocka_unit_test(test_library),
        cmocka_unit_test(test_playlists),
        cmocka_unit_test(test_help),
        cmocka_unit_test(test_mouse),
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_odd_events),
        cmocka_unit_test(test_heads),
        cmocka_unit_test(test_pages_of_long_lists),
        cmocka_unit_test(test_when_it_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
