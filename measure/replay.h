/*
 * replay.h: tells a fresh node what a real one was told, and compares what it answers.
 *
 * player/core/record.h draws a recording. A difference means that a decision depended on something
 * that is not in an event: a clock, an address, an order of chance.
 */
#ifndef MEASURE_REPLAY_H
#define MEASURE_REPLAY_H

#include "common/trace.h"

/* Replays the file, says on standard output how many steps were the same, and returns an exit code:
 * EXIT_CODE_OK; EXIT_CODE_IDENTITY: an update differs; EXIT_CODE_NOT_FOUND, EXIT_CODE_STORAGE: the
 * file. `sink` gets the fresh node's decisions, may be NULL. */
int replay_run(const char *path, trace_sink *sink);

#endif
