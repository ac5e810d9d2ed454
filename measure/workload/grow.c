/*
 * grow.c: realloc or the end.
 */
#include "measure/workload/grow.h"

#include "common/exit_code.h"

#include <stdio.h>
#include <stdlib.h>

void *measure_grow(void *memory, size_t count, size_t bytes_each)
{
    void *grown = reallocarray(memory, count, bytes_each);
    if (grown == NULL && count > 0) {
        fprintf(stderr, "refrain-measure: out of memory; simulate fewer listeners or tracks\n");
        exit(EXIT_CODE_INTERNAL);
    }
    return grown;
}
