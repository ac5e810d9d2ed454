/*
 * args_help.c: how to use the verbs, in at most 80 columns. Those about names are args_library.c's.
 */
#include "player/args.h"
#include "player/args_library.h"

#include <stddef.h>

static const char help_program[] =
    "usage: refrain VERB [OPTIONS]\n"
    "\n"
    "  play TARGET...           play tracks: from the cache, else from the origin\n"
    "  fetch TARGET... -o PATH  save tracks' files, bit for bit\n"
    "  daemon                   give what the cache has, play what a front end asks for\n"
    "  gateway [TARGET...]      serve tracks to other players, at 127.0.0.1\n"
    "  next, prev, pause, resume, toggle, seek, volume, stop, queue, shuffle, repeat\n"
    "                           steer the player that runs; see \"refrain next --help\"\n"
    "  status, peers            what the running engine does; who its neighbours are\n"
    "  search WORDS...          artists, albums, tracks and playlists with these words\n"
    "  ls tracks                list the origin's tracks (--offline: those in the cache);\n"
    "                           also: ls albums, ls artists, ls playlists\n"
    "  like, unlike TARGET...   keep in mind; likes: list them\n"
    "  playlist new NAME        also: add, rm, mv, show, delete, rename, export, import\n"
    "  info                     where things are\n"
    "  cache status             what the cache holds; also: cache verify, cache clear\n"
    "\n"
    "A TARGET is the name or the id of a track, album, artist (artist:NAME) or playlist, a list's\n"
    "file (.m3u, .m3u8, .xspf), refrain://HOST[:PORT]/tracks/ID, all, or liked. The origin is\n"
    "--origin URL or $REFRAIN_ORIGIN. \"refrain VERB --help\" tells more.\n";

#define HELP_MODES                                                                                 \
    "  --shuffle HOW       off, tracks, albums\n"                                                  \
    "  --repeat HOW        off, all, one\n"                                                        \
    "  --volume PERCENT    0 to 100\n"                                                             \
    "  --replaygain HOW    off, track, album, auto (the album's where one is played)\n"

#define HELP_PEERS                                                                                 \
    "  --no-peers          take from the origin only, and give nothing\n"                          \
    "  --no-upload         take from peers, and give nothing\n"                                    \
    "  --upload-limit SIZE give at most so much a second: 200K, or 200K@8-23 (hours)\n"            \
    "  --listen PORT       for peers; else any port that is free\n"                                \
    "  --no-port-mapping   do not ask the router to let peers in\n"

static const char help_play[] =
    "usage: refrain play TARGET... [OPTIONS]\n"
    "\n"
    "  --origin URL        https://HOST:PORT, http://..., HOST; else $REFRAIN_ORIGIN\n"
    "  --output WHERE      auto (default), null (real time, no device), wav:PATH,\n"
    "                      gst:ELEMENTS (as gst-launch has them)\n" HELP_MODES
    "  --start POSITION    begin the first track there: 90, 1:30, 1:02:03.5\n"
    "  --offline           only what is in the cache\n"
    "  --cache-limit SIZE  what the cache may take of the disk: 500M, 10G\n"
    "  --fast              not paced by the clock\n" HELP_PEERS
    "  --plain             a line that is kept up to date instead of the full screen\n"
    "  --json              events as JSON lines on standard output\n"
    "  --record FILE       record what the engine was told (docs/TESTING.md)\n"
    "\n"
    "Keys on a terminal: space pause, left and right 10 s, n next, q quit, ? all.\n";

static const char help_fetch[] =
    "usage: refrain fetch TARGET... -o PATH [OPTIONS]\n"
    "\n"
    "  -o PATH             a file for one track, a folder for more (or with a / last)\n"
    "  --origin URL        https://HOST:PORT, http://..., HOST; else $REFRAIN_ORIGIN\n"
    "  --offline           only what is in the cache\n"
    "  --cache-limit SIZE  what the cache may take of the disk: 500M, 10G\n" HELP_PEERS
    "  --json              events as JSON lines on standard output\n"
    "  --record FILE       record what the engine was told (docs/TESTING.md)\n";

