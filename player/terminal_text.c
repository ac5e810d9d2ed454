/*
 * terminal_text.c: decodes UTF-8, knows what steers a terminal, and how wide characters are.
 */
#include "player/terminal_text.h"

#include "common/utf8.h"

#include <stdbool.h>
#include <string.h>

struct block {
    uint32_t first, last;
};

/* Combining marks of the scripts that titles are written in, and characters without a shape. */
static const struct block without_width[] = {
    {0x300, 0x36f},   {0x483, 0x489},   {0x591, 0x5bd},     {0x610, 0x61a},   {0x64b, 0x65f},
    {0x670, 0x670},   {0x6d6, 0x6dc},   {0x93c, 0x93c},     {0x941, 0x948},   {0x94d, 0x94d},
    {0xe31, 0xe31},   {0xe34, 0xe3a},   {0xe47, 0xe4e},     {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff},
    {0x200b, 0x200f}, {0x2060, 0x2064}, {0x20d0, 0x20ff},   {0x3099, 0x309a}, {0xfe00, 0xfe0f},
    {0xfe20, 0xfe2f}, {0xfeff, 0xfeff}, {0xe0100, 0xe01ef},
};

/* Whole blocks: where one has a few narrow ones, a column stays free. */
static const struct block wide[] = {
    {0x1100, 0x115f},   {0x231a, 0x231b},   {0x23e9, 0x23ec},   {0x2614, 0x2615},
    {0x2648, 0x2653},   {0x26a1, 0x26a1},   {0x26bd, 0x26be},   {0x2705, 0x2705},
    {0x2728, 0x2728},   {0x274c, 0x274c},   {0x2753, 0x2757},   {0x2b50, 0x2b50},
    {0x2e80, 0x303e},   {0x3041, 0xa4cf},   {0xa960, 0xa97f},   {0xac00, 0xd7a3},
    {0xf900, 0xfaff},   {0xfe10, 0xfe19},   {0xfe30, 0xfe6f},   {0xff01, 0xff60},
    {0xffe0, 0xffe6},   {0x17000, 0x18cff}, {0x1b000, 0x1b2ff}, {0x1f004, 0x1f004},
    {0x1f18e, 0x1f19a}, {0x1f200, 0x1f64f}, {0x1f680, 0x1f6ff}, {0x1f900, 0x1faff},
    {0x20000, 0x3fffd},
};

/* Line and paragraph separators, and what turns the direction of the text that follows. */
static const struct block steering[] = {
    {0x1, 0x1f}, {0x7f, 0x9f}, {0x2028, 0x202e}, {0x2066, 0x2069}};

/* Of those without columns, those that are no marks. */
static const struct block joining[] = {
    {0x200b, 0x200f}, {0x2060, 0x2064}, {0xfe00, 0xfe0f}, {0xfeff, 0xfeff}, {0xe0100, 0xe01ef},
};

static bool is_in(const struct block *blocks, size_t count, uint32_t point)
{
    for (size_t i = 0; i < count; i++) {
        if (point >= blocks[i].first && point <= blocks[i].last) {
            return true;
        }
    }
    return false;
}

#define IS_IN(blocks, point) is_in(blocks, sizeof(blocks) / sizeof(blocks)[0], point)

unsigned terminal_text_decode(const char *text, uint32_t *ret_point)
{
    static const uint8_t lead_bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    const uint8_t *bytes = (const uint8_t *)text;
    unsigned count = bytes[0] < 0x80 ? 1 : bytes[0] < 0xe0 ? 2 : bytes[0] < 0xf0 ? 3 : 4;
    if (strnlen(text, count) < count || !utf8_valid(text, count)) {
        return 0;
    }
    uint32_t point = bytes[0] & lead_bits[count];
    for (unsigned i = 1; i < count; i++) {
        point = point << 6 | (bytes[i] & 0x3f);
    }
    *ret_point = point;
    return count;
}

const char *terminal_text_plain(const char *text, char *ret_text, size_t capacity)
{
    size_t used = 0;
    while (*text != '\0') {
        uint32_t point = 0;
        unsigned count = terminal_text_decode(text, &point);
        bool is_shown = count > 0 && !IS_IN(steering, point);
        unsigned shown = is_shown ? count : 1;
        if (used + shown >= capacity) {
            break;
        }
        memcpy(ret_text + used, is_shown ? text : "?", shown);
        used += shown;
        text += count > 0 ? count : 1;
    }
    ret_text[used] = '\0';
    return ret_text;
}

bool terminal_text_steers(uint32_t point)
{
    return IS_IN(steering, point);
}

bool terminal_text_is_mark(uint32_t point)
{
    return IS_IN(without_width, point) && !IS_IN(joining, point);
}

unsigned terminal_text_point_columns(uint32_t point)
{
    return IS_IN(without_width, point) ? 0 : IS_IN(wide, point) ? 2 : 1;
}

/* As above, but what is no UTF-8 counts as one character. */
static unsigned step(const char *text, unsigned *ret_columns)
{
    uint32_t point = 0;
    unsigned count = terminal_text_decode(text, &point);
    *ret_columns = count > 0 ? terminal_text_point_columns(point) : 1;
    return count > 0 ? count : 1;
}

unsigned terminal_text_columns(const char *text)
{
    unsigned sum = 0;
    while (*text != '\0') {
        unsigned columns;
        text += step(text, &columns);
        sum += columns;
    }
    return sum;
}

void terminal_text_cut(char *text, unsigned columns)
{
    while (*text != '\0') {
        unsigned taken;
        unsigned count = step(text, &taken);
        if (taken > columns) {
            *text = '\0';
            return;
        }
        columns -= taken;
        text += count;
    }
}
