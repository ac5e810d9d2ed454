/*
 * player.c: reads a daemon's JSON lines and carries its listener's script out.
 *
 * Failure modes: the control socket is not there yet (tried again); the daemon ends early (its
 * summary is missing, and the lab says so).
 */
#include "measure/lab/player.h"

#include "common/error.h"

#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define PLAYER_RETRY_US (50 * TIME_US_PER_MS)

int player_start(struct player *player, const struct network *network, uint32_t host,
                 const char *folder, const char *const words[])
{
    player->remote.socket = -1;
    player->track = -1;
    return process_start(&player->process, network, host, folder, words);
}

static void stop_hearing(struct player *player)
{
    if (player->track >= 0) {
        outcome_heard(player->outcome, (uint32_t)player->track,
                      player->now_us - player->started_at_us);
    }
    player->track = -1;
}

static void take_started(struct player *player, const json_t *event)
{
    const char *id = json_string_value(json_object_get(event, "track"));
    stop_hearing(player);
    player->track = id == NULL ? -1 : outcome_find_track(player->outcome, id);
    player->started_at_us = player->now_us;
    if (player->track < 0 || player->is_flash) {
        player->step_at_us = TIME_NEVER_US;
        return;
    }
    const struct outcome_track *track = &player->outcome->tracks[player->track];
    player->step = script_next(&player->script, track->duration_us);
    player->step_at_us =
        player->step.act == SCRIPT_LISTEN ? TIME_NEVER_US : player->now_us + player->step.after_us;
}

static uint64_t number(const json_t *object, const char *key)
{
    json_int_t value = json_integer_value(json_object_get(object, key));
    return value < 0 ? 0 : (uint64_t)value;
}

static void take_play(struct player *player, const json_t *event)
{
    const char *cause = json_string_value(json_object_get(event, "cause"));
    const char *cached = json_string_value(json_object_get(event, "cached"));
    outcome_play(player->outcome, number(event, "wait_ms") * TIME_US_PER_MS,
                 cause != NULL && strcmp(cause, "click") == 0,
                 cached == NULL || strcmp(cached, "none") != 0, (uint32_t)number(event, "stutters"),
                 number(event, "stall_ms") * TIME_US_PER_MS);
}

static void take_summary(struct player *player, const json_t *event)
{
    struct outcome *outcome = player->outcome;
    const json_t *bytes = json_object_get(event, "bytes");
    outcome->summaries++;
    outcome->cache_bytes += number(bytes, "cache");
    outcome->peers_bytes += number(bytes, "peers");
    outcome->origin_bytes += number(bytes, "origin");
    outcome->duplicate_bytes += number(event, "duplicate_bytes");
    outcome->overhead_bytes += number(event, "overhead_bytes");
    outcome->unread_bytes += number(event, "unread_bytes");
    outcome->received_bytes += number(event, "received_bytes");
    const json_t *payload = json_object_get(event, "payload");
    outcome->peers_payload_bytes += number(payload, "peers");
    outcome->origin_payload_bytes += number(payload, "origin");
    outcome->played_us += number(event, "played_ms") * TIME_US_PER_MS;
}

static void take_line(void *context, const char *line)
{
    struct player *player = context;
    json_t *event = json_loads(line, 0, NULL);
    const char *name = json_string_value(json_object_get(event, "event"));
    if (name == NULL) {
        json_decref(event);
        return;
    }
    if (strcmp(name, "started") == 0) {
        take_started(player, event);
    } else if (strcmp(name, "play") == 0) {
        take_play(player, event);
    } else if (strcmp(name, "summary") == 0) {
        take_summary(player, event);
    } else if (strcmp(name, "error") == 0) {
        player->outcome->failed++;
    }
    json_decref(event);
}

static int click(struct player *player, uint32_t track)
{
    const char *ids[PLAYER_QUEUE_TRACKS];
    const struct outcome *outcome = player->outcome;
    uint32_t count =
        outcome->track_count < PLAYER_QUEUE_TRACKS ? outcome->track_count : PLAYER_QUEUE_TRACKS;
    for (uint32_t i = 0; i < count; i++) {
        ids[i] = outcome->tracks[(track + i) % outcome->track_count].id;
    }
    return remote_play(&player->remote, ids, count);
}

static void act(struct player *player)
{
    char state[PROCESS_PATH_BYTES_MAX + 8];
    snprintf(state, sizeof state, "%s/state", player->process.folder);
    if (player->remote.socket < 0 && remote_open(&player->remote, state) != 0) {
        player->step_at_us = player->now_us + PLAYER_RETRY_US;
        return;
    }
    stop_hearing(player);
    int error = player->step.act == SCRIPT_CLICK ? click(player, player->step.track)
                                                 : remote_next(&player->remote);
    if (error != 0) {
        remote_close(&player->remote);
    }
    player->step_at_us = error == 0 ? TIME_NEVER_US : player->now_us + PLAYER_RETRY_US;
}

bool player_attend(struct player *player, uint64_t now_us)
{
    player->now_us = now_us;
    bool is_open = process_read(&player->process, take_line, player);
    if (is_open && player->remote.socket >= 0) {
        (void)remote_read(&player->remote);
    }
    if (is_open && now_us >= player->step_at_us) {
        act(player);
    }
    return is_open;
}

uint64_t player_next_us(const struct player *player)
{
    return player->process.output < 0 ? TIME_NEVER_US : player->step_at_us;
}

void player_stop(struct player *player, uint64_t now_us)
{
    player->now_us = now_us;
    player->step_at_us = TIME_NEVER_US;
    stop_hearing(player);
    player->outcome->cpu_us += process_cpu_us(&player->process);
    process_signal(&player->process, SIGTERM);
}

void player_deinit(struct player *player)
{
    remote_close(&player->remote);
    process_deinit(&player->process);
}
