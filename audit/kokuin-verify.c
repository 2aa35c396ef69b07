/* kokuin-verify -- checks an exported log with public keys and heads that were kept elsewhere, and nothing else of
 * ours: no database, no token, no configuration. Its whole source is this folder and three files of base/ (README.md).
 */
#include "audit/export.h"
#include "audit/proof.h"
#include "audit/report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEADS_MAX 4096
#define USED_WRONGLY 2

static const char usage[] =
    "usage: kokuin-verify --certificate FILE [--head FILE]... LOG\n"
    "       kokuin-verify --certificate FILE --head FILE [--head FILE]... --proof PROOF\n"
    "\n"
    "LOG is what 'kokuin audit export' wrote, PROOF what 'kokuin audit prove' wrote; - for standard input.\n"
    "--certificate  PEM: the certificates of the checkpoint keys, one after another\n"
    "--head         a signed head that was kept out of the database's reach; as many as there are\n"
    "\n"
    "exit: 0 nothing was found, 1 findings, 2 used wrongly, 3 a file cannot be read or is none\n";

struct arguments {
    const char *certificate, *log;
    bool is_proof;
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
        else if (strcmp(argv[i], "--proof") == 0 && value && !arguments->log) {
            arguments->is_proof = true;
            arguments->log = argv[++i];
        } else if ((argv[i][0] != '-' || strcmp(argv[i], "-") == 0) && !arguments->log)
            arguments->log = argv[i];
        else
            return false;
    }
    return arguments->certificate && arguments->log && (!arguments->is_proof || arguments->head_count > 0);
}

static bool read_note(const char *path, char ret_note[CHECKPOINT_NOTE_MAX + 1], size_t *ret_size, const char **ret_name,
                      struct fault *fault)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return fault_set(fault, FAULT_FILE, (unsigned long)errno, "'%s' cannot be opened", path);
    *ret_size = fread(ret_note, 1, CHECKPOINT_NOTE_MAX + 1, file);
    bool good = !ferror(file) || fault_set(fault, FAULT_FILE, 0, "'%s' cannot be read", path);
    (void)fclose(file);
    const char *name = strrchr(path, '/');
    *ret_name = name ? name + 1 : path;
    return good;
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
    for (size_t i = 0; i < arguments->head_count; i++) {
        char note[CHECKPOINT_NOTE_MAX + 1];
        size_t size;
        const char *name;
        if (!read_note(arguments->heads[i], note, &size, &name, fault) || !audit_expect(audit, note, size, name, fault))
            return false;
    }
    if (!export_read(log, audit, &waiting, fault))
        return fault_within(fault, "'%s'", arguments->log);
    audit_end(audit, &sum);
    *ret_good = report_sum(&report, &sum, arguments->log, waiting);
    return true;
}

/* Foreign text: what a terminal would obey is written as '?'. */
static void print_line(void *context, const char *line)
{
    (void)context;
    for (; *line; line++)
        (void)putchar(*line >= ' ' && *line <= '~' ? *line : '?');
    (void)putchar('\n');
}

static bool verify_proof(const struct arguments *arguments, FILE *file, bool *ret_good, struct fault *fault)
{
    static struct proof_heads heads;
    CLEANUP(checkpoint_keys_freep) struct checkpoint_keys *keys = NULL;
    struct proof_sum sum;
    if (!checkpoint_keys_read(arguments->certificate, &keys, fault))
        return false;
    for (size_t i = 0; i < arguments->head_count; i++) {
        char note[CHECKPOINT_NOTE_MAX + 1];
        size_t size;
        const char *name;
        if (!read_note(arguments->heads[i], note, &size, &name, fault) ||
            !proof_expect(&heads, note, size, name, keys, fault))
            return false;
    }
    if (!proof_verify(file, &heads, print_line, NULL, &sum, fault))
        return fault_within(fault, "'%s'", arguments->log);
    (void)printf("%" PRIu64 " leaves hold, %" PRIu64 " findings\n", sum.held, sum.findings);
    (void)puts("not shown: that the log has no other leaf of this unit. Only a pass over the whole log shows it.");
    if (sum.beyond > 0)
        (void)printf("not shown: %" PRIu64 " leaves that are under no given head yet.\n", sum.beyond);
    *ret_good = sum.findings == 0;
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
    bool done =
        arguments.is_proof ? verify_proof(&arguments, log, &good, &fault) : verify(&arguments, log, &good, &fault);
    (void)fclose(log);
    if (!done)
        (void)fprintf(stderr, "kokuin-verify: %s\n", fault.text);
    return !done ? 3 : good ? 0 : 1;
}
