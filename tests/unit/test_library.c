/*
 * test_library.c: what targets mean, lists on disk, and the verbs, over a copy that is made here.
 */
#include "player/library/library.h"

#include "common/error.h"
#include "player/library/copy_build.h"
#include "player/library/library_files.h"
#include "player/library/lists.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define HEX(digits) digits "000000000000000000000000000000"

static char folder[64];
static struct library *library;

static void put(struct copy_builder *builder, uint8_t id, uint8_t album_id, const char *title,
                const char *artist, const char *album)
{
    struct copy_item item = {.title = title,
                             .artist = artist,
                             .album_artist = "",
                             .album = album,
                             .number = id,
                             .duration_ms = 1000};
    item.id[0] = id;
    item.album_id[0] = album_id;
    assert_int_equal(copy_builder_put(builder, &item), 0);
}

static void write_copy(void)
{
    struct copy_builder *builder;
    char path[128];
    void *bytes;
    size_t count;
    assert_int_equal(copy_builder_new(3, &builder), 0);
    put(builder, 0x11, 0xa1, "Come Together", "The Beatles", "Abbey Road");
    put(builder, 0x12, 0xa1, "Something", "The Beatles", "Abbey Road");
    put(builder, 0x13, 0xa2, "Metallica", "Metallica", "Metallica");
    put(builder, 0x14, 0xa2, "Something Else", "Metallica", "Metallica");
    assert_int_equal(copy_builder_finish(builder, "4-14000000", &bytes, &count), 0);
    copy_builder_free(builder);
    (void)snprintf(path, sizeof path, "%s/catalogues/mine:7373.copy", folder);
    assert_int_equal(state_file_write(path, bytes, count), 0);
    free(bytes);
}

static int set_up(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/test_library.XXXXXX");
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    write_copy();
    const struct library_config config = {.state = folder, .origin = "mine", .offline = true};
    return library_open(&config, &library);
}

static int tear_down(void **state)
{
    (void)state;
    char command[128];
    library_close(library);
    (void)snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

/* "11 12" first bytes of the tracks; or "none", "choices N", "wrong", "foreign". */
static const char *pick(const char *target)
{
    static char text[256];
    static const char *const names[] = {"", "none", "choices", "wrong", "foreign"};
    struct library_picked picked;
    size_t used = 0;
    text[0] = '\0';
    assert_int_equal(library_pick(library, &target, 1, &picked), 0);
    if (picked.meaning != LIBRARY_FOUND) {
        assert_int_equal(picked.count == 0 || picked.meaning != LIBRARY_CHOICES, true);
        assert_memory_equal(picked.text, "target ", 7);
        assert_non_null(strstr(picked.text, "; "));
        json_t *choices = picked.choices != NULL ? json_loads(picked.choices, 0, NULL) : NULL;
        (void)snprintf(text, sizeof text, "%s %zu", names[picked.meaning],
                       json_array_size(choices));
        json_decref(choices);
    }
    for (uint32_t i = 0; i < picked.count && picked.meaning == LIBRARY_FOUND; i++) {
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%02x", i > 0 ? " " : "",
                                 picked.track_ids[i][0]);
    }
    library_picked_free(&picked);
    return text;
}

static void write_list(const char *name, const char *text)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(state_file_write(path, text, strlen(text)), 0);
}

