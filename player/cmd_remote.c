/*
 * cmd_remote.c: one word from the command line, one request to the engine that runs.
 */
#include "common/exit_code.h"
#include "common/time_us.h"
#include "player/cmd.h"
#include "player/report.h"
#include "player/terminal_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int complain(const char *thing, const char *rest)
{
    report_error("%s: %s; see \"refrain %s --help\"", thing, rest, "next");
    return EXIT_CODE_USAGE;
}

/* A whole number that takes all of the text. */
static bool take_whole(const char *text, long long *ret_number)
{
    char *end;
    long long number = strtoll(text, &end, 10);
    if (end == text || *end != '\0' || number < -1000000000 || number > 1000000000) {
        return false;
    }
    *ret_number = number;
    return true;
}

/* Asks, and shows the answer to scripts. */
static int do_request(const struct args *args, json_t *request, json_t **ret_answer)
{
    json_t *answer = NULL;
    int code = cmd_ask(request, &answer);
    if (code != EXIT_CODE_OK) {
        return code;
    }
    if (args->json) {
        json_dumpf(answer, stdout, JSON_COMPACT);
        putchar('\n');
    }
    if (ret_answer != NULL) {
        *ret_answer = answer;
    } else {
        json_decref(answer);
    }
    return EXIT_CODE_OK;
}

/* --- simple ones ------------------------------------------------------------------------------------ */

static int seek(const struct args *args)
{
    const char *text = args->operand_count == 1 ? args->operands[0] : "";
    bool is_step = text[0] == '+' || text[0] == '-';
    uint64_t position_us;
    if (args_parse_position(text + (is_step ? 1 : 0), &position_us) != 0) {
        return complain("seek", "where to is missing, or no position: 90, 1:30, +10, -10");
    }
    json_int_t ms = (json_int_t)(position_us / TIME_US_PER_MS);
    return do_request(args,
                      json_pack("{s:s, s:I}", "do", "seek", is_step ? "by_ms" : "position_ms",
                                text[0] == '-' ? -ms : ms),
                      NULL);
}

static int volume(const struct args *args)
{
    long long number = 0;
    json_t *answer = NULL;
    json_t *request = json_pack("{s:s}", "do", "volume");
    if (args->operand_count > 0) {
        const char *text = args->operands[0];
        bool is_step = text[0] == '+' || text[0] == '-';
        if (args->operand_count > 1 || !take_whole(text, &number)) {
            json_decref(request);
            return complain("volume", "no volume: 80, +5, -5");
        }
        json_object_set_new(request, is_step ? "by" : "percent", json_integer(number));
    }
    int code = do_request(args, request, &answer);
    if (code == EXIT_CODE_OK && !args->json) {
        printf("%lld %%\n", (long long)json_integer_value(json_object_get(answer, "percent")));
    }
    json_decref(answer);
    return code;
}

static int mode(const struct args *args)
{
    if (args->operand_count != 1) {
        return complain(args->remote, "one word is needed: how");
    }
    return do_request(args, json_pack("{s:s, s:s}", "do", args->remote, "mode", args->operands[0]),
                      NULL);
}

static int plain(const struct args *args)
{
    if (args->operand_count != 0) {
        return complain(args->operands[0], "one word too many");
    }
    return do_request(args, json_pack("{s:s}", "do", args->remote), NULL);
}

/* --- the queue ---------------------------------------------------------------------------------------- */

static void print_text(const json_t *entry, const char *name)
{
    char line[600];
    const char *text = json_string_value(json_object_get(entry, name));
    fputs(terminal_text_plain(text != NULL ? text : "", line, sizeof line), stdout);
}

static void print_queue(const json_t *queue)
{
    size_t i;
    const json_t *entry;
    json_int_t current = json_integer_value(json_object_get(queue, "current"));
    const json_t *entries = json_object_get(queue, "entries");
    json_array_foreach(entries, i, entry)
    {
        bool plays = json_integer_value(json_object_get(entry, "entry")) == current;
        long long ms = json_integer_value(json_object_get(entry, "duration_ms"));
        printf("%s%4zu  ", plays ? ">" : " ", i + 1);
        if (json_object_get(entry, "title") == NULL) {
            print_text(entry, "track");
        } else {
            print_text(entry, "artist");
            fputs(" - ", stdout);
            print_text(entry, "title");
            printf(" (%lld:%02lld)", ms / 60000, ms / 1000 % 60);
        }
        putchar('\n');
    }
}

