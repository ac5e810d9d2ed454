/*
 * pcp.h: the Port Control Protocol's MAP (RFC 6887), as far as one TCP port needs it.
 *
 * Responsible for the bytes of one request and one answer, and for which answers count. Not for
 * sockets, times and who is asked. Big-endian, IPv4 addresses in IPv6 form (::ffff:a.b.c.d):
 *
 *   request, 60 bytes                          answer, 60 to 1,100 bytes
 *    0 version u8 (2)                           0 version u8 (2)
 *    1 opcode u8 (1: MAP)                       1 0x80 | opcode u8
 *    2 zeros 2                                  2 zero u8, result u8
 *    4 lifetime u32, seconds; 0: delete         4 lifetime u32, seconds; of an error too
 *    8 client's address 16                      8 epoch u32, zeros 12
 *   24 nonce 12                                24 nonce 12
 *   36 protocol u8 (6: TCP), zeros 3           36 protocol u8, zeros 3
 *   40 inner port u16, wished outer port u16   40 inner port u16, outer port u16
 *   44 wished outer address 16                 44 outer address 16
 *
 * A server that knows only NAT-PMP (RFC 6886) answers with version 0.
 */
#ifndef P2P_CORE_PCP_H
#define P2P_CORE_PCP_H

#include "p2p/core/contact.h"

#include <stddef.h>
#include <stdint.h>

#define PCP_PORT 5351u
#define PCP_MAP_BYTES 60u
#define PCP_ANSWER_BYTES_MAX 1100u
#define PCP_NONCE_BYTES 12u

struct pcp_map {
    uint8_t nonce[PCP_NONCE_BYTES]; /* the same for all requests about one mapping */
    uint8_t client[4];              /* our IPv4 address, as the router sees it */
    uint16_t inner_port;
    uint16_t outer_port;      /* wished; 0 = any */
    uint8_t outer_address[4]; /* wished; zeros = any */
    uint32_t lifetime_s;      /* 0: delete; then no outer port is wished (asserted) */
};

struct pcp_mapped {
    uint16_t outer_port;              /* never 0 */
    struct p2p_address outer_address; /* port 0; family 0: none that can be used */
    uint32_t lifetime_s;              /* as the router says */
};

void pcp_map_write(const struct pcp_map *map, uint8_t ret_bytes[PCP_MAP_BYTES]);
/* 0: mapped (*ret_mapped), or deleted when the lifetime wished is 0. ERROR_VERSION: the router
 * speaks an older protocol. ERROR_DENIED: it refuses, for whatever reason. ERROR_MISMATCH: no
 * answer to this request; others may follow. ERROR_MALFORMED: it says what cannot be. */
int pcp_map_read(const struct pcp_map *map, const uint8_t *bytes, size_t count,
                 struct pcp_mapped *ret_mapped);

#endif
