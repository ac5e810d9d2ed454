/*
 * input.h: what a terminal sends: keys, the mouse, pasted text.
 *
 * Pure. Takes bytes as they come, in any pieces; whatever they are, it gives events or passes over them
 * (a fuzz target feeds it anything). What keys mean is keymap.h's.
 */
#ifndef PLAYER_TUI_INPUT_H
#define PLAYER_TUI_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The longest sequence that is understood; longer ones are passed over to their end. */
#define INPUT_BYTES_MAX 64u

/* Keys without a character stand above all characters. */
enum input_key {
    INPUT_UP = 0x110000,
    INPUT_DOWN,
    INPUT_LEFT,
    INPUT_RIGHT,
    INPUT_HOME,
    INPUT_END,
    INPUT_PAGE_UP,
    INPUT_PAGE_DOWN,
    INPUT_INSERT,
    INPUT_DELETE,
    INPUT_F1, /* to F12, one after the other */
    INPUT_F12 = INPUT_F1 + 11,
    /* Characters: */
    INPUT_TAB = 9,
    INPUT_ENTER = 13,
    INPUT_ESCAPE = 27,
    INPUT_SPACE = 32,
    INPUT_BACKSPACE = 127,
};

enum input_modifier { INPUT_SHIFT = 1, INPUT_ALT = 2, INPUT_CTRL = 4 };

enum input_kind {
    INPUT_KEY,   /* key, modifiers. Ctrl-A is 'a' with INPUT_CTRL; capitals have no INPUT_SHIFT */
    INPUT_TEXT,  /* a character (key) that was pasted: never a command */
    INPUT_PRESS, /* x, y: the left button went down */
    INPUT_DRAG,  /* x, y: it is held and moved */
    INPUT_RELEASE,
    INPUT_WHEEL_UP, /* x, y */
    INPUT_WHEEL_DOWN,
};

struct input_event {
    enum input_kind kind;
    uint32_t key;      /* enum input_key or a character (Unicode) */
    uint8_t modifiers; /* of input_modifier */
    unsigned x, y;     /* cells, from 0 */
};

struct input {
    uint8_t bytes[INPUT_BYTES_MAX]; /* of a sequence that is not whole */
    unsigned count;
    bool is_skipping; /* the rest of a sequence that is too long, or a string */
    bool is_pasting;
};

/* One byte. True: an event has come. Zero `input` before its first use. */
bool input_push(struct input *input, uint8_t byte, struct input_event *ret_event);
/* Nothing followed for a while (INPUT_ESCAPE_US): an ESC that waits for more was the key. True: event. */
#define INPUT_ESCAPE_US UINT64_C(40000)
bool input_flush(struct input *input, struct input_event *ret_event);
/* Whether input_flush has something to say. */
bool input_is_waiting(const struct input *input);

#endif
