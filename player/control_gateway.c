/*
 * control_gateway.c: the verb "gateway": where other players find this engine's tracks.
 */
#include "player/control_internal.h"
#include "player/gateway/gateway.h"

#include <stdio.h>

json_t *control_open_gateway(struct control *control, uint16_t port, const char **ret_error)
{
    static char text[NET_LISTENER_TEXT_BYTES];
    struct session *session = control->session;
    if (control->gateway == NULL &&
        gateway_open(session->loop, session->engine, session->paths.state, port, &control->gateway,
                     text) != 0) {
        static char message[NET_LISTENER_TEXT_BYTES + 64];
        snprintf(message, sizeof message, "gateway: %s; name another port with --port", text);
        *ret_error = message;
        return NULL;
    }
    const char *url = gateway_url(control->gateway);
    const char *token = gateway_token(control->gateway);
    return json_pack("{s:s, s:s, s:o}", "url", url, "token", token, "tracks",
                     json_sprintf("%s/%s/tracks/", url, token));
}

static json_t *do_gateway(struct control *control, const struct control_call *call,
                          const json_t *request, const char **ret_error)
{
    (void)call;
    (void)request;
    return control_open_gateway(control, 0, ret_error);
}

const struct control_row control_gateway_rows[] = {
    {"gateway", do_gateway, CONTROL_NEEDS_NOTHING},
    {NULL, NULL, CONTROL_NEEDS_NOTHING},
};
