/*
 * keymap.h: which key does what, and the words for both.
 *
 * Pure. The defaults follow vim and the arrow keys; [keys] of refrain.conf changes them, an action a
 * line: "next = n >" (docs/TUI.md).
 */
#ifndef PLAYER_TUI_KEYMAP_H
#define PLAYER_TUI_KEYMAP_H

#include "player/tui/input.h"

/* Action, name in the configuration, default keys, what it does. Grouped as `?` shows them. */
#define KEYMAP_ACTIONS(ROW)                                                                        \
    ROW(PAUSE, "pause", "space p", "pause and go on")                                              \
    ROW(NEXT, "next", "n >", "next track")                                                         \
    ROW(PREV, "prev", "b <", "track before")                                                       \
    ROW(FORWARD, "forward", "right ]", "10 s on")                                                  \
    ROW(BACK, "back", "left [", "10 s back")                                                       \
    ROW(FAR_FORWARD, "far-forward", "shift-right }", "a minute on")                                \
    ROW(FAR_BACK, "far-back", "shift-left {", "a minute back")                                     \
    ROW(VOLUME_UP, "volume-up", "+ =", "louder")                                                   \
    ROW(VOLUME_DOWN, "volume-down", "- _", "quieter")                                              \
    ROW(SHUFFLE, "shuffle", "s", "shuffle: tracks, albums, off")                                   \
    ROW(REPEAT, "repeat", "r", "repeat: off, all, one")                                            \
    ROW(LIKE_PLAYING, "like-playing", "L", "like what plays")                                      \
    ROW(UP, "up", "up k", "up")                                                                    \
    ROW(DOWN, "down", "down j", "down")                                                            \
    ROW(PAGE_UP, "page-up", "pageup ctrl-u ctrl-b", "a page up")                                   \
    ROW(PAGE_DOWN, "page-down", "pagedown ctrl-d ctrl-f", "a page down")                           \
    ROW(TOP, "top", "home g", "first")                                                             \
    ROW(BOTTOM, "bottom", "end G", "last")                                                         \
    ROW(ENTER, "enter", "enter", "play, or open")                                                  \
    ROW(LEAVE, "leave", "backspace h", "back out")                                                 \
    ROW(PLAY, "play", "P", "play all of it")                                                       \
    ROW(ADD, "add", "a", "to the end of the queue")                                                \
    ROW(ADD_NEXT, "add-next", "A", "into the queue, next")                                         \
    ROW(LIKE, "like", "l", "like it, or no more")                                                  \
    ROW(TO_PLAYLIST, "to-playlist", "w", "add it to a playlist")                                   \
    ROW(REMOVE, "remove", "d x delete", "take it out")                                             \
    ROW(MOVE_UP, "move-up", "K", "move it up")                                                     \
    ROW(MOVE_DOWN, "move-down", "J", "move it down")                                               \
    ROW(CLEAR, "clear", "D", "empty the queue, drop a list")                                       \
    ROW(FIND_PLAYING, "find-playing", "c", "to what plays")                                        \
    ROW(SEARCH, "search", "/ ctrl-s", "search")                                                    \
    ROW(QUEUE, "queue", "1", "queue")                                                              \
    ROW(LIBRARY, "library", "2", "library")                                                        \
    ROW(PLAYLISTS, "playlists", "3", "playlists and likes")                                        \
    ROW(PEERS, "peers", "4", "peers")                                                              \
    ROW(NEXT_VIEW, "next-view", "tab", "next view")                                                \
    ROW(PREV_VIEW, "prev-view", "shift-tab", "view before")                                        \
    ROW(HELP, "help", "? f1", "this list")                                                         \
    ROW(CANCEL, "cancel", "escape", "away with this")                                              \
    ROW(REDRAW, "redraw", "ctrl-l", "draw all anew")                                               \
    ROW(SUSPEND, "suspend", "ctrl-z", "to the shell; fg comes back")                               \
    ROW(QUIT, "quit", "q ctrl-c", "leave")

#define KEYMAP_ENUM(action, name, keys, help) KEYMAP_##action,
enum keymap_action { KEYMAP_ACTIONS(KEYMAP_ENUM) KEYMAP_COUNT, KEYMAP_NONE = KEYMAP_COUNT };
#undef KEYMAP_ENUM

#define KEYMAP_KEYS_MAX 4u
#define KEYMAP_TEXT_BYTES 160u

struct keymap_key {
    uint32_t key; /* 0: none */
    uint8_t modifiers;
};

struct keymap {
    struct keymap_key keys[KEYMAP_COUNT][KEYMAP_KEYS_MAX];
};

/* The defaults. */
void keymap_init(struct keymap *keymap);
/* The keys of an action, instead of those that it had; whoever had them loses them. An empty text
 * takes all its keys away. ERROR_NOT_FOUND: no such action; ERROR_MALFORMED: no such key;
 * ERROR_FULL: more than KEYMAP_KEYS_MAX. ret_text (KEYMAP_TEXT_BYTES): "THING: REASON; CURE". */
int keymap_bind(struct keymap *keymap, const char *action, const char *keys, char *ret_text);
/* KEYMAP_NONE: none. */
enum keymap_action keymap_find(const struct keymap *keymap, uint32_t key, uint8_t modifiers);
/* "space p": the keys of an action as keymap_bind takes them; with `count` at most so many. Returns
 * ret_text. */
const char *keymap_keys(const struct keymap *keymap, enum keymap_action action, unsigned count,
                        char ret_text[KEYMAP_TEXT_BYTES]);
const char *keymap_name(enum keymap_action action);
const char *keymap_help(enum keymap_action action);

#endif
