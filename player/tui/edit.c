/*
 * edit.c: characters at the end of a text.
 */
#include "player/tui/edit.h"

#include "player/terminal_text.h"

#include <string.h>

static void add_character(char *text, size_t capacity, uint32_t point)
{
    char bytes[5] = "";
    size_t used = strlen(text);
    if (point < 0x80) {
        bytes[0] = (char)point;
    } else if (point < 0x800) {
        bytes[0] = (char)(0xc0 | point >> 6);
        bytes[1] = (char)(0x80 | (point & 0x3f));
    } else if (point < 0x10000) {
        bytes[0] = (char)(0xe0 | point >> 12);
        bytes[1] = (char)(0x80 | (point >> 6 & 0x3f));
        bytes[2] = (char)(0x80 | (point & 0x3f));
    } else {
        bytes[0] = (char)(0xf0 | point >> 18);
        bytes[1] = (char)(0x80 | (point >> 12 & 0x3f));
        bytes[2] = (char)(0x80 | (point >> 6 & 0x3f));
        bytes[3] = (char)(0x80 | (point & 0x3f));
    }
    if (used + strlen(bytes) < capacity && !terminal_text_steers(point)) {
        memcpy(text + used, bytes, strlen(bytes) + 1);
    }
}

static void erase_character(char *text)
{
    size_t used = strlen(text);
    while (used > 0 && ((uint8_t)text[used - 1] & 0xc0) == 0x80) {
        used--;
    }
    text[used > 0 ? used - 1 : 0] = '\0';
}

static void erase_word(char *text)
{
    size_t used = strlen(text);
    while (used > 0 && text[used - 1] == ' ') {
        used--;
    }
    while (used > 0 && text[used - 1] != ' ') {
        used--;
    }
    text[used] = '\0';
}

bool edit_key(char *text, size_t capacity, const struct input_event *event)
{
    bool is_plain = (event->modifiers & (INPUT_CTRL | INPUT_ALT)) == 0;
    if (event->kind == INPUT_TEXT || (is_plain && event->key >= INPUT_SPACE &&
                                      event->key != INPUT_BACKSPACE && event->key < INPUT_UP)) {
        add_character(text, capacity, event->key);
    } else if (event->key == INPUT_BACKSPACE) {
        erase_character(text);
    } else if (event->modifiers == INPUT_CTRL && event->key == 'u') {
        text[0] = '\0';
    } else if (event->modifiers == INPUT_CTRL && event->key == 'w') {
        erase_word(text);
    } else {
        return false;
    }
    return true;
}
