/*
 * engine.h: the shell around one node (player/core/node.h).
 *
 * It owns the links to the origin and to peers, the store, the payload slots, the decoders' reader and the
 * output, carries out the node's effects in node.h's order, and holds no policy: what to fetch and
 * when is the node's. docs/ENGINE.md tells who calls whom on which thread.
 *
 * One engine per state folder (engine_lock). Everything runs on the thread of the caller's net_loop.
 *
 * Happy path: engine_open -> engine_enqueue... -> engine_start_entry -> notes -> engine_close ->
 * engine_free. Failure modes: opening fails with a message and an exit code; later a fatal error of
 * the node (out of memory) or of the sink ends in on_fatal, once, and only engine_close follows.
 */
#ifndef PLAYER_UV_ENGINE_H
#define PLAYER_UV_ENGINE_H

#include "common/net/loop.h"
#include "player/core/node.h"
#include "player/gst/output.h"

#include <stdbool.h>
#include <stdint.h>

#define ENGINE_MESSAGE_BYTES_MAX 512u
#define ENGINE_PATH_BYTES_MAX 4096u

struct engine;

/* What went wrong, for a person: "THING: REASON; CURE", and the exit code that it means. */
struct engine_failure {
    int exit_code; /* common/exit_code.h */
    char message[ENGINE_MESSAGE_BYTES_MAX];
};

/* Where things are. Filled from the environment by engine_paths_init. */
struct engine_paths {
    char cache[ENGINE_PATH_BYTES_MAX]; /* $XDG_CACHE_HOME/refrain */
    char state[ENGINE_PATH_BYTES_MAX]; /* $XDG_STATE_HOME/refrain */
};

struct engine_callbacks {
    /* What the node tells the listener. `note` is borrowed for the call. */
    void (*on_note)(void *context, const struct node_note *note);
    /* Something for stderr that is no failure: no audio device, damaged cache set aside. */
    void (*on_warning)(void *context, const char *text);
    void (*on_fatal)(void *context, const struct engine_failure *failure);
    /* A track's manifest is known and checked; borrowed for the call. May come more than once. */
    void (*on_manifest)(void *context, const struct media_manifest *manifest);
    /* Peers may come and be sought from now on; once, some tenths of a second after opening. Never
     * without peers. port: engine_listen_port. May be NULL. */
    void (*on_listening)(void *context, uint16_t port);
    void *context;
};

struct engine_config {
    const struct engine_paths *paths;
    const char *origin_url; /* http://, https://, refrain:// HOST[:PORT]; NULL: offline */
    bool offline;
    bool fast;
    bool with_peers;                   /* false: the origin only. Off when offline */
    uint16_t listen_port;              /* for peers; 0 = any that is free */
    bool no_port_mapping;              /* the router is not asked to forward that port */
    bool no_upload;                    /* nothing is given to peers; see engine_set_giving */
    uint64_t upload_limit_bytes_per_s; /* 0: automatic */
    uint64_t cache_limit_bytes;        /* 0: 10 % of the free disk, 50 MiB to 10 GiB */
    const char *preset;                /* NULL: refrain */
    bool silent;                       /* no output at all: `refrain fetch` */
    enum output_kind output;
    const char *output_path;
    const char *record_path; /* NULL: no recording */
    struct engine_callbacks callbacks;
};

/* $XDG_CACHE_HOME, $XDG_STATE_HOME, or what the XDG specification says instead. ERROR_TOO_LARGE;
 * ERROR_NOT_FOUND: neither these nor HOME is set. Creates nothing. */
int engine_paths_init(struct engine_paths *ret_paths);

/* Makes a folder with its parents, mode 0700; one that is there is fine. ERROR_DENIED, ERROR_IO (errno
 * says why). */
int engine_paths_make(const char *folder);

/* Takes the lock of the state folder, which is made if need be. 0 and *ret_descriptor (close it to
 * let go); ERROR_BUSY: *ret_pid holds it (0 = it did not say); ERROR_IO, ERROR_DENIED. */
int engine_lock(const struct engine_paths *paths, int *ret_descriptor, int *ret_pid);

/* Starts everything: the connection first, then the store and the output beside it. Returns before
 * the connection stands. On failure nothing is left and *ret_failure says why; the return code is
 * that of error.h. */
int engine_open(struct net_loop *loop, const struct engine_config *config,
                struct engine **ret_engine, struct engine_failure *ret_failure);
/* Stops sound, writes what is held, says BYE. No callback comes any more but on_note, from inside
 * this call. Then run the loop until nothing is left to wait for, and call engine_free. Returns 0, or
 * ERROR_IO when the WAV file could not be completed. */
int engine_close(struct engine *engine);
/* After engine_close, when the loop has run out. Accepts NULL. */
void engine_free(struct engine *engine);

/* Appends; returns the entry's number (from 1), 0 when out of memory. */
uint32_t engine_enqueue(struct engine *engine, const uint8_t track_id[TRACK_ID_BYTES],
                        bool fetch_only);
