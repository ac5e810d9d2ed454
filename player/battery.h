/*
 * battery.h: whether this machine runs on a battery that is nearly empty (Linux, sysfs:
 * Documentation/ABI/testing/sysfs-class-power).
 */
#ifndef PLAYER_BATTERY_H
#define PLAYER_BATTERY_H

#include <stdbool.h>

#define BATTERY_FOLDER "/sys/class/power_supply"
#define BATTERY_LOW_PERCENT 20

/* True: a battery of the machine (not of a mouse) discharges and has less than BATTERY_LOW_PERCENT left.
 * Reading may take some tenths of a second: not for the engine's thread. */
bool battery_is_low(const char *folder);

#endif
