/*
 * lab.c: makes the origin, the network and the players, attends to them, and sums up.
 *
 * Happy path: origin made of the music -> network -> origin serves -> its tracks listed -> players ->
 * their scripts until the time is over -> SIGTERM -> summaries -> the table. Failure modes: each step
 * that fails says what, and everything that was begun is ended.
 */
#include "measure/lab/lab.h"

#include "common/error.h"
#include "common/exit_code.h"
#include "measure/lab/player.h"

#include <errno.h>
#include <ftw.h>
#include <jansson.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LAB_PORT "7373"
#define LAB_QUEUE_US (100 * TIME_US_PER_MS) /* of a line at its rate, as home routers have it */
#define LAB_FLASH_US (2 * TIME_US_PER_S)
#define LAB_END_US (20 * TIME_US_PER_S) /* that players may take to end */
#define LAB_ADD_US (600 * TIME_US_PER_S)

struct lab {
    const struct lab_options *options;
    char programs[PATH_MAX]; /* folder of refrain and refrain-origin */
    char folder[PATH_MAX];
    bool is_temporary;
    struct network *network;
    struct process origin;
    bool is_serving;
    struct player *players; /* owned */
    uint32_t player_count;
    struct outcome outcome;
    uint32_t *by_rank; /* owned */
};

static volatile sig_atomic_t is_interrupted;

static void interrupt(int number)
{
    (void)number;
    is_interrupted = 1;
}

static uint64_t now_us(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * TIME_US_PER_S + (uint64_t)time.tv_nsec / 1000;
}

static int complain(int exit_code, const char *thing, const char *reason)
{
    fprintf(stderr, "refrain-measure: lab: %s: %s\n", thing, reason);
    return exit_code;
}

/* --- folders -------------------------------------------------------------------------------- */

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)status;
    (void)kind;
    (void)place;
    return remove(path);
}

static int find_folders(struct lab *lab)
{
    ssize_t bytes = readlink("/proc/self/exe", lab->programs, sizeof lab->programs - 1);
    if (bytes <= 0) {
        return complain(EXIT_CODE_INTERNAL, "/proc/self/exe", strerror(errno));
    }
    lab->programs[bytes] = '\0';
    *strrchr(lab->programs, '/') = '\0';
    if (lab->options->folder != NULL) {
        if (realpath(lab->options->folder, lab->folder) == NULL) {
            return complain(EXIT_CODE_STORAGE, lab->options->folder, strerror(errno));
        }
        return EXIT_CODE_OK;
    }
    const char *base = getenv("TMPDIR");
    snprintf(lab->folder, sizeof lab->folder, "%s/refrain-lab-XXXXXX",
             base != NULL ? base : "/tmp");
    if (mkdtemp(lab->folder) == NULL) {
        return complain(EXIT_CODE_STORAGE, lab->folder, strerror(errno));
    }
    lab->is_temporary = true;
    return EXIT_CODE_OK;
}

/* A program beside this one, or in the build folder of its kind. */
static int find_program(const struct lab *lab, const char *name, const char *build_folder,
                        char ret_path[PATH_MAX])
{
    snprintf(ret_path, PATH_MAX, "%.*s/%s", PATH_MAX - 64, lab->programs, name);
    if (access(ret_path, X_OK) == 0) {
        return EXIT_CODE_OK;
    }
    snprintf(ret_path, PATH_MAX, "%.*s/../%s/%s", PATH_MAX - 64, lab->programs, build_folder, name);
    return access(ret_path, X_OK) == 0 ? EXIT_CODE_OK
                                       : complain(EXIT_CODE_NOT_FOUND, name, "no such program");
}

/* --- the network ------------------------------------------------------------------------------ */

