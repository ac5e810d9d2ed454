/*
 * options.h: the command line of `refrain-measure lab`, apart from the options that it shares with
 * other verbs.
 */
#ifndef MEASURE_LAB_OPTIONS_H
#define MEASURE_LAB_OPTIONS_H

#include "measure/lab/lab.h"

/* Numbers of options for getopt_long, above those of main.c. */
enum {
    LAB_OPTION_MUSIC = 512,
    LAB_OPTION_LISTENERS,
    LAB_OPTION_MINUTES,
    LAB_OPTION_LINE,
    LAB_OPTION_RTT,
    LAB_OPTION_LOSS,
    LAB_OPTION_FLASH,
    LAB_OPTION_FOLDER,
};

/* Entries of the table for getopt_long. */
#define LAB_LONG_OPTIONS                                                                           \
    {"music", required_argument, NULL, LAB_OPTION_MUSIC},                                          \
        {"listeners", required_argument, NULL, LAB_OPTION_LISTENERS},                              \
        {"minutes", required_argument, NULL, LAB_OPTION_MINUTES},                                  \
        {"line", required_argument, NULL, LAB_OPTION_LINE},                                        \
        {"rtt", required_argument, NULL, LAB_OPTION_RTT},                                          \
        {"loss", required_argument, NULL, LAB_OPTION_LOSS},                                        \
        {"flash", no_argument, NULL, LAB_OPTION_FLASH},                                            \
    {                                                                                              \
        "folder", required_argument, NULL, LAB_OPTION_FOLDER                                       \
    }

extern const char lab_help_text[];

void lab_options_init(struct lab_options *ret_options);
/* Takes one option. 0, or EXIT_CODE_USAGE: a message was printed (for one that is none of ours,
 * getopt's). */
int lab_options_take(int option, const char *text, struct lab_options *options);

#endif
