/*
 * test_tracks.c: manifests are taken only when they are whole and of the right track.
 */
#include "common/error.h"
#include "player/core/tracks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static size_t make_manifest(uint8_t track, uint8_t *ret_bytes)
{
    struct media_manifest manifest = {.file_count = 1};
    memset(manifest.track_id, track, TRACK_ID_BYTES);
    manifest.files[0] = (struct media_file){.id = {.root = {track}, .bytes = 100000},
                                            .source = {.root = {track}, .bytes = 100000},
                                            .codec = MEDIA_CODEC_OPUS,
                                            .container = MEDIA_CONTAINER_OGG,
                                            .channels = 2,
                                            .rate_hz = 48000,
                                            .bitrate_bps = 96000,
                                            .samples = 400000,
                                            .track_gain = MEDIA_GAIN_UNKNOWN,
                                            .album_gain = MEDIA_GAIN_UNKNOWN,
                                            .start_run_count = 1,
                                            .start_runs = {{0, 2}}};
    size_t bytes = 0;
    assert_int_equal(media_manifest_encode(&manifest, ret_bytes, MEDIA_MANIFEST_BYTES_MAX, &bytes),
                     0);
    return bytes;
}

static void test_manifest(void **state)
{
    (void)state;
    static uint8_t bytes[MEDIA_MANIFEST_BYTES_MAX];
    uint32_t count = (uint32_t)make_manifest(1, bytes);
    struct tracks tracks = {0};
    uint8_t id[TRACK_ID_BYTES];
    memset(id, 1, sizeof id);
    struct track *track = tracks_add(&tracks, id);
    assert_int_equal(track->state, TRACK_LOADING);
    assert_ptr_equal(tracks_find(&tracks, id), track);
    assert_int_equal(tracks_set_manifest(track, bytes, 0), ERROR_TOO_LARGE);
    assert_int_equal(tracks_set_manifest(track, bytes, MEDIA_MANIFEST_BYTES_MAX + 1),
                     ERROR_TOO_LARGE);
    assert_int_not_equal(tracks_set_manifest(track, bytes, count - 1), 0);
    assert_null(track->bytes);
    assert_int_equal(tracks_set_manifest(track, bytes, count), 0);
    assert_int_equal(tracks_file(track)->rate_hz, 48000);
    tracks_clear_manifest(track);
    count = (uint32_t)make_manifest(2, bytes);
    assert_int_equal(tracks_set_manifest(track, bytes, count), ERROR_MISMATCH);
    assert_null(track->bytes);
    tracks_deinit(&tracks);
}

/* What the window does not hold leaves, unless an answer about it is on its way. */
static void test_sweep(void **state)
{
    (void)state;
    static const enum track_state states[] = {TRACK_LOADING, TRACK_ABSENT, TRACK_ABSENT,
                                              TRACK_OPENING};
    static const bool marked[] = {false, true, false, false};
    static const bool stays[] = {true, true, false, false};
    struct tracks tracks = {0};
    for (uint8_t i = 0; i < 4; i++) {
        uint8_t id[TRACK_ID_BYTES] = {i};
        struct track *track = tracks_add(&tracks, id);
        track->state = states[i];
        track->is_marked = marked[i];
    }
    tracks_sweep(&tracks);
    for (uint8_t i = 0; i < 4; i++) {
        uint8_t id[TRACK_ID_BYTES] = {i};
        assert_int_equal(tracks_find(&tracks, id) != NULL, stays[i]);
    }
    tracks_check_invariants(&tracks);
    tracks_deinit(&tracks);
}

static void test_full(void **state)
{
    (void)state;
    struct tracks tracks = {0};
    for (uint8_t i = 0; i < TRACKS_MAX; i++) {
        uint8_t id[TRACK_ID_BYTES] = {i};
        assert_non_null(tracks_add(&tracks, id));
    }
    uint8_t id[TRACK_ID_BYTES] = {255};
    assert_null(tracks_add(&tracks, id));
    tracks_deinit(&tracks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_manifest),
        cmocka_unit_test(test_sweep),
        cmocka_unit_test(test_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