static struct line_host make_line(uint64_t up_bits_per_s, uint64_t down_bits_per_s,
                                  const struct lab_options *options)
{
    uint64_t faster = up_bits_per_s > down_bits_per_s ? up_bits_per_s : down_bits_per_s;
    return (struct line_host){
        .up_bytes_per_s = up_bits_per_s / 8,
        .down_bytes_per_s = down_bits_per_s / 8,
        .delay_us = options->rtt_us / 4, /* two lines, there and back */
        .queue_bytes = (uint32_t)time_scale(faster / 8, LAB_QUEUE_US, TIME_US_PER_S),
        .loss_ppm = options->loss_ppm,
    };
}

static int open_network(struct lab *lab)
{
    const struct lab_options *options = lab->options;
    struct line_host hosts[LAB_LISTENERS_MAX + 1];
    char text[NETWORK_TEXT_BYTES];
    hosts[0] = make_line(options->origin_bits_per_s, options->origin_bits_per_s, options);
    for (uint32_t i = 1; i <= options->listeners; i++) {
        hosts[i] = make_line(options->up_bits_per_s, options->down_bits_per_s, options);
    }
    int error = network_open(hosts, options->listeners + 1, options->seed, &lab->network, text);
    if (error == ERROR_DENIED || error == ERROR_UNSUPPORTED) {
        return complain(EXIT_CODE_UNSUPPORTED, text,
                        "the lab needs root, namespaces and a TUN device");
    }
    return error == 0 ? EXIT_CODE_OK : complain(EXIT_CODE_INTERNAL, "network", text);
}

/* --- the origin ------------------------------------------------------------------------------- */

static void wait_for(const struct process *process, uint64_t until_us)
{
    struct pollfd polled = {.fd = process->output, .events = POLLIN};
    uint64_t at_us = now_us();
    uint64_t left_ms = until_us > at_us ? (until_us - at_us) / TIME_US_PER_MS + 1 : 0;
    (void)poll(&polled, 1, left_ms > INT_MAX ? INT_MAX : (int)left_ms);
}

/* Runs a program to its end, giving each line. */
static int run(struct lab *lab, const char *const words[], process_line *each, void *context)
{
    struct process process;
    char folder[PATH_MAX + 16];
    snprintf(folder, sizeof folder, "%s/tools", lab->folder);
    uint64_t until_us = now_us() + LAB_ADD_US;
    int error = process_start(&process, lab->network, 0, folder, words);
    while (error == 0 && process_read(&process, each, context)) {
        if (now_us() >= until_us || is_interrupted) {
            error = ERROR_TIMEOUT;
        }
        wait_for(&process, until_us);
    }
    if (error == 0) {
        process_wait(&process);
    }
    int exit_code = process.exit_code;
    process_deinit(&process);
    if (error != 0 || exit_code != 0) {
        return complain(EXIT_CODE_NETWORK, words[1],
                        error != 0 ? error_text(error) : "it failed; see tools/stderr");
    }
    return EXIT_CODE_OK;
}

static void pass_over(void *context, const char *line)
{
    (void)context;
    (void)line;
}

static void take_track(void *context, const char *line)
{
    struct lab *lab = context;
    json_t *track = json_loads(line, 0, NULL);
    const char *id = json_string_value(json_object_get(track, "id"));
    const json_t *file = json_array_get(json_object_get(track, "files"), 0);
    json_int_t bytes = json_integer_value(json_object_get(file, "bytes"));
    json_int_t duration_ms = json_integer_value(json_object_get(track, "duration_ms"));
    if (id != NULL && bytes > 0 && duration_ms > 0 &&
        lab->outcome.track_count < SCRIPT_TRACKS_MAX) {
        outcome_add_track(&lab->outcome, id, (uint64_t)bytes,
                          (uint64_t)duration_ms * TIME_US_PER_MS);
    }
    json_decref(track);
}

static void take_listening(void *context, const char *line)
{
    struct lab *lab = context;
    lab->is_serving = lab->is_serving || strstr(line, "\"listening\"") != NULL;
}

