/*
 * cmd_add.c: refrain-origin add DIR PATH...: music into an origin.
 *
 * Responsible for which files, in which order they are reported, and what the exit code is. Files
 * are taken in by several threads (decoding them all is what costs), and reported by the first one
 * in the order of the walk, each when it is durable.
 *
 * Happy path: walk -> threads ingest -> each is reported -> summary. Failure modes: a file fails
 * (reported, the others go on), the origin's disk fails (the rest is given up), an interrupt (what
 * is begun is ended, the rest is given up; a second one ends the program at once).
 */
#include "common/error.h"
#include "common/exit_code.h"
#include "media/gst/init.h"
#include "streamserver/command.h"
#include "streamserver/ingest.h"
#include "streamserver/walk.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define THREADS_MAX 8u
/* How far threads may be ahead of what is reported; bounds what is kept for reporting. */
#define AHEAD_MAX 64u

enum outcome {
    OUTCOME_NONE = 0, /* not taken in: given up before */
    OUTCOME_ADDED,
    OUTCOME_KNOWN,
    OUTCOME_PASSED_OVER, /* no audio, found in a folder */
    OUTCOME_FAILED,
};

struct item {
    bool is_done;
    int error;
    struct ingest_result *result; /* owned; NULL when there is none */
};

struct adding {
    const struct command_options *options;
    struct folder folder;
    struct walk walk;
    struct ingest ingest;
    pthread_mutex_t mutex; /* of all below */
    pthread_cond_t changed;
    struct item *items; /* one for each entry of the walk */
    uint32_t next;      /* entry that is taken in next */
    uint32_t reported;
    bool is_stopped;
    /* Of the thread that reports: */
    bool is_terminal;
    uint64_t added, known, passed_over, failed, bytes;
    int failed_code;   /* of the failures, when all have the same; -1 = several */
    int storage_error; /* the origin's disk gave up */
};

static atomic_bool is_interrupted;

static void interrupt(int number)
{
    (void)number;
    is_interrupted = true; /* lock-free, so a handler may */
}

/* The first one ends in order, the second one at once. */
static void catch_interrupts(void)
{
    struct sigaction action = {.sa_handler = interrupt, .sa_flags = (int)SA_RESETHAND};
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
}

/* ---- Taking in ---- */

/* The next entry for a thread, or false when there is none. Called with the mutex. */
static bool take_next(struct adding *adding, uint32_t *ret_index)
{
    while (!adding->is_stopped && !is_interrupted && adding->next < adding->walk.count &&
           adding->next >= adding->reported + AHEAD_MAX) {
        (void)pthread_cond_wait(&adding->changed, &adding->mutex);
    }
    if (adding->is_stopped || is_interrupted || adding->next >= adding->walk.count) {
        return false;
    }
    *ret_index = adding->next++;
    return true;
}

static struct item take_in(struct adding *adding, const struct walk_entry *entry)
{
    struct item item = {.is_done = true, .error = entry->error};
    if (entry->error == 0) {
        item.result = calloc(1, sizeof *item.result);
        item.error = item.result == NULL ? ERROR_NO_MEMORY
                                         : ingest_file(&adding->ingest, entry->path, item.result);
    }
    return item;
}

static void *work(void *context)
{
    struct adding *adding = context;
    uint32_t index;
    (void)pthread_mutex_lock(&adding->mutex);
    while (take_next(adding, &index)) {
        (void)pthread_mutex_unlock(&adding->mutex);
        struct item item = take_in(adding, &adding->walk.entries[index]);
        (void)pthread_mutex_lock(&adding->mutex);
        adding->items[index] = item;
        if (item.result != NULL && item.result->is_storage) {
            adding->is_stopped = true;
        }
        (void)pthread_cond_broadcast(&adding->changed);
    }
    (void)pthread_mutex_unlock(&adding->mutex);
    return NULL;
}

/* ---- Reporting ---- */

static enum outcome outcome_of(const struct walk_entry *entry, const struct item *item)
{
    if (item->error == 0) {
        return item->result->is_known ? OUTCOME_KNOWN : OUTCOME_ADDED;
    }
    bool is_other = item->error == ERROR_UNSUPPORTED && !entry->is_named;
    return is_other ? OUTCOME_PASSED_OVER : OUTCOME_FAILED;
}

static bool is_media_error(int error)
{
    return error == ERROR_UNSUPPORTED || error == ERROR_TRUNCATED || error == ERROR_MALFORMED ||
           error == ERROR_TOO_LARGE || error == ERROR_EXISTS;
}

