/*
 * page.c: JSON of strangers into a builder.
 */
#include "player/library/page.h"

#include "common/error.h"
#include "media/core/file_id.h"

#include <jansson.h>
#include <string.h>

static const char *string_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text != NULL ? text : "";
}

/* A number from 0 to `most`; what is none, or lies beyond, is 0: unknown. */
static uint32_t number_of(const json_t *object, const char *name, uint32_t most)
{
    json_int_t value = json_integer_value(json_object_get(object, name));
    return value > 0 && value <= (json_int_t)most ? (uint32_t)value : 0;
}

static int take_item(struct copy_builder *builder, const json_t *json)
{
    struct copy_item item = {
        .title = string_of(json, "title"),
        .artist = string_of(json, "artist"),
        .album_artist = string_of(json, "album_artist"),
        .album = string_of(json, "album"),
        .duration_ms = number_of(json, "duration_ms", UINT32_MAX),
        .year = number_of(json, "year", UINT16_MAX),
        .disc = (uint16_t)number_of(json, "disc", UINT16_MAX),
        .number = (uint16_t)number_of(json, "track", UINT16_MAX),
    };
    const char *album_id = string_of(json, "album_id");
    if (!json_is_object(json) ||
        media_hex_decode(string_of(json, "id"), TRACK_ID_BYTES, item.id) != 0 ||
        (album_id[0] != '\0' && media_hex_decode(album_id, ALBUM_ID_BYTES, item.album_id) != 0)) {
        return ERROR_MALFORMED;
    }
    return builder != NULL ? copy_builder_put(builder, &item) : 0;
}

static int take_removed(struct copy_builder *builder, const json_t *json)
{
    uint8_t id[TRACK_ID_BYTES];
    const char *text = json_string_value(json);
    if (text == NULL || media_hex_decode(text, TRACK_ID_BYTES, id) != 0) {
        return ERROR_MALFORMED;
    }
    if (builder != NULL) {
        copy_builder_remove(builder, id);
    }
    return 0;
}

/* What goes back into an address as it came: letters, digits, '-' and '.'. */
static int take_word(const json_t *object, const char *name, char *ret_word, size_t capacity)
{
    static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.";
    const char *word = string_of(object, name);
    size_t count = strlen(word);
    if (count >= capacity || word[strspn(word, good)] != '\0') {
        return ERROR_MALFORMED;
    }
    memcpy(ret_word, word, count + 1);
    return 0;
}

static int take_page(struct copy_builder *builder, const json_t *json, struct page *page)
{
    uint8_t id[TRACK_ID_BYTES];
    const json_t *items = json_object_get(json, "items");
    const json_t *removed = json_object_get(json, "removed");
    int error = json_is_array(items) ? 0 : ERROR_MALFORMED;
    for (size_t i = 0; error == 0 && i < json_array_size(items); i++) {
        error = take_item(builder, json_array_get(items, i));
    }
    for (size_t i = 0; error == 0 && i < json_array_size(removed); i++) {
        error = take_removed(builder, json_array_get(removed, i));
    }
    error = error != 0 ? error : take_word(json, "revision", page->revision, sizeof page->revision);
    error = error != 0 ? error : take_word(json, "next", page->next, sizeof page->next);
    if (error == 0 && page->next[0] != '\0') {
        error = media_hex_decode(page->next, TRACK_ID_BYTES, id);
    }
    page->more = json_is_true(json_object_get(json, "more"));
    page->changes = (uint32_t)(json_array_size(items) + json_array_size(removed));
    return error;
}

int page_apply(struct copy_builder *builder, const char *body, size_t bytes, struct page *ret_page)
{
    struct page page = {.more = false};
    json_t *json = json_loadb(body, bytes, JSON_REJECT_DUPLICATES, NULL);
    int error = take_page(builder, json, &page);
    json_decref(json);
    if (error == 0) {
        *ret_page = page;
    }
    return error;
}
