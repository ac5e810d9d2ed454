/*
 * store_check.c: walks the trees of an LMDB file without trusting a byte of it.
 *
 * Responsible for the structure only: that LMDB will not leave the file, loop, or free what is
 * used. Not for what records say (store_format.c), nor for payload (the rows' proofs).
 */
#include "cache/lmdb/store_check.h"

#include "common/error.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define META_MAGIC UINT32_C(0xBEEFC0DE)
#define META_VERSION 1u
#define META_PAGES 2u
#define PAGE_HEADER_BYTES 16u
#define NODE_HEADER_BYTES 8u
#define DB_RECORD_BYTES 48u
#define PAGE_INVALID UINT64_MAX
#define DEPTH_MAX 32u
/* Pages at the end of the file that a transaction took and gave back are never written. */
#define UNWRITTEN_PAGES_MAX 4096u
#define ATTEMPTS_MAX 5
#define META_READ_BYTES (2u * 65536u) /* both meta pages, whatever their size */

/* Offsets in a meta page, and in the record of a tree. */
enum {
    META_AT = 16,
    META_VERSION_AT = META_AT + 4,
    META_FREE_AT = META_AT + 24,
    META_MAIN_AT = META_AT + 72,
    META_LAST_PAGE_AT = META_AT + 120,
    META_TXN_AT = META_AT + 128,
    META_END = META_AT + 136,
    DB_PAGE_BYTES_AT = 0, /* of the free tree's record only */
    DB_FLAGS_AT = 4,
    DB_DEPTH_AT = 6,
    DB_ROOT_AT = 40,
    PAGE_FLAGS_AT = 10,
    PAGE_LOWER_AT = 12,
    PAGE_UPPER_AT = 14,
};

enum { PAGE_BRANCH = 1, PAGE_LEAF = 2, PAGE_OVERFLOW = 4, PAGE_META = 8 };
enum { NODE_BIG = 1, NODE_TREE = 2 };
enum { TREE_INTEGER_KEYS = 8 };
enum tree_kind { TREE_FREE, TREE_MAIN, TREE_NAMED };

struct check {
    const uint8_t *bytes; /* the whole file in memory, or NULL: pages are read from `descriptor` */
    int descriptor;
    uint8_t *levels; /* a page for each level of a tree */
    uint32_t page_bytes;
    uint64_t next_page;  /* one past the last that was ever taken */
    uint64_t file_pages; /* whole ones in the file */
    uint64_t *seen;      /* a bit a page: used, or free */
    uint64_t walked;     /* tree pages so far */
    uint64_t walked_max;
    uint64_t until_us; /* on the monotonic clock; UINT64_MAX = never */
};

#define CLOCK_PAGES 16u /* the clock is asked so often */

/* The walk has come as far as it may: not an error. */
#define CHECK_STOPPED INT32_MAX

