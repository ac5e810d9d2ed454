/*
 * copy_build.c: collects tracks, and groups them into albums of artists.
 *
 * Responsible for order and grouping. The index of words is copy_words.c's.
 */
#include "player/library/copy_build.h"

#include "common/error.h"
#include "common/table.h"
#include "player/library/copy_words.h"
#include "player/library/fold.h"
#include "player/library/pool.h"
#include "player/terminal_text.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A track; texts are offsets into the pool. */
struct item {
    uint8_t id[TRACK_ID_BYTES];
    uint8_t album_id[ALBUM_ID_BYTES];
    uint32_t title, artist, album_artist, album; /* album_artist: never empty when artist is not */
    uint32_t title_folded;
    uint32_t artist_index, album_artist_index;
    uint32_t duration_ms, year;
    uint16_t disc, number;
    bool is_removed;
};

/* Where an id stands. */
struct place {
    uint8_t id[TRACK_ID_BYTES];
    uint32_t index;
};

/* A spelling of an artist, and what it folds to. */
struct spelling {
    uint32_t folded, name;
    uint32_t index; /* of the artist */
};

struct copy_builder {
    struct pool pool;
    struct table places;
    struct item *items; /* owned */
    uint32_t count, capacity, removed;
    struct spelling *spellings; /* owned; one for each different folded name, ascending by offset */
    uint32_t spelling_count;
    struct copy_artist *artists; /* owned */
    struct copy_album *albums;   /* owned; no more than items */
    struct copy_track *tracks;   /* owned; an item each */
    uint32_t artist_count, album_count, track_count;
};

int copy_builder_new(uint64_t seed, struct copy_builder **ret_builder)
{
    struct copy_builder *builder = calloc(1, sizeof *builder);
    if (builder == NULL || pool_init(&builder->pool, seed) != 0) {
        free(builder);
        return ERROR_NO_MEMORY;
    }
    table_init(&builder->places, sizeof(struct place), TRACK_ID_BYTES, seed);
    *ret_builder = builder;
    return 0;
}

void copy_builder_free(struct copy_builder *builder)
{
    if (builder != NULL) {
        pool_deinit(&builder->pool);
        table_deinit(&builder->places);
        free(builder->items);
        free(builder->spellings);
        free(builder->artists);
        free(builder->albums);
        free(builder->tracks);
        free(builder);
    }
}

uint32_t copy_builder_count(const struct copy_builder *builder)
{
    return builder->count - builder->removed;
}

/* --- collecting -------------------------------------------------------------------------------------- */

static int add_text(struct copy_builder *builder, const char *text, uint32_t *ret_offset)
{
    char plain[COPY_NAME_BYTES];
    return pool_add(&builder->pool, terminal_text_plain(text, plain, sizeof plain), ret_offset);
}

static int add_folded(struct copy_builder *builder, uint32_t name, uint32_t *ret_offset)
{
    char folded[FOLD_BYTES];
    fold_text(pool_text(&builder->pool, name), folded, sizeof folded);
    return pool_add(&builder->pool, folded, ret_offset);
}

/* The item with this id, made when it is not there. */
static int take_place(struct copy_builder *builder, const uint8_t *id, struct item **ret_item)
{
    bool created = false;
    struct place *place = table_put(&builder->places, id, &created);
    if (place == NULL) {
        return ERROR_NO_MEMORY;
    }
    if (!created) {
        *ret_item = &builder->items[place->index];
        builder->removed -= (*ret_item)->is_removed;
        return 0;
    }
    if (builder->count == builder->capacity) {
        uint32_t capacity = builder->capacity == 0 ? 256 : builder->capacity * 2;
        struct item *items = builder->count >= 2 * COPY_TRACKS_MAX
                                 ? NULL
                                 : realloc(builder->items, capacity * sizeof *items);
        if (items == NULL) {
            table_remove(&builder->places, id);
            return ERROR_NO_MEMORY;
        }
        builder->items = items;
        builder->capacity = capacity;
    }
    place->index = builder->count;
    *ret_item = &builder->items[builder->count++];
    return 0;
}

