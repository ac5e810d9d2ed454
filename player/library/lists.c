/*
 * lists.c: likes and playlists as files.
 */
#include "player/library/lists.h"

#include "common/error.h"
#include "common/utf8.h"
#include "player/library/fold.h"
#include "player/library/m3u.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_BYTES_MAX 120u
#define FILE_NAME_BYTES (3u * NAME_BYTES_MAX + 8u)
#define ENDING ".m3u8"

/* --- names and paths ------------------------------------------------------------------------------------ */

/* Nothing that would steer a terminal or end a line of M3U. */
static bool is_name(const char *name)
{
    size_t count = strlen(name);
    for (size_t i = 0; i < count; i++) {
        if ((unsigned char)name[i] < 0x20 || name[i] == 0x7f) {
            return false;
        }
    }
    return count > 0 && count <= NAME_BYTES_MAX && utf8_valid(name, count);
}

static void encode(const char *name, char ret_file[FILE_NAME_BYTES])
{
    size_t used = 0;
    for (const char *at = name; *at != '\0'; at++) {
        unsigned char byte = (unsigned char)*at;
        if (byte == '/' || byte == '%' || (byte == '.' && at == name)) {
            used += (size_t)snprintf(ret_file + used, FILE_NAME_BYTES - used, "%%%02X", byte);
        } else {
            ret_file[used++] = *at;
        }
    }
    ret_file[used] = '\0';
}

static int digit_of(char letter)
{
    static const char digits[] = "0123456789ABCDEF";
    const char *found = letter != '\0' ? strchr(digits, letter) : NULL;
    return found != NULL ? (int)(found - digits) : -1;
}

/* False: no playlist of ours. */
static bool decode(const char *file, char ret_name[NAME_BYTES_MAX + 1])
{
    size_t count = strlen(file);
    size_t used = 0;
    if (count <= strlen(ENDING) || strcmp(file + count - strlen(ENDING), ENDING) != 0) {
        return false;
    }
    count -= strlen(ENDING);
    for (size_t i = 0; i < count; i++) {
        if (used == NAME_BYTES_MAX) {
            return false;
        }
        if (file[i] != '%') {
            ret_name[used++] = file[i];
            continue;
        }
        int high = i + 2 < count ? digit_of(file[i + 1]) : -1;
        int low = i + 2 < count ? digit_of(file[i + 2]) : -1;
        if (high < 0 || low < 0) {
            return false;
        }
        ret_name[used++] = (char)(high << 4 | low);
        i += 2;
    }
    ret_name[used] = '\0';
    return is_name(ret_name);
}

int lists_path(const char *state, const char *name, char ret_path[STATE_PATH_BYTES])
{
    char file[FILE_NAME_BYTES];
    int length;
    if (name == NULL) {
        length = snprintf(ret_path, STATE_PATH_BYTES, "%s/likes" ENDING, state);
    } else {
        if (!is_name(name)) {
            return ERROR_MALFORMED;
        }
        encode(name, file);
        length = snprintf(ret_path, STATE_PATH_BYTES, "%s/playlists/%s" ENDING, state, file);
    }
    return length > 0 && (size_t)length < STATE_PATH_BYTES ? 0 : ERROR_TOO_LARGE;
}

/* --- one list --------------------------------------------------------------------------------------------- */

static int read_path(const char *path, struct entry_list *list)
{
    char *text = NULL;
    size_t bytes = 0;
    int error = state_file_read(path, ENTRY_LIST_FILE_BYTES, &text, &bytes);
    if (error == 0) {
        error = m3u_parse(text, bytes, list);
        free(text);
    }
    return error;
}

int lists_read(const char *state, const char *name, struct entry_list *ret_list)
{
    char path[STATE_PATH_BYTES];
    struct entry_list list;
    int error = lists_path(state, name, path);
    if (error != 0) {
        return error;
    }
    entry_list_init(&list);
    error = read_path(path, &list);
    if (error == ERROR_NOT_FOUND && name == NULL) {
        error = 0;
    }
    if (error != 0) {
        entry_list_deinit(&list);
        return error;
    }
    (void)snprintf(list.name, sizeof list.name, "%s", name != NULL ? name : "Likes");
    *ret_list = list;
    return 0;
}

static int write_list(const char *path, const struct entry_list *list)
{
    char *text = NULL;
    size_t bytes = 0;
    int error = m3u_write(list, &text, &bytes);
    if (error == 0) {
        error = state_file_write(path, text, bytes);
        free(text);
    }
    return error;
}

