/*
 * error.h: the one table of what can go wrong.
 *
 * Two classes, told apart by sign:
 *   negative  fatal for the object that returned it; the caller forwards it unchanged and tears
 *             the object down.
 *   positive  a documented condition; the caller handles it there and never forwards it.
 *   0         success.
 * Every function that returns an int of this kind lists in its header what it can return.
 */
#ifndef COMMON_ERROR_H
#define COMMON_ERROR_H

/* X(code, number, text for people) */
#define ERROR_MAP(X)                                                                               \
    X(ERROR_NO_MEMORY, -1, "out of memory")                                                        \
    X(ERROR_IO, -2, "input/output error")                                                          \
    X(ERROR_CRYPTO, -3, "cryptographic library failed")                                            \
    X(ERROR_DAMAGED, -4, "stored state is damaged")                                                \
    X(ERROR_SYSTEM, -5, "the system refused a call")                                               \
    X(ERROR_TRUNCATED, 1, "ends too early")                                                        \
    X(ERROR_MALFORMED, 2, "malformed")                                                             \
    X(ERROR_TOO_LARGE, 3, "larger than its limit")                                                 \
    X(ERROR_VERSION, 4, "made by a version that this one does not know")                           \
    X(ERROR_NOT_FOUND, 5, "not found")                                                             \
    X(ERROR_EXISTS, 6, "exists already")                                                           \
    X(ERROR_FULL, 7, "full")                                                                       \
    X(ERROR_MISMATCH, 8, "does not match its hash, proof or signature")                            \
    X(ERROR_BUSY, 9, "in use by another process")                                                  \
    X(ERROR_DENIED, 10, "not permitted")                                                           \
    X(ERROR_CLOSED, 11, "closed")                                                                  \
    X(ERROR_UNSUPPORTED, 12, "not supported")                                                      \
    X(ERROR_CANCELLED, 13, "cancelled")                                                            \
    X(ERROR_OFFLINE, 14, "not in the cache, and offline")                                          \
    X(ERROR_TIMEOUT, 15, "took too long")                                                          \
    X(ERROR_UNREACHABLE, 16, "cannot be reached")

enum error_code {
    ERROR_NONE = 0,
#define ERROR_ENUM(code, number, text) code = number,
    ERROR_MAP(ERROR_ENUM)
#undef ERROR_ENUM
};

/* The code's name, as "ERROR_FULL"; "ERROR_UNKNOWN" for a number that is not in the table. */
const char *error_name(int code);
/* The code's text for people, lower case, without a full stop. */
const char *error_text(int code);
/* The code for an errno of a file operation; ERROR_IO for one that has no code of its own. For
 * shells: cores make no system calls. */
int error_from_errno(int number);

#endif