int copy_builder_put(struct copy_builder *builder, const struct copy_item *from)
{
    struct item item = {.duration_ms = from->duration_ms,
                        .year = from->year,
                        .disc = from->disc,
                        .number = from->number};
    bool has_album_artist = from->album_artist[0] != '\0';
    struct item *place = NULL;
    if (copy_builder_count(builder) >= COPY_TRACKS_MAX) {
        return ERROR_TOO_LARGE;
    }
    memcpy(item.id, from->id, sizeof item.id);
    memcpy(item.album_id, from->album_id, sizeof item.album_id);
    int error = add_text(builder, from->title, &item.title);
    error = error != 0 ? error : add_text(builder, from->artist, &item.artist);
    error = error != 0 ? error
                       : add_text(builder, has_album_artist ? from->album_artist : from->artist,
                                  &item.album_artist);
    error = error != 0 ? error : add_text(builder, from->album, &item.album);
    error = error != 0 ? error : take_place(builder, item.id, &place);
    if (error == 0) {
        *place = item;
    }
    return error;
}

int copy_builder_take(struct copy_builder *builder, const struct copy *copy)
{
    int error = 0;
    for (uint32_t i = 0; error == 0 && i < copy->header->track_count; i++) {
        const struct copy_track *track = &copy->tracks[i];
        const struct copy_album *album = &copy->albums[track->album];
        struct copy_item item = {
            .title = copy_text(copy, track->title),
            .artist = copy_text(copy, track->artist_name),
            .album_artist = copy_text(copy, copy->artists[album->artist].name),
            .album = copy_text(copy, album->name),
            .duration_ms = track->duration_ms,
            .year = album->year,
            .disc = track->disc,
            .number = track->number,
        };
        memcpy(item.id, track->id, sizeof item.id);
        memcpy(item.album_id, album->id, sizeof item.album_id);
        error = copy_builder_put(builder, &item);
    }
    return error;
}

void copy_builder_remove(struct copy_builder *builder, const uint8_t id[TRACK_ID_BYTES])
{
    const struct place *place = table_get(&builder->places, id);
    if (place != NULL && !builder->items[place->index].is_removed) {
        builder->items[place->index].is_removed = true;
        builder->removed++;
    }
}

/* --- artists ----------------------------------------------------------------------------------------- */

static int by_offset(const void *a, const void *b)
{
    const struct spelling *left = a;
    const struct spelling *right = b;
    int order = (left->folded > right->folded) - (left->folded < right->folded);
    return order != 0 ? order : (left->index > right->index) - (left->index < right->index);
}

static uint32_t artist_of(const struct copy_builder *builder, uint32_t folded)
{
    const struct spelling key = {.folded = folded};
    uint32_t low = 0;
    uint32_t high = builder->spelling_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (builder->spellings[middle].folded == key.folded) {
            return builder->spellings[middle].index;
        }
        bool below = builder->spellings[middle].folded < key.folded;
        low = below ? middle + 1 : low;
        high = below ? high : middle;
    }
    assert(false);
    return 0;
}

/* All spellings of all items, then one for each folded name: the first item's. `index` is the item's
 * number until then. Items keep the folded offsets meanwhile where the indices will be. */
static int collect_spellings(struct copy_builder *builder)
{
    uint32_t count = 0;
    builder->spellings = calloc((size_t)builder->count * 2 + 1, sizeof *builder->spellings);
    if (builder->spellings == NULL) {
        return ERROR_NO_MEMORY;
    }
    for (uint32_t i = 0; i < builder->count; i++) {
        struct item *item = &builder->items[i];
        if (item->is_removed) {
            continue;
        }
        int error = add_folded(builder, item->artist, &item->artist_index);
        error =
            error != 0 ? error : add_folded(builder, item->album_artist, &item->album_artist_index);
        error = error != 0 ? error : add_folded(builder, item->title, &item->title_folded);
        if (error != 0) {
            return error;
        }
        builder->spellings[count++] =
            (struct spelling){item->album_artist_index, item->album_artist, i};
        builder->spellings[count++] = (struct spelling){item->artist_index, item->artist, i};
    }
    if (count > 1) {
        qsort(builder->spellings, count, sizeof *builder->spellings, by_offset);
    }
    for (uint32_t i = 0; i < count; i++) {
        if (i == 0 || builder->spellings[i].folded != builder->spellings[i - 1].folded) {
            builder->spellings[builder->spelling_count++] = builder->spellings[i];
        }
    }
    return 0;
}

