/*
 * fuzz_m3u.c: any bytes are refused or make a list, whose file is read as the same list again.
 */
#include "common/error.h"
#include "common/utf8.h"
#include "player/library/m3u.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct entry_list list, again;
    char *text = NULL;
    size_t bytes = 0;
    entry_list_init(&list);
    entry_list_init(&again);
    int error = m3u_parse((const char *)data, size, &list);
    assert(error >= 0);
    for (uint32_t i = 0; i < list.count; i++) {
        assert(utf8_valid(list.entries[i].place, strlen(list.entries[i].place)));
    }
    if (error == 0) {
        assert(m3u_write(&list, &text, &bytes) == 0);
        assert(m3u_parse(text, bytes, &again) == 0);
        assert(again.count <= list.count);
    }
    free(text);
    entry_list_deinit(&list);
    entry_list_deinit(&again);
    return 0;
}
