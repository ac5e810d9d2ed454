/*
 * fuzz_contacts.c: whatever stands in the file of contacts, what is read of it can be written, and
 * is read as the same.
 */
#include "player/uv/contact_file.h"

#include <assert.h>
#include <string.h>

#define NOW UINT64_C(1700000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct contact_file file, again;
    static char text[CONTACT_FILE_BYTES_MAX], twice[CONTACT_FILE_BYTES_MAX];
    contact_file_parse(&file, (const char *)data, size, NOW);
    assert(file.count <= CONTACT_FILE_MAX);
    size_t bytes = contact_file_format(&file, text);
    contact_file_parse(&again, text, bytes, NOW);
    assert(again.count == file.count);
    for (uint32_t i = 0; i < file.count; i++) {
        assert(p2p_contact_ok(&file.entries[i].contact));
    }
    assert(contact_file_format(&again, twice) == bytes && memcmp(text, twice, bytes) == 0);
    return 0;
}
