/*
 * upload_rule.h: whether, and how fast, this listener gives to peers now.
 *
 * Nothing is given on a line that is paid by volume, nor on a battery that runs low; otherwise the
 * command line rules. Pure; what the machine's state is, upload.h finds out.
 */
#ifndef PLAYER_UPLOAD_RULE_H
#define PLAYER_UPLOAD_RULE_H

#include "player/args.h"

struct upload_facts {
    bool is_metered;     /* the line is paid by volume, as NetworkManager knows or guesses */
    bool is_battery_low; /* it discharges, and less than BATTERY_LOW_PERCENT (battery.h) is left */
    unsigned hour;       /* local time, 0 to 23 */
};

enum upload_off {
    UPLOAD_ON = 0,
    UPLOAD_OFF_OPTION, /* --no-upload */
    UPLOAD_OFF_METERED,
    UPLOAD_OFF_BATTERY,
};

struct upload_rule {
    enum upload_off off;
    uint64_t bytes_per_s; /* 0 = automatic */
};

struct upload_rule upload_rule_decide(const struct args *args, const struct upload_facts *facts);
/* "metered", ...; NULL for UPLOAD_ON. For JSON and people. */
const char *upload_off_name(enum upload_off off);

#endif
