/* file.h -- whole small files and the paths between them.
 *
 * Owner    the caller frees bytes with file_bytes_free()
 * Threads  any
 * Secrets  none: a file that holds one is never opened here
 * Layer    jigs/, private
 */
#pragma once

#include "base/fault.h"

#define FILE_NAME_SIZE 64 /* room for a file's short name in a refusal */

/* Reads a regular file of 1 to `limit` bytes. `name` is what a refusal calls it.
 *
 * Faults: FILE, CONFIG_SYNTAX when it is empty or larger than `limit`, NO_MEMORY.
 */
NODISCARD NONNULL(1, 2, 4, 5, 6) bool file_read(const char *path, const char *name, size_t limit, uint8_t **ret_bytes,
                                                size_t *ret_size, struct fault *fault);
void file_bytes_free(uint8_t *bytes);
DEFINE_CLEANUP(uint8_t *, file_bytes_free)

/* The last two components of a path, cut at the front when they are longer than the room. */
void file_short_name(const char *path, char ret_name[FILE_NAME_SIZE]);

/* `path` as it is when absolute, otherwise taken from the directory of `beside`. False when it does not fit `size`. */
NODISCARD NONNULL(1, 2, 3) bool file_beside(const char *beside, const char *path, char *ret_path, size_t size);
