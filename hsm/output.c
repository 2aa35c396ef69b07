#include "hsm/output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void close_descriptor(const int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
}

static bool file_failed(struct fault *fault, const char *what, const char *name)
{
    int error = errno;
    return fault_set(fault, FAULT_FILE, (unsigned long)error, "%s '%s': %s", what, name, strerror(error));
}

static bool open_directory(const char *path, int *ret_fd, struct fault *fault)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return file_failed(fault, "open directory", path);
    *ret_fd = fd;
    return true;
}

bool output_check(const char *directory, const char *const *names, size_t count, struct fault *fault)
{
    CLEANUP(close_descriptor) int at = -1;
    if (!open_directory(directory, &at, fault))
        return false;
    for (size_t i = 0; i < count; i++) {
        struct stat status;
        if (fstatat(at, names[i], &status, AT_SYMLINK_NOFOLLOW) == 0)
            return fault_set(fault, FAULT_FILE, EEXIST, "'%s' is in '%s' already; nothing was changed", names[i],
                             directory);
        if (errno != ENOENT)
            return file_failed(fault, "look for", names[i]);
    }
    return true;
}

struct aside {
    int directory;
    const struct output_file *files;
    size_t count;
};

static void aside_name(const char *name, char ret_name[NAME_MAX + 1])
{
    (void)snprintf(ret_name, NAME_MAX + 1, ".%s.part", name);
}

static void aside_remove(const struct aside *aside)
{
    char name[NAME_MAX + 1];
    for (size_t i = 0; i < aside->count; i++) {
        aside_name(aside->files[i].name, name);
        (void)unlinkat(aside->directory, name, 0);
    }
}

static bool write_aside(int at, const struct output_file *file, struct fault *fault)
{
    char name[NAME_MAX + 1];
    aside_name(file->name, name);
    CLEANUP(close_descriptor)
    int fd = openat(at, name, O_CREAT | O_TRUNC | O_NOFOLLOW | O_WRONLY | O_CLOEXEC, 0644);
    if (fd < 0)
        return file_failed(fault, "make", file->name);
    for (size_t done = 0; done < file->size;) {
        ssize_t count = write(fd, file->bytes + done, file->size - done);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return file_failed(fault, "write", file->name);
        done += (size_t)count;
    }
    if (fsync(fd) != 0)
        return file_failed(fault, "write", file->name);
    return true;
}

/* link(2) never replaces a name that is taken. */
static bool give_name(int at, const struct output_file *file, struct fault *fault)
{
    char name[NAME_MAX + 1];
    aside_name(file->name, name);
    if (linkat(at, name, at, file->name, 0) != 0)
        return file_failed(fault, "name", file->name);
    return true;
}

static bool unlink_quietly(int at, const char *name)
{
    return unlinkat(at, name, 0) == 0 || errno == ENOENT;
}

bool output_remove(const char *directory, const char *const *names, size_t count, struct fault *fault)
{
    CLEANUP(close_descriptor) int at = -1;
    char part[NAME_MAX + 1];
    if (!open_directory(directory, &at, fault))
        return false;
    for (size_t i = 0; i < count; i++) {
        aside_name(names[i], part);
        if (!unlink_quietly(at, part) || !unlink_quietly(at, names[i]))
            return file_failed(fault, "remove", names[i]);
    }
    return fsync(at) == 0 || file_failed(fault, "write directory", directory);
}

void output_tidy(const char *directory, const char *const *names, size_t count)
{
    CLEANUP(close_descriptor) int at = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    char part[NAME_MAX + 1];
    for (size_t i = 0; i < count && at >= 0; i++) {
        aside_name(names[i], part);
        (void)unlinkat(at, part, 0);
    }
}

static void text_free(char **text)
{
    free(*text);
}

bool output_read(const char *directory, const char *name, char **ret_text, size_t *ret_size, struct fault *fault)
{
    CLEANUP(close_descriptor) int at = -1;
    if (!open_directory(directory, &at, fault))
        return false;
    CLEANUP(close_descriptor) int fd = openat(at, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) {
        *ret_text = NULL;
        *ret_size = 0;
        return true;
    }
    if (fd < 0)
        return file_failed(fault, "open", name);
    CLEANUP(text_free) char *text = malloc(OUTPUT_FILE_MAX + 1);
    if (!text)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "read '%s'", name);
    size_t size = 0;
    for (ssize_t got = 1; got > 0 && size < OUTPUT_FILE_MAX; size += (size_t)got) {
        got = read(fd, text + size, OUTPUT_FILE_MAX - size);
        if (got < 0)
            return file_failed(fault, "read", name);
    }
    if (size == OUTPUT_FILE_MAX)
        return fault_set(fault, FAULT_FILE, EFBIG, "'%s' is too large", name);
    text[size] = '\0';
    *ret_text = TAKE(text);
    *ret_size = size;
    return true;
}

static bool put_aside(struct aside *aside, size_t count, struct fault *fault)
{
    for (size_t i = 0; i < count; i++) {
        aside->count++;
        if (!write_aside(aside->directory, &aside->files[i], fault))
            return false;
    }
    return true;
}

bool output_write(const char *directory, const struct output_file *files, size_t count, struct fault *fault)
{
    CLEANUP(close_descriptor) int at = -1;
    if (!open_directory(directory, &at, fault))
        return false;
    CLEANUP(aside_remove) struct aside aside = {.directory = at, .files = files};
    if (!put_aside(&aside, count, fault))
        return false;

    for (size_t i = 0; i < count; i++) {
        if (give_name(at, &files[i], fault))
            continue;
        while (i-- > 0)
            (void)unlinkat(at, files[i].name, 0);
        return false;
    }
    if (fsync(at) != 0)
        return file_failed(fault, "write directory", directory);
    return true;
}

bool output_replace(const char *directory, const struct output_file *files, size_t count, struct fault *fault)
{
    CLEANUP(close_descriptor) int at = -1;
    if (!open_directory(directory, &at, fault))
        return false;
    CLEANUP(aside_remove) struct aside aside = {.directory = at, .files = files};
    if (!put_aside(&aside, count, fault))
        return false;
    for (size_t i = 0; i < count; i++) {
        char name[NAME_MAX + 1];
        aside_name(files[i].name, name);
        if (renameat(at, name, at, files[i].name) != 0)
            return file_failed(fault, "replace", files[i].name);
    }
    if (fsync(at) != 0)
        return file_failed(fault, "write directory", directory);
    return true;
}
