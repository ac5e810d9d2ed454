/*
 * fuzz_manifest.c: any bytes are refused or are a manifest, and a manifest has one form only.
 */
#include "common/error.h"
#include "media/core/manifest.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct media_manifest manifest;
    uint8_t again[MEDIA_MANIFEST_BYTES_MAX];
    size_t bytes = 0;
    int error = media_manifest_decode(data, size, &manifest);
    assert(error >= 0);
    if (error != 0) {
        return 0;
    }
    assert(manifest.file_count >= 1 && manifest.file_count <= MEDIA_FILES_MAX);
    for (unsigned i = 0; i < manifest.file_count; i++) {
        (void)media_file_duration_us(&manifest.files[i]);
    }
    assert(media_manifest_encode(&manifest, again, sizeof again, &bytes) == 0);
    assert(bytes == size && memcmp(again, data, size) == 0);
    return 0;
}
