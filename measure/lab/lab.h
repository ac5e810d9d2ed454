/*
 * lab.h: real programs on emulated lines: an origin, players in namespaces of their own, scripted
 * listeners, and what they experienced. docs/LAB.md tells how to read it.
 */
#ifndef MEASURE_LAB_LAB_H
#define MEASURE_LAB_LAB_H

#include <stdbool.h>
#include <stdint.h>

#define LAB_LISTENERS_MAX 100u

struct lab_options {
    const char *music;    /* folder that the origin is made of */
    const char *folder;   /* where caches and logs go; NULL: a temporary one that is removed */
    uint32_t listeners;   /* 1 to LAB_LISTENERS_MAX */
    uint64_t duration_us; /* from the players' start to their end */
    uint64_t seed;
    uint64_t down_bits_per_s, up_bits_per_s; /* of a listener's line */
    uint64_t origin_bits_per_s;              /* of the origin's, both ways */
    uint64_t rtt_us;                         /* between any two hosts; the origin is as far */
    uint32_t loss_ppm;
    bool without_peers;
    bool is_flash; /* all start the same track within 2 s, and listen on */
    bool json;
};

/* Runs it and prints the outcome. Returns an exit code: 0; 2: options; 4: a program failed; 6: the
 * folder; 9; EXIT_CODE_UNSUPPORTED: no rights, or no TUN device here (it says which). */
int lab_run(const struct lab_options *options);

#endif
