/*
 * refresh.c: the conversation with the origin; pages go to a thread.
 */
#include "player/library/refresh.h"

#include "common/error.h"
#include "common/net/http_client.h"
#include "common/net/tls.h"
#include "player/library/page.h"
#include "player/library/state_file.h"
#include "player/origin_claim.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define REFRESH_TARGET_BYTES 256u
#define REFRESH_PAGES_MAX (COPY_TRACKS_MAX / 100u) /* pages of nothing would go on for ever */
#define REFRESH_FIRST "0"                          /* the revision before anything was there */

struct refresh {
    struct net_loop *loop;
    struct net_http_client *client;
    struct net_tls *tls;
    struct net_url url;
    char *known_origins, *copy_path;
    uint64_t seed;
    refresh_done *done;
    void *context;
    uint8_t key_hash[HASH_BYTES]; /* of the TLS key */
    bool closed;
    bool is_working; /* a page is with a thread: memory must stay */
    bool is_freed;   /* refresh_free came meanwhile */
    bool is_list;    /* the origin tells no revision */
    bool began_anew; /* after 410 */
    uint32_t pages;
    char since[COPY_REVISION_BYTES];
    char target[REFRESH_TARGET_BYTES];

    /* The thread's while it works. */
    uv_work_t work;
    struct copy_builder *builder; /* NULL: nothing has changed so far */
    char *body;                   /* owned */
    size_t body_bytes;
    struct page page;
    bool is_written;
    int work_error;
};

static void free_all(struct refresh *refresh)
{
    copy_builder_free(refresh->builder);
    free(refresh->body);
    net_tls_free(refresh->tls);
    free(refresh->known_origins);
    free(refresh->copy_path);
    free(refresh);
}

static void finish(struct refresh *refresh, int error, const char *text)
{
    if (!refresh->closed) {
        refresh_close(refresh);
        refresh->done(refresh->context, error, text, refresh->is_written);
    }
}

static void get(struct refresh *refresh, const char *target, net_http_done *done)
{
    int error = net_http_client_get(refresh->client, target, done, refresh);
    if (error != 0) {
        finish(refresh, error, error_text(error));
    }
}

/* True when the answer is there and good; otherwise the refresh is finished. */
static bool is_answer(struct refresh *refresh, const struct net_http_response *response)
{
    char text[64];
    if (refresh->closed) {
        return false;
    }
    if (response->error != 0) {
        finish(refresh, response->error, response->text);
        return false;
    }
    if (response->status != 200) {
        snprintf(text, sizeof text, "it answered with HTTP status %d", response->status);
        finish(refresh, ERROR_UNSUPPORTED, text);
        return false;
    }
    return true;
}

/* --- pages, on a thread -------------------------------------------------------------------------------- */

/* What stands in the copy goes into the builder, unless everything is read anew. */
static int begin_building(struct refresh *refresh)
{
    const void *bytes;
    size_t count;
    struct state_stamp stamp;
    struct copy copy;
    int error = copy_builder_new(refresh->seed, &refresh->builder);
    if (error != 0 || refresh->is_list || strcmp(refresh->since, REFRESH_FIRST) == 0) {
        return error;
    }
    error = state_file_map(refresh->copy_path, &bytes, &count, &stamp);
    if (error != 0) {
        return error;
    }
    error = copy_open(bytes, count, &copy);
    /* Another process may have refreshed it meanwhile: what this one was told does not fit then. */
    if (error == 0 && strcmp(copy.header->revision, refresh->since) != 0) {
        error = ERROR_BUSY;
    }
    error = error != 0 ? error : copy_builder_take(refresh->builder, &copy);
    state_file_unmap(bytes, count);
    return error;
}

static int write_copy(struct refresh *refresh)
{
    void *bytes = NULL;
    size_t count = 0;
    int error = copy_builder_finish(refresh->builder, refresh->page.revision, &bytes, &count);
    if (error == 0) {
        error = state_file_write(refresh->copy_path, bytes, count);
        refresh->is_written = error == 0;
        free(bytes);
    }
    return error;
}