/* qsort has no context: the texts that are compared. */
static _Thread_local const struct pool *sorted_pool;

static int compare_texts(uint32_t left, uint32_t right)
{
    return left == right ? 0 : strcmp(pool_text(sorted_pool, left), pool_text(sorted_pool, right));
}

static int by_folded_name(const void *a, const void *b)
{
    return compare_texts(((const struct copy_artist *)a)->folded,
                         ((const struct copy_artist *)b)->folded);
}

static int make_artists(struct copy_builder *builder)
{
    int error = collect_spellings(builder);
    if (error != 0) {
        return error;
    }
    builder->artists = calloc((size_t)builder->spelling_count + 1, sizeof *builder->artists);
    if (builder->artists == NULL) {
        return ERROR_NO_MEMORY;
    }
    for (uint32_t i = 0; i < builder->spelling_count; i++) {
        builder->artists[i] = (struct copy_artist){.name = builder->spellings[i].name,
                                                   .folded = builder->spellings[i].folded,
                                                   .track_count = i};
    }
    builder->artist_count = builder->spelling_count;
    if (builder->artist_count > 1) {
        qsort(builder->artists, builder->artist_count, sizeof *builder->artists, by_folded_name);
    }
    for (uint32_t i = 0; i < builder->artist_count; i++) {
        builder->spellings[builder->artists[i].track_count].index = i;
        builder->artists[i].track_count = 0;
    }
    for (uint32_t i = 0; i < builder->count; i++) {
        struct item *item = &builder->items[i];
        if (!item->is_removed) {
            item->artist_index = artist_of(builder, item->artist_index);
            item->album_artist_index = artist_of(builder, item->album_artist_index);
        }
    }
    return 0;
}

/* --- albums and tracks ----------------------------------------------------------------------------------- */

static bool is_none(const uint8_t album_id[ALBUM_ID_BYTES])
{
    static const uint8_t none[ALBUM_ID_BYTES];
    return memcmp(album_id, none, sizeof none) == 0;
}

static int order_of(uint32_t left, uint32_t right)
{
    return (left > right) - (left < right);
}

static bool are_together(const struct item *left, const struct item *right)
{
    return memcmp(left->album_id, right->album_id, ALBUM_ID_BYTES) == 0 &&
           (!is_none(left->album_id) || left->album_artist_index == right->album_artist_index);
}

/* Removed ones last; tracks of an album together, in its order. */
static int by_album(const void *a, const void *b)
{
    const struct item *left = a;
    const struct item *right = b;
    int order = left->is_removed - right->is_removed;
    order = order != 0 ? order : memcmp(left->album_id, right->album_id, ALBUM_ID_BYTES);
    if (order == 0 && is_none(left->album_id)) {
        order = order_of(left->album_artist_index, right->album_artist_index);
    }
    order = order != 0 ? order : order_of(left->disc, right->disc);
    order = order != 0 ? order : order_of(left->number, right->number);
    order = order != 0 ? order : compare_texts(left->title_folded, right->title_folded);
    return order != 0 ? order : memcmp(left->id, right->id, TRACK_ID_BYTES);
}

static int by_artist(const void *a, const void *b)
{
    const struct copy_album *left = a;
    const struct copy_album *right = b;
    int order = order_of(left->artist, right->artist);
    order = order != 0 ? order : order_of(left->year - 1, right->year - 1); /* 0 is last */
    order = order != 0 ? order : compare_texts(left->folded, right->folded);
    order = order != 0 ? order : memcmp(left->id, right->id, ALBUM_ID_BYTES);
    return order != 0 ? order : order_of(left->first_track, right->first_track);
}

