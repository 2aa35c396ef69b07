#include "hsm/refusals.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* One state of one PIN file. Whole records are appended, so that no lock is needed. */
struct refusal {
    uint64_t device, inode, size;
    int64_t seconds, nanoseconds;
};

static int memory = -1;

bool refusals_make(int *ret_descriptor, struct fault *fault)
{
    int descriptor = memfd_create("kokuin-refusals", MFD_CLOEXEC);
    if (descriptor < 0 || fcntl(descriptor, F_SETFL, O_APPEND) != 0)
        return fault_set(fault, FAULT_SYSTEM, (unsigned long)errno, "make a memory of refused PINs: %s",
                         strerror(errno));
    *ret_descriptor = descriptor;
    return true;
}

void refusals_use(int descriptor)
{
    memory = descriptor;
}

static bool describe(int pin_file, struct refusal *ret_refusal)
{
    struct stat now;
    if (memory < 0 || fstat(pin_file, &now) != 0)
        return false;
    *ret_refusal = (struct refusal){.device = now.st_dev,
                                    .inode = now.st_ino,
                                    .size = (uint64_t)now.st_size,
                                    .seconds = now.st_mtim.tv_sec,
                                    .nanoseconds = now.st_mtim.tv_nsec};
    return true;
}

bool refusals_has(int pin_file)
{
    struct refusal now, earlier;
    if (!describe(pin_file, &now))
        return false;
    for (off_t at = 0; pread(memory, &earlier, sizeof earlier, at) == (ssize_t)sizeof earlier; at += (off_t)sizeof earlier)
        if (memcmp(&earlier, &now, sizeof now) == 0)
            return true;
    return false;
}

void refusals_add(int pin_file)
{
    struct refusal now;
    if (describe(pin_file, &now) && write(memory, &now, sizeof now) != (ssize_t)sizeof now)
        memory = -1;
}
