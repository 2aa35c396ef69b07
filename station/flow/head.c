#include "station/flow/head.h"

#include "base/kept.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define HEAD_TEXT_SIZE 128

static void print_head(const struct store_head *head, char ret_text[HEAD_TEXT_SIZE])
{
    (void)snprintf(ret_text, HEAD_TEXT_SIZE, "kokuin-record-head %" PRIu64 " %s\n", head->steps, head->hash);
}

/* What was read is a head only if it prints as the very same text. */
static bool parse_head(const char *text, struct store_head *ret_head)
{
    struct store_head head = {0};
    char again[HEAD_TEXT_SIZE];
    if (sscanf(text, "kokuin-record-head %" SCNu64 " %64[0-9a-f]", &head.steps, head.hash) != 2)
        return false;
    print_head(&head, again);
    if (strlen(head.hash) != sizeof head.hash - 1 || strcmp(again, text) != 0)
        return false;
    *ret_head = head;
    return true;
}

static bool read_known(const char *path, struct store_head *ret_head, struct fault *fault)
{
    char text[HEAD_TEXT_SIZE];
    size_t length;
    if (!kept_read(path, text, sizeof text, &length, fault))
        return false;
    if (length == 0) {
        *ret_head = (struct store_head){0};
        return true;
    }
    return parse_head(text, ret_head) ||
           fault_set(fault, FAULT_FILE, 0, "'%s' is not the head of a chain as a station keeps it", path);
}

static bool take_lock(const char *path, int *ret_lock, struct fault *fault)
{
    char beside[PATH_MAX];
    if (snprintf(beside, sizeof beside, "%s.lock", path) >= (int)sizeof beside)
        return fault_set(fault, FAULT_FILE, 0, "'%.128s': the name is too long", path);
    int lock = open(beside, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (lock < 0)
        return fault_set(fault, FAULT_FILE, (unsigned long)errno, "open '%s': %s", beside, strerrordesc_np(errno));
    int taken;
    do
        taken = flock(lock, LOCK_EX);
    while (taken != 0 && errno == EINTR);
    if (taken != 0) {
        (void)close(lock);
        return fault_set(fault, FAULT_FILE, (unsigned long)errno, "lock '%s': %s", beside, strerrordesc_np(errno));
    }
    *ret_lock = lock;
    return true;
}

/* Another slot may have been further already. */
static bool keep(const char *path, const struct store_head *head, struct fault *fault)
{
    int lock;
    if (!take_lock(path, &lock, fault))
        return false;
    struct store_head kept;
    bool good = read_known(path, &kept, fault);
    if (good && kept.steps < head->steps) {
        char text[HEAD_TEXT_SIZE];
        print_head(head, text);
        good = kept_write(path, text, fault);
    }
    (void)close(lock);
    return good;
}

bool head_follow(const char *path, struct store *store, struct fault *fault)
{
    struct store_head known;
    struct store_head now;
    return read_known(path, &known, fault) && store_head_follow(store, &known, &now, fault) &&
           (now.steps == known.steps || keep(path, &now, fault));
}