/* Albums from runs of sorted items; first_track is the first item's number. */
static int group_albums(struct copy_builder *builder)
{
    uint32_t count = copy_builder_count(builder);
    for (uint32_t i = 0; i < count; i++) {
        const struct item *item = &builder->items[i];
        struct copy_album *album = &builder->albums[builder->album_count - (i > 0)];
        if (i == 0 || !are_together(item, &builder->items[i - 1])) {
            album = &builder->albums[builder->album_count++];
            *album = (struct copy_album){.artist = item->album_artist_index, .first_track = i};
            memcpy(album->id, item->album_id, ALBUM_ID_BYTES);
            album->name = is_none(item->album_id) ? 0 : item->album;
            int error = add_folded(builder, album->name, &album->folded);
            if (error != 0) {
                return error;
            }
        }
        album->track_count++;
        album->year = album->year == 0 ? item->year : album->year;
    }
    return 0;
}

static struct copy_track track_of(const struct item *item, uint32_t album)
{
    struct copy_track track = {.title = item->title,
                               .folded = item->title_folded,
                               .artist_name = item->artist,
                               .artist = item->artist_index,
                               .album = album,
                               .duration_ms = item->duration_ms,
                               .disc = item->disc,
                               .number = item->number};
    memcpy(track.id, item->id, sizeof track.id);
    return track;
}

/* Tracks in the order of the sorted albums, and how many everybody has. */
static void lay_out(struct copy_builder *builder)
{
    for (uint32_t i = 0; i < builder->album_count; i++) {
        struct copy_album *album = &builder->albums[i];
        struct copy_artist *artist = &builder->artists[album->artist];
        uint32_t first = album->first_track;
        album->first_track = builder->track_count;
        artist->album_count++;
        for (uint32_t j = 0; j < album->track_count; j++) {
            const struct item *item = &builder->items[first + j];
            builder->tracks[builder->track_count++] = track_of(item, i);
            artist->track_count++;
            if (item->artist_index != album->artist) {
                builder->artists[item->artist_index].track_count++;
            }
        }
    }
    uint32_t album = 0;
    for (uint32_t i = 0; i < builder->artist_count; i++) {
        builder->artists[i].first_album = album;
        album += builder->artists[i].album_count;
    }
}

static int make_albums(struct copy_builder *builder)
{
    size_t count = (size_t)copy_builder_count(builder) + 1;
    builder->albums = calloc(count, sizeof *builder->albums);
    builder->tracks = calloc(count, sizeof *builder->tracks);
    if (builder->albums == NULL || builder->tracks == NULL) {
        return ERROR_NO_MEMORY;
    }
    if (builder->count > 1) {
        qsort(builder->items, builder->count, sizeof *builder->items, by_album);
    }
    int error = group_albums(builder);
    if (error != 0) {
        return error;
    }
    if (builder->album_count > 1) {
        qsort(builder->albums, builder->album_count, sizeof *builder->albums, by_artist);
    }
    lay_out(builder);
    return 0;
}

/* --- bytes --------------------------------------------------------------------------------------------- */

static _Thread_local const struct copy_track *sorted_tracks;
static _Thread_local const struct copy_album *sorted_albums;

static int by_track_id(const void *a, const void *b)
{
    return memcmp(sorted_tracks[*(const uint32_t *)a].id, sorted_tracks[*(const uint32_t *)b].id,
                  TRACK_ID_BYTES);
}

static int by_album_id(const void *a, const void *b)
{
    return memcmp(sorted_albums[*(const uint32_t *)a].id, sorted_albums[*(const uint32_t *)b].id,
                  ALBUM_ID_BYTES);
}

static void sort_ids(const struct copy_builder *builder, uint32_t *by_id, uint32_t *albums_by_id,
                     uint32_t album_id_count)
{
    uint32_t found = 0;
    for (uint32_t i = 0; i < builder->track_count; i++) {
        by_id[i] = i;
    }
    for (uint32_t i = 0; i < builder->album_count; i++) {
        if (!is_none(builder->albums[i].id)) {
            albums_by_id[found++] = i;
        }
    }
    assert(found == album_id_count);
    sorted_tracks = builder->tracks;
    sorted_albums = builder->albums;
    if (builder->track_count > 1) {
        qsort(by_id, builder->track_count, sizeof *by_id, by_track_id);
    }
    if (found > 1) {
        qsort(albums_by_id, found, sizeof *albums_by_id, by_album_id);
    }
}

