/*
 * fuzz_http.c: requests come out of any bytes the same, however they are cut; ranges of them stay
 * within the body.
 *
 * The first byte says after how many bytes to cut; the rest is what a server receives. It is read
 * twice, whole and cut, request after request as the server does: both must see the same requests
 * and the same end.
 */
#include "common/error.h"
#include "common/net/http_answer.h"
#include "common/net/http_parser.h"

#include <assert.h>
#include <string.h>

static struct net_http_parser parser;

struct seen {
    uint64_t hash;
    int status; /* of the refusal at the end; 0 = none */
};

static void mix(struct seen *seen, const char *text)
{
    for (const char *at = text == NULL ? "(none)" : text; *at != '\0'; at++) {
        seen->hash = (seen->hash ^ (uint8_t)*at) * UINT64_C(1099511628211);
    }
    seen->hash = (seen->hash ^ 0x100) * UINT64_C(1099511628211);
}

static void check_answer(const char *range, const char *if_range, const char *if_none_match,
                         uint64_t total)
{
    struct net_http_answer answer = {
        .status = 200, .etag = "\"e\"", .is_ranged = true, .body_bytes = total, .fd = -1};
    struct net_http_conditions conditions = {range, if_range, if_none_match};
    struct net_http_decision decision = net_http_answer_decide(&answer, &conditions);
    char head[NET_HTTP_HEAD_BYTES_MAX];
    assert(decision.first <= total && decision.bytes <= total - decision.first);
    assert(decision.status != 206 || decision.bytes > 0);
    assert(net_http_answer_head(&answer, &decision, true, head) < NET_HTTP_HEAD_BYTES_MAX);
}

static void take_request(struct seen *seen)
{
    const char *path = net_http_parser_path(&parser);
    const char *range = net_http_parser_header(&parser, NET_HTTP_RANGE);
    const char *if_range = net_http_parser_header(&parser, NET_HTTP_IF_RANGE);
    const char *if_none_match = net_http_parser_header(&parser, NET_HTTP_IF_NONE_MATCH);
    static const uint64_t totals[] = {0, 1, 10, UINT64_C(1) << 32};
    assert(path[0] == '/');
    mix(seen, path);
    mix(seen, net_http_parser_query(&parser));
    mix(seen, net_http_parser_header(&parser, NET_HTTP_HOST));
    mix(seen, range);
    mix(seen, if_range);
    mix(seen, if_none_match);
    mix(seen, parser.is_head ? "head" : "get");
    mix(seen, parser.keeps_alive ? "keeps" : "ends");
    for (size_t i = 0; i < sizeof totals / sizeof totals[0]; i++) {
        check_answer(range, if_range, if_none_match, totals[i]);
    }
}

static bool is_refusal(int status)
{
    static const int statuses[] = {400, 405, 413, 414, 431, 501, 505};
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        if (statuses[i] == status) {
            return true;
        }
    }
    return false;
}

/* False: this connection is over. */
static bool take_result(struct seen *seen, int error)
{
    if (error == ERROR_TRUNCATED) {
        return true;
    }
    if (error == ERROR_MALFORMED) {
        assert(is_refusal(parser.status));
        seen->hash = (seen->hash ^ (uint64_t)parser.status) * UINT64_C(1099511628211);
        seen->status = parser.status;
        if (!parser.keeps_alive) {
            return false;
        }
    } else {
        assert(error == 0 && parser.is_whole);
        take_request(seen);
    }
    if (parser.is_link || !parser.keeps_alive) {
        return false;
    }
    net_http_parser_init(&parser);
    return true;
}

static void read_all(const uint8_t *data, size_t size, size_t cut, struct seen *seen)
{
    net_http_parser_init(&parser);
    for (size_t at = 0; at < size;) {
        size_t count = size - at < cut ? size - at : cut;
        size_t used = 0;
        int error = net_http_parser_push(&parser, data + at, count, &used);
        assert(used <= count && (used > 0 || error != ERROR_TRUNCATED));
        at += used;
        if (!take_result(seen, error)) {
            return;
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct seen whole = {.hash = 0}, cut = {.hash = 0};
    if (size < 2) {
        return 0;
    }
    size_t step = (size_t)data[0] + 1;
    read_all(data + 1, size - 1, size - 1, &whole);
    read_all(data + 1, size - 1, step, &cut);
    assert(whole.hash == cut.hash && whole.status == cut.status);
    return 0;
}