static int make_origin(struct lab *lab, const char *program)
{
    char folder[PATH_MAX + 16];
    snprintf(folder, sizeof folder, "%s/origin", lab->folder);
    if (access(folder, F_OK) != 0) {
        const char *const init[] = {program, "init", folder, NULL};
        const char *const add[] = {program, "add", folder, lab->options->music, "--json", NULL};
        int code = run(lab, init, pass_over, lab);
        code = code == EXIT_CODE_OK ? run(lab, add, pass_over, lab) : code;
        if (code != EXIT_CODE_OK) {
            return code;
        }
    }
    const char *const ls[] = {program, "ls", folder, "--json", NULL};
    int code = run(lab, ls, take_track, lab);
    if (code == EXIT_CODE_OK && lab->outcome.track_count == 0) {
        return complain(EXIT_CODE_NOT_FOUND, lab->options->music, "no music in it");
    }
    return code;
}

static int serve(struct lab *lab, const char *program)
{
    char folder[PATH_MAX + 16], own[PATH_MAX + 16], address[NETWORK_ADDRESS_BYTES + 8];
    char host[NETWORK_ADDRESS_BYTES];
    network_address(0, host);
    snprintf(address, sizeof address, "%s:" LAB_PORT, host);
    snprintf(folder, sizeof folder, "%s/origin", lab->folder);
    snprintf(own, sizeof own, "%s/origin-host", lab->folder);
    const char *const words[] = {program, "serve", folder, "--listen", address, "--json", NULL};
    uint64_t until_us = now_us() + LAB_END_US;
    if (process_start(&lab->origin, lab->network, 0, own, words) != 0) {
        return complain(EXIT_CODE_INTERNAL, "origin", strerror(errno));
    }
    while (!lab->is_serving && now_us() < until_us &&
           process_read(&lab->origin, take_listening, lab)) {
        if (!lab->is_serving) {
            wait_for(&lab->origin, until_us);
        }
    }
    return lab->is_serving
               ? EXIT_CODE_OK
               : complain(EXIT_CODE_NETWORK, "origin", "it does not serve; see origin-host/stderr");
}

/* --- the players ------------------------------------------------------------------------------ */

static void set_script(struct lab *lab, struct player *player, uint32_t number, uint64_t begin_us)
{
    script_init(&player->script, lab->options->seed * 1000 + number, lab->by_rank,
                lab->outcome.track_count);
    player->outcome = &lab->outcome;
    player->step = script_begin(&player->script);
    if (lab->options->is_flash) {
        player->is_flash = true;
        player->step.track = lab->by_rank[0];
        player->step.after_us =
            time_scale(player->step.after_us, LAB_FLASH_US, SCRIPT_ARRIVAL_US) + TIME_US_PER_S;
    }
    player->step_at_us = begin_us + player->step.after_us;
}

static int start_players(struct lab *lab, const char *program)
{
    char folder[PATH_MAX + 32], url[64], host[NETWORK_ADDRESS_BYTES];
    uint32_t count = lab->options->listeners;
    network_address(0, host);
    snprintf(url, sizeof url, "https://%s:" LAB_PORT, host);
    const char *const words[] = {
        program,    "daemon", "--origin", url,
        "--output", "null",   "--json",   lab->options->without_peers ? "--no-peers" : NULL,
        NULL};
    lab->by_rank = calloc(lab->outcome.track_count, sizeof *lab->by_rank);
    lab->players = calloc(count, sizeof *lab->players);
    if (lab->by_rank == NULL || lab->players == NULL) {
        return complain(EXIT_CODE_INTERNAL, "players", "no memory");
    }
    script_rank(lab->options->seed, lab->outcome.track_count, lab->by_rank);
    uint64_t begin_us = now_us();
    for (uint32_t i = 0; i < count; i++) {
        snprintf(folder, sizeof folder, "%s/listener-%02u", lab->folder, i + 1);
        lab->player_count = i + 1;
        if (player_start(&lab->players[i], lab->network, i + 1, folder, words) != 0) {
            return complain(EXIT_CODE_INTERNAL, folder, strerror(errno));
        }
        set_script(lab, &lab->players[i], i, begin_us);
    }
    return EXIT_CODE_OK;
}

