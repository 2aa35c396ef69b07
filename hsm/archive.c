#include "hsm/archive.h"

#include "hsm/manifest.h"
#include "hsm/records.h"
#include "hsm/work.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void text_free(char **text)
{
    free(*text);
}

static bool failed(struct fault *fault, const char *what, const char *path)
{
    int error = errno;
    return fault_set(fault, FAULT_FILE, (unsigned long)error, "%s '%s': %s", what, path, strerror(error));
}

/* Absent, or a directory with nothing in it. */
static bool check_empty(const char *directory, struct fault *fault)
{
    DIR *open = opendir(directory);
    if (!open)
        return errno == ENOENT || failed(fault, "open directory", directory);
    size_t count = 0;
    while (readdir(open))
        count++;
    (void)closedir(open);
    return count <= 2 || fault_set(fault, FAULT_FILE, ENOTEMPTY, "'%s' is not empty; nothing was written", directory);
}

/* Beside the place where it shall be; what an earlier run left there goes first. */
static bool make_aside(const char *aside, struct fault *fault)
{
    struct manifest stale;
    if (mkdir(aside, 0700) == 0)
        return true;
    if (errno != EEXIST)
        return failed(fault, "make", aside);
    if (!manifest_of(aside, &stale, fault))
        return false;
    for (size_t i = 0; i < stale.count; i++) {
        const char *const name[] = {stale.names[i]};
        if (!output_remove(aside, name, 1, fault))
            return false;
    }
    return true;
}

static bool copy_file(const char *from, const char *to, const char *name, struct fault *fault)
{
    CLEANUP(text_free) char *text = NULL;
    size_t size;
    if (!output_read(from, name, &text, &size, fault))
        return false;
    const struct output_file file = {name, text, size};
    return text ? output_write(to, &file, 1, fault) : fault_set(fault, FAULT_FILE, 0, "'%s' went away", name);
}

static bool copy_all(const char *from, const char *aside, struct fault *fault)
{
    CLEANUP(text_free) char *text = NULL;
    struct manifest manifest;
    if (!manifest_of(from, &manifest, fault) || !manifest_write(&manifest, &text, fault))
        return false;
    for (size_t i = 0; i < manifest.count; i++)
        if (!copy_file(from, aside, manifest.names[i], fault))
            return false;
    const struct output_file file = {ARCHIVE_MANIFEST, text, strlen(text)};
    return output_write(aside, &file, 1, fault) && manifest_verify(aside, ARCHIVE_MANIFEST, fault);
}

static bool force_parent(const char *path, struct fault *fault)
{
    char parent[PATH_MAX];
    (void)snprintf(parent, sizeof parent, "%s/..", path);
    int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool forced = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        (void)close(fd);
    return forced || failed(fault, "write the directory above", path);
}

bool archive_make(const struct ceremony_tokens *tokens, const struct ceremony_names *names, const char *directory,
                  check_report *report, void *context, struct fault *fault)
{
    char aside[PATH_MAX];
    size_t length = strlen(directory);
    while (length > 1 && directory[length - 1] == '/')
        length--;
    if (length == 0 || length + sizeof ".part" > sizeof aside)
        return fault_set(fault, FAULT_USAGE, 0, "back up: the directory's path is empty or too long");
    (void)snprintf(aside, sizeof aside, "%.*s.part", (int)length, directory);
    if (!check_empty(directory, fault) || !ceremony_check(tokens, names, report, context, fault) ||
        !make_aside(aside, fault) || !copy_all(names->output, aside, fault))
        return fault_within(fault, "back up");
    /* An empty directory of this name is replaced; one that is no longer empty is not. */
    if (rename(aside, directory) != 0) {
        (void)failed(fault, "name the copy", directory);
        return fault_within(fault, "back up");
    }
    return force_parent(directory, fault) || fault_within(fault, "back up");
}
