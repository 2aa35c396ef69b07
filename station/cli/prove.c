/* kokuin audit prove: the leaves of one unit, for somebody who has heads and gets neither the log nor a log-in. */
#include "station/cli/cli.h"

#include "audit/proof.h"
#include "base/kept.h"
#include "schema/store_log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The log up to the largest head: 32 bytes a leaf, and the entries of one unit. */
struct gathered {
    const char *serial;
    uint64_t size;
    struct merkle_hash *leaves; /* size */
    uint64_t got;
    struct store_log_entry *own;
    size_t own_count;
    uint64_t beyond; /* own leaves past the largest head */
};

static void gathered_free(struct gathered *gathered)
{
    for (size_t i = 0; i < gathered->own_count; i++)
        free(gathered->own[i].entry);
    free(gathered->own);
    free(gathered->leaves);
}

static bool keep_own(struct gathered *gathered, struct store_log_entry *entry, struct fault *fault)
{
    struct store_log_entry *own = realloc(gathered->own, (gathered->own_count + 1) * sizeof *own);
    if (!own)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "entries of a unit");
    gathered->own = own;
    own[gathered->own_count++] = *entry;
    entry->entry = NULL;
    return true;
}

static bool take_leaf(struct gathered *gathered, struct store_log_entry *entry, struct fault *fault)
{
    char serial[PROOF_SERIAL_SIZE];
    bool own = proof_serial(entry->entry, serial) && strcmp(serial, gathered->serial) == 0;
    if (entry->leaf >= gathered->size) {
        gathered->beyond += own;
        return true;
    }
    if (entry->leaf != gathered->got)
        return fault_set(fault, FAULT_LOG_BROKEN, 0, "leaf %llu is not in the record",
                         (unsigned long long)gathered->got);
    memcpy(gathered->leaves[gathered->got++].bytes, entry->hash, MERKLE_SIZE);
    return !own || keep_own(gathered, entry, fault);
}

static bool gather(struct store *store, struct gathered *gathered, struct fault *fault)
{
    uint64_t from = 0;
    gathered->leaves = calloc(gathered->size ? gathered->size : 1, sizeof *gathered->leaves);
    if (!gathered->leaves)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "%llu leaves", (unsigned long long)gathered->size);
    for (size_t got = STORE_LOG_PAGE; got == STORE_LOG_PAGE;) {
        CLEANUP(store_log_entries_free) struct store_log_entries page = {0};
        if (!store_log_page(store, from, &page, fault))
            return false;
        got = page.count;
        for (size_t i = 0; i < page.count; i++) {
            from = page.each[i].leaf + 1;
            if (!take_leaf(gathered, &page.each[i], fault))
                return false;
        }
    }
    return true;
}

/* A proof is only written of a log that the heads are true of. */
static bool check_roots(const struct gathered *gathered, const struct proof_heads *heads, struct fault *fault)
{
    for (size_t i = 0; i < heads->count; i++) {
        const struct checkpoint *head = &heads->each[i].checkpoint;
        struct merkle_hash root = {0};
        if (head->size <= gathered->got)
            root = merkle_root(gathered->leaves, head->size);
        if (head->size > gathered->got || !merkle_equal(&root, &head->root))
            return fault_set(fault, FAULT_LOG_BROKEN, 0, "the record's log is not the one of '%s'",
                             heads->each[i].name);
    }
    return true;
}

static bool write_growths(FILE *file, const struct gathered *gathered, const struct proof_heads *heads,
                          struct fault *fault)
{
    for (size_t i = 0; i < heads->count; i++) {
        struct merkle_proof proof;
        uint64_t before = heads->each[i].checkpoint.size;
        if (before == gathered->size)
            continue;
        if (!merkle_consistency(gathered->leaves, gathered->size, before, &proof, fault))
            return false;
        proof_growth(file, before, gathered->size, &proof);
    }
    return true;
}

