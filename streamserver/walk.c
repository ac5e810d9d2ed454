/*
 * walk.c: folders to files, in order.
 *
 * Responsible for never going round in circles (links to folders are not followed) and never
 * without a bound. What is in the files is not its business.
 */
#include "streamserver/walk.h"

#include "common/error.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PATH_BYTES_MAX 4096u
#define CAPACITY_FIRST 64u

void walk_init(struct walk *walk)
{
    memset(walk, 0, sizeof *walk);
}

void walk_deinit(struct walk *walk)
{
    for (uint32_t i = 0; i < walk->count; i++) {
        free(walk->entries[i].path);
    }
    free(walk->entries);
    memset(walk, 0, sizeof *walk);
}

void walk_skip(struct walk *walk, const char *path)
{
    struct stat status;
    if (stat(path, &status) == 0) {
        walk->has_skip = true;
        walk->skip_device = status.st_dev;
        walk->skip_inode = status.st_ino;
    }
}

static int append(struct walk *walk, const char *path, bool is_named, int why)
{
    if (walk->count == WALK_ENTRIES_MAX) {
        return ERROR_TOO_LARGE;
    }
    if (walk->count == walk->capacity) {
        uint32_t capacity = walk->capacity == 0 ? CAPACITY_FIRST : 2 * walk->capacity;
        void *grown = realloc(walk->entries, capacity * sizeof *walk->entries);
        if (grown == NULL) {
            return ERROR_NO_MEMORY;
        }
        walk->entries = grown;
        walk->capacity = capacity;
    }
    char *copy = strdup(path);
    if (copy == NULL) {
        return ERROR_NO_MEMORY;
    }
    walk->entries[walk->count++] =
        (struct walk_entry){.path = copy, .is_named = is_named, .error = why};
    return 0;
}

static bool is_skipped(const struct walk *walk, const struct stat *status)
{
    return walk->has_skip && status->st_dev == walk->skip_device &&
           status->st_ino == walk->skip_inode;
}

static int is_shown(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* By bytes: the same order everywhere, whatever the locale. */
static int compare(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int enter(struct walk *walk, const char *path, unsigned depth);

/* One name in a folder. */
static int visit(struct walk *walk, const char *folder, const char *name, unsigned depth)
{
    char path[PATH_BYTES_MAX];
    struct stat status;
    size_t folder_bytes = strlen(folder);
    const char *slash = folder_bytes > 0 && folder[folder_bytes - 1] == '/' ? "" : "/";
    int length = snprintf(path, sizeof path, "%s%s%s", folder, slash, name);
    if (length < 0 || (size_t)length >= sizeof path) {
        return append(walk, folder, false, ERROR_TOO_LARGE);
    }
    if (lstat(path, &status) != 0) {
        return append(walk, path, false, error_from_errno(errno));
    }
    if (S_ISDIR(status.st_mode)) {
        return is_skipped(walk, &status) ? 0 : enter(walk, path, depth + 1);
    }
    if (S_ISLNK(status.st_mode) && stat(path, &status) != 0) {
        return 0; /* it leads nowhere */
    }
    return S_ISREG(status.st_mode) ? append(walk, path, false, 0) : 0;
}

static int enter(struct walk *walk, const char *path, unsigned depth)
{
    struct dirent **names = NULL;
    if (depth > WALK_DEPTH_MAX) {
        return append(walk, path, false, ERROR_TOO_LARGE);
    }
    int count = scandir(path, &names, is_shown, compare);
    if (count < 0) {
        return append(walk, path, depth == 0, error_from_errno(errno));
    }
    int error = 0;
    for (int i = 0; i < count; i++) {
        error = error != 0 ? error : visit(walk, path, names[i]->d_name, depth);
        free(names[i]);
    }
    free(names);
    return error;
}

int walk_add(struct walk *walk, const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0) {
        return append(walk, path, true, error_from_errno(errno));
    }
    if (S_ISDIR(status.st_mode)) {
        return is_skipped(walk, &status) ? 0 : enter(walk, path, 0);
    }
    return append(walk, path, true, S_ISREG(status.st_mode) ? 0 : ERROR_UNSUPPORTED);
}