static void test_targets(void **state)
{
    (void)state;
    static const struct {
        const char *target, *meaning;
    } rows[] = {
        {"all", "13 14 11 12"},
        {"liked", "none 0"},
        {HEX("12"), "12"},
        {HEX("a1"), "11 12"},
        {HEX("77"), "77"}, /* unknown: taken for a track */
        {"refrain://mine/tracks/" HEX("12"), "12"},
        {"refrain://MINE:7373/tracks/" HEX("77"), "77"},
        {"refrain://other/tracks/" HEX("77"), "foreign 0"},
        {"refrain://mine/albums/1", "wrong 0"},
        {"Something", "12"}, /* exact before a prefix */
        {"something", "12"},
        {"someth", "choices 2"},
        {"something e", "14"},
        {"abbey road", "11 12"},
        {"the beatles", "11 12"},
        {"beatles come", "11"}, /* words, when nothing begins so */
        {"Metallica", "choices 3"},
        {"artist:metallica", "13 14"},
        {"album:Metallica", "13 14"},
        {"track:metallica", "13"},
        {"track:" HEX("13"), "13"},
        {"playlist:Metallica", "none 0"},
        {"nothing", "none 0"},
        {"", "wrong 0"},
        {"album:", "wrong 0"},
        {"/nowhere/list.m3u", "none 0"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_string_equal(pick(rows[i].target), rows[i].meaning);
    }
}

static void test_lists_as_targets(void **state)
{
    (void)state;
    char path[128];
    write_list("playlists/Mix.m3u8", "#EXTM3U\n" HEX("14") "\nrefrain://other:1/tracks/" HEX(
                                         "11") "\nrefrain://other:1/tracks/" HEX("99") "\n");
    write_list("a.m3u", "#EXTINF:1,the beatles - SOMETHING\n/music/x.ogg\nHalo\nmetallica\n");
    write_list("b.xspf", "<playlist><trackList><track><location>refrain://mine/tracks/" HEX(
                             "13") "</location></track></trackList></playlist>");
    write_list("c.xspf", "<playlist");
    write_list("d.m3u8", "");
    assert_string_equal(pick("mix"), "14 11"); /* 99 is of another origin only */
    assert_string_equal(pick("playlist:MIX"), "14 11");
    static const char *const rows[][2] = {
        {"a.m3u", "12 13"}, {"b.xspf", "13"}, {"c.xspf", "wrong 0"}, {"d.m3u8", "none 0"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", folder, rows[i][0]);
        assert_string_equal(pick(path), rows[i][1]);
    }
}

/* The answer to a request, or its error, as text; '\'' stands for '"'. */
static const char *ask(const char *request)
{
    static char text[4096];
    char json[1024];
    const char *error = "?";
    (void)snprintf(json, sizeof json, "%s", request);
    for (char *at = json; *at != '\0'; at++) {
        *at = *at == '\'' ? '"' : *at;
    }
    json_t *object = json_loads(json, 0, NULL);
    const char *verb = json_string_value(json_object_get(object, "do"));
    json_t *answer = NULL;
    for (const struct library_verb_row *row = library_verbs; row->name != NULL; row++) {
        if (strcmp(row->name, verb) == 0) {
            answer = row->run(library, object, &error);
        }
    }
    char *dumped = answer != NULL ? json_dumps(answer, JSON_COMPACT) : NULL;
    (void)snprintf(text, sizeof text, "%s", dumped != NULL ? dumped : error);
    for (char *at = text; *at != '\0'; at++) {
        *at = *at == '"' ? '\'' : *at;
    }
    free(dumped);
    json_decref(answer);
    json_decref(object);
    return text;
}

static void test_verbs(void **state)
{
    (void)state;
    static const struct {
        const char *request, *answer; /* it holds this */
    } rows[] = {
        {"{'do':'search','text':'some beat'}", "'tracks':[{'id':'12000000"},
        {"{'do':'search','text':'metall','limit':1}", "'artists':[{'artist':'Metallica'"},
        {"{'do':'search'}", "text: it is missing; "},
        {"{'do':'search','text':'a','limit':5000}", "offset, limit: "},
        {"{'do':'browse'}", "{'artists':[{'artist':'Metallica','albums':1,'tracks':2},"},
        {"{'do':'browse','offset':1}", "{'artists':[{'artist':'The Beatles'"},
        {"{'do':'browse','artist':'metallica'}", "'albums':[{'id':'a2000000"},
        {"{'do':'browse','artist':'none'}", "artist: none has this name; "},
        {"{'do':'browse','album':'" HEX("a1") "'}", "'tracks':[{'id':'11000000"},
        {"{'do':'browse','album':'x'}", "album: there is none"},
        {"{'do':'browse','list':'tracks','limit':1}", "'total':4}"},
        {"{'do':'browse','list':'x'}", "list: no such list; "},
        {"{'do':'likes'}", "'tracks':[],'total':0"},
        {"{'do':'like','targets':['something','abbey road']}", "{'tracks':2}"},
        {"{'do':'like','targets':['something']}", "{'tracks':0}"},
        {"{'do':'likes'}", "'title':'Something'"},
        {"{'do':'unlike','targets':['something']}", "{'tracks':1}"},
        {"{'do':'like','targets':['Metallica']}", "'choices':[{'kind':'artist'"},
        {"{'do':'like','targets':['nothing']}", "target nothing: "},
        {"{'do':'like','targets':[]}", "targets: "},
        {"{'do':'like','targets':[7]}", "targets: "},
        {"{'do':'playlist_new','name':'a/b','targets':['all']}", "'tracks':4"},
        {"{'do':'playlist_new','name':'a/b'}", "playlist a/b: there is a playlist"},
        {"{'do':'playlist_new','name':''}", "no name for a playlist; "},
        {"{'do':'playlist_new','name':'a\\nb'}", "no name for a playlist; "},
        {"{'do':'playlist_add','name':'a/b','targets':['halo']}", "target halo: "},
        {"{'do':'playlist_add','name':'a/b','targets':['something'],'at':0}", "'tracks':1"},
        {"{'do':'playlist_add','name':'zz','targets':['all']}", "there is no such playlist"},
        {"{'do':'playlist','name':'a/b','limit':1}", "[{'id':'12000000"},
        {"{'do':'playlist_move','name':'a/b','position':0,'to':4}", "{'name':'a/b'"},
        {"{'do':'playlist_move','name':'a/b','position':0,'to':5}", "there is no such position"},
        {"{'do':'playlist_remove','name':'a/b','positions':[4,0,4]}", "'tracks':2"},
        {"{'do':'playlist_remove','name':'a/b','positions':[3]}", "there is no such position"},
        {"{'do':'playlist_remove','name':'a/b','positions':[]}", "positions: "},
        {"{'do':'playlists'}", "{'playlists':[{'name':'a/b','tracks':3,'duration_ms':3000}]}"},
        {"{'do':'playlist_rename','name':'a/b','to':'.c%'}", "{'name':'.c%'}"},
        {"{'do':'playlists'}", "'name':'.c%'"},
        {"{'do':'search','text':'C'}", "'playlists':[{'name':'.c%'}]"},
        {"{'do':'playlist_delete','name':'.c%'}", "{}"},
        {"{'do':'playlist_delete','name':'.c%'}", "there is no such playlist"},
        {"{'do':'playlist_delete'}", "name: it is missing"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *answer = ask(rows[i].request);
        if (strstr(answer, rows[i].answer) == NULL) {
            fail_msg("%s\n  %s\n  has no %s", rows[i].request, answer, rows[i].answer);
        }
    }
}

static void test_liked(void **state)
{
    (void)state;
    const uint8_t id[TRACK_ID_BYTES] = {0x13};
    struct library_track track;
    assert_false(library_is_liked(library, id));
    (void)ask("{'do':'like','targets':['artist:metallica']}");
    assert_true(library_is_liked(library, id));
    assert_string_equal(pick("liked"), "13 14");
    assert_true(library_get_track(library, id, &track));
    assert_string_equal(track.album, "Metallica");
    assert_int_equal(track.duration_ms, 1000);
}

/* Many processes write at once: nothing is lost. */
static void test_no_lost_update(void **state)
{
    (void)state;
    enum { WRITERS = 4, ROUNDS = 8 };
    (void)ask("{'do':'playlist_new','name':'p'}");
    for (int i = 0; i < WRITERS; i++) {
        pid_t child = fork();
        if (child == 0) {
            int failed = 0;
            for (int j = 0; j < ROUNDS; j++) {
                failed += strstr(ask("{'do':'playlist_add','name':'p','targets':['track:halo',"
                                     "'something']}"),
                                 "target") == NULL;
                failed += strstr(ask("{'do':'playlist_add','name':'p','targets':['something']}"),
                                 "'tracks':1") == NULL;
            }
            _exit(failed != 0);
        }
        assert_true(child > 0);
    }
    for (int i = 0; i < WRITERS; i++) {
        int status = 0;
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
    char expected[32];
    (void)snprintf(expected, sizeof expected, "'total':%d", WRITERS * ROUNDS);
    assert_non_null(strstr(ask("{'do':'playlist','name':'p','limit':0}"), expected));
}

static void test_damaged_copy(void **state)
{
    (void)state;
    char path[128];
    assert_string_equal(pick("abbey road"), "11 12");
    (void)snprintf(path, sizeof path, "%s/catalogues/mine:7373.copy", folder);
    assert_int_equal(state_file_write(path, "RFCOPY\n\0broken", 14), 0);
    assert_string_equal(pick("abbey road"), "none 0");
    write_copy();
    assert_string_equal(pick("abbey road"), "11 12");
    assert_int_equal(unlink(path), 0);
    assert_string_equal(pick("abbey road"), "none 0");
}

static void count_name(void *context, const char *name, const char *what)
{
    char *text = context;
    size_t used = strlen(text);
    (void)snprintf(text + used, 256 - used, "%s=%s;", name, what);
}

static void test_complete(void **state)
{
    (void)state;
    static const char *const rows[][3] = {
        {"targets", "a", "all=every track;Abbey Road=album by The Beatles;"},
        {"artists", "THE", "The Beatles=artist;"},
        {"albums", "the", ""},
        {"tracks", "some", "Something Else=track by Metallica;Something=track by The Beatles;"},
        {"playlists", "", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[256] = "";
        assert_true(library_complete(library, rows[i][0], rows[i][1], count_name, text));
        assert_string_equal(text, rows[i][2]);
    }
    assert_false(library_complete(library, "genres", "", count_name, NULL));
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_targets),  IN_FOLDER(test_lists_as_targets), IN_FOLDER(test_verbs),
        IN_FOLDER(test_liked),    IN_FOLDER(test_no_lost_update),   IN_FOLDER(test_damaged_copy),
        IN_FOLDER(test_complete),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
