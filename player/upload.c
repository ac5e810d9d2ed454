/*
 * upload.c: asks in a worker of libuv, decides on the loop.
 *
 * Happy path: deadline -> worker looks -> rule -> engine_set_giving when it changed -> next deadline.
 * Failure modes: what can't be found out counts as harmless; a worker that hangs in the bus is cancelled
 * when the engine closes.
 */
#include "player/upload.h"

#include "player/battery.h"
#include "player/dbus/metered.h"

#include <stdlib.h>
#include <time.h>

#define UPLOAD_FIRST_US (3 * TIME_US_PER_S)
#define UPLOAD_AGAIN_US (60 * TIME_US_PER_S)

struct upload {
    uv_work_t work; /* first: its request is the object */
    struct net_loop *loop;
    struct engine *engine;
    const struct args *args;
    struct net_deadline *deadline;
    struct metered *metered;
    struct upload_facts facts; /* the worker's while is_working */
    struct upload_rule rule;   /* that the engine has */
    bool is_working;
    bool is_closing;
};

static unsigned local_hour(void)
{
    struct tm parts;
    time_t now = time(NULL);
    return localtime_r(&now, &parts) != NULL ? (unsigned)parts.tm_hour : 0;
}

struct upload_rule upload_first(const struct args *args)
{
    const struct upload_facts facts = {.hour = local_hour()};
    return upload_rule_decide(args, &facts);
}

static void free_upload(struct upload *upload)
{
    metered_free(upload->metered);
    free(upload);
}

static void look(uv_work_t *work)
{
    struct upload *upload = (struct upload *)work;
    upload->facts.is_battery_low = battery_is_low(BATTERY_FOLDER);
    upload->facts.is_metered = metered_ask(upload->metered);
}

static void looked(uv_work_t *work, int status)
{
    struct upload *upload = (struct upload *)work;
    (void)status;
    upload->is_working = false;
    if (upload->is_closing) {
        free_upload(upload);
        return;
    }
    upload->facts.hour = local_hour();
    struct upload_rule rule = upload_rule_decide(upload->args, &upload->facts);
    if (rule.off != upload->rule.off || rule.bytes_per_s != upload->rule.bytes_per_s) {
        upload->rule = rule;
        engine_set_giving(upload->engine, rule.off == UPLOAD_ON, rule.bytes_per_s);
    }
    net_deadline_set(upload->deadline, net_now_us() + UPLOAD_AGAIN_US);
}

static void begin_look(void *context)
{
    struct upload *upload = context;
    upload->is_working = uv_queue_work(net_loop_uv(upload->loop), &upload->work, look, looked) == 0;
    if (!upload->is_working) {
        net_deadline_set(upload->deadline, net_now_us() + UPLOAD_AGAIN_US);
    }
}

struct upload *upload_open(struct net_loop *loop, struct engine *engine, const struct args *args)
{
    struct upload *upload = engine_peer_id(engine) != NULL ? calloc(1, sizeof *upload) : NULL;
    if (upload == NULL) {
        return NULL;
    }
    *upload =
        (struct upload){.loop = loop, .engine = engine, .args = args, .rule = upload_first(args)};
    upload->metered = metered_new();
    if (upload->metered == NULL ||
        net_deadline_open(loop, begin_look, upload, &upload->deadline) != 0) {
        free_upload(upload);
        return NULL;
    }
    net_deadline_set(upload->deadline, net_now_us() + UPLOAD_FIRST_US);
    return upload;
}

void upload_close(struct upload *upload)
{
    if (upload == NULL) {
        return;
    }
    net_deadline_close(upload->deadline);
    upload->is_closing = true;
    if (!upload->is_working) {
        free_upload(upload);
        return;
    }
    metered_cancel(upload->metered);
    (void)uv_cancel((uv_req_t *)&upload->work); /* `looked` comes either way */
}

enum upload_off upload_off(const struct upload *upload)
{
    return upload != NULL ? upload->rule.off : UPLOAD_ON;
}
