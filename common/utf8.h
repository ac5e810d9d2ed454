/*
 * utf8.h: is this text UTF-8? (RFC 3629)
 */
#ifndef COMMON_UTF8_H
#define COMMON_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* True when all bytes form whole characters, and none is NUL: no overlong forms, no surrogates,
 * nothing above U+10FFFF. Control characters are characters: whoever prints text of strangers
 * filters them. `count` = 0 is valid, and `bytes` may be NULL then. */
bool utf8_valid(const void *bytes, size_t count);

#endif