/* One round over all players; how many are left. */
static uint32_t attend(struct lab *lab, uint64_t until_us)
{
    struct pollfd polled[2 * LAB_LISTENERS_MAX];
    uint32_t left = 0;
    uint64_t at_us = now_us();
    uint64_t next_us = until_us;
    for (uint32_t i = 0; i < lab->player_count; i++) {
        struct player *player = &lab->players[i];
        left += player_attend(player, at_us);
        next_us = time_min_us(next_us, player_next_us(player));
        polled[2 * i] = (struct pollfd){.fd = player->process.output, .events = POLLIN};
        polled[2 * i + 1] = (struct pollfd){.fd = player->remote.socket, .events = POLLIN};
    }
    uint64_t wait_ms = next_us > at_us ? (next_us - at_us) / TIME_US_PER_MS + 1 : 0;
    if (left > 0 && wait_ms > 0) {
        (void)poll(polled, 2 * lab->player_count, wait_ms > 1000 ? 1000 : (int)wait_ms);
    }
    return left;
}

static void play(struct lab *lab)
{
    uint64_t end_us = now_us() + lab->options->duration_us;
    while (now_us() < end_us && !is_interrupted && attend(lab, end_us) == lab->player_count) {
    }
    for (uint32_t i = 0; i < lab->player_count; i++) {
        player_stop(&lab->players[i], now_us());
    }
    end_us = now_us() + LAB_END_US;
    while (now_us() < end_us && attend(lab, end_us) > 0) {
    }
}

static int conclude(struct lab *lab)
{
    struct network_traffic traffic;
    network_get_traffic(lab->network, 0, &traffic);
    lab->outcome.origin_sent_bytes = traffic.sent_bytes;
    lab->outcome.lateness_us = network_lateness_us(lab->network);
    outcome_print(&lab->outcome, lab->options->without_peers ? "without peers" : "with peers",
                  lab->options->json);
    if (is_interrupted) {
        return EXIT_CODE_INTERRUPTED;
    }
    if (lab->outcome.summaries < lab->player_count) {
        char text[64];
        snprintf(text, sizeof text, "%u of %u did not end with a summary",
                 lab->player_count - lab->outcome.summaries, lab->player_count);
        return complain(EXIT_CODE_NETWORK, "players", text);
    }
    return EXIT_CODE_OK;
}

static void clear(struct lab *lab)
{
    for (uint32_t i = 0; i < lab->player_count; i++) {
        player_deinit(&lab->players[i]);
    }
    process_deinit(&lab->origin);
    network_close(lab->network);
    outcome_deinit(&lab->outcome);
    free(lab->players);
    free(lab->by_rank);
    if (lab->is_temporary) {
        (void)nftw(lab->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    }
}

int lab_run(const struct lab_options *options)
{
    struct lab lab = {.options = options, .origin = {.output = -1}};
    char origin[PATH_MAX], refrain[PATH_MAX];
    struct sigaction action = {.sa_handler = interrupt};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    int code = find_folders(&lab);
    code =
        code != EXIT_CODE_OK ? code : find_program(&lab, "refrain-origin", "streamserver", origin);
    code = code != EXIT_CODE_OK ? code : find_program(&lab, "refrain", "player", refrain);
    code = code != EXIT_CODE_OK ? code : open_network(&lab);
    code = code != EXIT_CODE_OK ? code : make_origin(&lab, origin);
    code = code != EXIT_CODE_OK ? code : serve(&lab, origin);
    code = code != EXIT_CODE_OK ? code : start_players(&lab, refrain);
    if (code == EXIT_CODE_OK) {
        play(&lab);
        code = conclude(&lab);
    }
    clear(&lab);
    return code;
}