static bool write_proof(FILE *file, const char *origin, const struct gathered *gathered,
                        const struct proof_heads *heads, struct fault *fault)
{
    proof_begin(file, origin);
    if (!write_growths(file, gathered, heads, fault))
        return false;
    for (size_t i = 0; i < gathered->own_count; i++) {
        struct merkle_proof proof;
        const struct store_log_entry *own = &gathered->own[i];
        if (!merkle_inclusion(gathered->leaves, gathered->size, own->leaf, &proof, fault))
            return false;
        proof_leaf(file, own->leaf, gathered->size, &proof, own->entry);
    }
    proof_end(file, gathered->own_count, gathered->beyond);
    return (fflush(file) == 0 && fsync(fileno(file)) == 0) ||
           fault_set(fault, FAULT_FILE, (unsigned long)errno, "the file cannot be written");
}

static bool read_heads(const struct cli *cli, struct proof_heads *ret_heads, struct fault *fault)
{
    CLEANUP(checkpoint_keys_freep) struct checkpoint_keys *keys = NULL;
    if (!checkpoint_keys_read(cli->values[OPTION_CERTIFICATE], &keys, fault))
        return false;
    for (int i = 1; i < cli->count; i++) {
        char note[CHECKPOINT_NOTE_MAX + 2];
        size_t length;
        const char *name = strrchr(cli->arguments[i], '/');
        if (!kept_read(cli->arguments[i], note, sizeof note, &length, fault) ||
            !proof_expect(ret_heads, note, length, name ? name + 1 : cli->arguments[i], keys, fault))
            return false;
    }
    return true;
}

static bool prove(const struct cli *cli, const struct proof_heads *heads, struct gathered *gathered,
                  struct fault *fault)
{
    const char *path = cli->values[OPTION_OUTPUT];
    char origin[STORE_LOG_ORIGIN_SIZE];
    uint64_t waiting;
    CLEANUP(store_closep) struct store *store = NULL;
    const struct store_options options = {.conninfo = cli_record(cli), .application = "kokuin audit prove"};
    if (!store_open(&options, &store, fault) || !store_log_snapshot(store, fault) ||
        !store_log_origin(store, origin, &waiting, fault))
        return false;
    if (strcmp(origin, heads->each[0].checkpoint.origin) != 0)
        return fault_set(fault, FAULT_LOG_HEAD, 0, "the heads are of another log than this record's");
    if (!gather(store, gathered, fault) || !check_roots(gathered, heads, fault))
        return false;
    if (gathered->own_count == 0)
        return fault_set(fault, FAULT_UNIT_UNKNOWN, 0, "no leaf under these heads is of '%s'", gathered->serial);
    FILE *file = fopen(path, "wxe");
    if (!file)
        return fault_set(fault, FAULT_FILE, (unsigned long)errno, "'%s': %s", path, strerrordesc_np(errno));
    bool good = write_proof(file, origin, gathered, heads, fault);
    if (fclose(file) != 0 && good)
        good = fault_set(fault, FAULT_FILE, (unsigned long)errno, "'%s' cannot be closed", path);
    if (!good)
        (void)unlink(path);
    return good;
}

int command_audit_prove(struct cli *cli)
{
    struct fault fault;
    struct proof_heads heads = {0};
    CLEANUP(gathered_free) struct gathered gathered = {.serial = cli->arguments[0]};
    if (!cli->values[OPTION_CERTIFICATE] || !cli->values[OPTION_OUTPUT])
        return cli_misused(cli,
                           "--certificate names the certificates of the checkpoint keys, --output the file to write");
    if (!read_heads(cli, &heads, &fault))
        return cli_fail(cli, &fault, "no file was written", "audit prove");
    gathered.size = proof_largest(&heads)->checkpoint.size;
    if (!prove(cli, &heads, &gathered, &fault))
        return cli_fail(cli, &fault, "no file was written", "audit prove");
    if (cli->json)
        (void)printf("{\"serial\":\"%s\",\"size\":%llu,\"leaves\":%zu,\"beyond\":%llu}\n", gathered.serial,
                     (unsigned long long)gathered.size, gathered.own_count, (unsigned long long)gathered.beyond);
    cli_say(cli, "%zu leaves of %s are in %s: check it with kokuin-verify --proof and the same heads\n",
            gathered.own_count, gathered.serial, cli->values[OPTION_OUTPUT]);
    return FAULT_EXIT_OK;
}