static const char *why(const struct item *item)
{
    bool is_own = item->result == NULL || item->result->is_storage;
    return is_own ? command_error_text(item->error) : item->result->text;
}

static void report_failure(struct adding *adding, const struct walk_entry *entry,
                           const struct item *item)
{
    bool is_storage = item->result != NULL && item->result->is_storage;
    int code = is_media_error(item->error) && !is_storage ? EXIT_CODE_MEDIA
                                                          : command_exit_code(item->error);
    code = is_storage ? EXIT_CODE_STORAGE : code;
    adding->failed_code =
        adding->failed == 0 || adding->failed_code == code ? code : EXIT_CODE_SOME_FAILED;
    adding->failed++;
    if (is_storage) {
        adding->storage_error = item->error;
        command_complain(entry->path, why(item), "the origin could not store it");
    } else {
        command_complain(entry->path, why(item), "nothing of it was added");
    }
    if (adding->options->is_json) {
        command_print_json(json_pack("{s:s, s:o, s:s}", "event", "failed", "path",
                                     command_text_json(entry->path), "reason", why(item)));
    }
}

static void print_track(struct adding *adding, const struct walk_entry *entry,
                        const struct item *item, const char *event)
{
    struct media_manifest manifest;
    char id[2 * TRACK_ID_BYTES + 1];
    if (media_manifest_decode(item->result->manifest, item->result->manifest_bytes, &manifest) !=
        0) {
        return; /* an older one that this version cannot read: it is counted all the same */
    }
    media_hex_encode(item->result->track_id, TRACK_ID_BYTES, id);
    if (adding->options->is_json) {
        command_print_json(json_pack(
            "{s:s, s:s, s:s%, s:s%, s:I, s:o}", "event", event, "id", id, "title",
            manifest.title.bytes == 0 ? "" : manifest.title.data, (size_t)manifest.title.bytes,
            "artist", manifest.artist.bytes == 0 ? "" : manifest.artist.data,
            (size_t)manifest.artist.bytes, "bytes", (json_int_t)manifest.files[0].id.bytes, "path",
            command_text_json(entry->path)));
        return;
    }
    if (item->result->is_known) {
        return; /* the summary counts them */
    }
    printf("%s %s  ", event, id);
    if (manifest.artist.bytes > 0) {
        command_print_text(stdout, manifest.artist.data, manifest.artist.bytes);
        printf(" - ");
    }
    command_print_text(stdout, manifest.title.data, manifest.title.bytes);
    printf("\n");
    (void)fflush(stdout);
}

/* One line that is written over. */
static void show_progress(const struct adding *adding, uint32_t index)
{
    if (adding->is_terminal) {
        fprintf(stderr, "\r\033[K%" PRIu32 " of %" PRIu32 " ", index + 1, adding->walk.count);
        (void)fflush(stderr);
    }
}

static void clear_progress(const struct adding *adding)
{
    if (adding->is_terminal) {
        fputs("\r\033[K", stderr);
    }
}

static void report(struct adding *adding, uint32_t index)
{
    const struct walk_entry *entry = &adding->walk.entries[index];
    const struct item *item = &adding->items[index];
    clear_progress(adding);
    switch (outcome_of(entry, item)) {
    case OUTCOME_ADDED:
        adding->added++;
        adding->bytes += item->result->bytes;
        print_track(adding, entry, item, "added");
        break;
    case OUTCOME_KNOWN:
        adding->known++;
        print_track(adding, entry, item, "known");
        break;
    case OUTCOME_PASSED_OVER:
        adding->passed_over++;
        break;
    case OUTCOME_FAILED:
        report_failure(adding, entry, item);
        break;
    case OUTCOME_NONE:
        break;
    }
    show_progress(adding, index);
}

/* Waits for each entry in turn and reports it, until all are done or given up. */
static void report_all(struct adding *adding)
{
    (void)pthread_mutex_lock(&adding->mutex);
    while (adding->reported < adding->walk.count) {
        struct item *item = &adding->items[adding->reported];
        bool is_over = adding->is_stopped || is_interrupted;
        if (!item->is_done && is_over && adding->reported >= adding->next) {
            break; /* nobody will take it */
        }
        if (!item->is_done) {
            (void)pthread_cond_wait(&adding->changed, &adding->mutex);
            continue;
        }
        (void)pthread_mutex_unlock(&adding->mutex);
        report(adding, adding->reported); /* nobody else touches a done item */
        (void)pthread_mutex_lock(&adding->mutex);
        free(item->result);
        item->result = NULL;
        adding->reported++;
        (void)pthread_cond_broadcast(&adding->changed);
    }
    (void)pthread_mutex_unlock(&adding->mutex);
    clear_progress(adding);
}