static bool is_last(const struct refresh *refresh)
{
    return refresh->is_list ? refresh->page.next[0] == '\0' : !refresh->page.more;
}

static int apply(struct refresh *refresh)
{
    struct page page;
    bool has_copy = strcmp(refresh->since, REFRESH_FIRST) != 0;
    int error = page_apply(NULL, refresh->body, refresh->body_bytes, &page);
    if (error != 0) {
        return error;
    }
    if (refresh->pages == 1) {
        refresh->is_list = page.revision[0] == '\0';
        refresh->page.revision[0] = '\0';
    }
    if (refresh->builder == NULL && has_copy && !refresh->is_list && page.changes == 0 &&
        !page.more) {
        refresh->page = page;
        return 0; /* nothing has changed */
    }
    error = refresh->builder == NULL ? begin_building(refresh) : 0;
    error = error != 0
                ? error
                : page_apply(refresh->builder, refresh->body, refresh->body_bytes, &refresh->page);
    return error != 0 || !is_last(refresh) ? error : write_copy(refresh);
}

static void work(uv_work_t *uv)
{
    struct refresh *refresh = uv->data;
    refresh->work_error = apply(refresh);
}

/* --- pages, on the loop -------------------------------------------------------------------------------- */

static void page_came(void *context, const struct net_http_response *response);

static void get_page(struct refresh *refresh)
{
    int length = snprintf(refresh->target, sizeof refresh->target,
                          "/v1/tracks?limit=1000&brief&since=%s%s%s", refresh->since,
                          refresh->page.next[0] != '\0' ? "&after=" : "", refresh->page.next);
    assert(length > 0 && (size_t)length < sizeof refresh->target);
    get(refresh, refresh->target, page_came);
}

static const char *text_of(int error)
{
    switch (error) {
    case ERROR_MALFORMED:
        return "its list of tracks is no such list";
    case ERROR_TOO_LARGE:
        return "its list of tracks is larger than a player takes";
    case ERROR_FULL:
        return "no space left for the copy of its list of tracks";
    case ERROR_DENIED:
        return "the copy of its list of tracks can't be written";
    case ERROR_BUSY:
        return "another player refreshes the copy of its list of tracks";
    default:
        return error_text(error);
    }
}

static void worked(uv_work_t *uv, int status)
{
    struct refresh *refresh = uv->data;
    (void)status;
    refresh->is_working = false;
    if (refresh->is_freed) {
        free_all(refresh);
        return;
    }
    free(refresh->body);
    refresh->body = NULL;
    if (refresh->closed) {
        return;
    }
    int error = refresh->work_error;
    if (error != 0) {
        /* ERROR_DENIED is the identity's alone. */
        finish(refresh, error == ERROR_DENIED ? ERROR_IO : error, text_of(error));
    } else if (is_last(refresh)) {
        if (!refresh->is_written) {
            (void)utimensat(AT_FDCWD, refresh->copy_path, NULL, 0); /* looked at now */
        }
        finish(refresh, 0, "");
    } else if (++refresh->pages > REFRESH_PAGES_MAX) {
        finish(refresh, ERROR_TOO_LARGE, text_of(ERROR_TOO_LARGE));
    } else {
        if (!refresh->is_list) {
            memcpy(refresh->since, refresh->page.revision, sizeof refresh->since);
        }
        get_page(refresh);
    }
}

/* The copy is of another catalogue. */
static void begin_anew(struct refresh *refresh)
{
    refresh->began_anew = true;
    refresh->pages = 1;
    (void)snprintf(refresh->since, sizeof refresh->since, REFRESH_FIRST);
    copy_builder_free(refresh->builder);
    refresh->builder = NULL;
    get_page(refresh);
}

