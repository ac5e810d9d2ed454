/*
 * fuzz_page.c: what an origin says has changed: any bytes are refused, or make a copy that is good.
 */
#include "player/library/find.h"
#include "player/library/page.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct copy_builder *builder;
    struct page page;
    struct copy copy;
    void *bytes = NULL;
    size_t count = 0;
    uint32_t room[3][4];
    struct find_results results[3] = {{room[0], 4, 0, 0}, {room[1], 4, 0, 0}, {room[2], 4, 0, 0}};
    assert(copy_builder_new(5, &builder) == 0);
    int error = page_apply(builder, (const char *)data, size, &page);
    assert(error >= 0);
    assert(copy_builder_finish(builder, "", &bytes, &count) == 0);
    assert(copy_open(bytes, count, &copy) == 0);
    assert(find_all(&copy, "a", &results[0], &results[1], &results[2]) == 0);
    free(bytes);
    copy_builder_free(builder);
    return 0;
}
