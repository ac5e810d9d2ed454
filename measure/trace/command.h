/*
 * command.h: `refrain-measure trace`: a history through caches, or into a file.
 */
#ifndef MEASURE_TRACE_COMMAND_H
#define MEASURE_TRACE_COMMAND_H

/* `words` begin with the verb. An exit code; what went wrong was printed. */
int trace_command(int count, char **words);

#endif
