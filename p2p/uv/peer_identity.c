/*
 * peer_identity.c: the node's key and its contexts, made late.
 *
 * Failure modes: a key file that can't be used is told and left alone; the run has a key of its own.
 */
#include "p2p/uv/peer_identity.h"

#include "common/error.h"
#include "common/net/crypto.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct peer_identity {
    struct crypto_key *key;
    char *path;             /* owned */
    atomic_bool is_unsaved; /* fresh, and meant for the file */
    uint8_t id[HASH_BYTES];
    struct net_tls *server, *client; /* NULL until needed */
};

/* Loads or draws. */
static int get_key(struct peer_identity *identity, const char **ret_warning)
{
    int error = crypto_key_load(identity->path, &identity->key);
    if (error == 0 || error < 0) {
        return error == ERROR_IO ? ERROR_CRYPTO : error;
    }
    if (error == ERROR_NOT_FOUND) {
        atomic_store(&identity->is_unsaved, true);
    } else if (error == ERROR_DENIED) {
        *ret_warning = "not readable by you, or readable by others";
    } else {
        *ret_warning = "not a key file";
    }
    return crypto_key_generate(&identity->key);
}

int peer_identity_new(const char *path, struct peer_identity **ret_identity,
                      const char **ret_warning)
{
    int error = ERROR_NO_MEMORY;
    struct peer_identity *identity = calloc(1, sizeof *identity);
    *ret_warning = NULL;
    if (identity == NULL) {
        return ERROR_NO_MEMORY;
    }
    identity->path = strdup(path);
    if (identity->path == NULL) {
        goto err_after_identity;
    }
    error = get_key(identity, ret_warning);
    if (error != 0) {
        goto err_after_path;
    }
    crypto_key_hash(identity->key, identity->id);
    *ret_identity = identity;
    return 0;

err_after_path:
    free(identity->path);
err_after_identity:
    free(identity);
    return error;
}

void peer_identity_free(struct peer_identity *identity)
{
    if (identity == NULL) {
        return;
    }
    net_tls_free(identity->server);
    net_tls_free(identity->client);
    crypto_key_free(identity->key);
    free(identity->path);
    free(identity);
}

const uint8_t *peer_identity_id(const struct peer_identity *identity)
{
    return identity->id;
}

bool peer_identity_is_unsaved(const struct peer_identity *identity)
{
    return atomic_load(&identity->is_unsaved);
}

int peer_identity_save(struct peer_identity *identity)
{
    if (!atomic_load(&identity->is_unsaved)) {
        return 0;
    }
    int error = crypto_key_save(identity->path, identity->key);
    if (error == 0 || error == ERROR_EXISTS) {
        atomic_store(&identity->is_unsaved, false);
    }
    return error;
}

int peer_identity_server(struct peer_identity *identity, struct net_tls **ret_tls)
{
    int error = 0;
    if (identity->server == NULL) {
        error = net_tls_new_peer_server(identity->key, &identity->server);
    }
    *ret_tls = error == 0 ? identity->server : *ret_tls;
    return error;
}

int peer_identity_client(struct peer_identity *identity, struct net_tls **ret_tls)
{
    int error = 0;
    if (identity->client == NULL) {
        error = net_tls_new_peer_client(identity->key, &identity->client);
    }
    *ret_tls = error == 0 ? identity->client : *ret_tls;
    return error;
}
