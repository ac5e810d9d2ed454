/*
 * upload_rule.c: see upload_rule.h.
 */
#include "player/upload_rule.h"

#include <stddef.h>

static bool is_within(const struct upload_limit *limit, unsigned hour)
{
    if (limit->from_hour == limit->till_hour) {
        return true;
    }
    if (limit->from_hour < limit->till_hour) {
        return hour >= limit->from_hour && hour < limit->till_hour;
    }
    return hour >= limit->from_hour || hour < limit->till_hour; /* past midnight */
}

struct upload_rule upload_rule_decide(const struct args *args, const struct upload_facts *facts)
{
    struct upload_rule rule = {.off = UPLOAD_ON};
    if (args->no_upload) {
        rule.off = UPLOAD_OFF_OPTION;
    } else if (facts->is_metered) {
        rule.off = UPLOAD_OFF_METERED;
    } else if (facts->is_battery_low) {
        rule.off = UPLOAD_OFF_BATTERY;
    } else if (is_within(&args->upload_limit, facts->hour)) {
        rule.bytes_per_s = args->upload_limit.bytes_per_s;
    }
    return rule;
}

const char *upload_off_name(enum upload_off off)
{
    switch (off) {
    case UPLOAD_OFF_OPTION:
        return "option";
    case UPLOAD_OFF_METERED:
        return "metered";
    case UPLOAD_OFF_BATTERY:
        return "battery";
    case UPLOAD_ON:
        break;
    }
    return NULL;
}
