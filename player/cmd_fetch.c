/*
 * cmd_fetch.c: `refrain fetch`: tracks' files, bit for bit, into a file or a folder.
 *
 * One copy at a time, in the order of the queue; each begins when its manifest is here and reads the
 * file while it comes.
 */
#include "common/error.h"
#include "common/exit_code.h"
#include "player/cmd.h"
#include "player/control.h"
#include "player/session.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FETCH_REFRESH_US (200 * TIME_US_PER_MS)

struct fetch {
    struct session session;
    struct control *control;      /* NULL: no socket */
    struct net_deadline *refresh; /* NULL: no terminal */
    bool is_ready;                /* all entries are known, and so is what -o means */
    bool into_folder;
    struct media_file *files; /* an entry each; bytes == 0: its manifest is not here yet; owned */
    bool *is_counted;         /* an entry each: its bytes are in the sums; owned */
    uint32_t file_capacity;
    uint32_t copying;             /* entry, 0 = none */
    uint64_t bytes[NODE_SOURCES]; /* of what was fetched, by source */
    char path[ENGINE_PATH_BYTES_MAX];
};

static void copy_next(struct fetch *fetch);

/* --- names -------------------------------------------------------------------------------------------------- */

static const char *extension_of(const struct media_file *file)
{
    switch (file->container) {
    case MEDIA_CONTAINER_OGG:
        return file->codec == MEDIA_CODEC_OPUS ? "opus" : "ogg";
    case MEDIA_CONTAINER_FLAC:
        return "flac";
    case MEDIA_CONTAINER_MPEG:
        return file->codec == MEDIA_CODEC_AAC ? "aac" : "mp3";
    case MEDIA_CONTAINER_MP4:
        break;
    }
    return "m4a";
}

/* Two tracks of one name in a run: the id tells them apart. */
static bool is_name_taken(const struct fetch *fetch, uint32_t entry)
{
    struct report_track track = session_track(&fetch->session, entry);
    for (uint32_t before = 1; before < entry; before++) {
        struct report_track other = session_track(&fetch->session, before);
        if (strcmp(track.title, other.title) == 0 && strcmp(track.artist, other.artist) == 0 &&
            strcmp(track.id, other.id) != 0) {
            return true;
        }
    }
    return false;
}

/* FOLDER/Artist - Title.ext, without what a file name may not hold; the id when there is no title. */
static int make_path(struct fetch *fetch, uint32_t entry)
{
    const char *to = fetch->session.args->to_path;
    if (!fetch->into_folder) {
        int length = snprintf(fetch->path, sizeof fetch->path, "%s", to);
        return length < (int)sizeof fetch->path ? 0 : ERROR_TOO_LARGE;
    }
    struct report_track track = session_track(&fetch->session, entry);
    char name[200];
    snprintf(name, sizeof name, "%.90s%s%.90s", track.artist, track.artist[0] != '\0' ? " - " : "",
             track.title[0] != '\0' ? track.title : track.id);
    for (char *at = name; *at != '\0'; at++) {
        if (*at == '/' || (*at > 0 && *at < 0x20) || (at == name && *at == '.')) {
            *at = '_';
        }
    }
    size_t bare = strlen(to);
    while (bare > 1 && to[bare - 1] == '/') {
        bare--;
    }
    int length = snprintf(fetch->path, sizeof fetch->path, "%.*s/%s.%s", (int)bare, to, name,
                          extension_of(&fetch->files[entry - 1]));
    if (length < (int)sizeof fetch->path && is_name_taken(fetch, entry)) {
        length = snprintf(fetch->path, sizeof fetch->path, "%.*s/%s %.8s.%s", (int)bare, to, name,
                          track.id, extension_of(&fetch->files[entry - 1]));
    }
    return length < (int)sizeof fetch->path ? 0 : ERROR_TOO_LARGE;
}

/* --- copying ------------------------------------------------------------------------------------------------- */

