/*
 * entry_list.c: lists of tracks in memory.
 */
#include "player/library/entry_list.h"

#include "common/error.h"
#include "common/utf8.h"
#include "media/core/file_id.h"
#include "player/terminal_text.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void entry_list_init(struct entry_list *list)
{
    *list = (struct entry_list){.count = 0};
}

static void free_entry(struct entry *entry)
{
    free(entry->place);
    free(entry->artist);
    free(entry->title);
}

void entry_list_deinit(struct entry_list *list)
{
    for (uint32_t i = 0; i < list->count; i++) {
        free_entry(&list->entries[i]);
    }
    free(list->entries);
    entry_list_init(list);
}

/* ISO 8859-1 as UTF-8, cut. */
static void widen(const char *text, char *ret_text, size_t capacity)
{
    size_t used = 0;
    for (; *text != '\0' && used + 3 <= capacity; text++) {
        unsigned letter = (unsigned char)*text;
        if (letter < 0x80) {
            ret_text[used++] = *text;
        } else {
            ret_text[used++] = (char)(0xc0 | letter >> 6);
            ret_text[used++] = (char)(0x80 | (letter & 0x3f));
        }
    }
    ret_text[used] = '\0';
}

static char *copy_plain(const char *text)
{
    char wide[ENTRY_TEXT_BYTES], plain[ENTRY_TEXT_BYTES];
    if (text == NULL) {
        return NULL;
    }
    if (!utf8_valid(text, strlen(text))) {
        widen(text, wide, sizeof wide);
        text = wide;
    }
    return strdup(terminal_text_plain(text, plain, sizeof plain));
}

static void find_id(struct entry *entry)
{
    static const char folder[] = "/tracks/";
    size_t digits = 2 * (size_t)TRACK_ID_BYTES;
    size_t count = strlen(entry->place);
    if (count < digits) {
        return;
    }
    const char *at = entry->place + count - digits;
    size_t before = (size_t)(at - entry->place);
    bool stands = before == 0 || (before >= sizeof folder - 1 &&
                                  memcmp(at - (sizeof folder - 1), folder, sizeof folder - 1) == 0);
    entry->has_id = stands && media_hex_decode(at, TRACK_ID_BYTES, entry->id) == 0;
}

int entry_list_add(struct entry_list *list, const char *place, const char *artist,
                   const char *title, uint32_t duration_s)
{
    if (list->count == ENTRY_LIST_MAX) {
        return ERROR_TOO_LARGE;
    }
    if (list->count == list->capacity) {
        uint32_t capacity = list->capacity == 0 ? 64 : list->capacity * 2;
        struct entry *entries = realloc(list->entries, capacity * sizeof *entries);
        if (entries == NULL) {
            return ERROR_NO_MEMORY;
        }
        list->entries = entries;
        list->capacity = capacity;
    }
    struct entry entry = {.place = copy_plain(place),
                          .artist = copy_plain(artist),
                          .title = copy_plain(title),
                          .duration_s = duration_s};
    if (entry.place == NULL || (artist != NULL && entry.artist == NULL) ||
        (title != NULL && entry.title == NULL)) {
        free_entry(&entry);
        return ERROR_NO_MEMORY;
    }
    find_id(&entry);
    list->entries[list->count++] = entry;
    return 0;
}

void entry_list_remove(struct entry_list *list, uint32_t index)
{
    assert(index < list->count);
    free_entry(&list->entries[index]);
    list->count--;
    memmove(&list->entries[index], &list->entries[index + 1],
            (list->count - index) * sizeof *list->entries);
}

void entry_list_move(struct entry_list *list, uint32_t from, uint32_t to)
{
    assert(from < list->count && to < list->count);
    struct entry moved = list->entries[from];
    if (from < to) {
        memmove(&list->entries[from], &list->entries[from + 1],
                (to - from) * sizeof *list->entries);
    } else {
        memmove(&list->entries[to + 1], &list->entries[to], (from - to) * sizeof *list->entries);
    }
    list->entries[to] = moved;
}

uint32_t entry_list_find(const struct entry_list *list, const uint8_t id[TRACK_ID_BYTES])
{
    for (uint32_t i = 0; i < list->count; i++) {
        if (list->entries[i].has_id && memcmp(list->entries[i].id, id, TRACK_ID_BYTES) == 0) {
            return i;
        }
    }
    return UINT32_MAX;
}
