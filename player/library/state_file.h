/*
 * state_file.h: small files of the state folder: read whole, replaced atomically, locked by writers.
 */
#ifndef PLAYER_LIBRARY_STATE_FILE_H
#define PLAYER_LIBRARY_STATE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STATE_PATH_BYTES 4096u

/* Which file stood there: another one, or a changed one, has another stamp. Zeros = none. */
struct state_stamp {
    uint64_t device, inode, bytes, modified_ns;
};

bool state_stamp_equal(const struct state_stamp *a, const struct state_stamp *b);
/* Of what stands at the path now. */
struct state_stamp state_stamp_of(const char *path);

/* All of it, with a NUL behind, the caller's to free. ERROR_NOT_FOUND, ERROR_DENIED, ERROR_TOO_LARGE,
 * ERROR_IO (a folder, too), ERROR_NO_MEMORY. */
int state_file_read(const char *path, size_t bytes_max, char **ret_bytes, size_t *ret_count);
/* Temporary file, fsync, rename, fsync of the folder: what stood there stays, or all of this stands there.
 * Mode 0600. Folders above it are made (0700). ERROR_DENIED, ERROR_FULL, ERROR_IO, ERROR_TOO_LARGE (the
 * path). */
int state_file_write(const char *path, const void *bytes, size_t count);
/* Maps it for reading; state_file_unmap ends that. Stamps it. As state_file_read; an empty file:
 * ERROR_DAMAGED. */
int state_file_map(const char *path, const void **ret_bytes, size_t *ret_count,
                   struct state_stamp *ret_stamp);
void state_file_unmap(const void *bytes, size_t count);
/* Waits for the lock of a folder's lists (FOLDER/lists.lock; made when it is not there); state_unlock ends
 * it, as does the process's end. ERROR_DENIED, ERROR_IO, ERROR_TOO_LARGE. */
int state_lock(const char *folder, int *ret_lock);
void state_unlock(int lock);

#endif
