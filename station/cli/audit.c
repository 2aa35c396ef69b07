/* The auditor's side of the log: a pass over the live record, and the record's log as a file for a pass elsewhere. */
#include "station/cli/cli.h"

#include "audit/export.h"
#include "audit/report.h"
#include "base/kept.h"
#include "schema/store_log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Where leaves and heads go, in the order of the log: a head behind the last of its leaves. */
struct sink {
    bool (*leaf)(void *context, const struct store_log_entry *entry, struct fault *fault);
    void (*head)(void *context, const struct store_log_note *note);
    void *context;
};

struct heads {
    struct store_log_notes page;
    size_t next;
    uint64_t from; /* of the next page */
    bool ended;
};

static void heads_free(struct heads *heads)
{
    store_log_notes_free(&heads->page);
}

/* Hands over the heads up to a size. */
static bool pass_heads(struct store *store, struct heads *heads, uint64_t size, const struct sink *sink,
                       struct fault *fault)
{
    for (;;) {
        if (heads->next == heads->page.count) {
            store_log_notes_free(&heads->page);
            heads->next = 0;
            if (!heads->ended && !store_log_heads(store, heads->from, &heads->page, fault))
                return false;
            if (heads->page.count == 0) {
                heads->ended = true;
                return true;
            }
            heads->from = heads->page.each[heads->page.count - 1].size + 1;
        }
        if (heads->page.each[heads->next].size > size)
            return true;
        sink->head(sink->context, &heads->page.each[heads->next++]);
    }
}

/* Ends with the first page that is not full. */
static bool pass_log(struct store *store, const struct sink *sink, uint64_t *ret_leaves, struct fault *fault)
{
    CLEANUP(heads_free) struct heads heads = {0};
    uint64_t from = 0, leaves = 0;
    for (size_t got = STORE_LOG_PAGE; got == STORE_LOG_PAGE;) {
        CLEANUP(store_log_entries_free) struct store_log_entries page = {0};
        if (!store_log_page(store, from, &page, fault))
            return false;
        got = page.count;
        for (size_t i = 0; i < page.count; i++) {
            from = page.each[i].leaf + 1;
            leaves++;
            if (!sink->leaf(sink->context, &page.each[i], fault) || !pass_heads(store, &heads, from, sink, fault))
                return false;
        }
    }
    *ret_leaves = leaves;
    return pass_heads(store, &heads, UINT64_MAX, sink, fault); /* heads of more leaves than there are */
}

/* ---- verify ---- */

static bool verify_leaf(void *context, const struct store_log_entry *entry, struct fault *fault)
{
    struct merkle_hash sealed;
    size_t size = strlen(entry->entry);
    uint8_t *bytes = malloc(size + 1);
    if (!bytes)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "an entry of %zu bytes", size);
    memcpy(bytes + 1, entry->entry, size);
    memcpy(sealed.bytes, entry->hash, MERKLE_SIZE);
    bool good = audit_leaf(context, entry->leaf, &sealed, bytes, size, fault);
    free(bytes);
    return good;
}

static void verify_head(void *context, const struct store_log_note *note)
{
    audit_own_head(context, note->note, strlen(note->note));
}

static bool expect(struct audit *audit, const char *path, struct fault *fault)
{
    char note[CHECKPOINT_NOTE_MAX + 2];
    size_t length = 0;
    if (!kept_read(path, note, sizeof note, &length, fault))
        return false;
    if (length == 0)
        return fault_set(fault, FAULT_FILE, 0, "'%s' is not there, or empty", path);
    const char *name = strrchr(path, '/');
    return audit_expect(audit, note, length, name ? name + 1 : path, fault);
}

static void print_sum_json(const struct audit_sum *sum, const char *origin, uint64_t waiting)
{
    (void)printf("{\"origin\":\"%s\",\"leaves\":%llu,\"findings\":%llu,\"own_heads\":%llu,\"given_heads\":%llu,"
                 "\"held\":%llu,\"covered\":%llu,\"waiting\":%llu}\n",
                 origin, (unsigned long long)sum->leaves, (unsigned long long)sum->findings,
                 (unsigned long long)sum->own_heads, (unsigned long long)sum->exported_heads,
                 (unsigned long long)sum->held, (unsigned long long)sum->covered, (unsigned long long)waiting);
}

