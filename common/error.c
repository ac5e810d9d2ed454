/*
 * error.c: names and texts of the error table, and the proof that the table is in order.
 *
 * Not responsible for who prints them, nor for exit codes (the programs' main.c).
 */
#include "common/error.h"

#include <errno.h>

/* A number used twice would not compile in the switches below; a zero would mean success. */
#define ERROR_CHECK(code, number, text)                                                            \
    _Static_assert((number) != 0 && sizeof(text) > 1, #code " has no number or no text");
ERROR_MAP(ERROR_CHECK)
#undef ERROR_CHECK

const char *error_name(int code)
{
    switch (code) {
#define ERROR_CASE(code, number, text)                                                             \
    case number:                                                                                   \
        return #code;
        ERROR_MAP(ERROR_CASE)
#undef ERROR_CASE
    case 0:
        return "ERROR_NONE";
    default:
        return "ERROR_UNKNOWN";
    }
}

const char *error_text(int code)
{
    switch (code) {
#define ERROR_CASE(code, number, text)                                                             \
    case number:                                                                                   \
        return text;
        ERROR_MAP(ERROR_CASE)
#undef ERROR_CASE
    case 0:
        return "no error";
    default:
        return "unknown error";
    }
}

int error_from_errno(int number)
{
    switch (number) {
    case ENOMEM:
        return ERROR_NO_MEMORY;
    case ENOENT:
    case ENOTDIR:
        return ERROR_NOT_FOUND;
    case EEXIST:
    case ENOTEMPTY:
        return ERROR_EXISTS;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return ERROR_FULL;
    case EACCES:
    case EPERM:
    case EROFS:
        return ERROR_DENIED;
    case ENAMETOOLONG:
        return ERROR_TOO_LARGE;
    default:
        return ERROR_IO;
    }
}
