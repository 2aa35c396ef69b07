#include "hsm/journal.h"

#include "base/bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define JOURNAL_MAX 65536
#define LINE_MAX_SIZE 256
#define TITLE "kokuin-journal 1"

static void close_descriptor(const int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
}

static bool failed(struct fault *fault, const char *what)
{
    int error = errno;
    return fault_set(fault, FAULT_FILE, (unsigned long)error, "%s the journal: %s", what, strerror(error));
}

void journal_close(struct journal *journal)
{
    if (journal->fd > 0)
        (void)close(journal->fd);
    journal->fd = 0;
}

bool journal_exists(const char *directory, const char *file, bool *ret_exists, struct fault *fault)
{
    CLEANUP(close_descriptor) int at = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct stat status;
    if (at < 0)
        return fault_set(fault, FAULT_FILE, (unsigned long)errno, "open directory '%s': %s", directory,
                         strerror(errno));
    bool there = fstatat(at, file, &status, AT_SYMLINK_NOFOLLOW) == 0;
    if (!there && errno != ENOENT)
        return failed(fault, "look for");
    *ret_exists = there;
    return true;
}

static struct journal_entry *entry_of(struct journal *journal, const char *name)
{
    for (size_t i = 0; i < journal->count; i++)
        if (strcmp(journal->entries[i].name, name) == 0)
            return &journal->entries[i];
    return NULL;
}

const struct journal_entry *journal_find(const struct journal *journal, const char *name)
{
    return entry_of((struct journal *)journal, name);
}

static bool take_will(struct journal *journal, const char *name, const uint8_t *id, const uint8_t *serial)
{
    struct journal_entry *entry = entry_of(journal, name);
    if (!entry && journal->count == ARRAY_SIZE(journal->entries))
        return false;
    if (!entry)
        entry = &journal->entries[journal->count++];
    *entry = (struct journal_entry){0};
    (void)snprintf(entry->name, sizeof entry->name, "%s", name);
    memcpy(entry->id, id, sizeof entry->id);
    memcpy(entry->serial, serial, sizeof entry->serial);
    return true;
}

/* One whole line of an earlier run. */
static bool take_line(struct journal *journal, const char *line)
{
    char name[PLACE_NAME_SIZE], first[65], second[65];
    uint8_t id[MAKE_ID_SIZE], serial[TOKEN_SERIAL_SIZE], print[JOURNAL_DIGEST_SIZE];
    struct fault ignored;
    int end = -1;
    if (sscanf(line, "will %31[a-z0-9-] %64[0-9a-f] %64[0-9a-f]%n", name, first, second, &end) == 3 && end > 0 &&
        line[end] == '\0' && strlen(first) == 2 * sizeof id && strlen(second) == 2 * sizeof serial)
        return hex_read(first, id, sizeof id, &ignored) && hex_read(second, serial, sizeof serial, &ignored) &&
               take_will(journal, name, id, serial);
    end = -1;
    if (sscanf(line, "made %31[a-z0-9-] %64[0-9a-f]%n", name, first, &end) == 2 && end > 0 && line[end] == '\0' &&
        strlen(first) == 2 * sizeof print && hex_read(first, print, sizeof print, &ignored)) {
        struct journal_entry *entry = entry_of(journal, name);
        if (!entry)
            return false;
        entry->made = true;
        memcpy(entry->print, print, sizeof print);
        return true;
    }
    end = -1;
    if (sscanf(line, "done %64[0-9a-f]%n", first, &end) == 1 && end > 0 && line[end] == '\0') {
        journal->done = true;
        return true;
    }
    return false;
}

/* The file is forced to the disk before anything depends on the line. */
static bool append(struct journal *journal, const char *line, struct fault *fault)
{
    size_t size = strlen(line);
    ssize_t written = write(journal->fd, line, size);
    if (written >= 0 && (size_t)written != size)
        errno = ENOSPC;
    if (written != (ssize_t)size || fsync(journal->fd) != 0)
        return failed(fault, "write");
    return true;
}

static bool begin(struct journal *journal, const char *plan, int directory, struct fault *fault)
{
    char head[LINE_MAX_SIZE];
    (void)snprintf(head, sizeof head, TITLE "\n%s\n", plan);
    if (ftruncate(journal->fd, 0) != 0)
        return failed(fault, "begin");
    if (!append(journal, head, fault))
        return false;
    return fsync(directory) == 0 || failed(fault, "begin");
}

