/*
 * server.c: the server as a whole: its memory, its links, and what must hold.
 *
 * Responsible for opening, holding back and closing links, and for the invariants. The work is in
 * server_request.c, server_find.c and server_send.c.
 */
#include "p2p/core/server.h"

#include "common/error.h"
#include "p2p/core/server_state.h"

#include <assert.h>
#include <stdlib.h>

static bool config_is_valid(const struct server_config *config)
{
    return config->intern != NULL && config->owner != NULL && config->trace_word != NULL &&
           config->slot_count >= 1 && config->slot_count <= 65536 && config->request_max >= 1 &&
           config->request_max <= SERVER_REQUEST_MAX &&
           config->fragment_bytes_max >= SERVER_FRAGMENT_BYTES_MIN &&
           config->fragment_bytes_max <= CHUNK_BYTES;
}

static void chain_free_places(struct server *server)
{
    for (uint32_t i = 0; i < server->config.slot_count; i++) {
        server->slots[i].next = i + 1 < server->config.slot_count ? i + 1 : SERVER_NONE;
    }
    for (uint32_t i = 0; i < server->operation_count; i++) {
        server->operations[i].next = i + 1 < server->operation_count ? i + 1 : SERVER_NONE;
    }
}

int server_new(const struct server_config *config, struct server **ret_server)
{
    assert(config_is_valid(config));
    struct server *server = calloc(1, sizeof *server);
    if (server == NULL) {
        return ERROR_NO_MEMORY;
    }
    server->config = *config;
    server->fragment_bytes = config->fragment_bytes_max;
    server->operation_count =
        config->slot_count > SERVER_OPERATIONS_MIN ? config->slot_count : SERVER_OPERATIONS_MIN;
    server->slots = calloc(config->slot_count, sizeof *server->slots);
    server->operations = calloc(server->operation_count, sizeof *server->operations);
    if (server->slots == NULL || server->operations == NULL) {
        goto err_after_calloc;
    }
    chain_free_places(server);
    uint32_t fragment_bytes = config->fragment_bytes_max + SERVER_FRAGMENT_OVERHEAD_BYTES;
    struct upload_config upload = {.window_bytes = config->link_queue_bytes,
                                   .fragment_bytes = fragment_bytes,
                                   .quantum_bytes = CHUNK_BYTES + fragment_bytes,
                                   .control_bytes = SERVER_CONTROL_BYTES,
                                   .job_max = config->request_max};
    upload_init(&server->upload, &upload);
    *ret_server = server;
    return 0;

err_after_calloc:
    free(server->slots);
    free(server->operations);
    free(server);
    return ERROR_NO_MEMORY;
}

void server_free(struct server *server)
{
    if (server == NULL) {
        return;
    }
    assert(server->requests_used == 0);
    assert(server->runs_used == 0);
    upload_deinit(&server->upload);
    while (server->blocks != NULL) {
        struct server_block *block = server->blocks;
        server->blocks = block->next;
        free(block);
    }
    free(server->slots);
    free(server->operations);
    free(server);
}

void server_begin(struct server *server, uint64_t now_us)
{
    assert(now_us >= server->now_us);
    server->now_us = now_us;
}

void server_doom(struct server *server, struct server_link *link)
{
    server->config.owner->doom(server->config.context, link);
}

enum server_holding server_ask(const struct server *server, media_handle file, uint32_t chunk)
{
    const struct server_owner *owner = server->config.owner;
    return owner->holding == NULL ? SERVER_HOLDS_CHUNK
                                  : owner->holding(server->config.context, file, chunk);
}

static void hold_or_release(struct server *server, struct server_link *link)
{
    upload_link_hold(&server->upload, &link->upload, !link->is_greeted || !link->is_served);
}

void server_link_open(struct server *server, struct server_link *link, uint32_t number)
{
    *link = (struct server_link){.number = number, .is_served = true};
    upload_link_open(&server->upload, &link->upload, true);
}

void server_link_greet(struct server *server, struct server_link *link)
{
    assert(!link->is_greeted);
    link->is_greeted = true;
    hold_or_release(server, link);
}

void server_link_set_free(struct server *server, struct server_link *link)
{
    upload_link_set_free(&server->upload, &link->upload);
}

void server_link_serve(struct server *server, struct server_link *link, bool is_served)
{
    link->is_served = is_served;
    hold_or_release(server, link);
}

