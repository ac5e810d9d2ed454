/*
 * grow.h: memory for a measurement, which can't go on with less than it asks for.
 */
#ifndef MEASURE_WORKLOAD_GROW_H
#define MEASURE_WORKLOAD_GROW_H

#include <stddef.h>

/* realloc of `count` times `bytes_each`; ends the program with a message when memory does. */
void *measure_grow(void *memory, size_t count, size_t bytes_each);

#endif
