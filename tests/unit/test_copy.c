/*
 * test_copy.c: a copy of the catalogue: grouping, order, changes, search, names; and bytes that are none.
 */
#include "common/error.h"
#include "common/prng.h"
#include "player/library/copy_build.h"
#include "player/library/find.h"
#include "player/library/names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct row {
    uint8_t id, album_id; /* first byte of it */
    const char *title, *artist, *album_artist, *album;
    uint16_t disc, number;
    uint32_t year;
};

static const struct row rows[] = {
    {1, 10, "Come Together", "The Beatles", "", "Abbey Road", 1, 1, 1969},
    {2, 10, "Something", "The Beatles", "", "Abbey Road", 1, 2, 1969},
    {3, 10, "The End", "The Beatles", "", "Abbey Road", 1, 16, 1969},
    {4, 11, "Taxman", "the beatles", "", "Revolver", 1, 1, 1966},
    {5, 12, "Metallica", "Metallica", "Metallica", "Metallica", 1, 1, 1991},
    {6, 13, "Something", "Shirley Bassey", "Various Artists", "Covers of the End", 2, 1, 0},
    {7, 13, "Halo", "Beyonc\xc3\xa9", "Various Artists", "Covers of the End", 1, 9, 0},
    {8, 0, "Loose", "Beyonce", "", "", 0, 0, 0},
    {9, 0, "\x1b[31mEvil\xff", "!!!", "", "", 0, 0, 0},
};
#define ROWS (sizeof rows / sizeof rows[0])

static void put(struct copy_builder *builder, const struct row *row)
{
    struct copy_item item = {.title = row->title,
                             .artist = row->artist,
                             .album_artist = row->album_artist,
                             .album = row->album,
                             .disc = row->disc,
                             .number = row->number,
                             .year = row->year,
                             .duration_ms = row->id * 1000u};
    item.id[0] = row->id;
    item.album_id[0] = row->album_id;
    assert_int_equal(copy_builder_put(builder, &item), 0);
}

/* The bytes, and the copy that borrows them. */
struct made {
    void *bytes;
    size_t count;
    struct copy copy;
};

static struct made finish(struct copy_builder *builder, const char *revision)
{
    struct made made;
    assert_int_equal(copy_builder_finish(builder, revision, &made.bytes, &made.count), 0);
    copy_builder_free(builder);
    assert_int_equal(copy_open(made.bytes, made.count, &made.copy), 0);
    return made;
}

static struct copy_builder *new_builder(void)
{
    struct copy_builder *builder;
    assert_int_equal(copy_builder_new(7, &builder), 0);
    return builder;
}

static struct made make(void)
{
    struct copy_builder *builder = new_builder();
    for (size_t i = ROWS; i-- > 0;) {
        put(builder, &rows[i]);
    }
    return finish(builder, "9-abcd");
}

/* Artists [albums (tracks)] in the order of the copy, in one line. */
static const char *picture(const struct copy *copy)
{
    static char text[2048];
    size_t used = 0;
    text[0] = '\0';
    for (uint32_t i = 0; i < copy->header->artist_count; i++) {
        const struct copy_artist *artist = &copy->artists[i];
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%u{",
                                 copy_text(copy, artist->folded), artist->track_count);
        for (uint32_t j = 0; j < artist->album_count; j++) {
            const struct copy_album *album = &copy->albums[artist->first_album + j];
            used += (size_t)snprintf(text + used, sizeof text - used, "%s(",
                                     copy_text(copy, album->name));
            for (uint32_t k = 0; k < album->track_count; k++) {
                used += (size_t)snprintf(text + used, sizeof text - used, "%d",
                                         copy->tracks[album->first_track + k].id[0]);
            }
            used += (size_t)snprintf(text + used, sizeof text - used, ")");
        }
        used += (size_t)snprintf(text + used, sizeof text - used, "}");
    }
    return text;
}

#define PICTURE                                                                                    \
    "!!!1{(9)}beyonce2{(8)}metallica1{Metallica(5)}shirley bassey1{}the beatles4{Revolver(4)"      \
    "Abbey Road(123)}various artists2{Covers of the End(76)}"

