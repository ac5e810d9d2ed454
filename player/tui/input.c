/*
 * input.c: sequences of ECMA-48 as xterm and its kin send them, UTF-8, SGR mouse reports (1006).
 */
#include "player/tui/input.h"

#include "common/utf8.h"

#include <assert.h>
#include <string.h>

#define ESCAPE 27
#define NUMBERS_MAX 4u
#define NUMBER_MAX 100000u

static bool key(uint32_t code, uint8_t modifiers, struct input_event *ret_event)
{
    *ret_event = (struct input_event){.kind = INPUT_KEY, .key = code, .modifiers = modifiers};
    return true;
}

/* A byte below 32 that is no key of its own is a letter with Ctrl. */
static bool control_key(uint8_t byte, uint8_t modifiers, struct input_event *ret_event)
{
    if (byte == '\n') {
        byte = INPUT_ENTER;
    }
    if (byte == 8) {
        return key(INPUT_BACKSPACE, modifiers, ret_event);
    }
    if (byte == INPUT_TAB || byte == INPUT_ENTER || byte == ESCAPE) {
        return key(byte, modifiers, ret_event);
    }
    if (byte == 0) {
        return key(INPUT_SPACE, modifiers | INPUT_CTRL, ret_event);
    }
    return key((uint32_t)byte + (byte <= 26 ? 'a' - 1 : 'A' - 1), modifiers | INPUT_CTRL,
               ret_event);
}

/* --- sequences ------------------------------------------------------------------------------------ */

struct sequence {
    unsigned numbers[NUMBERS_MAX];
    unsigned count;
    uint8_t prefix; /* '<', '?', ... or 0 */
    uint8_t final;
};

/* "ESC [ < 0 ; 10 ; 5 M": parameters and the last byte. */
static bool parse(const uint8_t *bytes, unsigned count, struct sequence *ret_sequence)
{
    struct sequence sequence = {.final = bytes[count - 1]};
    for (unsigned i = 2; i + 1 < count; i++) {
        if (bytes[i] >= '<' && bytes[i] <= '?' && i == 2) {
            sequence.prefix = bytes[i];
        } else if (bytes[i] == ';') {
            if (++sequence.count >= NUMBERS_MAX) {
                return false;
            }
        } else if (bytes[i] >= '0' && bytes[i] <= '9') {
            unsigned *number = &sequence.numbers[sequence.count];
            *number = *number * 10 + (bytes[i] - '0');
            if (*number > NUMBER_MAX) {
                return false;
            }
        } else {
            return false;
        }
    }
    *ret_sequence = sequence;
    return true;
}

/* Bits of the mouse's first number: 0 to 2 buttons, 4 shift, 8 alt, 16 ctrl, 32 moved, 64 wheel. */
static bool mouse(const struct sequence *sequence, struct input_event *ret_event)
{
    unsigned buttons = sequence->numbers[0];
    if (sequence->numbers[1] == 0 || sequence->numbers[2] == 0) {
        return false;
    }
    struct input_event event = {.x = sequence->numbers[1] - 1, .y = sequence->numbers[2] - 1};
    if ((buttons & 64) != 0) {
        if ((buttons & 3) > 1) {
            return false; /* sideways */
        }
        event.kind = (buttons & 3) == 0 ? INPUT_WHEEL_UP : INPUT_WHEEL_DOWN;
        if (sequence->final == 'm') {
            return false;
        }
    } else if ((buttons & 3) != 0) {
        return false;
    } else if (sequence->final == 'm') {
        event.kind = INPUT_RELEASE;
    } else {
        event.kind = (buttons & 32) != 0 ? INPUT_DRAG : INPUT_PRESS;
    }
    *ret_event = event;
    return true;
}

static uint8_t modifiers_of(unsigned number)
{
    return number >= 2 && number <= 8 ? (uint8_t)(number - 1) : 0;
}

/* "ESC [ NUMBER ~" */
static bool numbered(struct input *input, const struct sequence *sequence,
                     struct input_event *ret_event)
{
    static const uint32_t keys[] = {
        [1] = INPUT_HOME,    [2] = INPUT_INSERT,    [3] = INPUT_DELETE,   [4] = INPUT_END,
        [5] = INPUT_PAGE_UP, [6] = INPUT_PAGE_DOWN, [7] = INPUT_HOME,     [8] = INPUT_END,
        [11] = INPUT_F1,     [12] = INPUT_F1 + 1,   [13] = INPUT_F1 + 2,  [14] = INPUT_F1 + 3,
        [15] = INPUT_F1 + 4, [17] = INPUT_F1 + 5,   [18] = INPUT_F1 + 6,  [19] = INPUT_F1 + 7,
        [20] = INPUT_F1 + 8, [21] = INPUT_F1 + 9,   [23] = INPUT_F1 + 10, [24] = INPUT_F12,
    };
    unsigned number = sequence->numbers[0];
    if (number == 200 || number == 201) {
        input->is_pasting = number == 200;
        return false;
    }
    if (number >= sizeof keys / sizeof keys[0] || keys[number] == 0) {
        return false;
    }
    return key(keys[number], modifiers_of(sequence->numbers[1]), ret_event);
}

/* The last byte of "ESC [ ... X" and "ESC O X". */
static bool lettered(uint8_t letter, uint8_t modifiers, struct input_event *ret_event)
{
    static const struct {
        uint8_t letter;
        uint32_t key;
    } keys[] = {{'A', INPUT_UP},     {'B', INPUT_DOWN},   {'C', INPUT_RIGHT}, {'D', INPUT_LEFT},
                {'H', INPUT_HOME},   {'F', INPUT_END},    {'P', INPUT_F1},    {'Q', INPUT_F1 + 1},
                {'R', INPUT_F1 + 2}, {'S', INPUT_F1 + 3}, {'M', INPUT_ENTER}};
    if (letter == 'Z') {
        return key(INPUT_TAB, INPUT_SHIFT, ret_event);
    }
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (keys[i].letter == letter) {
            return key(keys[i].key, modifiers, ret_event);
        }
    }
    return false;
}