/* Appends an array; where it stands. */
static void *append(uint8_t **at, const void *from, size_t bytes)
{
    uint8_t *to = *at;
    if (from != NULL && bytes > 0) {
        memcpy(to, from, bytes);
    }
    *at += bytes;
    return to;
}

static int write_all(const struct copy_builder *builder, const struct copy_words *words,
                     const char *revision, void **ret_bytes, size_t *ret_count)
{
    struct copy_header header = {.magic = "RFCOPY\n",
                                 .order = COPY_ORDER,
                                 .version = COPY_VERSION,
                                 .artist_count = builder->artist_count,
                                 .album_count = builder->album_count,
                                 .track_count = builder->track_count,
                                 .word_count = words->count,
                                 .posting_count = words->posting_count,
                                 .text_bytes = builder->pool.used};
    for (uint32_t i = 0; i < builder->album_count; i++) {
        header.album_id_count += !is_none(builder->albums[i].id);
    }
    (void)snprintf(header.revision, sizeof header.revision, "%s", revision);
    size_t artist_bytes = header.artist_count * sizeof *builder->artists;
    size_t album_bytes = header.album_count * sizeof *builder->albums;
    size_t track_bytes = header.track_count * sizeof *builder->tracks;
    size_t id_bytes = ((size_t)header.track_count + header.album_id_count) * sizeof(uint32_t);
    size_t word_bytes = ((size_t)words->count + 1) * sizeof *words->words;
    size_t posting_bytes = words->posting_count * sizeof *words->postings;
    size_t count = sizeof header + artist_bytes + album_bytes + track_bytes + id_bytes +
                   word_bytes + posting_bytes + header.text_bytes;
    uint8_t *bytes = malloc(count);
    uint8_t *at = bytes;
    if (bytes == NULL) {
        return ERROR_NO_MEMORY;
    }
    append(&at, &header, sizeof header);
    append(&at, builder->artists, artist_bytes);
    append(&at, builder->albums, album_bytes);
    append(&at, builder->tracks, track_bytes);
    uint32_t *by_id = append(&at, NULL, id_bytes);
    sort_ids(builder, by_id, by_id + header.track_count, header.album_id_count);
    append(&at, words->words, word_bytes);
    append(&at, words->postings, posting_bytes);
    append(&at, builder->pool.bytes, header.text_bytes);
    assert(at == bytes + count);
    *ret_bytes = bytes;
    *ret_count = count;
    return 0;
}

static int index_words(struct copy_builder *builder, struct copy_words *words)
{
    int error = 0;
    for (uint32_t i = 0; error == 0 && i < builder->track_count; i++) {
        error = copy_words_add(words, builder->tracks[i].folded, COPY_POSTING(COPY_TRACK, i));
    }
    for (uint32_t i = 0; error == 0 && i < builder->album_count; i++) {
        error = copy_words_add(words, builder->albums[i].folded, COPY_POSTING(COPY_ALBUM, i));
    }
    for (uint32_t i = 0; error == 0 && i < builder->artist_count; i++) {
        error = copy_words_add(words, builder->artists[i].folded, COPY_POSTING(COPY_ARTIST, i));
    }
    return error != 0 ? error : copy_words_finish(words);
}

int copy_builder_finish(struct copy_builder *builder, const char *revision, void **ret_bytes,
                        size_t *ret_count)
{
    struct copy_words words;
    sorted_pool = &builder->pool;
    int error = make_artists(builder);
    error = error != 0 ? error : make_albums(builder);
    copy_words_init(&words, &builder->pool);
    error = error != 0 ? error : index_words(builder, &words);
    error = error != 0 ? error : write_all(builder, &words, revision, ret_bytes, ret_count);
    copy_words_deinit(&words);
    return error;
}
