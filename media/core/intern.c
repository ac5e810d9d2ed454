/*
 * intern.c: ids in one array in the order of their handles, found through a table of handles.
 *
 * Responsible for memory: 40 bytes an id and 4 a place, with growth about 60. common/table would
 * keep each id twice. Roots are SHA-256 hashes already, so eight of their bytes, mixed with the
 * seed, place them.
 *
 * Failure mode: a growth that gets no memory leaves everything as it was.
 */
#include "media/core/intern.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define INTERN_PLACES_FIRST 16u /* a power of two */
#define INTERN_IDS_FIRST 8u
#define INTERN_IDS_MAX (1u << 30) /* places stay below 2^32 */

struct media_intern {
    struct media_file_id *ids; /* ids[handle - 1] */
    media_handle *places;      /* 0 = free */
    uint64_t seed;
    uint32_t id_capacity;
    uint32_t place_count; /* a power of two, or 0 */
    uint32_t count;       /* ids */
};

/* The finalizer of splitmix64 (prng.h): every input bit reaches every output bit. */
static uint64_t mix(uint64_t value)
{
    value = (value ^ value >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ value >> 27) * UINT64_C(0x94d049bb133111eb);
    return value ^ value >> 31;
}

static uint32_t home_of(const struct media_intern *intern, const struct media_file_id *id)
{
    uint64_t word = 0;
    for (unsigned i = 0; i < 8; i++) {
        word = word << 8 | id->root[i]; /* the same place on every machine */
    }
    uint64_t hash = mix(mix(word ^ intern->seed) + id->bytes);
    return (uint32_t)hash & (intern->place_count - 1);
}

/* The id's place, or the free one where it would go. There is always a free place. */
static uint32_t find_place(const struct media_intern *intern, const struct media_file_id *id)
{
    uint32_t place = home_of(intern, id);
    while (intern->places[place] != 0 &&
           !media_file_id_equal(&intern->ids[intern->places[place] - 1], id)) {
        place = (place + 1) & (intern->place_count - 1);
    }
    return place;
}

struct media_intern *media_intern_new(uint64_t seed)
{
    struct media_intern *intern = calloc(1, sizeof *intern);
    if (intern != NULL) {
        intern->seed = mix(seed + UINT64_C(0x9e3779b97f4a7c15));
    }
    return intern;
}

void media_intern_free(struct media_intern *intern)
{
    if (intern != NULL) {
        free(intern->ids);
        free(intern->places);
        free(intern);
    }
}

static bool grow_ids(struct media_intern *intern)
{
    uint32_t capacity = intern->id_capacity + intern->id_capacity / 4;
    capacity = capacity < INTERN_IDS_FIRST ? INTERN_IDS_FIRST : capacity;
    struct media_file_id *ids = calloc(capacity, sizeof *ids);
    if (ids == NULL) {
        return false;
    }
    if (intern->count > 0) {
        memcpy(ids, intern->ids, intern->count * sizeof *ids);
    }
    free(intern->ids);
    intern->ids = ids;
    intern->id_capacity = capacity;
    return true;
}

static bool grow_places(struct media_intern *intern)
{
    struct media_intern grown = *intern;
    grown.place_count = intern->place_count == 0 ? INTERN_PLACES_FIRST : 2 * intern->place_count;
    grown.places = calloc(grown.place_count, sizeof *grown.places);
    if (grown.places == NULL) {
        return false;
    }
    for (media_handle handle = 1; handle <= intern->count; handle++) {
        grown.places[find_place(&grown, &intern->ids[handle - 1])] = handle;
    }
    free(intern->places);
    intern->places = grown.places;
    intern->place_count = grown.place_count;
    return true;
}

media_handle media_intern_put(struct media_intern *intern, const struct media_file_id *id)
{
    assert(media_file_id_valid(id));
    media_handle known = media_intern_find(intern, id);
    if (known != 0) {
        return known;
    }
    /* `id` may be one that this table lent, which growth would move. */
    struct media_file_id added = *id;
    bool is_room = intern->count < INTERN_IDS_MAX &&
                   (intern->count < intern->id_capacity || grow_ids(intern)) &&
                   ((intern->count + 1) * UINT64_C(4) <= intern->place_count * UINT64_C(3) ||
                    grow_places(intern));
    if (!is_room) {
        return 0;
    }
    intern->ids[intern->count++] = added;
    intern->places[find_place(intern, &added)] = intern->count;
    return intern->count;
}

media_handle media_intern_find(const struct media_intern *intern, const struct media_file_id *id)
{
    return intern->count == 0 ? 0 : intern->places[find_place(intern, id)];
}

const struct media_file_id *media_intern_id(const struct media_intern *intern, media_handle handle)
{
    assert(handle > 0 && handle <= intern->count);
    return &intern->ids[handle - 1];
}
