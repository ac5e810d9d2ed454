/*
 * commands.c: the `at` lines of a workload file.
 */
#include "common/time_us.h"
#include "measure/workload/grow.h"
#include "measure/workload/words.h"

#include <string.h>

#define RANDOM_MAX 10000u

static void parse_play(struct words *words, struct workload_command *command)
{
    struct workload *workload = words->workload;
    bool is_random = words->count > 4 && strcmp(words->list[4], "random") == 0;
    command->kind = WORKLOAD_PLAY;
    command->first_track = workload->played_count;
    for (uint32_t i = is_random ? 5 : 4; i < words->count; i++) {
        uint64_t number = words_number(words, words->list[i], words_numbers);
        if (is_random) {
            command->random_count = number > RANDOM_MAX ? RANDOM_MAX : (uint32_t)number;
            continue;
        }
        if (number >= workload->track_count) {
            words_refuse(words, "no such track; `tracks` must stand before");
            return;
        }
        workload->played =
            measure_grow(workload->played, workload->played_count + 1, sizeof *workload->played);
        workload->played[workload->played_count++] = (uint32_t)number;
        command->track_count++;
    }
    if (command->track_count + command->random_count == 0 || workload->track_count == 0) {
        words_refuse(words, "play what? Track numbers, or random N");
    }
}

static void parse_wander(struct words *words, struct workload_command *command)
{
    uint64_t count = words->count == 5 ? words_number(words, words->list[4], words_numbers) : 0;
    command->random_count = count > RANDOM_MAX ? RANDOM_MAX : (uint32_t)count;
    if (count == 0 || words->workload->track_count == 0) {
        words_refuse(words, "wander needs a number of tracks, and `tracks` before it");
    }
}

/* Verbs of listeners, and what may stand behind each. */
enum behind { NOTHING, A_TIME, MAYBE_TIME, OTHER };

static const struct verb {
    const char *name;
    enum workload_command_kind kind;
    enum behind behind;
} verbs[] = {{"play", WORKLOAD_PLAY, OTHER},        {"wander", WORKLOAD_WANDER, OTHER},
             {"seek", WORKLOAD_SEEK, A_TIME},       {"pause", WORKLOAD_PAUSE, NOTHING},
             {"resume", WORKLOAD_RESUME, NOTHING},  {"stop", WORKLOAD_STOP, NOTHING},
             {"leave", WORKLOAD_LEAVE, MAYBE_TIME}, {"vanish", WORKLOAD_VANISH, MAYBE_TIME},
             {"join", WORKLOAD_JOIN, NOTHING},      {"sleep", WORKLOAD_SLEEP, A_TIME},
             {"move", WORKLOAD_MOVE, NOTHING}};

static void parse_listener_verb(struct words *words, struct workload_command *command)
{
    const struct verb *verb = NULL;
    for (uint32_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        verb = strcmp(verbs[i].name, words->list[3]) == 0 ? &verbs[i] : verb;
    }
    uint32_t least = verb != NULL && verb->behind == A_TIME ? 5 : 4;
    uint32_t most = verb != NULL && verb->behind == NOTHING ? 4 : 5;
    if (verb == NULL || (verb->behind != OTHER && (words->count < least || words->count > most))) {
        words_refuse(words, "a listener may play, wander N, seek TIME, pause, resume, stop, leave, "
                            "vanish, join, sleep TIME or move");
        return;
    }
    command->kind = verb->kind;
    if (verb->kind == WORKLOAD_PLAY) {
        parse_play(words, command);
    } else if (verb->kind == WORKLOAD_WANDER) {
        parse_wander(words, command);
    } else if (verb->kind == WORKLOAD_SEEK) {
        command->position_us = words_number(words, words->list[4], words_times);
    } else if (words->count == 5) {
        words_span(words, words->list[4], words_times, &command->away_us, &command->away_until_us);
    }
}

static void parse_origin_verb(struct words *words, struct workload_command *command)
{
    static const char *const names[] = {"stop",     "start", "vanish", "honest",
                                        "nonsense", "dead",  NULL};
    static const enum workload_command_kind kinds[] = {
        WORKLOAD_ORIGIN_STOP,   WORKLOAD_ORIGIN_START,    WORKLOAD_ORIGIN_VANISH,
        WORKLOAD_ORIGIN_HONEST, WORKLOAD_ORIGIN_NONSENSE, WORKLOAD_ORIGIN_DEAD};
    command->kind =
        kinds[words_choice(words, words->list[3], names,
                           "the origin may stop, start, vanish, or be honest, nonsense or dead")];
}

/* An N% at the end of the line. */
static uint32_t take_chance(struct words *words)
{
    const char *last = words->list[words->count - 1];
    if (words->count < 5 || strchr(last, '%') == NULL) {
        return 100;
    }
    uint64_t percent = words_take_number(words, &last, words_numbers);
    if (percent > 100 || strcmp(last, "%") != 0) {
        words_refuse(words, "a chance is 0% to 100%");
    }
    words->count--;
    return (uint32_t)percent;
}

void commands_parse(struct words *words)
{
    struct workload *workload = words->workload;
    struct workload_command command = {0};
    if (words->count < 4) {
        words_refuse(words, "`at` needs TIME, WHO and what to do");
        return;
    }
    command.chance_percent = take_chance(words);
    words_span(words, words->list[1], words_times, &command.at_us, &command.until_us);
    if (strcmp(words->list[2], "origin") == 0) {
        parse_origin_verb(words, &command);
    } else {
        words_places(words, words->list[2], workload->listener_count,
                     "no such listener; `listeners` must stand before", &command.listener,
                     &command.last_listener);
        parse_listener_verb(words, &command);
    }
    workload->commands =
        measure_grow(workload->commands, workload->command_count + 1, sizeof *workload->commands);
    workload->commands[workload->command_count++] = command;
}