static void copy_failed(struct fetch *fetch, uint32_t entry, int error)
{
    switch (error) {
    case ERROR_FULL:
    case ERROR_DENIED:
    case ERROR_IO:
    case ERROR_TOO_LARGE:
        session_fail_entry(&fetch->session, entry, EXIT_CODE_STORAGE,
                           "file %s: %s; make room, or name another place with -o", fetch->path,
                           error_text(error));
        break;
    case ERROR_NOT_FOUND:
        session_fail_entry(
            &fetch->session, entry, EXIT_CODE_NOT_FOUND,
            "file %s: its folder is not there, or the origin no longer has the track; "
            "make the folder, and see \"refrain ls tracks\"",
            fetch->path);
        break;
    case ERROR_TIMEOUT: /* player/uv/reader.h */
        session_fail_entry(
            &fetch->session, entry, EXIT_CODE_STORAGE,
            "track %s: what was fetched left the cache before it was copied, nothing "
            "was written; give the cache more room with --cache-limit",
            fetch->session.entries[entry - 1].id);
        break;
    default:
        session_fail_entry(&fetch->session, entry,
                           error == ERROR_MISMATCH  ? EXIT_CODE_IDENTITY
                           : error == ERROR_OFFLINE ? EXIT_CODE_NOT_FOUND
                                                    : EXIT_CODE_NETWORK,
                           "track %s: %s; nothing was written; try again",
                           fetch->session.entries[entry - 1].id, error_text(error));
        break;
    }
}

/* Adds the entry's bytes by source, once. The engine knows the sources while it works on a file; one
 * that it has let go of without a word was in the cache. */
static void count_sources(struct fetch *fetch, uint32_t entry, bool is_last_chance)
{
    const struct media_file_id *id = &fetch->files[entry - 1].id;
    uint64_t bytes[NODE_SOURCES] = {0};
    if (fetch->is_counted[entry - 1]) {
        return;
    }
    engine_add_sources(fetch->session.engine, id, bytes);
    uint64_t known =
        bytes[NODE_SOURCE_CACHE] + bytes[NODE_SOURCE_PEERS] + bytes[NODE_SOURCE_ORIGIN];
    if (known != id->bytes && !is_last_chance) {
        return;
    }
    bytes[NODE_SOURCE_CACHE] += id->bytes - known;
    for (unsigned i = 0; i < NODE_SOURCES; i++) {
        fetch->bytes[i] += bytes[i];
    }
    fetch->is_counted[entry - 1] = true;
}

static void copied(void *context, int error)
{
    struct fetch *fetch = context;
    uint32_t entry = fetch->copying;
    fetch->copying = 0;
    struct report_track track = session_track(&fetch->session, entry);
    report_progress_clear();
    if (fetch->session.entries[entry - 1].failed) {
        copy_next(fetch); /* the engine told why */
        return;
    }
    if (error != 0) {
        copy_failed(fetch, entry, error);
    } else {
        session_entry_done(&fetch->session, entry);
        count_sources(fetch, entry, true);
        if (fetch->session.args->json) {
            report_fetched_json(&track, fetch->path, fetch->files[entry - 1].id.bytes);
        } else {
            printf("%s\n", fetch->path);
            fflush(stdout);
        }
    }
    copy_next(fetch);
}

/* Starts the first entry's copy that is due; ends the run when all are done. */
static void copy_next(struct fetch *fetch)
{
    struct session *session = &fetch->session;
    if (!fetch->is_ready) {
        return;
    }
    for (uint32_t entry = 1; entry <= session->entry_count && fetch->copying == 0; entry++) {
        const struct session_entry *of = &session->entries[entry - 1];
        if (of->done || of->failed) {
            continue;
        }
        if (entry > fetch->file_capacity || fetch->files[entry - 1].id.bytes == 0) {
            return; /* its manifest is on its way */
        }
        int error = make_path(fetch, entry);
        if (error == 0) {
            error = engine_copy_file(session->engine, entry, &fetch->files[entry - 1], fetch->path,
                                     copied, fetch);
        }
        if (error == 0) {
            fetch->copying = entry;
        } else {
            copy_failed(fetch, entry, error);
        }
    }
    if (fetch->copying == 0) {
        session_end(session, EXIT_CODE_OK);
    }
}

/* For as many entries as the session has room for. */
static bool make_room(struct fetch *fetch)
{
    uint32_t capacity = fetch->session.entry_capacity;
    struct media_file *files = realloc(fetch->files, capacity * sizeof *files);
    if (files == NULL) {
        return false;
    }
    fetch->files = files;
    bool *is_counted = realloc(fetch->is_counted, capacity * sizeof *is_counted);
    if (is_counted == NULL) {
        return false;
    }
    fetch->is_counted = is_counted;
    uint32_t fresh = capacity - fetch->file_capacity;
    memset(files + fetch->file_capacity, 0, fresh * sizeof *files);
    memset(is_counted + fetch->file_capacity, 0, fresh * sizeof *is_counted);
    fetch->file_capacity = capacity;
    return true;
}

