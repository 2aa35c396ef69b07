#include "station/label/stand_in/paper.h"

#include "station/label/png.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNTER_MAX 999999

struct paper {
    char directory[PATH_MAX];
    int folder;
    unsigned dpi;
    uint64_t counter;
};

static bool read_counter(struct paper *paper, struct fault *fault)
{
    char text[16] = {0};
    int file = openat(paper->folder, "odometer", O_RDONLY | O_CLOEXEC);
    if (file < 0 && errno == ENOENT)
        return true;
    ssize_t count = file < 0 ? -1 : read(file, text, sizeof text - 1);
    if (file >= 0)
        (void)close(file);
    char *end = NULL;
    unsigned long counter = strtoul(text, &end, 10);
    if (count < 2 || *end != '\n' || counter > COUNTER_MAX)
        return fault_set(fault, FAULT_FILE, 0, "%s/odometer is not a counter", paper->directory);
    paper->counter = counter;
    return true;
}

bool paper_open(const char *directory, unsigned dpi, struct paper **ret_paper, struct fault *fault)
{
    CLEANUP(paper_closep) struct paper *paper = calloc(1, sizeof *paper);
    if (!paper || strlen(directory) >= sizeof paper->directory)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "no memory for paper, or too long a path");
    memcpy(paper->directory, directory, strlen(directory) + 1);
    paper->dpi = dpi;
    paper->folder = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (paper->folder < 0)
        return fault_set(fault, FAULT_FILE, (unsigned long)errno, "open %s: %s", directory, strerror(errno));
    if (!read_counter(paper, fault))
        return false;
    *ret_paper = TAKE(paper);
    return true;
}

void paper_close(struct paper *paper)
{
    if (!paper)
        return;
    if (paper->folder >= 0)
        (void)close(paper->folder);
    free(paper);
}

uint64_t paper_counter(const struct paper *paper)
{
    return paper->counter;
}

static bool write_text(const struct paper *paper, const char *name, int flags, const char *text, struct fault *fault)
{
    int file = openat(paper->folder, name, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0600);
    size_t length = strlen(text);
    bool written = file >= 0 && write(file, text, length) == (ssize_t)length && fsync(file) == 0;
    int reason = errno;
    if (file >= 0)
        (void)close(file);
    if (!written)
        return fault_set(fault, FAULT_FILE, (unsigned long)reason, "write %s: %s", name, strerror(reason));
    return true;
}

bool paper_print(struct paper *paper, const struct job *job, struct fault *fault)
{
    char name[32], text[64];
    const uint64_t number = paper->counter + 1;
    if (number > COUNTER_MAX)
        return fault_set(fault, FAULT_FILE, 0, "the counter is at its end");
    /* The counter first: a printer that dies over a label has counted it or not, but never prints a number twice. */
    (void)snprintf(text, sizeof text, "%" PRIu64 "\n", number);
    if (!write_text(paper, "odometer.new", O_TRUNC, text, fault))
        return false;
    if (renameat(paper->folder, "odometer.new", paper->folder, "odometer") != 0)
        return fault_set(fault, FAULT_FILE, (unsigned long)errno, "keep the counter: %s", strerror(errno));
    (void)snprintf(name, sizeof name, "label-%06" PRIu64 ".png", number);
    if (!png_write(job->bitmap, paper->dpi, paper->directory, name, fault))
        return false;
    (void)snprintf(text, sizeof text, "%06" PRIu64 " %s\n", number, *job->name ? job->name : "-");
    if (!write_text(paper, "index", O_APPEND, text, fault))
        return false;
    paper->counter = number;
    return true;
}
