/*
 * options.c: reads the lab's options and says what is wrong with them.
 */
#include "measure/lab/options.h"

#include "common/exit_code.h"
#include "common/time_us.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define LAB_MBIT UINT64_C(1000000)

const char lab_help_text[] =
    "Usage: refrain-measure lab --music FOLDER [OPTIONS]\n"
    "\n"
    "Runs an origin and real players, each in a network namespace with a line of its own, with\n"
    "listeners that click, skip and listen as published figures say. Needs root.\n"
    "\n"
    "  --music FOLDER    the origin is made of it\n"
    "  --listeners N     20 when not given\n"
    "  --minutes N       3 when not given\n"
    "  --seed N          of all chance; 1 when not given\n"
    "  --line DOWN/UP    of each listener, in Mbit/s; 10/2 when not given\n"
    "  --rtt MS          between any two hosts; 40 when not given\n"
    "  --loss PPM        packets of a million that get lost on each line; 0 when not given\n"
    "  --no-peers        everything from the origin, for comparison\n"
    "  --flash           all start the same track within two seconds\n"
    "  --folder DIR      where caches and logs are kept; a temporary one when not given\n"
    "  --json            the outcome as one JSON object\n";

void lab_options_init(struct lab_options *ret_options)
{
    *ret_options = (struct lab_options){.listeners = 20,
                                        .duration_us = 180 * TIME_US_PER_S,
                                        .down_bits_per_s = 10 * LAB_MBIT,
                                        .up_bits_per_s = 2 * LAB_MBIT,
                                        .origin_bits_per_s = 100 * LAB_MBIT,
                                        .rtt_us = 40 * TIME_US_PER_MS};
}

/* A whole number between two bounds; `name` is the option's. */
static int take_number(const char *name, const char *text, uint64_t least, uint64_t most,
                       uint64_t *ret_number)
{
    char *end = NULL;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || text[0] == '-' || number < least ||
        number > most) {
        fprintf(stderr,
                "refrain-measure: %s must be a whole number from %" PRIu64 " to %" PRIu64
                ", not %s; see refrain-measure lab --help\n",
                name, least, most, text);
        return EXIT_CODE_USAGE;
    }
    *ret_number = number;
    return 0;
}

static int take_line(const char *text, struct lab_options *options)
{
    unsigned down = 0, up = 0;
    char behind = '\0';
    if (sscanf(text, "%u/%u%c", &down, &up, &behind) != 2 || down == 0 || up == 0 || down > 1000 ||
        up > 1000) {
        fprintf(stderr,
                "refrain-measure: --line is DOWN/UP in whole Mbit/s, 1 to 1000 each, not %s; see "
                "refrain-measure lab --help\n",
                text);
        return EXIT_CODE_USAGE;
    }
    options->down_bits_per_s = down * LAB_MBIT;
    options->up_bits_per_s = up * LAB_MBIT;
    return 0;
}

static int take_numbers(int option, const char *text, struct lab_options *options)
{
    uint64_t number = 0;
    int code = EXIT_CODE_USAGE; /* getopt has said what is the matter */
    if (option == LAB_OPTION_LISTENERS) {
        code = take_number("--listeners", text, 1, LAB_LISTENERS_MAX, &number);
        options->listeners = (uint32_t)number;
    } else if (option == LAB_OPTION_MINUTES) {
        code = take_number("--minutes", text, 1, 1440, &number);
        options->duration_us = number * 60 * TIME_US_PER_S;
    } else if (option == LAB_OPTION_RTT) {
        code = take_number("--rtt", text, 0, 10000, &number);
        options->rtt_us = number * TIME_US_PER_MS;
    } else if (option == LAB_OPTION_LOSS) {
        code = take_number("--loss", text, 0, 500000, &number);
        options->loss_ppm = (uint32_t)number;
    }
    return code;
}

int lab_options_take(int option, const char *text, struct lab_options *options)
{
    switch (option) {
    case LAB_OPTION_MUSIC:
        options->music = text;
        return 0;
    case LAB_OPTION_FOLDER:
        options->folder = text;
        return 0;
    case LAB_OPTION_LINE:
        return take_line(text, options);
    case LAB_OPTION_FLASH:
        options->is_flash = true;
        return 0;
    default:
        return take_numbers(option, text, options);
    }
}
