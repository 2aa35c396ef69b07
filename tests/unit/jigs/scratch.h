/* scratch.h -- a directory of small files for one test program, and a table's way to spoil a good file.
 *
 * Owner    the directory is removed by scratch_close()
 * Threads  one
 * Secrets  none
 * Layer    tests
 */
#pragma once

#include "base/fault.h"

#define SCRATCH_PATH_SIZE 256
#define SCRATCH_TEXT_MAX 8192

/* A fresh directory under /tmp with products/, policies/, profiles/ and labels/ in it. */
void scratch_open(void);
void scratch_close(void);

/* Writes `size` bytes to a file below the directory and gives its path. */
void scratch_write(const char *name, const void *bytes, size_t size, char ret_path[SCRATCH_PATH_SIZE]);
void scratch_write_text(const char *name, const char *text);
/* Copies a file of the shipped demo to the same name below the directory. */
void scratch_copy(const char *folder, const char *name);
void scratch_path(const char *name, char ret_path[SCRATCH_PATH_SIZE]);

/* `good` with its one occurrence of `old` replaced by `new`; `old` NULL: all of it. */
void scratch_spoil(const char *good, const char *old, const char *new, char ret_text[SCRATCH_TEXT_MAX]);

/* One way in which a file is bad, and how it must be refused. */
struct bad {
    const char *old, *new;
    enum fault_code code;
    const char *start; /* the refusal begins with it: file, line, column and key */
    const char *words; /* and has this somewhere: what was expected */
};

/* Spoils the file and reads it with `read`: true when it is refused just so, otherwise says what happened. `read` gives
 * false and a fault, and asserts by itself that its output was left alone. */
NODISCARD bool scratch_refuses(const struct bad *bad, const char *good, const char *name,
                               bool (*read)(const char *path, struct fault *fault));
