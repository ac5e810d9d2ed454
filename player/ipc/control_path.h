/*
 * control_path.h: where the engine of a state folder takes commands.
 */
#ifndef PLAYER_IPC_CONTROL_PATH_H
#define PLAYER_IPC_CONTROL_PATH_H

#include <stddef.h>
#include <sys/un.h>

#define CONTROL_NAME "engine.sock"

/* The address of the socket in a state folder ($XDG_STATE_HOME/refrain). A path that is too long
 * for an address goes by way of a descriptor of the folder: keep *ret_folder open until bind or
 * connect is done, then close it (-1: nothing to close). ERROR_NOT_FOUND: no such folder. */
int control_path(const char *state, struct sockaddr_un *ret_address, int *ret_folder);

#endif
