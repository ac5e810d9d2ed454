/*
 * listing_query.c: asks an origin who it is and then for its tracks, page by page.
 *
 * Happy path: GET /v1/origin -> identity shown and known -> GET /v1/tracks?limit=1000 -> ... ->
 * done. Failure modes: no connection, no HTTP, another status, another identity, a page that is no
 * list; each ends in one `done`.
 */
#include "common/error.h"
#include "common/net/http_client.h"
#include "common/net/tls.h"
#include "player/listing.h"
#include "player/origin_claim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LISTING_FIRST_PAGE "/v1/tracks?limit=1000"
#define LISTING_TARGET_BYTES 512u

struct listing_query {
    struct net_http_client *client;
    struct net_tls *tls;
    struct net_url url;
    char *known_origins;
    listing_done *done;
    void *context;
    struct listing listing;
    uint8_t key_hash[HASH_BYTES]; /* of the TLS key */
    bool closed;
    uint32_t pages;
    char target[LISTING_TARGET_BYTES];
};

static void finish(struct listing_query *query, int error, const char *text)
{
    if (!query->closed) {
        struct listing listing = query->listing;
        query->listing = (struct listing){0};
        listing_done *done = query->done;
        listing_query_close(query);
        done(query->context, error, text, &listing);
    }
}

static void get(struct listing_query *query, const char *target, net_http_done *done)
{
    int error = net_http_client_get(query->client, target, done, query);
    if (error != 0) {
        finish(query, error, error_text(error));
    }
}

/* True when the answer is there and good; otherwise the query is finished. */
static bool is_answer(struct listing_query *query, const struct net_http_response *response)
{
    char text[64];
    if (response->error == ERROR_CANCELLED && query->closed) {
        return false;
    }
    if (response->error != 0) {
        finish(query, response->error, response->text);
        return false;
    }
    if (response->status != 200) {
        snprintf(text, sizeof text, "it answered with HTTP status %d", response->status);
        finish(query, ERROR_UNSUPPORTED, text);
        return false;
    }
    return true;
}

static void page_came(void *context, const struct net_http_response *response)
{
    struct listing_query *query = context;
    if (!is_answer(query, response)) {
        return;
    }
    int error = listing_add_page(&query->listing, response->body, response->body_bytes,
                                 query->target, sizeof query->target);
    if (error != 0) {
        finish(query, error, "its list of tracks is no such list");
        return;
    }
    /* Pages of nothing would go on for ever. */
    if (query->target[0] == '\0' || ++query->pages > LISTING_TRACKS_MAX / 10) {
        finish(query, 0, "");
        return;
    }
    get(query, query->target, page_came);
}

/* --- who it is ----------------------------------------------------------------------------------------------- */

static void origin_came(void *context, const struct net_http_response *response)
{
    struct listing_query *query = context;
    char text[NET_KNOWN_TEXT_BYTES];
    if (!is_answer(query, response)) {
        return;
    }
    int error = origin_claim_check(response->body, response->body_bytes,
                                   query->tls != NULL ? query->key_hash : NULL, &query->url,
                                   query->known_origins, text);
    if (error != 0) {
        finish(query, error, text);
        return;
    }
    get(query, LISTING_FIRST_PAGE, page_came);
}

static int check_key(void *context, const uint8_t key_hash[HASH_BYTES])
{
    struct listing_query *query = context;
    memcpy(query->key_hash, key_hash, HASH_BYTES);
    return 0;
}

/* --- life -------------------------------------------------------------------------------------------------------- */

int listing_query_open(struct net_loop *loop, const struct net_url *url, const char *known_origins,
                       listing_done *done, void *context, struct listing_query **ret_query)
{
    int error = ERROR_NO_MEMORY;
    struct listing_query *query = calloc(1, sizeof *query);
    if (query == NULL) {
        return error;
    }
    query->url = *url;
    query->done = done;
    query->context = context;
    listing_init(&query->listing);
    query->known_origins = strdup(known_origins);
    if (query->known_origins == NULL) {
        goto err_after_alloc;
    }
    error = net_url_is_tls(url) ? net_tls_new_client(&query->tls) : 0;
    if (error != 0) {
        goto err_after_alloc;
    }
    struct net_http_client_config config = {
        .host = query->url.host,
        .port = query->url.port,
        .tls = query->tls,
        .check_key = check_key,
        .context = query,
    };
    error = net_http_client_open(loop, &config, &query->client);
    if (error != 0) {
        goto err_after_alloc;
    }
    error = net_http_client_get(query->client, "/v1/origin", origin_came, query);
    if (error != 0) {
        net_http_client_close(query->client);
        goto err_after_alloc;
    }
    *ret_query = query;
    return 0;

err_after_alloc:
    net_tls_free(query->tls);
    free(query->known_origins);
    free(query);
    return error;
}

void listing_query_close(struct listing_query *query)
{
    if (query != NULL && !query->closed) {
        query->closed = true;
        net_http_client_close(query->client);
        query->client = NULL;
    }
}

void listing_query_free(struct listing_query *query)
{
    if (query == NULL) {
        return;
    }
    listing_deinit(&query->listing);
    net_tls_free(query->tls);
    free(query->known_origins);
    free(query);
}
