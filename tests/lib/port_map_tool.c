/*
 * port_map_tool.c: keeps a port mapping as the player does, for tests with a real router program.
 *
 * port_map_tool PORT METHODS LEASE_S [OBSERVED]: METHODS as in port_map.h (0: all). Says "mapped
 * METHOD PORT ADDRESS" or "none" each time that it is another, and ends, having taken the mapping back, when a line comes on standard
 * input; with the line "refresh" it asks anew.
 */
#include "common/error.h"
#include "p2p/uv/port_map.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct tool {
    struct net_loop *loop;
    struct port_map *map;
    struct net_address observed;
    uv_poll_t input;
};

static void on_changed(void *context, const struct port_map_state *state)
{
    char outer[NET_ADDRESS_TEXT_BYTES];
    (void)context;
    net_address_format(&state->outer, outer);
    if (state->outer_port == 0) {
        puts("none");
    } else {
        printf("mapped %s %u %s\n", port_map_method_name(state->method),
               (unsigned)state->outer_port, outer);
    }
    (void)fflush(stdout);
}

static void on_input(uv_poll_t *poll, int status, int events)
{
    struct tool *tool = poll->data;
    char line[32] = "";
    (void)status;
    (void)events;
    ssize_t count = read(STDIN_FILENO, line, sizeof line - 1);
    if (count > 0 && strncmp(line, "refresh", 7) == 0) {
        port_map_refresh(tool->map, &tool->observed);
        return;
    }
    port_map_close(tool->map);
    uv_close((uv_handle_t *)poll, NULL);
}

int main(int argc, char **argv)
{
    struct tool tool = {0};
    struct port_map_config config = {0};
    if (argc < 4) {
        (void)fputs("usage: port_map_tool PORT METHODS LEASE_S [OBSERVED]\n", stderr);
        return 2;
    }
    config.port = (uint16_t)strtoul(argv[1], NULL, 10);
    config.methods = (unsigned)strtoul(argv[2], NULL, 10);
    config.lease_s = (uint32_t)strtoul(argv[3], NULL, 10);
    if (config.port == 0 || (argc > 4 && net_address_parse(argv[4], 0, &config.observed) != 0)) {
        (void)fputs("port_map_tool: no such port or address\n", stderr);
        return 2;
    }
    tool.observed = config.observed;
    int error = net_loop_new(&tool.loop);
    if (error == 0) {
        error = port_map_open(tool.loop, &config, on_changed, NULL, &tool.map);
    }
    if (error != 0) {
        (void)fprintf(stderr, "port_map_tool: %s\n", error_text(error));
        net_loop_free(tool.loop);
        return 1;
    }
    uv_poll_init(net_loop_uv(tool.loop), &tool.input, STDIN_FILENO);
    tool.input.data = &tool;
    uv_poll_start(&tool.input, UV_READABLE, on_input);
    net_loop_run(tool.loop);
    port_map_free(tool.map);
    net_loop_free(tool.loop);
    return 0;
}
