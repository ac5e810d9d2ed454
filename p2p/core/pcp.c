/*
 * pcp.c: one request to a router, and what its answer is worth.
 *
 * Responsible for bytes alone. An answer counts when it echoes the nonce, the protocol and the
 * inner port of the request; who sent it is the socket's to check.
 */
#include "p2p/core/pcp.h"

#include "common/cursor.h"
#include "common/error.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#define VERSION 2u
#define OPCODE_MAP 1u
#define ANSWER_BIT 0x80u
#define PROTOCOL_TCP 6u
#define RESULT_SUCCESS 0u
#define RESULT_BAD_VERSION 1u
#define ADDRESS_BYTES 16u

static const uint8_t zeros[ADDRESS_BYTES];
static const uint8_t mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static void put_address(struct writer *writer, const uint8_t bytes[4])
{
    writer_bytes(writer, mapped_prefix, sizeof mapped_prefix);
    writer_bytes(writer, bytes, 4);
}

void pcp_map_write(const struct pcp_map *map, uint8_t ret_bytes[PCP_MAP_BYTES])
{
    struct writer writer;
    assert(map->inner_port != 0);
    assert(map->lifetime_s != 0 || map->outer_port == 0);
    writer_init(&writer, ret_bytes, PCP_MAP_BYTES);
    writer_u8(&writer, VERSION);
    writer_u8(&writer, OPCODE_MAP);
    writer_u16(&writer, 0);
    writer_u32(&writer, map->lifetime_s);
    put_address(&writer, map->client);
    writer_bytes(&writer, map->nonce, sizeof map->nonce);
    writer_u8(&writer, PROTOCOL_TCP);
    writer_u24(&writer, 0);
    writer_u16(&writer, map->inner_port);
    writer_u16(&writer, map->outer_port);
    put_address(&writer, map->outer_address);
    assert(!writer_failed(&writer) && writer_used(&writer) == PCP_MAP_BYTES);
}

static void take_address(const uint8_t bytes[ADDRESS_BYTES], struct p2p_address *ret_address)
{
    memset(ret_address, 0, sizeof *ret_address);
    if (memcmp(bytes, mapped_prefix, sizeof mapped_prefix) == 0 &&
        memcmp(bytes + sizeof mapped_prefix, zeros, 4) != 0) {
        ret_address->family = 4;
        memcpy(ret_address->address, bytes + sizeof mapped_prefix, 4);
    }
}

/* The first four bytes of any version: is it an answer, and a good one? */
static int read_result(struct cursor *cursor)
{
    uint8_t version = cursor_u8(cursor);
    uint8_t opcode = cursor_u8(cursor);
    uint16_t result = cursor_u16(cursor); /* NAT-PMP: two bytes; PCP: the first is reserved */
    if (cursor_failed(cursor) || (opcode & ANSWER_BIT) == 0) {
        return ERROR_MISMATCH;
    }
    if (version != VERSION || (result & 0xff) == RESULT_BAD_VERSION) {
        return ERROR_VERSION;
    }
    if (opcode != (ANSWER_BIT | OPCODE_MAP)) {
        return ERROR_MISMATCH;
    }
    return (result & 0xff) == RESULT_SUCCESS ? 0 : ERROR_DENIED;
}

int pcp_map_read(const struct pcp_map *map, const uint8_t *bytes, size_t count,
                 struct pcp_mapped *ret_mapped)
{
    struct cursor cursor;
    uint8_t nonce[PCP_NONCE_BYTES];
    uint8_t outer_address[ADDRESS_BYTES];
    if (count > PCP_ANSWER_BYTES_MAX) {
        return ERROR_MISMATCH;
    }
    cursor_init(&cursor, bytes, count);
    int result = read_result(&cursor);
    if (result == ERROR_MISMATCH || result == ERROR_VERSION) {
        return result;
    }
    uint32_t lifetime_s = cursor_u32(&cursor);
    (void)cursor_bytes(&cursor, 16); /* epoch, reserved */
    cursor_copy(&cursor, nonce, sizeof nonce);
    uint8_t protocol = cursor_u8(&cursor);
    (void)cursor_u24(&cursor);
    uint16_t inner_port = cursor_u16(&cursor);
    uint16_t outer_port = cursor_u16(&cursor);
    cursor_copy(&cursor, outer_address, sizeof outer_address);
    if (cursor_failed(&cursor) || memcmp(nonce, map->nonce, sizeof nonce) != 0 ||
        protocol != PROTOCOL_TCP || inner_port != map->inner_port) {
        return ERROR_MISMATCH;
    }
    if (result != 0 || map->lifetime_s == 0) {
        return result;
    }
    if (outer_port == 0 || lifetime_s == 0) {
        return ERROR_MALFORMED;
    }
    ret_mapped->outer_port = outer_port;
    ret_mapped->lifetime_s = lifetime_s;
    take_address(outer_address, &ret_mapped->outer_address);
    return 0;
}