void server_link_close(struct server *server, struct server_link *link)
{
    server_link_drop(server, link);
    upload_link_close(&server->upload, &link->upload);
}

uint32_t server_link_requests(const struct server_link *link)
{
    return link->upload.job_count;
}

void server_link_room(struct server *server, struct server_link *link, uint64_t queued_bytes)
{
    upload_room(&server->upload, &link->upload, queued_bytes);
}

void server_set_fragment_bytes(struct server *server, uint32_t fragment_bytes)
{
    assert(fragment_bytes >= SERVER_FRAGMENT_BYTES_MIN);
    assert(fragment_bytes <= server->config.fragment_bytes_max);
    server->fragment_bytes = fragment_bytes;
}

void server_get_totals(const struct server *server, struct server_totals *ret_totals)
{
    *ret_totals = server->totals;
    ret_totals->requests_now = server->requests_used;
}

size_t server_heap_bytes(const struct server *server)
{
    return sizeof *server + server->config.slot_count * sizeof *server->slots +
           server->operation_count * sizeof *server->operations + server->pool_bytes;
}

static void check_slots(const struct server *server)
{
    uint32_t used = 0;
    for (uint32_t i = 0; i < server->config.slot_count; i++) {
        const struct server_slot *slot = &server->slots[i];
        used += slot->state != SERVER_SLOT_FREE;
        assert(slot->state != SERVER_SLOT_FREE || slot->request == NULL);
        assert(slot->state != SERVER_SLOT_FILLED || slot->request != NULL);
        assert(!slot->is_counted || slot->state == SERVER_SLOT_FILLED);
        assert(slot->state != SERVER_SLOT_FILLED || slot->sent < slot->bytes);
    }
    assert(used == server->slots_used);
    uint32_t free_count = 0;
    for (uint32_t at = server->slot_free; at != SERVER_NONE; at = server->slots[at].next) {
        assert(server->slots[at].state == SERVER_SLOT_FREE);
        free_count++;
        assert(free_count <= server->config.slot_count);
    }
    assert(free_count + used == server->config.slot_count);
}

static void check_operations(const struct server *server)
{
    uint32_t used = 0;
    for (uint32_t i = 0; i < server->operation_count; i++) {
        const struct server_operation *operation = &server->operations[i];
        used += operation->is_used;
        assert(operation->is_used || operation->request == NULL);
        assert(operation->request == NULL || operation->request->operation == i + 1);
    }
    assert(used == server->operations_used);
}

/* Every slot of a request points back, ready bytes are those of its counted slots. */
static void check_request(const struct server *server, const struct server_request *request)
{
    uint64_t ready_bytes = 0;
    uint64_t slot_bytes = 0;
    bool is_head = true;
    for (uint32_t at = request->slot_first; at != SERVER_NONE; at = server->slots[at].next) {
        const struct server_slot *slot = &server->slots[at];
        assert(slot->request == request);
        is_head = is_head && slot->is_counted; /* what is ready stands in front */
        assert(is_head == slot->is_counted);
        slot_bytes += slot->bytes - slot->sent;
        ready_bytes += slot->is_counted ? server_send_chunk_frame_bytes(slot->bytes - slot->sent,
                                                                        slot->fragment_bytes)
                                        : 0;
        assert(slot->next != SERVER_NONE || request->slot_last == at);
    }
    assert(request->job.ready_bytes == ready_bytes);
    assert(slot_bytes <= request->todo_bytes);
    assert(request->run_at <= request->run_count);
    assert(request->stage != SERVER_STAGE_FINDING || request->operation != 0);
    assert(request->stage == SERVER_STAGE_STREAMING || request->slot_first == SERVER_NONE);
    assert(request->rejects_with == 0 || request->slot_first != SERVER_NONE);
}

void server_link_check_invariants(const struct server *server, const struct server_link *link)
{
    upload_link_check_invariants(&server->upload, &link->upload);
    assert(link->upload.is_held == (!link->is_greeted || !link->is_served));
    for (uint32_t priority = 0; priority < UPLOAD_PRIORITIES; priority++) {
        const struct upload_job *first = link->upload.jobs[priority];
        const struct upload_job *job = first;
        while (job != NULL) {
            const struct server_request *request = (const struct server_request *)job;
            assert(request->link == link);
            check_request(server, request);
            job = job->next == first ? NULL : job->next;
        }
    }
}

void server_check_invariants(const struct server *server)
{
    check_slots(server);
    check_operations(server);
    upload_check_invariants(&server->upload);
}