int lists_update(const char *state, const char *name, bool is_new, lists_change *change,
                 void *context)
{
    char path[STATE_PATH_BYTES];
    struct entry_list list;
    int lock;
    int error = lists_path(state, name, path);
    error = error != 0 ? error : state_lock(state, &lock);
    if (error != 0) {
        return error;
    }
    error = lists_read(state, name, &list);
    if (is_new && error == 0 && name != NULL) {
        entry_list_deinit(&list);
        error = ERROR_EXISTS;
    } else if (is_new && error == ERROR_NOT_FOUND) {
        entry_list_init(&list);
        (void)snprintf(list.name, sizeof list.name, "%s", name);
        error = 0;
    }
    if (error == 0) {
        error = change(context, &list);
        error = error == 0 ? write_list(path, &list) : error;
        error = error == ERROR_CANCELLED ? 0 : error;
        entry_list_deinit(&list);
    }
    state_unlock(lock);
    return error;
}

int lists_delete(const char *state, const char *name)
{
    char path[STATE_PATH_BYTES];
    int lock;
    int error = lists_path(state, name, path);
    error = error != 0 ? error : state_lock(state, &lock);
    if (error != 0) {
        return error;
    }
    error = unlink(path) == 0 ? 0 : error_from_errno(errno);
    state_unlock(lock);
    return error;
}

int lists_rename(const char *state, const char *name, const char *to)
{
    char from_path[STATE_PATH_BYTES], to_path[STATE_PATH_BYTES];
    struct entry_list list;
    struct stat status;
    int lock;
    int error = lists_path(state, name, from_path);
    error = error != 0 ? error : lists_path(state, to, to_path);
    error = error != 0 ? error : state_lock(state, &lock);
    if (error != 0) {
        return error;
    }
    error = stat(to_path, &status) == 0 ? ERROR_EXISTS : lists_read(state, name, &list);
    if (error == 0) {
        /* The name stands in the file, too. First the new one: nothing is lost in between. */
        (void)snprintf(list.name, sizeof list.name, "%s", to);
        error = write_list(to_path, &list);
        error = error == 0 && unlink(from_path) != 0 ? error_from_errno(errno) : error;
        entry_list_deinit(&list);
    }
    state_unlock(lock);
    return error;
}

/* --- all of them -------------------------------------------------------------------------------------------- */

static int compare_names(const void *a, const void *b)
{
    char left[FOLD_BYTES], right[FOLD_BYTES];
    const char *first = *(char *const *)a;
    const char *second = *(char *const *)b;
    fold_text(first, left, sizeof left);
    fold_text(second, right, sizeof right);
    int order = strcmp(left, right);
    return order != 0 ? order : strcmp(first, second);
}

static int add_name(struct lists_names *names, const char *name)
{
    if (names->count == names->capacity) {
        uint32_t capacity = names->capacity == 0 ? 32 : names->capacity * 2;
        char **grown = realloc(names->names, capacity * sizeof *grown);
        if (grown == NULL) {
            return ERROR_NO_MEMORY;
        }
        names->names = grown;
        names->capacity = capacity;
    }
    names->names[names->count] = strdup(name);
    if (names->names[names->count] == NULL) {
        return ERROR_NO_MEMORY;
    }
    names->count++;
    return 0;
}

int lists_names(const char *state, struct lists_names *ret_names)
{
    char path[STATE_PATH_BYTES], name[NAME_BYTES_MAX + 1];
    struct lists_names names = {.count = 0};
    int error = 0;
    int length = snprintf(path, sizeof path, "%s/playlists", state);
    DIR *folder = length > 0 && (size_t)length < sizeof path ? opendir(path) : NULL;
    for (struct dirent *entry = folder != NULL ? readdir(folder) : NULL;
         entry != NULL && error == 0 && names.count < LISTS_MAX; entry = readdir(folder)) {
        if (decode(entry->d_name, name)) {
            error = add_name(&names, name);
        }
    }
    if (folder != NULL) {
        closedir(folder);
    }
    if (error != 0) {
        lists_names_free(&names);
        return error;
    }
    if (names.count > 1) {
        qsort(names.names, names.count, sizeof *names.names, compare_names);
    }
    *ret_names = names;
    return 0;
}

void lists_names_free(struct lists_names *names)
{
    for (uint32_t i = 0; i < names->count; i++) {
        free(names->names[i]);
    }
    free(names->names);
    *names = (struct lists_names){.count = 0};
}
