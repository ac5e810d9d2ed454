/*
 * test_picture.c: which file beside a track is its cover.
 */
#include "streamserver/picture.h"

#include "common/error.h"
#include "media/gst/probe.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define PNG "\x89PNG\r\n\x1a\n"
#define JPEG "\xff\xd8\xff\xe0"

static char base[64];

static void file(const char *name, const char *head, off_t bytes)
{
    char path[128];
    assert_in_range(snprintf(path, sizeof path, "%s/%s", base, name), 1, sizeof path - 1);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, head, strlen(head)), strlen(head));
    assert_int_equal(ftruncate(fd, bytes), 0);
    assert_int_equal(close(fd), 0);
}

static void no_file(const char *name)
{
    char path[128];
    assert_in_range(snprintf(path, sizeof path, "%s/%s", base, name), 1, sizeof path - 1);
    assert_int_equal(unlink(path), 0);
}

/* How long the found picture is; 0 = none. */
static uint32_t found(void)
{
    char path[128];
    uint8_t *bytes = NULL;
    uint32_t count = 0;
    assert_in_range(snprintf(path, sizeof path, "%s/track.ogg", base), 1, sizeof path - 1);
    int error = picture_beside(path, &bytes, &count);
    assert_int_equal(error, count == 0 ? ERROR_NOT_FOUND : 0);
    free(bytes);
    return count;
}

static void test_order(void **state)
{
    (void)state;
    static const char template[] = "/tmp/test_picture.XXXXXX";
    memcpy(base, template, sizeof template);
    assert_non_null(mkdtemp(base));
    assert_int_equal(found(), 0);
    file("front.png", PNG, 100);
    assert_int_equal(found(), 100);
    file("Folder.PNG", PNG, 200);
    assert_int_equal(found(), 200);
    file("cover.webp", "RIFF1234WEBP", 300);
    assert_int_equal(found(), 300);
    file("cover.jpg", JPEG, 400);
    assert_int_equal(found(), 400);
    file("cover.jpg", "GIF89a", 400);
    assert_int_equal(found(), 300); /* a name is not enough */
    file("cover.jpg", JPEG, (off_t)MEDIA_COVER_BYTES_MAX + 1);
    assert_int_equal(found(), 300);
    file("cover.jpg", JPEG, MEDIA_COVER_BYTES_MAX);
    assert_int_equal(found(), MEDIA_COVER_BYTES_MAX);
    file("cover.jpg", "", 0);
    assert_int_equal(found(), 300);
    no_file("front.png");
    no_file("Folder.PNG");
    no_file("cover.webp");
    no_file("cover.jpg");
    assert_int_equal(rmdir(base), 0);
}

static void test_long_path(void **state)
{
    (void)state;
    static char path[6000];
    uint8_t *bytes = NULL;
    uint32_t count = 0;
    memset(path, 'a', sizeof path - 3);
    path[sizeof path - 3] = '/';
    path[sizeof path - 2] = 'b';
    assert_int_equal(picture_beside(path, &bytes, &count), ERROR_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_long_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
