/* token-make -- makes one software token with PINs of its own, for hsm/tools/private-token.
 *
 *   token-make MODULE LABEL DIRECTORY
 *
 * Writes DIRECTORY/LABEL.pin and DIRECTORY/LABEL.so-pin (mode 0600, never over a file that is there) and makes the
 * token. The PINs are drawn here, so that none is ever in an argument, in the environment or in a shell's memory.
 */
#include "base/log.h"
#include "base/secret.h"
#include "base/uuid.h"
#include "hsm/token.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PIN_LENGTH 16

/* 32 letters, so that each random byte gives one without bias. */
static bool draw_pin(struct secret **ret_pin, struct fault *fault)
{
    static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";
    CLEANUP(secret_freep) struct secret *pin = secret_new(PIN_LENGTH);
    if (!pin)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "draw PIN");
    uint8_t *letters = secret_write(pin);
    if (!system_random(letters, PIN_LENGTH, fault))
        return false;
    for (size_t i = 0; i < PIN_LENGTH; i++)
        letters[i] = (uint8_t)alphabet[letters[i] & 31];
    *ret_pin = TAKE(pin);
    return true;
}

static bool write_pin(const char *directory, const char *label, const char *ending, const struct secret *pin,
                      struct fault *fault)
{
    char path[PATH_MAX];
    int length = snprintf(path, sizeof path, "%s/%s.%s", directory, label, ending);
    if (length < 0 || (size_t)length >= sizeof path)
        return fault_set(fault, FAULT_USAGE, 0, "path is too long");
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return fault_set(fault, FAULT_FILE, (unsigned long)errno, "create '%s': %s", path, strerror(errno));
    bool written = write(fd, secret_read(pin), secret_size(pin)) == (ssize_t)secret_size(pin) && fsync(fd) == 0;
    int error = errno;
    (void)close(fd);
    return written || fault_set(fault, FAULT_FILE, (unsigned long)error, "write '%s'", path);
}

static bool make(const char *module, const char *label, const char *directory, struct fault *fault)
{
    CLEANUP(secret_freep) struct secret *pin = NULL;
    CLEANUP(secret_freep) struct secret *so_pin = NULL;
    if (strchr(label, '/') || label[0] == '.')
        return fault_set(fault, FAULT_USAGE, 0, "label must not contain '/' or begin with '.'");
    return draw_pin(&pin, fault) && draw_pin(&so_pin, fault) && write_pin(directory, label, "pin", pin, fault) &&
           write_pin(directory, label, "so-pin", so_pin, fault) && token_initialize(module, label, so_pin, pin, fault);
}

int main(int argc, char **argv)
{
    struct fault fault = {0};
    bool made = false;
    if (argc != 4)
        (void)fault_set(&fault, FAULT_USAGE, 0, "usage: token-make MODULE LABEL DIRECTORY");
    else if (secret_arena_open(1 << 14, &fault)) {
        made = make(argv[1], argv[2], argv[3], &fault);
        secret_arena_close();
    }
    if (made)
        return FAULT_EXIT_OK;
    struct log_line line;
    log_begin(&line, LOG_LEVEL_ERROR, "token.make");
    log_fault(&line, &fault);
    log_end(&line);
    return (int)fault_exit(fault.code);
}
