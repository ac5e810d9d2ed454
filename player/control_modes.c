/*
 * control_modes.c: the verbs for how it is played: shuffle, repeat, volume, ReplayGain.
 */
#include "player/control_internal.h"

static json_t *do_shuffle(struct control *control, const struct control_call *call,
                          const json_t *request, const char **ret_error)
{
    enum lineup_shuffle mode;
    const char *name = json_string_value(json_object_get(request, "mode"));
    (void)call;
    if (name == NULL || !lineup_shuffle_parse(name, &mode)) {
        *ret_error = "mode: no such way to shuffle; there are off, tracks and albums";
        return NULL;
    }
    return playing_set_shuffle(control->playing, mode) == 0 ? json_object() : NULL;
}

static json_t *do_repeat(struct control *control, const struct control_call *call,
                         const json_t *request, const char **ret_error)
{
    enum lineup_repeat mode;
    const char *name = json_string_value(json_object_get(request, "mode"));
    (void)call;
    if (name == NULL || !lineup_repeat_parse(name, &mode)) {
        *ret_error = "mode: no such way to repeat; there are off, all and one";
        return NULL;
    }
    playing_set_repeat(control->playing, mode);
    return json_object();
}

/* "by" steps from where it is, to the ends. */
static json_t *do_volume(struct control *control, const struct control_call *call,
                         const json_t *request, const char **ret_error)
{
    struct playing *playing = control->playing;
    const json_t *percent = json_object_get(request, "percent");
    const json_t *by = json_object_get(request, "by");
    json_int_t to = playing->percent;
    (void)call;
    if (json_is_integer(percent)) {
        to = json_integer_value(percent);
    } else if (json_is_integer(by) && json_integer_value(by) >= -(json_int_t)OUTPUT_PERCENT_MAX &&
               json_integer_value(by) <= (json_int_t)OUTPUT_PERCENT_MAX) {
        to += json_integer_value(by);
        to = to < 0 ? 0 : to > (json_int_t)OUTPUT_PERCENT_MAX ? (json_int_t)OUTPUT_PERCENT_MAX : to;
    } else if (percent != NULL || by != NULL) {
        to = -1;
    }
    if (to < 0 || to > (json_int_t)OUTPUT_PERCENT_MAX) {
        *ret_error = "percent: no volume; give a whole number from 0 to 100";
        return NULL;
    }
    playing_set_volume(playing, (uint32_t)to);
    return json_pack("{s:I}", "percent", to);
}

static json_t *do_gain(struct control *control, const struct control_call *call,
                       const json_t *request, const char **ret_error)
{
    enum playing_gain gain;
    const char *name = json_string_value(json_object_get(request, "mode"));
    (void)call;
    if (name == NULL || !playing_gain_parse(name, &gain)) {
        *ret_error = "mode: no such ReplayGain; there are off, track, album and auto";
        return NULL;
    }
    playing_set_gain(control->playing, gain);
    return json_object();
}

const struct control_row control_modes_rows[] = {
    {"shuffle", do_shuffle, CONTROL_NEEDS_PLAYING},
    {"repeat", do_repeat, CONTROL_NEEDS_PLAYING},
    {"volume", do_volume, CONTROL_NEEDS_PLAYING},
    {"replaygain", do_gain, CONTROL_NEEDS_PLAYING},
    {NULL, NULL, CONTROL_NEEDS_NOTHING},
};