static void manifest(void *context, uint32_t entry, const struct media_manifest *manifest)
{
    struct fetch *fetch = context;
    if (entry > fetch->file_capacity && !make_room(fetch)) {
        session_end(&fetch->session, EXIT_CODE_INTERNAL);
        return;
    }
    if (fetch->files[entry - 1].id.bytes == 0) {
        fetch->files[entry - 1] = manifest->files[0];
        if (fetch->copying == 0) {
            copy_next(fetch);
        }
    }
}

/* --- notes ----------------------------------------------------------------------------------------------------- */

static void ready(void *context, uint32_t first_entry)
{
    struct fetch *fetch = context;
    const char *to = fetch->session.args->to_path;
    struct stat status;
    size_t length = strlen(to);
    bool is_folder = stat(to, &status) == 0 && S_ISDIR(status.st_mode);
    fetch->into_folder =
        is_folder || to[length - 1] == '/' || fetch->session.entry_count > first_entry;
    if (fetch->into_folder && !is_folder && mkdir(to, 0777) < 0) {
        report_error("folder %s: %s; make it, or name another one with -o", to,
                     errno == EEXIST ? "a file of that name is there" : strerror(errno));
        session_end(&fetch->session, EXIT_CODE_STORAGE);
        return;
    }
    fetch->is_ready = true;
    copy_next(fetch);
}

static void note(void *context, const struct node_note *note)
{
    struct fetch *fetch = context;
    switch (note->kind) {
    case NODE_NOTE_ENTRY_FAILED:
        if (fetch->copying == 0) {
            copy_next(fetch);
        }
        break;
    case NODE_NOTE_BAD_CHUNK:
        session_tell_bad_chunk(&fetch->session, note);
        break;
    case NODE_NOTE_CACHE_OFF:
        report_error(
            "cache %s: it can't be written (disk full, or no permission); fetching goes on "
            "without it; make room",
            fetch->session.paths.cache);
        break;
    case NODE_NOTE_FETCHED:
        if (note->entry <= fetch->file_capacity && fetch->files[note->entry - 1].id.bytes != 0) {
            count_sources(fetch, note->entry, false);
        }
        break;
    case NODE_NOTE_PLAY:
    case NODE_NOTE_STARTED:
    case NODE_NOTE_QUEUE_ENDED: /* the copies' end is ours */
    case NODE_NOTE_LINK:
    case NODE_NOTE_QUEUE_FULL:
    case NODE_NOTE_PEER_MISBEHAVED:
        break;
    }
}

static void refresh(void *context)
{
    struct fetch *fetch = context;
    if (fetch->session.ended) {
        return;
    }
    if (fetch->copying != 0) {
        char part[ENGINE_PATH_BYTES_MAX + 8];
        struct stat status;
        struct report_track track = session_track(&fetch->session, fetch->copying);
        snprintf(part, sizeof part, "%s.part", fetch->path);
        uint64_t bytes = stat(part, &status) == 0 ? (uint64_t)status.st_size : 0;
        report_fetch_progress(&track, bytes, fetch->files[fetch->copying - 1].id.bytes);
    }
    net_deadline_set(fetch->refresh, net_now_us() + FETCH_REFRESH_US);
}

int cmd_fetch(const struct args *args)
{
    struct fetch fetch = {0};
    const struct session_hooks hooks = {
        .ready = ready, .note = note, .manifest = manifest, .context = &fetch};
    int exit_code = session_open(args, true, &hooks, &fetch.session);
    if (exit_code != EXIT_CODE_OK) {
        return exit_code;
    }
    if (report_is_terminal(args->json) &&
        net_deadline_open(fetch.session.loop, refresh, &fetch, &fetch.refresh) == 0) {
        net_deadline_set(fetch.refresh, net_now_us() + FETCH_REFRESH_US);
    }
    fetch.control = control_open(&fetch.session, NULL);
    session_run(&fetch.session);
    control_close(fetch.control);
    net_deadline_close(fetch.refresh);
    fetch.refresh = NULL;
    report_progress_clear();
    struct node_summary summary;
    exit_code = session_close(&fetch.session, &summary);
    /* The node counts what is heard; here what was written counts instead. */
    uint64_t useful = fetch.bytes[NODE_SOURCE_PEERS] + fetch.bytes[NODE_SOURCE_ORIGIN];
    memcpy(summary.bytes, fetch.bytes, sizeof summary.bytes);
    summary.tracks = fetch.session.successes;
    summary.overhead_bytes -= useful < summary.overhead_bytes ? useful : summary.overhead_bytes;
    if (args->json) {
        report_summary_json(&summary);
    } else {
        report_summary(&summary, fetch.session.given_bytes, NULL, 0, true);
    }
    free(fetch.files);
    free(fetch.is_counted);
    session_free(&fetch.session);
    return exit_code;
}