static void groups_and_sorts(void **state)
{
    (void)state;
    struct made made = make();
    assert_string_equal(picture(&made.copy), PICTURE);
    assert_string_equal(made.copy.header->revision, "9-abcd");
    /* Harmless, and one spelling an artist. */
    uint32_t evil = copy_find_track(&made.copy, (const uint8_t[TRACK_ID_BYTES]){9});
    assert_string_equal(copy_text(&made.copy, made.copy.tracks[evil].title), "?[31mEvil?");
    assert_int_equal(copy_find_track(&made.copy, (const uint8_t[TRACK_ID_BYTES]){77}), COPY_NONE);
    assert_int_equal(copy_find_album(&made.copy, (const uint8_t[ALBUM_ID_BYTES]){0}), COPY_NONE);
    uint32_t album = copy_find_album(&made.copy, (const uint8_t[ALBUM_ID_BYTES]){13});
    assert_string_equal(copy_text(&made.copy, made.copy.albums[album].name), "Covers of the End");
    free(made.bytes);
}

static void takes_changes(void **state)
{
    (void)state;
    struct made before = make();
    struct copy_builder *builder = new_builder();
    assert_int_equal(copy_builder_take(builder, &before.copy), 0);
    assert_int_equal(copy_builder_count(builder), ROWS);
    struct made same = finish(builder, "9-abcd");
    assert_string_equal(picture(&same.copy), PICTURE);

    builder = new_builder();
    assert_int_equal(copy_builder_take(builder, &before.copy), 0);
    copy_builder_remove(builder, (const uint8_t[TRACK_ID_BYTES]){5});
    copy_builder_remove(builder, (const uint8_t[TRACK_ID_BYTES]){5});
    copy_builder_remove(builder, (const uint8_t[TRACK_ID_BYTES]){99});
    struct row renamed = rows[7];
    renamed.artist = "Zed";
    put(builder, &renamed);
    assert_int_equal(copy_builder_count(builder), ROWS - 1);
    struct made after = finish(builder, "10-aaaa");
    assert_string_equal(picture(&after.copy),
                        "!!!1{(9)}beyonce1{}shirley bassey1{}the beatles4{Revolver(4)Abbey Road("
                        "123)}various artists2{Covers of the End(76)}zed1{(8)}");
    free(before.bytes);
    free(same.bytes);
    free(after.bytes);
}

static void an_empty_one(void **state)
{
    (void)state;
    struct made made = finish(new_builder(), "");
    uint32_t room[4];
    struct find_results results[3] = {{room, 4, 0, 0}, {room, 4, 0, 0}, {room, 4, 0, 0}};
    assert_int_equal(find_all(&made.copy, "a", &results[0], &results[1], &results[2]), 0);
    assert_int_equal(results[0].total + results[1].total + results[2].total, 0);
    free(made.bytes);
}

/* Tracks' ids | albums' ids | artists, best first. */
static const char *search(const struct copy *copy, const char *query, uint32_t limit)
{
    static char text[512];
    uint32_t room[3][16];
    struct find_results results[3];
    size_t used = 0;
    for (int i = 0; i < 3; i++) {
        results[i] = (struct find_results){room[i], limit, 0, 0};
    }
    assert_int_equal(find_all(copy, query, &results[0], &results[1], &results[2]), 0);
    text[0] = '\0';
    for (uint32_t i = 0; i < results[0].count; i++) {
        used += (size_t)snprintf(text + used, sizeof text - used, "%d ",
                                 copy->tracks[room[0][i]].id[0]);
    }
    used += (size_t)snprintf(text + used, sizeof text - used, "| ");
    for (uint32_t i = 0; i < results[1].count; i++) {
        used += (size_t)snprintf(text + used, sizeof text - used, "%d ",
                                 copy->albums[room[1][i]].id[0]);
    }
    used += (size_t)snprintf(text + used, sizeof text - used, "|");
    for (uint32_t i = 0; i < results[2].count; i++) {
        used += (size_t)snprintf(text + used, sizeof text - used, " %s",
                                 copy_text(copy, copy->artists[room[2][i]].folded));
    }
    return text;
}

