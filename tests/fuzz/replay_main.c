/*
 * replay_main.c: runs a fuzz target over its corpus without a fuzzer, as a test.
 *
 * usage: replay_x DIR. Every file of DIR goes to LLVMFuzzerTestOneInput whole, cut after each of
 * its first PREFIXES_MAX bytes and in even steps beyond, and with each of FLIPS bytes changed, so
 * that the decoders' early returns are walked in every test run. Each input is a heap block of its
 * exact size: under AddressSanitizer a read past the end is seen.
 * It fails when the corpus is missing or empty; the target itself fails by assertion.
 */
#include <assert.h>
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_BYTES_MAX (1u << 20)
#define PREFIXES_MAX 512u
#define STEPS_BEYOND 64u
#define FLIPS 256u
#define PATH_BYTES_MAX 4096u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));

static void run(const uint8_t *bytes, size_t count)
{
    uint8_t *copy = malloc(count > 0 ? count : 1);
    assert(copy != NULL);
    if (count > 0) {
        memcpy(copy, bytes, count);
    }
    (void)LLVMFuzzerTestOneInput(copy, count);
    free(copy);
}

static void run_prefixes(const uint8_t *bytes, size_t count)
{
    size_t step = count > PREFIXES_MAX ? (count - PREFIXES_MAX) / STEPS_BEYOND + 1 : 1;
    for (size_t length = 0; length < count; length += length < PREFIXES_MAX ? 1 : step) {
        run(bytes, length);
    }
}

/* Bytes spread evenly over the input, each with three kinds of change. */
static void run_flips(uint8_t *bytes, size_t count)
{
    static const uint8_t changes[] = {0x01, 0x80, 0xff};
    size_t step = count / FLIPS + 1;
    for (size_t at = 0; at < count; at += step) {
        for (size_t i = 0; i < sizeof changes; i++) {
            bytes[at] ^= changes[i];
            run(bytes, count);
            bytes[at] ^= changes[i];
        }
    }
}

static int replay(const char *path)
{
    static uint8_t bytes[INPUT_BYTES_MAX];
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        return -1;
    }
    size_t count = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    run(bytes, count);
    run_prefixes(bytes, count);
    run_flips(bytes, count);
    return 0;
}

int main(int argc, char **argv)
{
    if (LLVMFuzzerInitialize != NULL) {
        LLVMFuzzerInitialize(&argc, &argv);
    }
    DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;
    if (folder == NULL) {
        fprintf(stderr, "usage: replay DIR, a folder with at least one input\n");
        return EXIT_FAILURE;
    }
    unsigned files = 0;
    int status = EXIT_SUCCESS;
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        if (entry->d_name[0] == '.') {
            continue;
        }
        char path[PATH_BYTES_MAX];
        int length = snprintf(path, sizeof path, "%s/%s", argv[1], entry->d_name);
        if (length < 0 || (size_t)length >= sizeof path || replay(path) != 0) {
            status = EXIT_FAILURE;
        }
        files++;
    }
    closedir(folder);
    printf("replayed %u files\n", files);
    return files > 0 ? status : EXIT_FAILURE;
}
