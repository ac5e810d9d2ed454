/*
 * cmd_serve.c: `refrain-origin serve DIR`: opens the folder, listens, serves until it is told to
 * stop.
 *
 * Happy path: folder, TLS, worker, listener -> "listening" -> loop -> SIGINT or SIGTERM -> BYE to
 * all links -> 0. A second signal ends at once. Failure modes: each before "listening" is a message
 * and an exit code; afterwards nothing but a signal ends it.
 */
#include "streamserver/command.h"

#include "common/error.h"
#include "common/exit_code.h"
#include "common/net/listener.h"
#include "common/net/stream.h"
#include "media/core/track_id.h"
#include "streamserver/folder.h"
#include "streamserver/uv/origin_worker.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define SERVE_HOST_DEFAULT "::"
#define SERVE_HOST_WITHOUT_IPV6 "0.0.0.0"
#define SERVE_URL_BYTES (NET_ADDRESS_TEXT_BYTES + 16u)
#define SERVE_FINGERPRINT_BYTES 16u /* of the identity, shown to people */

struct serve {
    const struct command_options *options;
    struct folder folder;
    struct net_loop *loop;
    struct net_tls *tls;
    struct net_listener *listener;
    struct origin_worker *worker;
    bool is_stopping;
};

static void on_stopped(void *context)
{
    struct serve *serve = context;
    net_loop_stop(serve->loop);
}

static void on_signal(void *context, int signal_number)
{
    struct serve *serve = context;
    (void)signal_number;
    if (serve->is_stopping) {
        _exit(EXIT_CODE_INTERRUPTED);
    }
    serve->is_stopping = true;
    net_listener_close(serve->listener);
    serve->listener = NULL;
    origin_worker_stop(serve->worker, on_stopped, serve);
}

/* Links and open files need descriptors: as many as the system lets us have. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* Takes the host and port of --listen, or the defaults. */
static int parse_listen(const struct command_options *options,
                        char ret_host[NET_HOST_BYTES_MAX + 1], uint16_t *ret_port)
{
    if (options->listen == NULL) {
        (void)snprintf(ret_host, NET_HOST_BYTES_MAX + 1, "%s", SERVE_HOST_DEFAULT);
        *ret_port = MEDIA_PORT_DEFAULT;
        return 0;
    }
    if (net_listen_parse(options->listen, MEDIA_PORT_DEFAULT, ret_host, NET_HOST_BYTES_MAX + 1,
                         ret_port) != 0) {
        command_complain(options->listen, "no address to listen on",
                         "give HOST:PORT, [IPV6]:PORT or HOST");
        return EXIT_CODE_USAGE;
    }
    return 0;
}

static int open_listener(struct serve *serve)
{
    char host[NET_HOST_BYTES_MAX + 1];
    char text[NET_LISTENER_TEXT_BYTES];
    uint16_t port = 0;
    int code = parse_listen(serve->options, host, &port);
    if (code != 0) {
        return code;
    }
    int error = net_listener_open(serve->loop, host, port, origin_worker_take, serve->worker,
                                  &serve->listener, text);
    if (error != 0 && error != ERROR_BUSY && serve->options->listen == NULL) {
        error = net_listener_open(serve->loop, SERVE_HOST_WITHOUT_IPV6, port, origin_worker_take,
                                  serve->worker, &serve->listener, text);
    }
    if (error == 0) {
        return 0;
    }
    command_complain("listen", text, "choose another with --listen HOST:PORT");
    return error == ERROR_BUSY ? EXIT_CODE_IN_USE : EXIT_CODE_NETWORK;
}

static int make_parts(struct serve *serve)
{
    struct origin_worker_config config = {.folder = &serve->folder,
                                          .is_verbose = serve->options->is_verbose};
    int error = net_loop_new(&serve->loop);
    if (error == 0 && !serve->options->is_http) {
        error = net_tls_new_server(NULL, &serve->tls);
    }
    config.tls = serve->tls;
    if (error == 0) {
        error = origin_worker_new(serve->loop, &config, &serve->worker);
    }
    if (error == 0) {
        error = net_loop_catch_signals(serve->loop, on_signal, serve);
    }
    if (error != 0) {
        command_complain("serve", command_error_text(error), NULL);
        return command_exit_code(error);
    }
    return 0;
}

/* The address that others can use: a wildcard is told as this machine's own. */
static void make_url(const struct serve *serve, char ret_url[SERVE_URL_BYTES])
{
    static const uint8_t any[16] = {0};
    struct net_address address = *net_listener_address(serve->listener);
    if (memcmp(address.bytes, any, sizeof any) == 0) {
        address.bytes[address.family == 4 ? 0 : 15] = address.family == 4 ? 127 : 1;
        address.bytes[3] = address.family == 4 ? 1 : 0;
    }
    char text[NET_ADDRESS_TEXT_BYTES];
    net_address_format(&address, text);
    (void)snprintf(ret_url, SERVE_URL_BYTES, "%s://%s", serve->options->is_http ? "http" : "https",
                   text);
}

static void announce(const struct serve *serve)
{
    char url[SERVE_URL_BYTES];
    make_url(serve, url);
    if (serve->options->is_json) {
        (void)printf("{\"event\":\"listening\",\"url\":\"%s\"}\n", url);
    } else {
        char fingerprint[2 * PUBLIC_KEY_BYTES + 1];
        media_hex_encode(serve->folder.identity, SERVE_FINGERPRINT_BYTES, fingerprint);
        (void)printf("serving %s at %s\nidentity %s...\n", serve->folder.path, url, fingerprint);
    }
    (void)fflush(stdout);
}

static void free_parts(struct serve *serve)
{
    net_listener_close(serve->listener);
    if (serve->worker != NULL && !serve->is_stopping) {
        serve->is_stopping = true; /* it never served */
        origin_worker_stop(serve->worker, on_stopped, serve);
        net_loop_run(serve->loop);
    }
    origin_worker_free(serve->worker);
    if (serve->loop != NULL) {
        net_loop_release_signals(serve->loop);
        net_loop_run(serve->loop);
        net_loop_free(serve->loop);
    }
    net_tls_free(serve->tls);
    folder_close(&serve->folder);
}

/* glibc keeps small pieces that were freed apart and joins all of them at once, now and then: with
 * millions of the tracker's that stops the loop for a tenth of a second. So they are joined at once,
 * each when it is freed. */
static void free_evenly(void)
{
#ifdef __GLIBC__
    (void)mallopt(M_MXFAST, 0);
#endif
}

int cmd_serve(const struct command_options *options, char **arguments)
{
    struct serve serve = {.options = options};
    raise_descriptor_limit();
    free_evenly();
    int error = command_open_folder(arguments[0], false, &serve.folder);
    if (error != 0) {
        return command_exit_code(error);
    }
    int code = make_parts(&serve);
    if (code == 0) {
        code = open_listener(&serve);
    }
    if (code == 0) {
        announce(&serve);
        net_loop_run(serve.loop);
    }
    free_parts(&serve);
    return code;
}
