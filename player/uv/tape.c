/*
 * tape.c: a recording on disk.
 *
 * Responsible for whole records in order. A disk that fails ends the recording, not the music; the
 * error is told at the end.
 */
#include "player/uv/tape.h"

#include "common/error.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

struct tape {
    FILE *file;
    bool failed;
    uint8_t buffer[RECORD_BYTES_MAX + 4u];
};

int tape_open(const char *path, const struct record_head *head, struct tape **ret_tape)
{
    struct tape *tape = calloc(1, sizeof *tape);
    if (tape == NULL) {
        return ERROR_NO_MEMORY;
    }
    tape->file = fopen(path, "wbe");
    if (tape->file == NULL) {
        free(tape);
        return ERROR_IO;
    }
    uint8_t bytes[RECORD_HEAD_BYTES_MAX];
    size_t count = record_head_encode(head, bytes);
    tape->failed = fwrite(bytes, 1, count, tape->file) != count;
    *ret_tape = tape;
    return 0;
}

void tape_write(struct tape *tape, const struct node_event *event, const struct node_update *update,
                const struct media_intern *intern)
{
    size_t count = 0;
    int error = record_encode(event, record_update_hash(update), intern, tape->buffer,
                              sizeof tape->buffer, &count);
    assert(error == 0);
    (void)error;
    tape->failed = tape->failed || fwrite(tape->buffer, 1, count, tape->file) != count;
}

int tape_close(struct tape *tape)
{
    if (tape == NULL) {
        return 0;
    }
    bool failed = tape->failed;
    failed = fclose(tape->file) != 0 || failed;
    free(tape);
    return failed ? ERROR_IO : 0;
}
