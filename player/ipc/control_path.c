/*
 * control_path.c: a Unix socket's address, also for long paths.
 */
#include "player/ipc/control_path.h"

#include "common/error.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>

int control_path(const char *state, struct sockaddr_un *ret_address, int *ret_folder)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    *ret_folder = -1;
    int bytes = snprintf(address.sun_path, sizeof address.sun_path, "%s/" CONTROL_NAME, state);
    if (bytes < 0 || (size_t)bytes >= sizeof address.sun_path) {
        int folder = open(state, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (folder < 0) {
            return ERROR_NOT_FOUND;
        }
        snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/" CONTROL_NAME,
                 folder);
        *ret_folder = folder;
    }
    *ret_address = address;
    return 0;
}
