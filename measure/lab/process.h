/*
 * process.h: a program that runs on one of the lab's hosts, and the lines that it prints.
 *
 * The child has a folder of its own for cache, state and runtime (XDG_*), standard output in a pipe
 * and standard error in a file of that folder. It dies with the lab (PR_SET_PDEATHSIG).
 */
#ifndef MEASURE_LAB_PROCESS_H
#define MEASURE_LAB_PROCESS_H

#include "measure/lab/network.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define PROCESS_LINE_BYTES_MAX 65536u /* a longer one is cut off */
#define PROCESS_PATH_BYTES_MAX 4096u

struct process {
    pid_t pid;     /* 0: none, or ended and waited for */
    int output;    /* descriptor, non-blocking; -1: at its end */
    int exit_code; /* after it has ended: 0 to 255, or 256 + signal */
    char folder[PROCESS_PATH_BYTES_MAX];
    char *line; /* owned */
    size_t line_bytes;
};

/* A whole line without its end; borrowed for the call. */
typedef void process_line(void *context, const char *line);

/* Starts `words` (words[0] is the path, NULL ends) on a host; `folder` is made. ERROR_IO (errno),
 * ERROR_SYSTEM, ERROR_NO_MEMORY. */
int process_start(struct process *process, const struct network *network, uint32_t host,
                  const char *folder, const char *const words[]);
/* Reads what is there; gives whole lines. False: the output is at its end. */
bool process_read(struct process *process, process_line *each, void *context);
void process_signal(const struct process *process, int number);
/* Waits for the end, after the output has ended; sets exit_code. */
void process_wait(struct process *process);
/* Ends it by SIGKILL if it runs, and frees everything. */
void process_deinit(struct process *process);
/* CPU time that it has used, user and system; 0 once it is gone. */
uint64_t process_cpu_us(const struct process *process);

#endif