static int show_queue(const struct args *args)
{
    json_t *answer = NULL;
    int code = do_request(args, json_pack("{s:s}", "do", "queue"), &answer);
    if (code == EXIT_CODE_OK && !args->json) {
        print_queue(answer);
    }
    json_decref(answer);
    return code;
}

/* The entry that stands at a place (from 1). */
static bool find_entry(const json_t *queue, const char *text, json_t **ret_entry)
{
    long long place;
    const json_t *entries = json_object_get(queue, "entries");
    if (!take_whole(text, &place) || place < 1 || (size_t)place > json_array_size(entries)) {
        report_error("place %s: the queue has none of this number; see \"refrain queue\"", text);
        return false;
    }
    const json_t *entry = json_array_get(entries, (size_t)place - 1);
    *ret_entry = json_incref(json_object_get(entry, "entry"));
    return true;
}

/* The request of a verb that names entries by their places; NULL: it was told why. */
static json_t *make_entry_request(const struct args *args, const json_t *queue)
{
    bool is_removal = strcmp(args->operands[0], "rm") == 0;
    bool is_move = strcmp(args->operands[0], "mv") == 0;
    json_t *entries = json_array();
    uint32_t named = is_removal ? args->operand_count : 2;
    long long to = 1;
    json_t *entry = NULL;
    for (uint32_t i = 1; i < named; i++) {
        if (!find_entry(queue, args->operands[i], &entry)) {
            json_decref(entries);
            return NULL;
        }
        json_array_append_new(entries, entry);
    }
    if (is_removal) {
        return json_pack("{s:s, s:o}", "do", "queue_remove", "entries", entries);
    }
    if (is_move && (!take_whole(args->operands[2], &to) || to < 1)) {
        report_error("place %s: the queue has none of this number; see \"refrain queue\"",
                     args->operands[2]);
        json_decref(entries);
        return NULL;
    }
    json_t *request = json_pack("{s:s, s:O}", "do", is_move ? "queue_move" : "jump", "entry",
                                json_array_get(entries, 0));
    if (is_move) {
        json_object_set_new(request, "to", json_integer(to - 1));
    }
    json_decref(entries);
    return request;
}

static int change_by_places(const struct args *args)
{
    json_t *queue = NULL;
    int code = cmd_ask(json_pack("{s:s}", "do", "queue"), &queue);
    if (code != EXIT_CODE_OK) {
        return code;
    }
    json_t *request = make_entry_request(args, queue);
    json_decref(queue);
    return request != NULL ? do_request(args, request, NULL) : EXIT_CODE_NOT_FOUND;
}

static int add(const struct args *args, const char *at)
{
    json_t *targets = json_array();
    for (uint32_t i = 1; i < args->operand_count; i++) {
        json_array_append_new(targets, json_string(args->operands[i]));
    }
    return do_request(
        args, json_pack("{s:s, s:s, s:o}", "do", "queue_add", "at", at, "targets", targets), NULL);
}

static int queue(const struct args *args)
{
    const char *word = args->operand_count > 0 ? args->operands[0] : "show";
    uint32_t more = args->operand_count > 0 ? args->operand_count - 1 : 0;
    if (strcmp(word, "show") == 0 && more == 0) {
        return show_queue(args);
    }
    if (strcmp(word, "clear") == 0 && more == 0) {
        return do_request(args, json_pack("{s:s}", "do", "queue_clear"), NULL);
    }
    if ((strcmp(word, "add") == 0 || strcmp(word, "next") == 0) && more > 0) {
        return add(args, word[0] == 'a' ? "end" : "next");
    }
    if ((strcmp(word, "rm") == 0 && more > 0) || (strcmp(word, "mv") == 0 && more == 2) ||
        (strcmp(word, "play") == 0 && more == 1)) {
        return change_by_places(args);
    }
    return complain("queue", "show, add, next, rm, mv, play or clear, with what it is about");
}

int cmd_remote(const struct args *args)
{
    const struct {
        const char *name;
        int (*run)(const struct args *args);
    } rows[] = {{"seek", seek},   {"volume", volume},   {"shuffle", mode},
                {"repeat", mode}, {"replaygain", mode}, {"queue", queue}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(rows[i].name, args->remote) == 0) {
            return rows[i].run(args);
        }
    }
    return plain(args);
}
