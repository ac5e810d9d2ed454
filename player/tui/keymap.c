/*
 * keymap.c: names of keys, and the table of actions.
 */
#include "player/tui/keymap.h"

#include "common/error.h"
#include "player/terminal_text.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define WORD_BYTES 24u

#define KEYMAP_ROW(action, name, keys, help) {name, keys, help},
static const struct {
    const char *name, *keys, *help;
} actions[KEYMAP_COUNT] = {KEYMAP_ACTIONS(KEYMAP_ROW)};
#undef KEYMAP_ROW

static const struct {
    const char *name;
    uint32_t key;
} names[] = {
    {"space", INPUT_SPACE},    {"enter", INPUT_ENTER},   {"tab", INPUT_TAB},
    {"escape", INPUT_ESCAPE},  {"esc", INPUT_ESCAPE},    {"backspace", INPUT_BACKSPACE},
    {"up", INPUT_UP},          {"down", INPUT_DOWN},     {"left", INPUT_LEFT},
    {"right", INPUT_RIGHT},    {"home", INPUT_HOME},     {"end", INPUT_END},
    {"pageup", INPUT_PAGE_UP}, {"pgup", INPUT_PAGE_UP},  {"pagedown", INPUT_PAGE_DOWN},
    {"pgdn", INPUT_PAGE_DOWN}, {"insert", INPUT_INSERT}, {"delete", INPUT_DELETE},
    {"f10", INPUT_F1 + 9},     {"f11", INPUT_F1 + 10},   {"f12", INPUT_F12},
    {"f1", INPUT_F1},          {"f2", INPUT_F1 + 1},     {"f3", INPUT_F1 + 2},
    {"f4", INPUT_F1 + 3},      {"f5", INPUT_F1 + 4},     {"f6", INPUT_F1 + 5},
    {"f7", INPUT_F1 + 6},      {"f8", INPUT_F1 + 7},     {"f9", INPUT_F1 + 8},
};

static const struct {
    const char *name;
    uint8_t modifier;
} modifiers[] = {{"ctrl-", INPUT_CTRL}, {"alt-", INPUT_ALT}, {"shift-", INPUT_SHIFT}};

/* "ctrl-x", "space", "ä" */
static bool parse_key(const char *word, struct keymap_key *ret_key)
{
    struct keymap_key found = {0};
    for (size_t i = 0; i < sizeof modifiers / sizeof modifiers[0]; i++) {
        size_t bytes = strlen(modifiers[i].name);
        if (strncmp(word, modifiers[i].name, bytes) == 0 && word[bytes] != '\0') {
            found.modifiers |= modifiers[i].modifier;
            word += bytes;
            i = (size_t)-1; /* from the first again: any order will do */
        }
    }
    uint32_t point = 0;
    unsigned count = terminal_text_decode(word, &point);
    if (count > 0 && word[count] == '\0' && point > INPUT_SPACE && point != INPUT_BACKSPACE) {
        found.key = point;
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0] && found.key == 0; i++) {
        if (strcmp(word, names[i].name) == 0) {
            found.key = names[i].key;
        }
    }
    *ret_key = found;
    return found.key != 0;
}

/* Words of `keys` one after the other; false at the end. */
static bool next_word(const char **keys, char ret_word[WORD_BYTES])
{
    *keys += strspn(*keys, " \t");
    size_t bytes = strcspn(*keys, " \t");
    if (bytes == 0) {
        return false;
    }
    snprintf(ret_word, WORD_BYTES, "%.*s", (int)(bytes < WORD_BYTES ? bytes : WORD_BYTES - 1),
             *keys);
    *keys += bytes;
    return true;
}

static void take_from_others(struct keymap *keymap, const struct keymap_key *key)
{
    for (unsigned action = 0; action < KEYMAP_COUNT; action++) {
        for (unsigned i = 0; i < KEYMAP_KEYS_MAX; i++) {
            struct keymap_key *had = &keymap->keys[action][i];
            if (had->key == key->key && had->modifiers == key->modifiers) {
                *had = (struct keymap_key){0};
            }
        }
    }
}

