/*
 * message_peer.h: the messages between peers and with the tracker (types 12 to 21), for message.c.
 *
 * Private to the codec: others include message.h. Each function takes a message of these types
 * only (asserted), but p2p_message_peer_list and p2p_message_peer_relist: others have no list there.
 */
#ifndef P2P_CORE_MESSAGE_PEER_H
#define P2P_CORE_MESSAGE_PEER_H

#include "common/cursor.h"
#include "p2p/core/message.h"

/* Every bound that message.h draws, lists included; the same for both directions. */
bool p2p_message_peer_ok(const struct p2p_message *message);

/* Reads the fields and borrows the lists, so that they can be looked at; p2p_message_peer_ok has
 * still to be asked. ERROR_TRUNCATED: the body ends early. ERROR_MALFORMED: a count is beyond its
 * bound, so that the list has no place. */
int p2p_message_peer_read(struct cursor *cursor, struct p2p_message *message);

void p2p_message_peer_write(struct writer *writer, const struct p2p_message *message);

/* As p2p_message_list. */
const uint8_t *p2p_message_peer_list(const struct p2p_message *message, size_t *ret_bytes);
void p2p_message_peer_relist(struct p2p_message *message, const uint8_t *bytes);
/* Keys in an ANNOUNCE. */
uint32_t p2p_announce_count(const struct p2p_message *message);
/* Reads one file of a HOLDERS. ERROR_TRUNCATED; ERROR_MALFORMED: it lists too many. */
int p2p_holders_get(struct cursor *cursor, struct p2p_holders_file *ret_file);
/* Bytes of the body without its list. */
size_t p2p_message_peer_fixed_bytes(enum p2p_type type);

#endif
