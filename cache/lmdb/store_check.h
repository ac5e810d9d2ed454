/*
 * store_check.h: is this file an LMDB database that may be opened without danger?
 *
 * LMDB 0.9 trusts its file: a page that was overwritten makes it follow wild numbers. So the
 * trees are walked before: every page number, offset and length within its bounds, no page used
 * twice, the list of free pages disjoint from what is used. Payload is not read (a row's proof
 * protects it), and of a row's pages only their numbers are looked at.
 *
 * Page layout: LMDB 0.9 data version 1 (mdb.c, "struct MDB_page", "struct MDB_meta"), native byte
 * order.
 */
#ifndef CACHE_LMDB_STORE_CHECK_H
#define CACHE_LMDB_STORE_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* So long it may take when the store opens: some 2,000 pages that the system has in memory. What is
 * not done by then the writer thread does, before it writes. */
#define STORE_CHECK_US_AT_OPEN UINT64_C(2000)

/* 0 = in order, as far as `pages_max` tree pages went; *ret_complete = whether that was all.
 * ERROR_DAMAGED; ERROR_VERSION: a later LMDB's; ERROR_NO_MEMORY. */
int store_check_bytes(const uint8_t *bytes, size_t count, uint64_t pages_max, bool *ret_complete);

/* The same for a file, for as long as `within_us` (UINT64_MAX: to the end); pages are read, not
 * mapped, which costs a third. An empty file is in order. A writer in another process may work on it:
 * when the check fails and a transaction has been committed since, it is done again.
 * ERROR_NOT_FOUND, ERROR_DENIED, ERROR_IO besides. */
int store_check_file(const char *path, uint64_t within_us, bool *ret_complete);

/* Gives a compact copy, as LMDB wrote it, the number of the `last` transaction (> 0) of the database
 * that it was made of: both meta pages lead to the copy's trees, one as `last`, one as that before.
 * LMDB numbers a copy anew from 1; but while another process has the database open, the lock file
 * tells the number, and that tells which of the meta pages counts. In a copy the first is empty.
 * ERROR_DAMAGED: not a copy; ERROR_IO, ERROR_NO_MEMORY. */
int store_check_renumber(int descriptor, uint64_t last);

/* The bytes of a value in the map, of `value_bytes`: if LMDB keeps them on pages of their own, the
 * header before them must say as many pages as they need; LMDB frees that many. */
bool store_check_value(const void *value, size_t value_bytes, uint32_t page_bytes);

#endif