static void print_summary(const struct adding *adding)
{
    if (adding->options->is_json) {
        command_print_json(json_pack("{s:s, s:I, s:I, s:I, s:I, s:I}", "event", "summary", "added",
                                     (json_int_t)adding->added, "known", (json_int_t)adding->known,
                                     "passed_over", (json_int_t)adding->passed_over, "failed",
                                     (json_int_t)adding->failed, "bytes",
                                     (json_int_t)adding->bytes));
        return;
    }
    printf("%" PRIu64 " added (%" PRIu64 ".%" PRIu64 " MB), %" PRIu64 " known, %" PRIu64
           " passed over that are no audio, %" PRIu64 " failed\n",
           adding->added, adding->bytes / 1000000, adding->bytes / 100000 % 10, adding->known,
           adding->passed_over, adding->failed);
}

static int exit_code_of(const struct adding *adding)
{
    if (is_interrupted) {
        return EXIT_CODE_INTERRUPTED;
    }
    if (adding->storage_error != 0) {
        return EXIT_CODE_STORAGE;
    }
    if (adding->failed == 0) {
        return EXIT_CODE_OK;
    }
    return adding->added + adding->known > 0 ? EXIT_CODE_SOME_FAILED : adding->failed_code;
}

/* ---- All together ---- */

static uint32_t thread_count(const struct adding *adding)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    uint32_t count = processors < 1             ? 1
                     : processors > THREADS_MAX ? THREADS_MAX
                                                : (uint32_t)processors;
    return count < adding->walk.count ? count : adding->walk.count;
}

static int run(struct adding *adding)
{
    pthread_t threads[THREADS_MAX];
    uint32_t wanted = thread_count(adding);
    uint32_t count = 0;
    while (count < wanted && pthread_create(&threads[count], NULL, work, adding) == 0) {
        count++;
    }
    if (count == 0 && wanted > 0) {
        command_complain(NULL, "no thread can be started", NULL);
        return EXIT_CODE_INTERNAL;
    }
    report_all(adding);
    for (uint32_t i = 0; i < count; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    print_summary(adding);
    return exit_code_of(adding);
}

static int collect(struct adding *adding, char **paths)
{
    int error = 0;
    walk_init(&adding->walk);
    walk_skip(&adding->walk, adding->folder.path);
    for (; error == 0 && *paths != NULL; paths++) {
        error = walk_add(&adding->walk, *paths);
    }
    if (error == 0) {
        adding->items = calloc(adding->walk.count + 1, sizeof *adding->items);
        error = adding->items == NULL ? ERROR_NO_MEMORY : 0;
    }
    if (error == ERROR_TOO_LARGE) {
        command_complain(NULL, "more files than can be added at once",
                         "add fewer folders at a time");
        return EXIT_CODE_USAGE;
    }
    if (error != 0) {
        command_complain(NULL, command_error_text(error), NULL);
    }
    return command_exit_code(error);
}

static int add(struct adding *adding, char **paths)
{
    int code = collect(adding, paths);
    if (code != EXIT_CODE_OK) {
        return code;
    }
    if (media_gst_init() != 0) {
        command_complain("GStreamer", "it does not start", "is it installed as README.md says?");
        return EXIT_CODE_INTERNAL;
    }
    adding->ingest.folder = &adding->folder;
    adding->ingest.is_keep_bytes = adding->options->is_keep_bytes;
    catch_interrupts();
    return run(adding);
}

int cmd_add(const struct command_options *options, char **arguments)
{
    struct adding adding = {.options = options, .ingest = {.door = PTHREAD_MUTEX_INITIALIZER}};
    int error = command_open_folder(arguments[0], true, &adding.folder);
    if (error != 0) {
        return command_exit_code(error);
    }
    (void)pthread_mutex_init(&adding.mutex, NULL);
    (void)pthread_cond_init(&adding.changed, NULL);
    adding.is_terminal = !options->is_json && isatty(STDERR_FILENO) == 1;
    int code = add(&adding, arguments + 1);
    for (uint32_t i = 0; adding.items != NULL && i < adding.walk.count; i++) {
        free(adding.items[i].result);
    }
    free(adding.items);
    walk_deinit(&adding.walk);
    (void)pthread_cond_destroy(&adding.changed);
    (void)pthread_mutex_destroy(&adding.mutex);
    folder_close(&adding.folder);
    return code;
}
