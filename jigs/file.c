#include "jigs/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void close_descriptor(const int *descriptor)
{
    if (*descriptor >= 0)
        (void)close(*descriptor);
}

/* Up to `limit` + 1 bytes, so that a file that grows while it is read is still seen to be too large. */
static bool read_up_to(int descriptor, uint8_t *bytes, size_t limit, size_t *ret_size)
{
    size_t size = 0;
    while (size <= limit) {
        ssize_t count = read(descriptor, bytes + size, limit + 1 - size);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return false;
        if (count == 0)
            break;
        size += (size_t)count;
    }
    *ret_size = size;
    return true;
}

bool file_read(const char *path, const char *name, size_t limit, uint8_t **ret_bytes, size_t *ret_size,
               struct fault *fault)
{
    /* Non-blocking, because a named pipe in a file's place would otherwise hold the station for ever. */
    CLEANUP(close_descriptor) int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (descriptor < 0)
        return fault_set(fault, FAULT_FILE, (unsigned long)errno, "%s: cannot be opened: %s", name, strerror(errno));

    struct stat status;
    if (fstat(descriptor, &status) < 0 || !S_ISREG(status.st_mode))
        return fault_set(fault, FAULT_FILE, 0, "%s: not a regular file", name);

    CLEANUP(file_bytes_freep) uint8_t *bytes = malloc(limit + 1);
    if (!bytes)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "%s: no memory to read it", name);
    size_t size;
    if (!read_up_to(descriptor, bytes, limit, &size))
        return fault_set(fault, FAULT_FILE, (unsigned long)errno, "%s: cannot be read: %s", name, strerror(errno));
    if (size == 0)
        return fault_set(fault, FAULT_CONFIG_SYNTAX, 0, "%s: the file is empty", name);
    if (size > limit)
        return fault_set(fault, FAULT_CONFIG_SYNTAX, 0, "%s: larger than %zu bytes", name, limit);

    *ret_bytes = TAKE(bytes);
    *ret_size = size;
    return true;
}

void file_bytes_free(uint8_t *bytes)
{
    free(bytes);
}

void file_short_name(const char *path, char ret_name[FILE_NAME_SIZE])
{
    size_t length = strlen(path);
    size_t from = length;
    for (unsigned slashes = 0; from > 0; from--)
        if (path[from - 1] == '/' && ++slashes == 2)
            break;
    if (length - from >= FILE_NAME_SIZE)
        from = length - (FILE_NAME_SIZE - 1);
    (void)snprintf(ret_name, FILE_NAME_SIZE, "%s", path + from);
}

bool file_beside(const char *beside, const char *path, char *ret_path, size_t size)
{
    const char *slash = strrchr(beside, '/');
    int directory = path[0] == '/' || !slash ? 0 : (int)(slash - beside) + 1;
    int length = snprintf(ret_path, size, "%.*s%s", directory, beside, path);
    return length > 0 && (size_t)length < size;
}
