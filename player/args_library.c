/*
 * args_library.c: help and rules of search, like, unlike, likes, playlist, complete and info.
 */
#include "player/args_library.h"

#include <string.h>

static const char help_search[] =
    "usage: refrain search WORDS... [OPTIONS]\n"
    "\n"
    "Artists, albums, tracks and playlists that have all of the words, or words that begin so;\n"
    "without case and accents, in any order. From the own copy of the catalogue.\n"
    "\n"
    "  --origin URL  whose catalogue; else $REFRAIN_ORIGIN\n"
    "  --offline     do not ask the origin what is new\n"
    "  --json        one JSON object a line, with its \"kind\"\n";

static const char help_like[] =
    "usage: refrain like|unlike TARGET... [OPTIONS]\n"
    "       refrain likes [OPTIONS]\n"
    "\n"
    "Likes are kept in $XDG_STATE_HOME/refrain/likes.m3u8; \"refrain play liked\" plays them.\n"
    "\n"
    "  --origin URL  the origin; else $REFRAIN_ORIGIN\n"
    "  --offline     do not ask the origin\n"
    "  --json        JSON on standard output\n";

static const char help_playlist[] =
    "usage: refrain playlist new NAME [TARGET...]\n"
    "       refrain playlist add NAME TARGET...\n"
    "       refrain playlist rm NAME POSITION...\n"
    "       refrain playlist mv NAME FROM TO\n"
    "       refrain playlist show|delete NAME\n"
    "       refrain playlist rename NAME TO\n"
    "       refrain playlist export NAME [-o PATH]\n"
    "       refrain playlist import PATH [NAME]\n"
    "\n"
    "Positions count from 1. Playlists are M3U files in $XDG_STATE_HOME/refrain/playlists.\n"
    "export writes XSPF when PATH ends so, else M3U; NAME liked: what is liked.\n"
    "\n"
    "  -o PATH       where to export; else standard output\n"
    "  --origin URL  the origin; else $REFRAIN_ORIGIN\n"
    "  --offline     do not ask the origin\n"
    "  --json        JSON on standard output\n";

static const char help_complete[] =
    "usage: refrain complete KIND [TEXT]\n"
    "\n"
    "For shells: names that begin with TEXT, one a line, a tab and what it is behind it.\n"
    "KIND is targets, tracks, albums, artists, playlists or origins.\n";

static const char help_info[] = "usage: refrain info [--json]\n"
                                "\n"
                                "Where things are: folders, files, versions, the origin.\n";

const char *args_library_help(enum args_verb verb)
{
    static const struct {
        enum args_verb verb;
        const char *help;
    } helps[] = {{ARGS_SEARCH, help_search},     {ARGS_LIKE, help_like},
                 {ARGS_UNLIKE, help_like},       {ARGS_LIKES, help_like},
                 {ARGS_PLAYLIST, help_playlist}, {ARGS_COMPLETE, help_complete},
                 {ARGS_INFO, help_info}};
    for (size_t i = 0; i < sizeof helps / sizeof helps[0]; i++) {
        if (helps[i].verb == verb) {
            return helps[i].help;
        }
    }
    return NULL;
}

/* What may stand behind `refrain playlist`; operands, all words counted. */
static const struct playlist_form {
    const char *word;
    uint32_t least, most;
    const char *usage;
} playlist_forms[] = {
    {"new", 2, ARGS_OPERANDS_MAX,
     "a word is missing, or one too many; write \"refrain playlist new NAME [TARGET...]\""},
    {"add", 3, ARGS_OPERANDS_MAX,
     "a word is missing, or one too many; write \"refrain playlist add NAME TARGET...\""},
    {"rm", 3, ARGS_OPERANDS_MAX,
     "a word is missing, or one too many; write \"refrain playlist rm NAME POSITION...\""},
    {"mv", 4, 4, "a word is missing, or one too many; write \"refrain playlist mv NAME FROM TO\""},
    {"show", 2, 2, "a word is missing, or one too many; write \"refrain playlist show NAME\""},
    {"delete", 2, 2, "a word is missing, or one too many; write \"refrain playlist delete NAME\""},
    {"rename", 3, 3,
     "a word is missing, or one too many; write \"refrain playlist rename NAME TO\""},
    {"export", 2, 2,
     "a word is missing, or one too many; write \"refrain playlist export NAME [-o PATH]\""},
    {"import", 2, 3,
     "a word is missing, or one too many; write \"refrain playlist import PATH [NAME]\""},
};

static const char *check_playlist(const struct args *args, const char **ret_thing)
{
    static const char *const kinds =
        "no such thing to do; there are new, add, rm, mv, show, delete, rename, export and import";
    *ret_thing = "playlist";
    if (args->operand_count == 0) {
        return "what to do is missing; there are new, add, rm, mv, show, delete, rename, export "
               "and import";
    }
    for (size_t i = 0; i < sizeof playlist_forms / sizeof playlist_forms[0]; i++) {
        const struct playlist_form *form = &playlist_forms[i];
        if (strcmp(args->operands[0], form->word) == 0) {
            bool good = args->operand_count >= form->least && args->operand_count <= form->most;
            *ret_thing = args->operands[0];
            return good ? NULL : form->usage;
        }
    }
    *ret_thing = args->operands[0];
    return kinds;
}

const char *args_library_check(const struct args *args, const char **ret_thing)
{
    uint32_t count = args->operand_count;
    enum args_verb verb = args->verb;
    *ret_thing = count > 0 ? args->operands[0] : "";
    if (verb == ARGS_PLAYLIST) {
        return check_playlist(args, ret_thing);
    }
    if (verb == ARGS_SEARCH && count == 0) {
        *ret_thing = "search";
        return "the words are missing; write some of a name";
    }
    if ((verb == ARGS_LIKE || verb == ARGS_UNLIKE) && count == 0) {
        *ret_thing = "target";
        return "none was given; name a track, album or artist";
    }
    if ((verb == ARGS_LIKES || verb == ARGS_INFO) && count > 0) {
        return "one word too many; see \"refrain --help\"";
    }
    if (verb == ARGS_COMPLETE && (count == 0 || count > 2)) {
        *ret_thing = "complete";
        return "it takes a kind and a text; write \"refrain complete KIND [TEXT]\"";
    }
    return NULL;
}