static void page_came(void *context, const struct net_http_response *response)
{
    struct refresh *refresh = context;
    if (!refresh->closed && response->error == 0 && response->status == 410 &&
        !refresh->began_anew) {
        begin_anew(refresh);
        return;
    }
    if (!is_answer(refresh, response)) {
        return;
    }
    refresh->body = malloc(response->body_bytes + 1);
    if (refresh->body == NULL) {
        finish(refresh, ERROR_NO_MEMORY, error_text(ERROR_NO_MEMORY));
        return;
    }
    memcpy(refresh->body, response->body, response->body_bytes);
    refresh->body_bytes = response->body_bytes;
    refresh->work.data = refresh;
    refresh->is_working = true;
    if (uv_queue_work(net_loop_uv(refresh->loop), &refresh->work, work, worked) != 0) {
        refresh->is_working = false;
        finish(refresh, ERROR_SYSTEM, error_text(ERROR_SYSTEM));
    }
}

/* --- who it is --------------------------------------------------------------------------------------------- */

static void origin_came(void *context, const struct net_http_response *response)
{
    struct refresh *refresh = context;
    char text[NET_KNOWN_TEXT_BYTES];
    if (!is_answer(refresh, response)) {
        return;
    }
    int error = origin_claim_check(response->body, response->body_bytes,
                                   refresh->tls != NULL ? refresh->key_hash : NULL, &refresh->url,
                                   refresh->known_origins, text);
    if (error != 0) {
        finish(refresh, error, text);
        return;
    }
    get_page(refresh);
}

static int check_key(void *context, const uint8_t key_hash[HASH_BYTES])
{
    struct refresh *refresh = context;
    memcpy(refresh->key_hash, key_hash, HASH_BYTES);
    return 0;
}

/* --- life -------------------------------------------------------------------------------------------------- */

/* The copy's revision; the first one when there is no copy that could be used. */
static void read_revision(struct refresh *refresh)
{
    const void *bytes;
    size_t count;
    struct state_stamp stamp;
    struct copy copy;
    (void)snprintf(refresh->since, sizeof refresh->since, REFRESH_FIRST);
    if (state_file_map(refresh->copy_path, &bytes, &count, &stamp) != 0) {
        return;
    }
    if (copy_open(bytes, count, &copy) == 0 && copy.header->revision[0] != '\0') {
        memcpy(refresh->since, copy.header->revision, sizeof refresh->since);
    }
    state_file_unmap(bytes, count);
}

static int open_client(struct refresh *refresh)
{
    int error = net_url_is_tls(&refresh->url) ? net_tls_new_client(&refresh->tls) : 0;
    if (error != 0) {
        return error;
    }
    struct net_http_client_config config = {
        .host = refresh->url.host,
        .port = refresh->url.port,
        .tls = refresh->tls,
        .check_key = check_key,
        .context = refresh,
    };
    error = net_http_client_open(refresh->loop, &config, &refresh->client);
    if (error != 0) {
        return error;
    }
    error = net_http_client_get(refresh->client, "/v1/origin", origin_came, refresh);
    if (error != 0) {
        net_http_client_close(refresh->client);
        refresh->client = NULL;
    }
    return error;
}

int refresh_open(struct net_loop *loop, const struct refresh_config *config, refresh_done *done,
                 void *context, struct refresh **ret_refresh)
{
    struct refresh *refresh = calloc(1, sizeof *refresh);
    if (refresh == NULL) {
        return ERROR_NO_MEMORY;
    }
    refresh->loop = loop;
    refresh->url = *config->url;
    refresh->seed = config->seed;
    refresh->done = done;
    refresh->context = context;
    refresh->pages = 1;
    refresh->known_origins = strdup(config->known_origins);
    refresh->copy_path = strdup(config->copy_path);
    int error = ERROR_NO_MEMORY;
    if (refresh->known_origins != NULL && refresh->copy_path != NULL) {
        read_revision(refresh);
        error = open_client(refresh);
    }
    if (error != 0) {
        free_all(refresh);
        return error;
    }
    *ret_refresh = refresh;
    return 0;
}

void refresh_close(struct refresh *refresh)
{
    if (refresh != NULL && !refresh->closed) {
        refresh->closed = true;
        net_http_client_close(refresh->client);
        refresh->client = NULL;
    }
}

void refresh_free(struct refresh *refresh)
{
    if (refresh == NULL) {
        return;
    }
    assert(refresh->closed);
    if (refresh->is_working) {
        refresh->is_freed = true;
    } else {
        free_all(refresh);
    }
}
