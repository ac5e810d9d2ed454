/*
 * upgrade.c: the HTTP around the beginning of a link.
 */
#include "common/net/upgrade.h"

#include "common/error.h"
#include "common/net/link.h"
#include "common/net/url.h"

#include <assert.h>
#include <stdio.h>

size_t net_upgrade_request(const char *host, uint16_t port,
                           char ret_text[NET_UPGRADE_REQUEST_BYTES_MAX])
{
    char where[NET_HOST_BYTES_MAX + 16];
    int error = net_host_port_format(host, port, where, sizeof where);
    assert(error == 0);
    (void)error;
    int bytes = snprintf(ret_text, NET_UPGRADE_REQUEST_BYTES_MAX,
                         "GET " NET_LINK_PATH " HTTP/1.1\r\n"
                         "Host: %s\r\n"
                         "Connection: Upgrade\r\n"
                         "Upgrade: " NET_LINK_UPGRADE "\r\n"
                         "\r\n",
                         where);
    assert(bytes > 0 && (size_t)bytes < NET_UPGRADE_REQUEST_BYTES_MAX);
    return (size_t)bytes;
}

const char *net_upgrade_answer(void)
{
    return "HTTP/1.1 101 Switching Protocols\r\n"
           "Connection: Upgrade\r\n"
           "Upgrade: " NET_LINK_UPGRADE "\r\n"
           "\r\n";
}

/* Stops the parser before any body. 2: what follows is not HTTP (llhttp.h). */
static int on_headers_complete(llhttp_t *parser)
{
    struct net_upgrade_reader *reader = parser->data;
    reader->status = parser->status_code;
    return 2;
}

void net_upgrade_reader_init(struct net_upgrade_reader *reader)
{
    static const llhttp_settings_t settings = {.on_headers_complete = on_headers_complete};
    *reader = (struct net_upgrade_reader){.status = 0};
    llhttp_init(&reader->parser, HTTP_RESPONSE, &settings);
    reader->parser.data = reader;
}

int net_upgrade_reader_push(struct net_upgrade_reader *reader, const uint8_t *bytes, size_t count,
                            size_t *ret_used)
{
    size_t left = NET_LINK_ANSWER_BYTES_MAX - reader->bytes;
    size_t given = count < left ? count : left;
    llhttp_errno_t result = llhttp_execute(&reader->parser, (const char *)bytes, given);
    if (result == HPE_OK) {
        reader->bytes += given;
        return given < count ? ERROR_TOO_LARGE : ERROR_TRUNCATED;
    }
    if (reader->status == 0 || result != HPE_PAUSED_UPGRADE) {
        return ERROR_MALFORMED;
    }
    if (reader->status != 101) {
        return ERROR_UNSUPPORTED;
    }
    *ret_used = (size_t)(llhttp_get_error_pos(&reader->parser) - (const char *)bytes);
    return 0;
}
