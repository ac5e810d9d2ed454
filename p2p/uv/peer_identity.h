/*
 * peer_identity.h: the node's own key, and the TLS contexts that show it.
 *
 * The key is kept in a file and names the node: peer id = SHA-256 of its SubjectPublicKeyInfo.
 * Opening reads or draws the key and does no more, since a start must not wait: a fresh key lives
 * in memory until peer_identity_save, and each context is made when the first link needs it.
 *
 * One thread, but for peer_identity_save.
 */
#ifndef P2P_UV_PEER_IDENTITY_H
#define P2P_UV_PEER_IDENTITY_H

#include "common/limits.h"
#include "common/net/tls.h"

#include <stdbool.h>
#include <stdint.h>

struct peer_identity;

/* Reads the key file (common/net/crypto.h), or draws a key when there is none. A file that cannot
 * be read or is no key leaves *ret_warning with why (words for people, static) and a key for this
 * run only; else *ret_warning is NULL. `path` is copied. ERROR_NO_MEMORY, ERROR_CRYPTO. */
int peer_identity_new(const char *path, struct peer_identity **ret_identity,
                      const char **ret_warning);
/* After all links that use it have closed. NULL is fine. */
void peer_identity_free(struct peer_identity *identity);
/* HASH_BYTES, borrowed. */
const uint8_t *peer_identity_id(const struct peer_identity *identity);
/* A fresh key that is not in its file yet. */
bool peer_identity_is_unsaved(const struct peer_identity *identity);
/* Writes a fresh key, durably: this waits for the disk, so any thread may do it, one at a time, while
 * the owner uses the rest. When another program has written one meanwhile, ours is for this run only. 0
 * (also when there is nothing to write); errors as crypto_key_save. */
int peer_identity_save(struct peer_identity *identity);
/* Contexts, made at the first call; borrowed. ERROR_NO_MEMORY, ERROR_CRYPTO. */
int peer_identity_server(struct peer_identity *identity, struct net_tls **ret_tls);
int peer_identity_client(struct peer_identity *identity, struct net_tls **ret_tls);

#endif