static bool verify(const struct cli *cli, struct audit_sum *ret_sum, struct fault *fault)
{
    CLEANUP(checkpoint_keys_freep) struct checkpoint_keys *keys = NULL;
    CLEANUP(audit_freep) struct audit *audit = NULL;
    CLEANUP(store_closep) struct store *store = NULL;
    struct report report = {.file = cli->json ? stderr : stdout};
    const struct store_options options = {.conninfo = cli_record(cli), .application = "kokuin audit verify"};
    char origin[STORE_LOG_ORIGIN_SIZE];
    uint64_t waiting = 0, leaves = 0;
    if (!checkpoint_keys_read(cli->values[OPTION_CERTIFICATE], &keys, fault) ||
        !audit_begin(keys, report_finding, &report, &audit, fault))
        return false;
    for (int i = 0; i < cli->count; i++)
        if (!expect(audit, cli->arguments[i], fault))
            return false;
    const struct sink sink = {.leaf = verify_leaf, .head = verify_head, .context = audit};
    if (!store_open(&options, &store, fault) || !store_log_snapshot(store, fault) ||
        !store_log_origin(store, origin, &waiting, fault) || !audit_origin(audit, origin, fault) ||
        !pass_log(store, &sink, &leaves, fault))
        return false;
    audit_end(audit, ret_sum);
    if (cli->json)
        print_sum_json(ret_sum, origin, waiting);
    else
        (void)report_sum(&report, ret_sum, origin, waiting);
    return true;
}

int command_audit_verify(struct cli *cli)
{
    struct fault fault;
    struct audit_sum sum;
    if (!cli->values[OPTION_CERTIFICATE])
        return cli_misused(cli, "--certificate names the certificates of the checkpoint keys");
    if (!verify(cli, &sum, &fault))
        return cli_fail(cli, &fault, "nothing was written", "audit verify");
    if (sum.findings == 0)
        return FAULT_EXIT_OK;
    (void)fault_set(&fault, FAULT_LOG_BROKEN, 0, "%llu findings in %llu leaves", (unsigned long long)sum.findings,
                    (unsigned long long)sum.leaves);
    return cli_fail(cli, &fault, "nothing was written", "audit verify");
}

/* ---- export ---- */

static bool write_leaf(void *context, const struct store_log_entry *entry, struct fault *fault)
{
    export_leaf(context, entry->leaf, entry->hash, entry->entry);
    return !ferror(context) || fault_set(fault, FAULT_FILE, (unsigned long)errno, "the file cannot be written");
}

static void write_head(void *context, const struct store_log_note *note)
{
    export_head(context, note->note);
}

static bool write_log(struct store *store, FILE *file, uint64_t *ret_leaves, struct fault *fault)
{
    char origin[STORE_LOG_ORIGIN_SIZE];
    uint64_t waiting = 0;
    const struct sink sink = {.leaf = write_leaf, .head = write_head, .context = file};
    if (!store_log_snapshot(store, fault) || !store_log_origin(store, origin, &waiting, fault))
        return false;
    export_begin(file, origin);
    if (!pass_log(store, &sink, ret_leaves, fault))
        return false;
    export_end(file, *ret_leaves, waiting);
    if (fflush(file) != 0 || fsync(fileno(file)) != 0)
        return fault_set(fault, FAULT_FILE, (unsigned long)errno, "the file cannot be written");
    return true;
}

int command_audit_export(struct cli *cli)
{
    struct fault fault;
    const char *path = cli->values[OPTION_OUTPUT];
    if (!path)
        return cli_misused(cli, "--output names the file to write");
    CLEANUP(store_closep) struct store *store = NULL;
    const struct store_options options = {.conninfo = cli_record(cli), .application = "kokuin audit export"};
    if (!store_open(&options, &store, &fault))
        return cli_fail(cli, &fault, "no file was written", "audit export");
    FILE *file = fopen(path, "wxe");
    uint64_t leaves = 0;
    bool good = file ? write_log(store, file, &leaves, &fault)
                     : fault_set(&fault, FAULT_FILE, (unsigned long)errno, "'%s': %s", path, strerrordesc_np(errno));
    if (file && fclose(file) != 0 && good)
        good = fault_set(&fault, FAULT_FILE, (unsigned long)errno, "'%s' cannot be closed", path);
    if (!good && file)
        (void)unlink(path);
    if (!good)
        return cli_fail(cli, &fault, "no file was written", "audit export");
    cli_say(cli, "%llu leaves are in %s: check it with kokuin-verify\n", (unsigned long long)leaves, path);
    return FAULT_EXIT_OK;
}
