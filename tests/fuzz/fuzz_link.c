/*
 * fuzz_link.c: frames come out of any bytes the same, however they are cut, and never too large.
 *
 * The first byte says after how many bytes to cut; the rest is what a link receives. It is read
 * twice, whole and cut: frames, bodies and the end must agree. Then it is read as a server's answer
 * to an Upgrade, whole and cut.
 */
#include "common/error.h"
#include "common/net/link.h"
#include "common/net/upgrade.h"

#include <assert.h>

struct seen {
    uint64_t hash; /* of types, lengths and bodies */
    uint64_t bytes;
};

static bool take(void *context, uint8_t type, const uint8_t *body, size_t body_bytes)
{
    struct seen *seen = context;
    assert(body_bytes <= NET_LINK_BODY_BYTES_MAX);
    seen->hash = (seen->hash ^ type ^ ((uint64_t)body_bytes << 8)) * UINT64_C(1099511628211);
    for (size_t i = 0; i < body_bytes; i++) {
        seen->hash = (seen->hash ^ body[i]) * UINT64_C(1099511628211);
    }
    seen->bytes += NET_LINK_HEADER_BYTES + body_bytes;
    return true;
}

static int read_all(const uint8_t *data, size_t size, size_t cut, struct seen *seen)
{
    struct net_frame_reader reader;
    int error = 0;
    net_frame_reader_init(&reader);
    for (size_t at = 0; at < size && error == 0; at += cut) {
        error = net_frame_reader_push(&reader, data + at, size - at < cut ? size - at : cut, take,
                                      seen);
        assert(error == 0 || error == ERROR_TOO_LARGE);
    }
    assert(reader.bytes == seen->bytes);
    assert(error != 0 || net_frame_reader_partial_bytes(&reader) == size - seen->bytes);
    net_frame_reader_deinit(&reader);
    return error;
}

/* How the answer ends, and with how many bytes; size when it does not. */
static int read_answer(const uint8_t *data, size_t size, size_t cut, size_t *ret_end)
{
    struct net_upgrade_reader reader;
    int error = ERROR_TRUNCATED;
    size_t at = 0;
    net_upgrade_reader_init(&reader);
    while (at < size && error == ERROR_TRUNCATED) {
        size_t count = size - at < cut ? size - at : cut;
        size_t used = count;
        error = net_upgrade_reader_push(&reader, data + at, count, &used);
        assert(used <= count);
        at += used;
    }
    *ret_end = error == 0 ? at : size;
    return error;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct seen whole = {.hash = 0}, cut = {.hash = 0};
    size_t whole_end = 0, cut_end = 0;
    if (size < 2) {
        return 0;
    }
    size_t step = (size_t)data[0] + 1;
    data++;
    size--;
    int whole_error = read_all(data, size, size, &whole);
    int cut_error = read_all(data, size, step, &cut);
    assert(whole_error == cut_error);
    assert(whole.hash == cut.hash && whole.bytes == cut.bytes);
    whole_error = read_answer(data, size, size, &whole_end);
    cut_error = read_answer(data, size, step, &cut_end);
    assert(whole_error == cut_error && whole_end == cut_end);
    return 0;
}