static bool take_csi(struct input *input, struct input_event *ret_event)
{
    struct sequence sequence;
    if (!parse(input->bytes, input->count, &sequence)) {
        return false;
    }
    if (sequence.prefix == '<' && (sequence.final == 'M' || sequence.final == 'm')) {
        return sequence.count == 2 && mouse(&sequence, ret_event);
    }
    if (sequence.prefix != 0) {
        return false;
    }
    if (sequence.final == '~' && (!input->is_pasting || sequence.numbers[0] == 201)) {
        return numbered(input, &sequence, ret_event);
    }
    return sequence.final != 'M' && sequence.final != '~' && !input->is_pasting &&
           lettered(sequence.final, modifiers_of(sequence.numbers[1]), ret_event);
}

/* --- bytes ------------------------------------------------------------------------------------------ */

static unsigned utf8_bytes_of(uint8_t lead)
{
    return lead < 0xc2 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 1;
}

/* A character stands at `bytes`, whole or not. 1: event; 0: more is needed; -1: it is none. */
static int take_character(const uint8_t *bytes, unsigned count, uint8_t modifiers, bool is_pasted,
                          struct input_event *ret_event)
{
    static const uint8_t lead_bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    unsigned wanted = utf8_bytes_of(bytes[0]);
    if (bytes[0] < 32 && !is_pasted) {
        return control_key(bytes[0], modifiers, ret_event) ? 1 : -1;
    }
    if (count < wanted) {
        return 0;
    }
    if (bytes[0] < 32 || (is_pasted && bytes[0] == 127) || !utf8_valid(bytes, wanted)) {
        return -1;
    }
    uint32_t point = bytes[0] & lead_bits[wanted];
    for (unsigned i = 1; i < wanted; i++) {
        point = point << 6 | (bytes[i] & 0x3f);
    }
    if (point >= 0x80 && point < 0xa0) {
        return -1;
    }
    *ret_event = (struct input_event){
        .kind = is_pasted ? INPUT_TEXT : INPUT_KEY, .key = point, .modifiers = modifiers};
    return 1;
}

/* ESC and something: 1, 0, -1 as above. */
static int take_escape(struct input *input, struct input_event *ret_event)
{
    uint8_t second = input->count > 1 ? input->bytes[1] : 0;
    uint8_t last = input->bytes[input->count - 1];
    if (input->count == 1) {
        return 0;
    }
    if (last == ESCAPE && input->is_pasting) {
        input->count = 1; /* another one begins: the end of what is pasted, perhaps */
        return 0;
    }
    if (second == '[') {
        if (input->count == 2 || last < 0x40 || last > 0x7e) {
            return last < 0x20 || last > 0x7e ? -1 : 0;
        }
        return take_csi(input, ret_event) ? 1 : -1;
    }
    if (input->is_pasting) {
        input->bytes[0] =
            second; /* pasted text steers nothing: the escape goes, the rest is text */
        input->count = 1;
        return take_character(input->bytes, 1, 0, true, ret_event);
    }
    if (second == 'O') {
        return input->count == 2 ? 0 : lettered(last, 0, ret_event) ? 1 : -1;
    }
    if (second == ']' || second == 'P' || second == '_' || second == '^' || second == 'X') {
        return last == 7 || last == '\\' ? -1 : 0; /* a string, answers to questions: passed over */
    }
    if (second == ESCAPE) {
        input->count = 1; /* one was the key, the other may begin something */
        return key(INPUT_ESCAPE, 0, ret_event) ? 2 : -1;
    }
    return take_character(input->bytes + 1, input->count - 1, INPUT_ALT, false, ret_event);
}

/* A sequence that is too long: passed over to the byte that ends it. */
static bool ends_skipping(uint8_t byte)
{
    return byte == 7 || byte == ESCAPE || byte == '~' || byte == '\\' ||
           (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z');
}

bool input_push(struct input *input, uint8_t byte, struct input_event *ret_event)
{
    if (input->is_skipping) {
        input->is_skipping = !ends_skipping(byte);
        return false;
    }
    if (input->count == INPUT_BYTES_MAX) {
        input->count = 0;
        input->is_skipping = !ends_skipping(byte);
        return false;
    }
    input->bytes[input->count++] = byte;
    int done = input->bytes[0] == ESCAPE
                   ? take_escape(input, ret_event)
                   : take_character(input->bytes, input->count, 0, input->is_pasting, ret_event);
    if (done == 1 || done == -1) {
        input->count = 0;
    }
    return done > 0;
}

bool input_is_waiting(const struct input *input)
{
    return input->count > 0 || input->is_skipping;
}

bool input_flush(struct input *input, struct input_event *ret_event)
{
    bool is_escape = input->count == 1 && input->bytes[0] == ESCAPE;
    /* "ESC [" and nothing else: Alt-[ */
    bool is_alt = input->count == 2 && input->bytes[0] == ESCAPE;
    uint8_t second = input->bytes[1];
    if (input->is_skipping || input->count > 2 || input->bytes[0] != ESCAPE) {
        return false; /* the rest is on its way */
    }
    input->count = 0;
    if (is_escape) {
        return key(INPUT_ESCAPE, 0, ret_event);
    }
    return is_alt && key(second, INPUT_ALT, ret_event);
}
