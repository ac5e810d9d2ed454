/*
 * fold.c: folding by GLib's tables of Unicode.
 */
#include "player/library/fold.h"

#include <glib.h>
#include <stdbool.h>
#include <string.h>

/* What is being written. */
struct fold {
    char *at;
    size_t used, capacity;
    bool space; /* a word has ended: a space goes before the next */
};

/* False: there is no room any more. */
static bool put(struct fold *fold, const char *bytes, size_t count)
{
    size_t gap = fold->space && fold->used > 0 ? 1 : 0;
    if (fold->used + gap + count + 1 > fold->capacity) {
        fold->capacity = fold->used + 1; /* nothing shorter comes behind it */
        return false;
    }
    if (gap > 0) {
        fold->at[fold->used++] = ' ';
    }
    fold->space = false;
    memcpy(fold->at + fold->used, bytes, count);
    fold->used += count;
    return true;
}

/* Letters that Unicode does not take apart; NULL: another one. */
static const char *plain_form(gunichar letter)
{
    switch (letter) {
    case 0xdf:
    case 0x1e9e:
        return "ss";
    case 0xe6:
        return "ae";
    case 0x153:
        return "oe";
    case 0xf8:
        return "o";
    case 0xf0:
    case 0x111:
        return "d";
    case 0xfe:
        return "th";
    case 0x127:
        return "h";
    case 0x131:
        return "i";
    case 0x142:
        return "l";
    case 0x167:
        return "t";
    case 0x3c2:
        return "\xcf\x83"; /* the sigma at a word's end is a sigma */
    default:
        return NULL;
    }
}

static bool is_apostrophe(gunichar letter)
{
    return letter == '\'' || letter == 0x2019 || letter == 0x2bc || letter == '`' || letter == 0xb4;
}

static bool is_word_alone(gunichar letter)
{
    if (letter < 0x2e80) {
        return false;
    }
    GUnicodeScript script = g_unichar_get_script(letter);
    return script == G_UNICODE_SCRIPT_HAN || script == G_UNICODE_SCRIPT_HIRAGANA ||
           script == G_UNICODE_SCRIPT_KATAKANA;
}

static void put_letter(struct fold *fold, gunichar letter)
{
    char bytes[6];
    gunichar small = g_unichar_tolower(letter);
    const char *form = plain_form(small);
    if (form != NULL) {
        put(fold, form, strlen(form));
        return;
    }
    bool alone = is_word_alone(small);
    fold->space = fold->space || alone;
    put(fold, bytes, (size_t)g_unichar_to_utf8(small, bytes));
    fold->space = fold->space || alone;
}

static void fold_wide(struct fold *fold, const char *text)
{
    char *apart = g_utf8_normalize(text, -1, G_NORMALIZE_ALL);
    for (const char *at = apart; at != NULL && *at != '\0'; at = g_utf8_next_char(at)) {
        gunichar letter = g_utf8_get_char(at);
        if (g_unichar_isalnum(letter)) {
            put_letter(fold, letter);
        } else if (!g_unichar_ismark(letter) && !is_apostrophe(letter)) {
            fold->space = true;
        }
    }
    g_free(apart);
}

/* True when all of it was ASCII. */
static bool fold_narrow(struct fold *fold, const char *text)
{
    for (const char *at = text; *at != '\0'; at++) {
        if ((unsigned char)*at >= 0x80) {
            return false;
        }
        if (g_ascii_isalnum(*at)) {
            char small = g_ascii_tolower(*at);
            put(fold, &small, 1);
        } else if (*at != '\'' && *at != '`') {
            fold->space = true;
        }
    }
    return true;
}

/* No letter and no digit: the signs themselves. */
static void fold_signs(struct fold *fold, const char *text)
{
    for (const char *at = text; *at != '\0';) {
        const char *next = g_utf8_next_char(at);
        if (!g_unichar_isspace(g_utf8_get_char(at)) && !g_unichar_iscntrl(g_utf8_get_char(at))) {
            put(fold, at, (size_t)(next - at));
        }
        at = next;
    }
}

size_t fold_text(const char *text, char *ret_folded, size_t capacity)
{
    struct fold fold = {ret_folded, 0, capacity, false};
    char *valid = NULL;
    if (!fold_narrow(&fold, text)) {
        const char *end = text;
        fold = (struct fold){ret_folded, 0, capacity, false};
        if (!g_utf8_validate(text, -1, &end)) {
            valid = g_strndup(text, (size_t)(end - text));
        }
        fold_wide(&fold, valid != NULL ? valid : text);
    }
    if (fold.used == 0) {
        fold.space = false;
        fold_signs(&fold, valid != NULL ? valid : text);
    }
    g_free(valid);
    ret_folded[fold.used] = '\0';
    return fold.used;
}