static int bind(struct keymap *keymap, unsigned action, const char *keys, char *ret_text)
{
    struct keymap_key parsed[KEYMAP_KEYS_MAX] = {0};
    char word[WORD_BYTES], shown[WORD_BYTES];
    unsigned count = 0;
    while (next_word(&keys, word)) {
        terminal_text_plain(word, shown, sizeof shown);
        if (count == KEYMAP_KEYS_MAX) {
            snprintf(ret_text, KEYMAP_TEXT_BYTES, "%s: more than %u keys; leave some out",
                     actions[action].name, KEYMAP_KEYS_MAX);
            return ERROR_FULL;
        }
        if (!parse_key(word, &parsed[count++])) {
            snprintf(ret_text, KEYMAP_TEXT_BYTES,
                     "%s: %s is no key; there are characters, names as space or pageup, and ctrl-, "
                     "alt-, shift- before them",
                     actions[action].name, shown);
            return ERROR_MALFORMED;
        }
    }
    memset(keymap->keys[action], 0, sizeof keymap->keys[action]);
    for (unsigned i = 0; i < count; i++) {
        take_from_others(keymap, &parsed[i]);
        keymap->keys[action][i] = parsed[i];
    }
    return 0;
}

void keymap_init(struct keymap *keymap)
{
    char text[KEYMAP_TEXT_BYTES];
    *keymap = (struct keymap){0};
    for (unsigned action = 0; action < KEYMAP_COUNT; action++) {
        int error = bind(keymap, action, actions[action].keys, text);
        assert(error == 0);
        (void)error;
    }
}

int keymap_bind(struct keymap *keymap, const char *action, const char *keys, char *ret_text)
{
    for (unsigned i = 0; i < KEYMAP_COUNT; i++) {
        if (strcmp(actions[i].name, action) == 0) {
            return bind(keymap, i, keys, ret_text);
        }
    }
    char shown[WORD_BYTES];
    snprintf(ret_text, KEYMAP_TEXT_BYTES, "%s: no such action; see the list in docs/TUI.md",
             terminal_text_plain(action, shown, sizeof shown));
    return ERROR_NOT_FOUND;
}

enum keymap_action keymap_find(const struct keymap *keymap, uint32_t key, uint8_t with)
{
    for (unsigned action = 0; action < KEYMAP_COUNT; action++) {
        for (unsigned i = 0; i < KEYMAP_KEYS_MAX; i++) {
            const struct keymap_key *has = &keymap->keys[action][i];
            if (has->key != 0 && has->key == key && has->modifiers == with) {
                return (enum keymap_action)action;
            }
        }
    }
    return KEYMAP_NONE;
}

static void put_point(uint32_t point, char ret_text[5])
{
    if (point < 0x80) {
        snprintf(ret_text, 5, "%c", (char)point);
    } else if (point < 0x800) {
        snprintf(ret_text, 5, "%c%c", (char)(0xc0 | point >> 6), (char)(0x80 | (point & 0x3f)));
    } else if (point < 0x10000) {
        snprintf(ret_text, 5, "%c%c%c", (char)(0xe0 | point >> 12),
                 (char)(0x80 | (point >> 6 & 0x3f)), (char)(0x80 | (point & 0x3f)));
    } else {
        snprintf(ret_text, 5, "%c%c%c%c", (char)(0xf0 | point >> 18),
                 (char)(0x80 | (point >> 12 & 0x3f)), (char)(0x80 | (point >> 6 & 0x3f)),
                 (char)(0x80 | (point & 0x3f)));
    }
}

static const char *key_name(uint32_t key, char ret_text[5])
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (names[i].key == key) {
            return names[i].name;
        }
    }
    put_point(key, ret_text);
    return ret_text;
}

const char *keymap_keys(const struct keymap *keymap, enum keymap_action action, unsigned count,
                        char ret_text[KEYMAP_TEXT_BYTES])
{
    size_t used = 0;
    char point[5];
    ret_text[0] = '\0';
    for (unsigned i = 0; i < KEYMAP_KEYS_MAX && count > 0; i++) {
        const struct keymap_key *key = &keymap->keys[action][i];
        if (key->key == 0) {
            continue;
        }
        count--;
        used += (size_t)snprintf(
            ret_text + used, KEYMAP_TEXT_BYTES - used, "%s%s%s%s%s", used > 0 ? " " : "",
            (key->modifiers & INPUT_CTRL) != 0 ? "ctrl-" : "",
            (key->modifiers & INPUT_ALT) != 0 ? "alt-" : "",
            (key->modifiers & INPUT_SHIFT) != 0 ? "shift-" : "", key_name(key->key, point));
        assert(used < KEYMAP_TEXT_BYTES);
    }
    return ret_text;
}

const char *keymap_name(enum keymap_action action)
{
    return actions[action].name;
}

const char *keymap_help(enum keymap_action action)
{
    return actions[action].help;
}