static void searches(void **state)
{
    (void)state;
    struct made made = make();
    static const struct {
        const char *query, *found;
        uint32_t limit;
    } table[] = {
        {"something", "2 6 | |", 16},
        {"some bass", "6 | |", 16},
        {"bass some", "6 | |", 16},
        {"BEYONC\xc3\x89", "8 7 | | beyonce", 16},
        {"the end", "3 7 6 | 13 |", 16}, /* equal before all else */
        {"end", "3 7 6 | 13 |", 16},
        {"beat", "4 1 2 3 | 11 10 | the beatles", 16},
        {"road beatles come", "1 | |", 16},
        {"beat", "4 1 | 11 10 | the beatles", 2},
        {"metallica", "5 | 12 | metallica", 16},
        {"!!!", "9 | | !!!", 16},
        {"", "| |", 16},
        {" - ", "| |", 16},
        {"nothing like it", "| |", 16},
        {"eatles", "| |", 16},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        assert_string_equal(search(&made.copy, table[i].query, table[i].limit), table[i].found);
    }
    free(made.bytes);
}

/* "t1 a10 r:name": kinds and ids. */
static const char *named(const struct copy *copy, const char *name, enum names_level level)
{
    static char text[512];
    size_t used = 0;
    struct names_matches matches = {.count = 0};
    assert_int_equal(names_find(copy, name, level, 7, &matches), 0);
    text[0] = '\0';
    for (uint32_t i = 0; i < matches.count; i++) {
        uint32_t index = matches.matches[i].index;
        switch (matches.matches[i].kind) {
        case COPY_TRACK:
            used += (size_t)snprintf(text + used, sizeof text - used, "t%d ",
                                     copy->tracks[index].id[0]);
            break;
        case COPY_ALBUM:
            used += (size_t)snprintf(text + used, sizeof text - used, "a%d ",
                                     copy->albums[index].id[0]);
            break;
        case COPY_ARTIST:
            used += (size_t)snprintf(text + used, sizeof text - used, "r%s ",
                                     copy_text(copy, copy->artists[index].folded));
            break;
        }
    }
    return text;
}

static void names(void **state)
{
    (void)state;
    struct made made = make();
    const struct copy *copy = &made.copy;
    assert_string_equal(named(copy, "Metallica", NAMES_SAME), "rmetallica a12 t5 ");
    assert_string_equal(named(copy, "metallica", NAMES_SAME), "");
    assert_string_equal(named(copy, "metallica", NAMES_FOLDED), "rmetallica a12 t5 ");
    assert_string_equal(named(copy, "The Beat", NAMES_FOLDED), "");
    assert_string_equal(named(copy, "The Beat", NAMES_PREFIX), "rthe beatles ");
    assert_string_equal(named(copy, "the", NAMES_PREFIX), "rthe beatles t3 ");
    assert_string_equal(named(copy, "road come", NAMES_WORDS), "t1 ");
    assert_string_equal(named(copy, "", NAMES_PREFIX), "");
    assert_int_equal(copy->tracks[names_find_track(copy, "Shirley Bassey", "SOMETHING")].id[0], 6);
    assert_int_equal(copy->tracks[names_find_track(copy, NULL, "halo")].id[0], 7);
    assert_int_equal(names_find_track(copy, "Nobody", "halo"), COPY_NONE);
    free(made.bytes);
}

/* Whatever is damaged: it is refused, or used without harm (the sanitizers look). */
static void damaged(void **state)
{
    (void)state;
    struct made made = make();
    uint8_t *bytes = malloc(made.count);
    struct prng prng;
    struct copy copy;
    prng_init(&prng, 42);
    for (unsigned round = 0; round < 3000; round++) {
        memcpy(bytes, made.bytes, made.count);
        size_t count = made.count;
        for (uint64_t flips = prng_below(&prng, 4) + 1; flips > 0; flips--) {
            bytes[prng_below(&prng, made.count)] = (uint8_t)prng_below(&prng, 256);
        }
        if (prng_below(&prng, 8) == 0) {
            count = (size_t)prng_below(&prng, made.count);
        }
        if (copy_open(bytes, count, &copy) == 0) {
            (void)search(&copy, "the end", 16);
            (void)named(&copy, "metallica", NAMES_FOLDED);
            (void)copy_find_track(&copy, (const uint8_t[TRACK_ID_BYTES]){3});
        }
    }
    assert_int_equal(copy_open(bytes, 0, &copy), ERROR_DAMAGED);
    free(bytes);
    free(made.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups_and_sorts),
        cmocka_unit_test(takes_changes),
        cmocka_unit_test(an_empty_one),
        cmocka_unit_test(searches),
        cmocka_unit_test(names),
        cmocka_unit_test(damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
