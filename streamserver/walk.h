/*
 * walk.h: which files a list of paths stands for.
 *
 * A file stands for itself; a folder for the regular files in it and below, in the order of their
 * names' bytes. Passed over in folders: names that begin with a dot, what is neither file nor
 * folder, and links to folders. What cannot be read is an entry too, with the reason.
 */
#ifndef STREAMSERVER_WALK_H
#define STREAMSERVER_WALK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define WALK_ENTRIES_MAX 1000000u
#define WALK_DEPTH_MAX 64u

struct walk_entry {
    char *path;    /* owned by the walk */
    bool is_named; /* it was in the list itself, not found in a folder */
    int error;     /* 0; ERROR_NOT_FOUND, ERROR_DENIED, ...: there is nothing to read */
};

struct walk {
    struct walk_entry *entries; /* owned */
    uint32_t count;
    uint32_t capacity;
    bool has_skip; /* a folder that is not entered: the origin's own */
    dev_t skip_device;
    ino_t skip_inode;
};

void walk_init(struct walk *walk);
void walk_deinit(struct walk *walk);
/* Never enter this folder. It need not exist. */
void walk_skip(struct walk *walk, const char *path);
/* Adds what a path stands for. ERROR_NO_MEMORY; ERROR_TOO_LARGE: more than WALK_ENTRIES_MAX. */
int walk_add(struct walk *walk, const char *path);

#endif
