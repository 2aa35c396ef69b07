#include "base/kept.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool failed(const char *what, const char *path, struct fault *fault)
{
    return fault_set(fault, FAULT_FILE, (unsigned long)errno, "%s '%s': %s", what, path, strerrordesc_np(errno));
}

bool kept_read(const char *path, char *ret_text, size_t size, size_t *ret_length, struct fault *fault)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0 && errno == ENOENT) {
        *ret_length = 0;
        return true;
    }
    if (file < 0)
        return failed("open", path, fault);
    size_t length = 0;
    ssize_t got;
    do {
        got = read(file, ret_text + length, size - length);
        if (got > 0)
            length += (size_t)got;
    } while (length < size && (got > 0 || (got < 0 && errno == EINTR)));
    bool good = got >= 0 || failed("read", path, fault);
    (void)close(file);
    if (good && length == size)
        good = fault_set(fault, FAULT_FILE, 0, "'%s' is too large", path);
    if (!good)
        return false;
    ret_text[length] = '\0';
    *ret_length = length;
    return true;
}

static bool force_directory(const char *path, struct fault *fault)
{
    char copy[PATH_MAX];
    (void)snprintf(copy, sizeof copy, "%s", path);
    int directory = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0)
        return failed("open directory of", path, fault);
    bool good = fsync(directory) == 0 || failed("force directory of", path, fault);
    (void)close(directory);
    return good;
}

bool kept_write(const char *path, const char *text, struct fault *fault)
{
    char aside[PATH_MAX];
    size_t size = strlen(text);
    if (snprintf(aside, sizeof aside, "%s.new", path) >= (int)sizeof aside)
        return fault_set(fault, FAULT_FILE, 0, "'%.128s': the name is too long", path);
    int file = open(aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (file < 0)
        return failed("create", aside, fault);
    bool good = (write(file, text, size) == (ssize_t)size && fsync(file) == 0) || failed("write", aside, fault);
    (void)close(file);
    if (good && rename(aside, path) != 0)
        good = failed("rename", aside, fault);
    return good && force_directory(path, fault);
}
