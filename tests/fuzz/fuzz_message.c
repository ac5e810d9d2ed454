/*
 * fuzz_message.c: any body of any type is refused or understood, and what is understood is written
 * again byte for byte.
 *
 * The first byte is the frame's type, the rest its body.
 */
#include "common/error.h"
#include "p2p/core/message.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct p2p_message message;
    uint8_t again[P2P_ENCODED_BYTES_MAX];
    size_t bytes = 0;
    if (size == 0) {
        return 0;
    }
    const uint8_t *body = data + 1;
    int error = p2p_message_decode(data[0], body, size - 1, &message);
    assert(error >= 0);
    if (error != 0) {
        return 0;
    }
    assert(message.type == data[0]);
    assert(p2p_message_encode(&message, again, sizeof again, &bytes) == 0);
    assert(bytes <= size - 1 && memcmp(again, body, bytes) == 0);
    size_t payload = message.type == P2P_FRAGMENT ? message.fragment.bytes : 0;
    assert(p2p_message_frame_bytes(&message) == 4 + bytes + payload);
    /* Only a HELLO may have something behind what this version knows. */
    assert(message.type == P2P_HELLO || bytes + payload == size - 1);
    return 0;
}
