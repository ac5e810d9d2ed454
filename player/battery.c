/*
 * battery.c: reads what the kernel tells of power supplies.
 *
 * Failure modes: what is not there or can't be read says nothing: then no battery is low.
 */
#include "player/battery.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORD_BYTES 32
#define PATH_BYTES 1024

/* The file's first word; "" when there is none. */
static void read_word(const char *folder, const char *supply, const char *name,
                      char ret_word[WORD_BYTES])
{
    char path[PATH_BYTES];
    ret_word[0] = '\0';
    if (snprintf(path, sizeof path, "%s/%s/%s", folder, supply, name) >= (int)sizeof path) {
        return;
    }
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return;
    }
    if (fgets(ret_word, WORD_BYTES, file) != NULL) {
        ret_word[strcspn(ret_word, "\n")] = '\0';
    }
    fclose(file);
}

static bool is_low(const char *folder, const char *supply)
{
    char type[WORD_BYTES], scope[WORD_BYTES], status[WORD_BYTES], capacity[WORD_BYTES];
    read_word(folder, supply, "type", type);
    read_word(folder, supply, "scope", scope);
    read_word(folder, supply, "status", status);
    if (strcmp(type, "Battery") != 0 || strcmp(scope, "Device") == 0 ||
        strcmp(status, "Discharging") != 0) {
        return false;
    }
    read_word(folder, supply, "capacity", capacity);
    char *end;
    long percent = strtol(capacity, &end, 10);
    return end != capacity && percent >= 0 && percent < BATTERY_LOW_PERCENT;
}

bool battery_is_low(const char *folder)
{
    bool found = false;
    DIR *list = opendir(folder);
    if (list == NULL) {
        return false;
    }
    for (const struct dirent *entry; !found && (entry = readdir(list)) != NULL;) {
        found = entry->d_name[0] != '.' && is_low(folder, entry->d_name);
    }
    closedir(list);
    return found;
}