static const char help_daemon[] =
    "usage: refrain daemon [OPTIONS]\n"
    "\n"
    "Gives peers what the cache has, and plays what comes over its control socket\n"
    "($XDG_STATE_HOME/refrain/engine.sock, docs/CLI.md), until SIGINT or SIGTERM.\n"
    "\n"
    "  --origin URL        https://HOST:PORT, http://..., HOST; else $REFRAIN_ORIGIN\n"
    "  --output WHERE      auto (default), null (real time, no device), wav:PATH,\n"
    "                      gst:ELEMENTS (as gst-launch has them)\n" HELP_MODES
    "  --cache-limit SIZE  what the cache may take of the disk: 500M, 10G\n" HELP_PEERS
    "  --json              events as JSON lines on standard output\n"
    "  --record FILE       record what the engine was told (docs/TESTING.md)\n";

static const char help_gateway[] =
    "usage: refrain gateway [TARGET...] [OPTIONS]\n"
    "\n"
    "Serves http://127.0.0.1:PORT/TOKEN/tracks/ID to mpv, VLC, browsers and others: from the\n"
    "cache, else from peers and the origin. Where an engine runs already, it says that one's\n"
    "address and ends; else it runs until SIGINT or SIGTERM. Of each TARGET it prints the "
    "address.\n"
    "\n"
    "  --port PORT         of the gateway; else any port that is free\n"
    "  --origin URL        https://HOST:PORT, http://..., HOST; else $REFRAIN_ORIGIN\n"
    "  --offline           only what is in the cache\n"
    "  --cache-limit SIZE  what the cache may take of the disk: 500M, 10G\n" HELP_PEERS
    "  --json              JSON lines on standard output\n"
    "  --record FILE       record what the engine was told (docs/TESTING.md)\n";

static const char help_remote[] =
    "usage: refrain next|prev|pause|resume|toggle|stop\n"
    "       refrain seek POSITION|+SECONDS|-SECONDS\n"
    "       refrain volume [PERCENT|+N|-N]\n"
    "       refrain shuffle off|tracks|albums\n"
    "       refrain repeat off|all|one\n"
    "       refrain replaygain off|track|album|auto\n"
    "       refrain queue [show]\n"
    "       refrain queue add|next TARGET...\n"
    "       refrain queue rm PLACE...\n"
    "       refrain queue mv PLACE TO\n"
    "       refrain queue play PLACE\n"
    "       refrain queue clear\n"
    "\n"
    "Steers the player that runs (refrain play or refrain daemon). A PLACE is a number\n"
    "of \"refrain queue\". \"resume\" also starts a player that goes on where the last one\n"
    "ended.\n"
    "\n"
    "  --json              what it answers, as JSON\n";

static const char help_status[] =
    "usage: refrain status [--json]\n"
    "\n"
    "What the running engine plays, where its bytes came from, what it gives.\n";

static const char help_peers[] = "usage: refrain peers [--json]\n"
                                 "\n"
                                 "The neighbours of the running engine.\n";

static const char help_ls[] =
    "usage: refrain ls tracks|albums|artists|playlists [OPTIONS]\n"
    "\n"
    "Tracks as the origin lists them; the others from the own copy of its\n"
    "catalogue.\n"
    "\n"
    "  --origin URL  the origin to ask; else $REFRAIN_ORIGIN\n"
    "  --offline     do not ask it; tracks: those in the cache\n"
    "  --json        one JSON object a line\n";

static const char help_cache[] =
    "usage: refrain cache status|verify|clear [OPTIONS]\n"
    "\n"
    "  status              bytes, files, chunks and the limit\n"
    "  verify              hash every row; damaged ones are taken out\n"
    "  clear               take the whole cache away\n"
    "  --cache-limit SIZE  the limit that status shows\n"
    "  --json              JSON on standard output\n";

const char *args_help(enum args_verb verb)
{
    switch (verb) {
    case ARGS_PLAY:
        return help_play;
    case ARGS_FETCH:
        return help_fetch;
    case ARGS_LS:
        return help_ls;
    case ARGS_CACHE:
        return help_cache;
    case ARGS_DAEMON:
        return help_daemon;
    case ARGS_STATUS:
        return help_status;
    case ARGS_PEERS:
        return help_peers;
    case ARGS_GATEWAY:
        return help_gateway;
    case ARGS_RESUME:
    case ARGS_REMOTE:
        return help_remote;
    case ARGS_SEARCH:
    case ARGS_LIKE:
    case ARGS_UNLIKE:
    case ARGS_LIKES:
    case ARGS_PLAYLIST:
    case ARGS_COMPLETE:
    case ARGS_INFO:
        return args_library_help(verb);
    case ARGS_NONE:
    case ARGS_VERBS:
        break;
    }
    return help_program;
}