/* `bytes` ends with a zero. What follows the last newline is cut off, here and in the file. */
static bool replay(struct journal *journal, char *bytes, const char *plan, int directory, struct fault *fault)
{
    size_t number = 0, whole = 0;
    for (char *line = bytes, *end; (end = strchr(line, '\n')); line = end + 1) {
        *end = '\0';
        number++;
        whole = (size_t)(end + 1 - bytes);
        if (number == 2 && strcmp(line, plan) != 0)
            return fault_set(fault, FAULT_HSM_KEY_EXISTS, 0,
                             "it was begun with another plan or other tokens; go on with that plan");
        if ((number == 1 && strcmp(line, TITLE) != 0) || (number > 2 && (journal->done || !take_line(journal, line))))
            return fault_set(fault, FAULT_BAD_BYTES, 0, "line %zu of the journal is damaged", number);
    }
    if (number < 2)
        return begin(journal, plan, directory, fault);
    journal->begun_before = true;
    return ftruncate(journal->fd, (off_t)whole) == 0 || failed(fault, "mend");
}

static bool load(struct journal *journal, const char *plan, int directory, struct fault *fault)
{
    char bytes[JOURNAL_MAX + 1];
    size_t size = 0;
    for (ssize_t count; size < JOURNAL_MAX; size += (size_t)count) {
        count = read(journal->fd, bytes + size, JOURNAL_MAX - size);
        if (count < 0)
            return failed(fault, "read");
        if (count == 0)
            break;
    }
    if (size == JOURNAL_MAX || memchr(bytes, '\0', size))
        return fault_set(fault, FAULT_BAD_BYTES, 0, "the journal is no text of at most %d bytes", JOURNAL_MAX - 1);
    bytes[size] = '\0';
    return replay(journal, bytes, plan, directory, fault);
}

bool journal_open(const char *directory, const char *file, const uint8_t plan[JOURNAL_DIGEST_SIZE],
                  struct journal *journal, struct fault *fault)
{
    CLEANUP(close_descriptor) int at = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    char hex[2 * JOURNAL_DIGEST_SIZE + 1], line[LINE_MAX_SIZE];
    hex_write(plan, JOURNAL_DIGEST_SIZE, hex);
    (void)snprintf(line, sizeof line, "plan %s", hex);
    *journal = (struct journal){0};
    int fd = at < 0 ? -1 : openat(at, file, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0)
        return failed(fault, "open");
    journal->fd = fd;
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        journal_close(journal);
        return fault_set(fault, FAULT_FILE, EWOULDBLOCK, "another program works on '%s' in '%s'", file, directory);
    }
    if (load(journal, line, at, fault))
        return true;
    journal_close(journal);
    return false;
}

bool journal_will(struct journal *journal, const struct place *place, const uint8_t id[MAKE_ID_SIZE],
                  struct fault *fault)
{
    char line[LINE_MAX_SIZE], hex[2 * MAKE_ID_SIZE + 1], serial[2 * TOKEN_SERIAL_SIZE + 1];
    hex_write(id, MAKE_ID_SIZE, hex);
    hex_write(place->token->serial, TOKEN_SERIAL_SIZE, serial);
    (void)snprintf(line, sizeof line, "will %s %s %s\n", place->name, hex, serial);
    if (!append(journal, line, fault))
        return false;
    return take_will(journal, place->name, id, place->token->serial) ||
           fault_set(fault, FAULT_INTERNAL, 0, "the journal has no room for '%s'", place->name);
}

bool journal_made(struct journal *journal, const struct place *place, const uint8_t print[JOURNAL_DIGEST_SIZE],
                  struct fault *fault)
{
    char line[LINE_MAX_SIZE], hex[2 * JOURNAL_DIGEST_SIZE + 1];
    hex_write(print, JOURNAL_DIGEST_SIZE, hex);
    (void)snprintf(line, sizeof line, "made %s %s\n", place->name, hex);
    struct journal_entry *entry = entry_of(journal, place->name);
    if (!entry)
        return fault_set(fault, FAULT_INTERNAL, 0, "the journal does not know '%s'", place->name);
    if (!append(journal, line, fault))
        return false;
    entry->made = true;
    memcpy(entry->print, print, sizeof entry->print);
    return true;
}

bool journal_done(struct journal *journal, const uint8_t digest[JOURNAL_DIGEST_SIZE], struct fault *fault)
{
    char line[LINE_MAX_SIZE], hex[2 * JOURNAL_DIGEST_SIZE + 1];
    hex_write(digest, JOURNAL_DIGEST_SIZE, hex);
    (void)snprintf(line, sizeof line, "done %s\n", hex);
    if (!append(journal, line, fault))
        return false;
    journal->done = true;
    return true;
}
