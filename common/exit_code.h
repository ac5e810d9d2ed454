/*
 * exit_code.h: the one table of what the programs' exit codes mean; docs/CLI.md shows it.
 *
 * A program ends with the first code below that applies to what it was asked to do. Codes are a
 * contract with scripts: they are never renumbered.
 */
#ifndef COMMON_EXIT_CODE_H
#define COMMON_EXIT_CODE_H

/* X(name, number, text for people) */
#define EXIT_CODE_MAP(X)                                                                           \
    X(EXIT_CODE_OK, 0, "done")                                                                     \
    X(EXIT_CODE_SOME_FAILED, 1, "some items failed")                                               \
    X(EXIT_CODE_USAGE, 2, "the command line is wrong")                                             \
    X(EXIT_CODE_NOT_FOUND, 3, "no such track, file or folder")                                     \
    X(EXIT_CODE_NETWORK, 4, "the network or the other side failed")                                \
    X(EXIT_CODE_IDENTITY, 5, "an identity or a hash did not verify")                               \
    X(EXIT_CODE_STORAGE, 6, "storage failed: full, read-only, damaged or of a newer version")      \
    X(EXIT_CODE_IN_USE, 7, "in use by another process")                                            \
    X(EXIT_CODE_MEDIA, 8, "unsupported or damaged media")                                          \
    X(EXIT_CODE_INTERNAL, 9, "an error in the program itself, or no memory")                       \
    X(EXIT_CODE_UNSUPPORTED, 10, "this machine can't: rights or a device are missing")             \
    X(EXIT_CODE_INTERRUPTED, 130, "interrupted")

enum exit_code {
#define EXIT_CODE_ENUM(name, number, text) name = number,
    EXIT_CODE_MAP(EXIT_CODE_ENUM)
#undef EXIT_CODE_ENUM
};

#endif
