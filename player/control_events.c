/*
 * control_events.c: faces, and what they are told.
 */
#include "common/error.h"
#include "player/control_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static const char *const event_names[CONTROL_EVENTS] = {
#define CONTROL_EVENT_NAME(name, text) text,
    CONTROL_EVENT_MAP(CONTROL_EVENT_NAME)
#undef CONTROL_EVENT_NAME
};

/* --- faces ---------------------------------------------------------------------------------------- */

struct control_face *control_find_face(const struct control *control, uint32_t number)
{
    struct control_face *face = control->faces;
    while (face != NULL && face->number != number) {
        face = face->next;
    }
    return face;
}

struct control_face *control_add_face(struct control *control, uint32_t number)
{
    struct control_face *face = calloc(1, sizeof *face);
    if (face != NULL) {
        face->number = number;
        face->next = control->faces;
        control->faces = face;
    }
    return face;
}

void control_drop_face(struct control *control, uint32_t number)
{
    for (struct control_face **at = &control->faces; *at != NULL; at = &(*at)->next) {
        if ((*at)->number == number) {
            struct control_face *face = *at;
            *at = face->next;
            free(face);
            return;
        }
    }
}

void control_say_to(struct control *control, uint32_t number, json_t *object)
{
    if (number < CONTROL_FACE_LOCAL) {
        if (control->server != NULL) {
            control_server_say(control->server, number, object);
        } else {
            json_decref(object);
        }
        return;
    }
    const struct control_face *face = control_find_face(control, number);
    if (face != NULL && object != NULL) {
        face->say(face->say_context, object);
    }
    json_decref(object);
}

/* --- events --------------------------------------------------------------------------------------- */

bool control_is_heard(const struct control *control, enum control_event event)
{
    for (const struct control_face *face = control->faces; face != NULL; face = face->next) {
        if ((face->events >> event & 1u) != 0) {
            return true;
        }
    }
    return false;
}

/* Faces may leave while they are told: the list is walked by numbers, which fall along it. */
static uint32_t next_face(const struct control *control, uint32_t behind, enum control_event event)
{
    uint32_t best = 0;
    for (const struct control_face *face = control->faces; face != NULL; face = face->next) {
        bool hears = (face->events >> event & 1u) != 0;
        if (hears && face->number > behind && (best == 0 || face->number < best)) {
            best = face->number;
        }
    }
    return best;
}

void control_tell_one(struct control *control, uint32_t face, enum control_event event,
                      json_t *fields)
{
    if (fields != NULL) {
        json_object_set_new(fields, "event", json_string(event_names[event]));
        control_say_to(control, face, fields);
    }
}

void control_tell(struct control *control, enum control_event event, json_t *fields)
{
    assert(event < CONTROL_EVENTS);
    if (fields == NULL) {
        return;
    }
    json_object_set_new(fields, "event", json_string(event_names[event]));
    for (uint32_t face = next_face(control, 0, event); face != 0;
         face = next_face(control, face, event)) {
        control_say_to(control, face, json_incref(fields));
    }
    json_decref(fields);
}

/* --- subscribe ------------------------------------------------------------------------------------ */

/* The bit of a name; 0 = there is no such event. */
static uint32_t bit_of(const char *name)
{
    for (unsigned i = 0; i < CONTROL_EVENTS && name != NULL; i++) {
        if (strcmp(event_names[i], name) == 0) {
            return 1u << i;
        }
    }
    return 0;
}

static bool take_events(const json_t *events, uint32_t *ret_bits)
{
    uint32_t bits = 0;
    if (json_is_string(events) && strcmp(json_string_value(events), "all") == 0) {
        *ret_bits = (1u << CONTROL_EVENTS) - 1u;
        return true;
    }
    for (size_t i = 0; i < json_array_size(events); i++) {
        uint32_t bit = bit_of(json_string_value(json_array_get(events, i)));
        if (bit == 0) {
            return false;
        }
        bits |= bit;
    }
    *ret_bits = bits;
    return json_is_array(events);
}

/* What was subscribed to before is replaced. */
static json_t *do_subscribe(struct control *control, const struct control_call *call,
                            const json_t *request, const char **ret_error)
{
    uint32_t events;
    if (!take_events(json_object_get(request, "events"), &events)) {
        *ret_error = "events: neither \"all\" nor a list of events; docs/CLI.md has them";
        return NULL;
    }
    struct control_face *face = control_find_face(control, call->face);
    if (face == NULL) {
        face = control_add_face(control, call->face);
    }
    if (face == NULL) {
        return NULL;
    }
    face->events = events;
    control_answer(control, call, json_object(), NULL); /* before the events */
    control_now_introduce(control, call->face);         /* the answer may have been its last */
    *ret_error = NULL;
    return NULL;
}

const struct control_row control_face_rows[] = {
    {"subscribe", do_subscribe, CONTROL_NEEDS_NOTHING},
    {NULL, NULL, CONTROL_NEEDS_NOTHING},
};
