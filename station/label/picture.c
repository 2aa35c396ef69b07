#include "station/label/picture.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void close_descriptor(const int *descriptor)
{
    if (*descriptor >= 0)
        (void)close(*descriptor);
}

static bool write_all(int file, const uint8_t *bytes, size_t size)
{
    while (size > 0) {
        ssize_t count = write(file, bytes, size);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return false;
        bytes += count;
        size -= (size_t)count;
    }
    return true;
}

static bool write_picture(int folder, const char *unfinished, const char *name, const struct wiped *picture,
                          struct fault *fault)
{
    CLEANUP(close_descriptor)
    int file = openat(folder, unfinished, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file < 0)
        return fault_set(fault, FAULT_FILE, (unsigned long)errno, "create %s: %s", unfinished, strerror(errno));
    if (!write_all(file, picture->bytes, picture->size) || fsync(file) != 0 ||
        renameat2(folder, unfinished, folder, name, RENAME_NOREPLACE) != 0) {
        int reason = errno;
        (void)unlinkat(folder, unfinished, 0);
        return fault_set(fault, FAULT_FILE, (unsigned long)reason, "write %s: %s", name, strerror(reason));
    }
    if (fsync(folder) != 0) {
        int reason = errno;
        (void)unlinkat(folder, name, 0);
        return fault_set(fault, FAULT_FILE, (unsigned long)reason, "keep %s: %s", name, strerror(reason));
    }
    return true;
}

bool picture_keep(const struct wiped *picture, const char *directory, const char *name, struct fault *fault)
{
    CLEANUP(close_descriptor) int folder = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return fault_set(fault, FAULT_FILE, (unsigned long)errno, "open %s: %s", directory, strerror(errno));
    char unfinished[NAME_MAX + 1];
    int length = snprintf(unfinished, sizeof unfinished, ".%s.%d", name, (int)getpid());
    if (length < 0 || (size_t)length >= sizeof unfinished || strchr(name, '/'))
        return fault_set(fault, FAULT_FILE, 0, "a label's file cannot have that name");
    /* What an earlier life of this process number left unfinished was never a label. */
    (void)unlinkat(folder, unfinished, 0);
    return write_picture(folder, unfinished, name, picture, fault);
}