static uint16_t load16(const uint8_t *at)
{
    uint16_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static uint32_t load32(const uint8_t *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static uint64_t load64(const uint8_t *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static uint64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* Copies pages out of the file. False: they are not all in it. */
static bool read_pages(const struct check *check, uint64_t first, uint64_t pages,
                       uint8_t *ret_bytes)
{
    if (first >= check->file_pages || pages > check->file_pages - first) {
        return false;
    }
    size_t count = (size_t)pages * check->page_bytes;
    if (check->bytes != NULL) {
        memcpy(ret_bytes, check->bytes + first * check->page_bytes, count);
        return true;
    }
    return pread(check->descriptor, ret_bytes, count, (off_t)(first * check->page_bytes)) ==
           (ssize_t)count;
}

/* Notes that `pages` pages from `first` on are used or free; false when one was noted before, or
 * is none that can be. */
static bool note_pages(struct check *check, uint64_t first, uint64_t pages)
{
    if (first < META_PAGES || first >= check->next_page || pages > check->next_page - first) {
        return false;
    }
    for (uint64_t page = first; page < first + pages; page++) {
        uint64_t bit = UINT64_C(1) << (page % 64);
        if ((check->seen[page / 64] & bit) != 0) {
            return false;
        }
        check->seen[page / 64] |= bit;
    }
    return true;
}

static int check_tree(struct check *check, const uint8_t *record, enum tree_kind kind);

/* A list of free pages: their count, then their numbers. */
static int check_free_list(struct check *check, const uint8_t *data, size_t bytes)
{
    if (bytes < 8 || bytes % 8 != 0 || load64(data) > bytes / 8 - 1) {
        return ERROR_DAMAGED;
    }
    for (uint64_t i = 1; i <= load64(data); i++) {
        if (!note_pages(check, load64(data + 8 * i), 1)) {
            return ERROR_DAMAGED;
        }
    }
    return 0;
}

/* A list of free pages on pages of its own. */
static int check_big_free_list(struct check *check, uint64_t page, uint64_t pages, uint32_t bytes)
{
    uint8_t *copy = malloc((size_t)pages * check->page_bytes);
    if (copy == NULL) {
        return ERROR_NO_MEMORY;
    }
    int error = ERROR_DAMAGED;
    if (read_pages(check, page, pages, copy) && load16(copy + PAGE_FLAGS_AT) == PAGE_OVERFLOW &&
        load32(copy + PAGE_LOWER_AT) == pages) {
        error = check_free_list(check, copy + PAGE_HEADER_BYTES, bytes);
    }
    free(copy);
    return error;
}

/* A value on pages of its own. */
static int check_big(struct check *check, uint64_t page, uint32_t bytes, enum tree_kind kind)
{
    uint64_t pages = (PAGE_HEADER_BYTES - 1 + (uint64_t)bytes) / check->page_bytes + 1;
    if (!note_pages(check, page, pages) || page + pages > check->file_pages) {
        return ERROR_DAMAGED;
    }
    return kind == TREE_FREE ? check_big_free_list(check, page, pages, bytes) : 0;
}

/* A node of a leaf; `node` has at least `room` bytes up to the page's end. */
static int check_leaf_node(struct check *check, const uint8_t *node, size_t room,
                           enum tree_kind kind)
{
    uint32_t bytes = load16(node) | (uint32_t)load16(node + 2) << 16;
    uint16_t flags = load16(node + 4);
    size_t key_bytes = load16(node + 6);
    size_t big = flags == NODE_BIG;
    size_t data_bytes = big != 0 ? 8 : bytes;
    if (room - NODE_HEADER_BYTES < key_bytes || room - NODE_HEADER_BYTES - key_bytes < data_bytes ||
        key_bytes == 0 || (kind == TREE_FREE && key_bytes != 8)) {
        return ERROR_DAMAGED;
    }
    const uint8_t *data = node + NODE_HEADER_BYTES + key_bytes;
    if (flags == NODE_TREE) {
        bool fits = kind == TREE_MAIN && bytes == DB_RECORD_BYTES;
        return fits ? check_tree(check, data, TREE_NAMED) : ERROR_DAMAGED;
    }
    if (big != 0) {
        return check_big(check, load64(data), bytes, kind);
    }
    if (flags != 0) {
        return ERROR_DAMAGED;
    }
    return kind == TREE_FREE ? check_free_list(check, data, bytes) : 0;
}

/* The page of a tree at `depth` (1 = leaf), with all below it. */
static int check_page(struct check *check, uint64_t number, uint32_t depth, enum tree_kind kind)
{
    /* A named tree hangs below the main tree's leaf, whose copy must stay. */
    size_t level = kind == TREE_NAMED ? depth : DEPTH_MAX + depth;
    uint8_t *page = check->levels + level * check->page_bytes;
    if (!note_pages(check, number, 1) || !read_pages(check, number, 1, page)) {
        return ERROR_DAMAGED;
    }
    if (check->walked == check->walked_max ||
        (check->until_us != UINT64_MAX && check->walked % CLOCK_PAGES == 0 &&
         now_us() >= check->until_us)) {
        return CHECK_STOPPED;
    }
    check->walked++;
    uint32_t lower = load16(page + PAGE_LOWER_AT);
    uint32_t upper = load16(page + PAGE_UPPER_AT);
    upper = upper == 0 && check->page_bytes == 65536 ? 65536 : upper;
    if (load64(page) != number ||
        load16(page + PAGE_FLAGS_AT) != (depth > 1 ? PAGE_BRANCH : PAGE_LEAF) ||
        lower <= PAGE_HEADER_BYTES || lower % 2 != 0 || lower > upper ||
        upper > check->page_bytes) {
        return ERROR_DAMAGED;
    }
    for (uint32_t at = PAGE_HEADER_BYTES; at < lower; at += 2) {
        uint32_t offset = load16(page + at);
        if (offset < upper || offset > check->page_bytes - NODE_HEADER_BYTES) {
            return ERROR_DAMAGED;
        }
        const uint8_t *node = page + offset;
        size_t room = check->page_bytes - offset;
        int error;
        if (depth == 1) {
            error = check_leaf_node(check, node, room, kind);
        } else {
            uint64_t child =
                load16(node) | (uint64_t)load16(node + 2) << 16 | (uint64_t)load16(node + 4) << 32;
            error = room - NODE_HEADER_BYTES < load16(node + 6)
                        ? ERROR_DAMAGED
                        : check_page(check, child, depth - 1, kind);
        }
        if (error != 0) {
            return error;
        }
    }
    return 0;
}

static int check_tree(struct check *check, const uint8_t *record, enum tree_kind kind)
{
    uint64_t root = load64(record + DB_ROOT_AT);
    uint32_t depth = load16(record + DB_DEPTH_AT);
    uint16_t flags = load16(record + DB_FLAGS_AT);
    /* The free tree has integers as keys (and flags of the whole environment); ours have none. */
    if (kind == TREE_FREE ? (flags & TREE_INTEGER_KEYS) == 0 : flags != 0) {
        return ERROR_DAMAGED;
    }
    if (root == PAGE_INVALID) {
        return depth == 0 ? 0 : ERROR_DAMAGED;
    }
    return depth == 0 || depth > DEPTH_MAX ? ERROR_DAMAGED : check_page(check, root, depth, kind);
}

/* Both meta pages must be sound; gives the one of the last transaction. `bytes` are those at the
 * file's start, all or META_READ_BYTES. */
static int check_metas(const uint8_t *bytes, size_t count, uint32_t *ret_page_bytes,
                       const uint8_t **ret_meta)
{
    if (count < META_END) {
        return ERROR_DAMAGED;
    }
    uint32_t page_bytes = load32(bytes + META_FREE_AT + DB_PAGE_BYTES_AT);
    bool sound = page_bytes >= 512 && page_bytes <= 65536 && (page_bytes & (page_bytes - 1)) == 0;
    if (load32(bytes + META_AT) == META_MAGIC && load32(bytes + META_VERSION_AT) > META_VERSION &&
        load32(bytes + META_VERSION_AT) < 1000) {
        return ERROR_VERSION;
    }
    if (!sound || count < (size_t)META_PAGES * page_bytes) {
        return ERROR_DAMAGED;
    }
    for (size_t at = 0; at < (size_t)META_PAGES * page_bytes; at += page_bytes) {
        if (load32(bytes + at + META_AT) != META_MAGIC ||
            load16(bytes + at + PAGE_FLAGS_AT) != PAGE_META ||
            load32(bytes + at + META_VERSION_AT) != META_VERSION ||
            load32(bytes + at + META_FREE_AT) != page_bytes) {
            return ERROR_DAMAGED;
        }
    }
    bool second = load64(bytes + META_TXN_AT) < load64(bytes + page_bytes + META_TXN_AT);
    *ret_page_bytes = page_bytes;
    *ret_meta = bytes + (second ? page_bytes : 0);
    return 0;
}

/* Walks both trees of a file of `file_bytes`, of which `start` has the first `start_bytes`. */
static int walk(struct check *check, const uint8_t *start, size_t start_bytes, uint64_t file_bytes,
                bool *ret_complete)
{
    const uint8_t *meta = NULL;
    int error = check_metas(start, start_bytes, &check->page_bytes, &meta);
    if (error != 0) {
        return error;
    }
    check->file_pages = file_bytes / check->page_bytes;
    uint64_t last_page = load64(meta + META_LAST_PAGE_AT);
    if (last_page < META_PAGES - 1 || last_page > check->file_pages + UNWRITTEN_PAGES_MAX) {
        return ERROR_DAMAGED;
    }
    check->next_page = last_page + 1;
    check->seen = calloc(check->next_page / 64 + 1, sizeof *check->seen);
    check->levels = malloc((size_t)2 * (DEPTH_MAX + 1) * check->page_bytes);
    error = ERROR_NO_MEMORY;
    if (check->seen != NULL && check->levels != NULL) {
        error = check_tree(check, meta + META_FREE_AT, TREE_FREE);
        error = error != 0 ? error : check_tree(check, meta + META_MAIN_AT, TREE_MAIN);
    }
    free(check->levels);
    free(check->seen);
    if (error == 0 || error == CHECK_STOPPED) {
        *ret_complete = error == 0;
        return 0;
    }
    return error;
}

int store_check_bytes(const uint8_t *bytes, size_t count, uint64_t pages_max, bool *ret_complete)
{
    struct check check = {
        .bytes = bytes, .descriptor = -1, .walked_max = pages_max, .until_us = UINT64_MAX};
    return walk(&check, bytes, count, count, ret_complete);
}

/* The number of the last transaction, as far as it can be told. */
static uint64_t last_transaction(const uint8_t *start, size_t count)
{
    uint32_t page_bytes = 0;
    const uint8_t *meta = NULL;
    return check_metas(start, count, &page_bytes, &meta) == 0 ? load64(meta + META_TXN_AT) : 0;
}

static int check_descriptor(int descriptor, uint64_t until_us, uint8_t *start, bool *ret_complete,
                            bool *ret_changed)
{
    struct stat status;
    ssize_t count = pread(descriptor, start, META_READ_BYTES, 0);
    /* Measured after the meta pages: what they speak of was written before them. */
    if (count < 0 || fstat(descriptor, &status) != 0) {
        return ERROR_IO;
    }
    if (count == 0) {
        *ret_complete = true;
        return 0;
    }
    uint64_t before = last_transaction(start, (size_t)count);
    struct check check = {.descriptor = descriptor, .walked_max = UINT64_MAX, .until_us = until_us};
    int error = walk(&check, start, (size_t)count, (uint64_t)status.st_size, ret_complete);
    count = pread(descriptor, start, META_READ_BYTES, 0);
    *ret_changed = count < 0 || last_transaction(start, (size_t)count) != before;
    return error;
}

int store_check_file(const char *path, uint64_t within_us, bool *ret_complete)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
        return errno == ENOENT                     ? ERROR_NOT_FOUND
               : errno == EACCES || errno == EPERM ? ERROR_DENIED
                                                   : ERROR_IO;
    }
    uint64_t until_us = within_us == UINT64_MAX ? UINT64_MAX : now_us() + within_us;
    uint8_t *start = malloc(META_READ_BYTES);
    int error = start == NULL ? ERROR_NO_MEMORY : 0;
    bool changed = start != NULL;
    for (int i = 0; i < ATTEMPTS_MAX && changed; i++) {
        changed = false;
        error = check_descriptor(descriptor, until_us, start, ret_complete, &changed);
        changed = changed && error == ERROR_DAMAGED;
    }
    free(start);
    close(descriptor);
    return error;
}

int store_check_renumber(int descriptor, uint64_t last)
{
    assert(last > 0);
    uint8_t *start = malloc(META_READ_BYTES);
    if (start == NULL) {
        return ERROR_NO_MEMORY;
    }
    uint32_t page_bytes = 0;
    const uint8_t *meta = NULL;
    ssize_t count = pread(descriptor, start, META_READ_BYTES, 0);
    int error = count < 0 ? ERROR_IO : check_metas(start, (size_t)count, &page_bytes, &meta);
    if (error == 0) {
        uint8_t body[META_END - META_AT];
        memcpy(body, meta + META_AT, sizeof body);
        for (uint64_t page = 0; page < META_PAGES; page++) {
            uint64_t number = last % META_PAGES == page ? last : last - 1;
            memcpy(body + META_TXN_AT - META_AT, &number, sizeof number);
            memcpy(start + page * page_bytes + META_AT, body, sizeof body);
        }
        size_t bytes = (size_t)META_PAGES * page_bytes;
        error = pwrite(descriptor, start, bytes, 0) == (ssize_t)bytes ? 0 : ERROR_IO;
    }
    free(start);
    return error;
}

bool store_check_value(const void *value, size_t value_bytes, uint32_t page_bytes)
{
    if (value_bytes < page_bytes) {
        return true; /* may stand in its leaf */
    }
    const uint8_t *page = (const uint8_t *)value - PAGE_HEADER_BYTES;
    uint64_t pages = (PAGE_HEADER_BYTES - 1 + (uint64_t)value_bytes) / page_bytes + 1;
    return (load16(page + PAGE_FLAGS_AT) & PAGE_OVERFLOW) != 0 &&
           load32(page + PAGE_LOWER_AT) == pages;
}