/* Other entries are to follow: those behind `entry` are taken out of the queue, and those before the one
 * that was begun last are forgotten; what plays stays. Fetches are untouched. */
void engine_cut(struct engine *engine, uint32_t entry);
/* The oldest entry that may still be heard of. */
uint32_t engine_first_entry(const struct engine *engine);
void engine_start_entry(struct engine *engine, uint32_t entry, uint64_t position_us);
void engine_seek(struct engine *engine, uint64_t position_us);
void engine_set_paused(struct engine *engine, bool paused);
/* How loud (output.h). */
void engine_set_level(struct engine *engine, uint32_t percent, enum output_gain gain);
/* Silence; nothing is fetched any more. The queue stays, a start goes on with it. */
void engine_stop(struct engine *engine);

/* Whether and how fast we give to peers from now on (bytes/s; 0 = automatic). */
void engine_set_giving(struct engine *engine, bool is_allowed, uint64_t bytes_per_s);
/* A NAT device forwards this port to ours (engine_listen_port); 0 = it does not any more. */
void engine_set_mapping(struct engine *engine, uint16_t outer_port);
/* Where we take links from peers; 0 = nowhere, or not yet (some tenths of a second after opening). */
uint16_t engine_listen_port(const struct engine *engine);
/* What engine_set_mapping said last; 0 = none. */
uint16_t engine_mapped_port(const struct engine *engine);
/* How that was brought about: "PCP", "NAT-PMP", "UPnP"; NULL: there is none, or not by us. */
const char *engine_mapped_by(const struct engine *engine);
/* How peers know us, HASH_BYTES; NULL: without peers. Borrowed. */
const uint8_t *engine_peer_id(const struct engine *engine);
/* Fills at most `capacity`; returns how many links to peers there are. */
uint32_t engine_get_peers(const struct engine *engine, struct node_peer *ret_peers,
                          uint32_t capacity);

/* Copies a file that is here (NODE_NOTE_FETCHED) to a path, by way of PATH.part, on another thread;
 * `done` comes on the loop, exactly once if 0 was returned. One at a time (ERROR_BUSY). */
int engine_copy_file(struct engine *engine, uint32_t entry, const struct media_file *file,
                     const char *path, void (*done)(void *context, int error), void *context);

/*
 * Loans: a track's bytes for another player (docs/DESKTOP.md). What is read is got as if it played, and
 * a little ahead of it; nothing else of the file is.
 *
 * Happy path: engine_lend -> ready(0) -> engine_loan_open for each reader -> reader_file_read on threads
 * of theirs -> engine_loan_close -> engine_loan_return. Failure modes: ready with an error; reads that
 * fail with it later.
 */
struct engine_loan;
struct reader_file;
/* Once, on the loop, not from inside engine_lend: 0 and the file (borrowed until the return), or why it
 * can't be had: as of NODE_NOTE_ENTRY_FAILED. */
typedef void engine_loan_ready(void *context, int error, const struct media_file *file);
/* ERROR_BUSY: ENGINE_LOANS_MAX are out. ERROR_NO_MEMORY. */
#define ENGINE_LOANS_MAX NODE_LENDS_MAX
int engine_lend(struct engine *engine, const uint8_t track_id[TRACK_ID_BYTES],
                engine_loan_ready *ready, void *context, struct engine_loan **ret_loan);
/* After ready(0): one more reader (player/uv/reader.h), for one thread. ERROR_NO_MEMORY. */
int engine_loan_open(struct engine_loan *loan, struct reader_file **ret_file);
/* Its thread reads no more. */
void engine_loan_close(struct engine_loan *loan, struct reader_file *file);
/* All its readers are closed (asserted). No `ready` any more. Accepts NULL. */
void engine_loan_return(struct engine_loan *loan);

/* Adds the file's bytes to the sums, each chunk under the source that it came from; chunks that are
 * not here are left out. */
void engine_add_sources(const struct engine *engine, const struct media_file_id *id,
                        uint64_t ret_bytes[NODE_SOURCES]);

/* Where a chunk of a file came from; false: it is not here. */
bool engine_chunk_source(const struct engine *engine, const struct media_file_id *id,
                         uint32_t chunk, enum node_source *ret_source);

/* Each track with a manifest in the cache, in order of ids; not checked: names and lengths for
 * people, and which tracks an album has. ERROR_NO_MEMORY, ERROR_IO. No call of the engine inside. */
typedef void engine_each_manifest(void *context, const uint8_t track_id[TRACK_ID_BYTES],
                                  const uint8_t *bytes, uint32_t count);
int engine_list_manifests(struct engine *engine, engine_each_manifest *each, void *context);

/* The last words about the origin: why it can't be reached, or is not who it was. "" = nothing is the
 * matter. Borrowed until the loop goes on. */
const char *engine_origin_text(const struct engine *engine);
/* Whether this link of a note is, or was, the last one to the origin; else it is a peer's. */
bool engine_is_origin_link(const struct engine *engine, uint32_t link);
void engine_get_summary(const struct engine *engine, struct node_summary *ret_summary);
void engine_get_status(const struct engine *engine, struct node_status *ret_status);

#endif
