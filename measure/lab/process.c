/*
 * process.c: fork, namespace, exec; lines out of a pipe.
 */
#include "measure/lab/process.h"

#include "common/error.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const folders[][2] = {{"XDG_CACHE_HOME", "cache"},
                                         {"XDG_CONFIG_HOME", "config"},
                                         {"XDG_STATE_HOME", "state"},
                                         {"XDG_RUNTIME_DIR", "runtime"}};
#define FOLDERS (sizeof folders / sizeof folders[0])

static bool make_folder(const char *path)
{
    return mkdir(path, 0700) == 0 || errno == EEXIST;
}

static int make_folders(const char *folder)
{
    char path[PROCESS_PATH_BYTES_MAX];
    if (!make_folder(folder)) {
        return ERROR_IO;
    }
    for (size_t i = 0; i < FOLDERS; i++) {
        if (snprintf(path, sizeof path, "%s/%s", folder, folders[i][1]) >= (int)sizeof path ||
            !make_folder(path)) {
            return ERROR_IO;
        }
    }
    return 0;
}

/* The child's environment, made before the fork: after it only the system may be called. */
struct surroundings {
    char values[FOLDERS][PROCESS_PATH_BYTES_MAX];
    char *list[FOLDERS + 3];
    char path[PROCESS_PATH_BYTES_MAX];
    char error_path[PROCESS_PATH_BYTES_MAX];
};

static struct surroundings *make_surroundings(const char *folder)
{
    struct surroundings *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < FOLDERS; i++) {
        snprintf(made->values[i], sizeof made->values[i], "%s=%s/%s", folders[i][0], folder,
                 folders[i][1]);
        made->list[i] = made->values[i];
    }
    const char *path = getenv("PATH");
    snprintf(made->path, sizeof made->path, "PATH=%s", path != NULL ? path : "/usr/bin:/bin");
    made->list[FOLDERS] = made->path;
    snprintf(made->error_path, sizeof made->error_path, "%s/stderr", folder);
    return made;
}

static _Noreturn void become(const struct surroundings *made, const struct network *network,
                             uint32_t host, int output, const char *const words[])
{
    int errors = open(made->error_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (errors < 0 || nothing < 0 || dup2(nothing, 0) < 0 || dup2(output, 1) < 0 ||
        dup2(errors, 2) < 0 || network_enter(network, host) != 0 ||
        prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) {
        _exit(126);
    }
    execve(words[0], (char *const *)(uintptr_t)words, made->list);
    _exit(127);
}

int process_start(struct process *process, const struct network *network, uint32_t host,
                  const char *folder, const char *const words[])
{
    int ends[2];
    memset(process, 0, sizeof *process);
    process->output = -1;
    snprintf(process->folder, sizeof process->folder, "%s", folder);
    process->line = malloc(PROCESS_LINE_BYTES_MAX);
    struct surroundings *made = make_surroundings(folder);
    int error = ERROR_NO_MEMORY;
    if (process->line == NULL || made == NULL) {
        goto out;
    }
    error = make_folders(folder);
    if (error != 0) {
        goto out;
    }
    error = ERROR_SYSTEM;
    if (pipe2(ends, O_CLOEXEC) != 0) {
        goto out;
    }
    process->pid = fork();
    if (process->pid == 0) {
        become(made, network, host, ends[1], words);
    }
    close(ends[1]);
    if (process->pid < 0 || fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0) {
        close(ends[0]);
        goto out;
    }
    process->output = ends[0];
    error = 0;
out:
    free(made);
    return error;
}

static void take(struct process *process, const char *bytes, size_t count, process_line *each,
                 void *context)
{
    for (size_t i = 0; i < count; i++) {
        if (bytes[i] != '\n') {
            if (process->line_bytes < PROCESS_LINE_BYTES_MAX - 1) {
                process->line[process->line_bytes++] = bytes[i];
            }
            continue;
        }
        process->line[process->line_bytes] = '\0';
        process->line_bytes = 0;
        each(context, process->line);
    }
}

bool process_read(struct process *process, process_line *each, void *context)
{
    char buffer[16384];
    while (process->output >= 0) {
        ssize_t bytes = read(process->output, buffer, sizeof buffer);
        if (bytes < 0 && (errno == EAGAIN || errno == EINTR)) {
            return true;
        }
        if (bytes <= 0) {
            close(process->output);
            process->output = -1;
            return false;
        }
        take(process, buffer, (size_t)bytes, each, context);
    }
    return false;
}

void process_signal(const struct process *process, int number)
{
    if (process->pid > 0) {
        kill(process->pid, number);
    }
}

void process_wait(struct process *process)
{
    int status = 0;
    if (process->pid <= 0) {
        return;
    }
    while (waitpid(process->pid, &status, 0) < 0 && errno == EINTR) {
    }
    process->pid = 0;
    process->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

void process_deinit(struct process *process)
{
    process_signal(process, SIGKILL);
    process_wait(process);
    if (process->output >= 0) {
        close(process->output);
        process->output = -1;
    }
    free(process->line);
    process->line = NULL;
}

uint64_t process_cpu_us(const struct process *process)
{
    char path[64];
    char text[1024];
    uint64_t user_ticks = 0, system_ticks = 0;
    if (process->pid <= 0) {
        return 0;
    }
    snprintf(path, sizeof path, "/proc/%d/stat", (int)process->pid);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t bytes = file < 0 ? -1 : read(file, text, sizeof text - 1);
    if (file >= 0) {
        close(file);
    }
    if (bytes <= 0) {
        return 0;
    }
    text[bytes] = '\0';
    const char *behind = strrchr(text, ')'); /* the name may hold anything */
    if (behind == NULL ||
        sscanf(behind + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64,
               &user_ticks, &system_ticks) != 2) {
        return 0;
    }
    return (user_ticks + system_ticks) * TIME_US_PER_S / (uint64_t)sysconf(_SC_CLK_TCK);
}
