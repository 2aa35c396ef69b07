/* kokuin-verify -- checks an exported log with public keys and heads that were kept elsewhere, and nothing else of
 * ours: no database, no token, no configuration. Its whole source is this folder and three files of base/ (README.md).
 */
#include "audit/export.h"
#include "audit/report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEADS_MAX 4096
#define USED_WRONGLY 2

static const char usage[] =
    "usage: kokuin-verify --certificate FILE [--head FILE]... LOG\n"
    "\n"
    "LOG is what 'kokuin audit export' wrote, or - for standard input.\n"
    "--certificate  PEM: the certificates of the checkpoint keys, one after another\n"
    "--head         a signed head that was kept out of the database's reach; as many as there are\n"
    "\n"
    "exit: 0 nothing was found, 1 findings, 2 used wrongly, 3 a file cannot be read or is none\n";

struct arguments {
    const char *certificate, *log;
    const char *heads[HEADS_MAX];
    size_t head_count;
};

static bool read_arguments(int argc, char **argv, struct arguments *arguments)
{
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(argv[i], "--certificate") == 0 && value && !arguments->certificate)
            arguments->certificate = argv[++i];
        else if (strcmp(argv[i], "--head") == 0 && value && arguments->head_count < HEADS_MAX)
            arguments->heads[arguments->head_count++] = argv[++i];
        else if ((argv[i][0] != '-' || strcmp(argv[i], "-") == 0) && !arguments->log)
            arguments->log = argv[i];
        else
            return false;
    }
    return arguments->certificate && arguments->log;
}

static bool expect(struct audit *audit, const char *path, struct fault *fault)
{
    char note[CHECKPOINT_NOTE_MAX + 1];
    FILE *file = fopen(path, "re");
    if (!file)
        return fault_set(fault, FAULT_FILE, (unsigned long)errno, "'%s' cannot be opened", path);
    size_t size = fread(note, 1, sizeof note, file);
    bool good = !ferror(file) || fault_set(fault, FAULT_FILE, 0, "'%s' cannot be read", path);
    (void)fclose(file);
    const char *name = strrchr(path, '/');
    return good && audit_expect(audit, note, size, name ? name + 1 : path, fault);
}

static bool verify(const struct arguments *arguments, FILE *log, bool *ret_good, struct fault *fault)
{
    CLEANUP(checkpoint_keys_freep) struct checkpoint_keys *keys = NULL;
    CLEANUP(audit_freep) struct audit *audit = NULL;
    struct report report = {.file = stdout};
    struct audit_sum sum;
    uint64_t waiting = 0;
    if (!checkpoint_keys_read(arguments->certificate, &keys, fault) ||
        !audit_begin(keys, report_finding, &report, &audit, fault))
        return false;
    for (size_t i = 0; i < arguments->head_count; i++)
        if (!expect(audit, arguments->heads[i], fault))
            return false;
    if (!export_read(log, audit, &waiting, fault))
        return fault_within(fault, "'%s'", arguments->log);
    audit_end(audit, &sum);
    *ret_good = report_sum(&report, &sum, arguments->log, waiting);
    return true;
}

int main(int argc, char **argv)
{
    static struct arguments arguments;
    struct fault fault;
    bool good = false;
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return fputs(usage, stdout) < 0;
    if (!read_arguments(argc, argv, &arguments)) {
        (void)fputs(usage, stderr);
        return USED_WRONGLY;
    }
    FILE *log = strcmp(arguments.log, "-") == 0 ? stdin : fopen(arguments.log, "re");
    if (!log) {
        (void)fprintf(stderr, "kokuin-verify: '%s' cannot be opened: %s\n", arguments.log, strerrordesc_np(errno));
        return 3;
    }
    bool done = verify(&arguments, log, &good, &fault);
    (void)fclose(log);
    if (!done)
        (void)fprintf(stderr, "kokuin-verify: %s\n", fault.text);
    return !done ? 3 : good ? 0 : 1;
}
