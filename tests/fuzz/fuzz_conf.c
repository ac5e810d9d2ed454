/*
 * fuzz_conf.c: any bytes are a configuration or are refused with a sentence.
 */
#include "player/library/conf.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct conf conf;
    char text[CONF_TEXT_BYTES] = "";
    if (conf_parse("f", (const char *)data, size, &conf, text) != 0) {
        assert(strstr(text, "; ") != NULL);
        return 0;
    }
    for (uint32_t i = 0; i < conf.count; i++) {
        const struct conf_entry *entry = &conf.entries[i];
        assert(conf_get(&conf, entry->group, entry->key, NULL) != NULL);
    }
    conf_free(&conf);
    return 0;
}
