/* Foreign text on its way into a log line, a fault and a UUID: whatever it is, one printable line comes out. */
#include "base/log.h"
#include "base/utf8.h"
#include "base/uuid.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool holds, const char *what)
{
    if (holds)
        return;
    (void)fprintf(stderr, "%s\n", what);
    abort();
}

static void is_printable(const char *text, size_t size)
{
    for (const char *at = text; at < text + size;) {
        size_t step = utf8_size(at);
        demand(step > 0 && !utf8_is_control(at), "a byte that is not printable UTF-8");
        at += step;
    }
}

static void through_the_log(const char *text)
{
    static int sink = -1;
    if (sink < 0) {
        sink = memfd_create("log", MFD_CLOEXEC);
        log_to(sink);
    }
    demand(ftruncate(sink, 0) == 0 && lseek(sink, 0, SEEK_SET) == 0, "no sink");

    struct log_line line;
    log_begin(&line, LOG_LEVEL_INFO, "fuzz");
    log_text(&line, "value", text);
    log_number(&line, "after", 1);
    log_end(&line);

    char back[sizeof line.text + 2] = "";
    ssize_t count = pread(sink, back, sizeof back - 1, 0);
    demand(count > 0 && count <= (ssize_t)sizeof line.text, "a line of another length");
    demand(back[count - 1] == '\n', "a line without its end");
    is_printable(back, (size_t)count - 1);
    const char *end = line.cut ? " cut=1\n" : " after=1\n";
    demand(strcmp(back + count - (ssize_t)strlen(end), end) == 0, "a value that ran over the next key");
}

static void through_a_fault(const char *text)
{
    struct fault fault = {0};
    (void)!fault_set(&fault, FAULT_UNIT_GARBAGE, 0, "unit says '%s'", text);
    (void)!fault_within(&fault, "%.40s", text);
    is_printable(fault.text, strlen(fault.text));
}

static void through_a_uuid(const char *text)
{
    struct uuid uuid;
    struct fault fault = {0};
    if (!uuid_parse(text, &uuid, &fault))
        return;
    char back[UUID_TEXT_SIZE];
    uuid_text(&uuid, back);
    demand(strcasecmp(text, back) == 0, "a UUID that comes back as another");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1); /* of exactly its size, so that AddressSanitizer sees one byte too far */
    if (!text)
        return 0;
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    through_the_log(text);
    through_a_fault(text);
    through_a_uuid(text);
    free(text);
    return 0;
}
