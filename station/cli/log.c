/* The sealer: takes the steps that were committed, adds them to the tree, has the token sign its head, and stores both.
 * It remembers its last head beside the database, and seals nothing on top of a record that lost it. */
#include "station/cli/cli.h"

#include "audit/checkpoint.h"
#include "base/clock.h"
#include "base/kept.h"
#include "hsm/log_key.h"
#include "jigs/read.h"
#include "schema/store_log.h"
#include "station/label/text_code.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define EVERY_MAX 86400
#define APPEND_TRIES 5

struct sealer {
    const struct cli *cli;
    struct store *store;
    struct log_key *key;
    struct checkpoint_keys *keys;
    char state_file[PATH_MAX];
    char origin[STORE_LOG_ORIGIN_SIZE];
    struct merkle_range range;
    uint64_t sealed, heads; /* by this run */
};

static void free_statep(struct store_log_state **state)
{
    free(*state);
}

static struct merkle_hash hash_entry(const char *entry, struct fault *fault, bool *ret_good)
{
    size_t size = strlen(entry);
    struct merkle_hash hash = {0};
    uint8_t *bytes = malloc(size + 1);
    *ret_good = bytes || fault_set(fault, FAULT_NO_MEMORY, 0, "an entry of %zu bytes", size);
    if (bytes) {
        memcpy(bytes + 1, entry, size);
        hash = merkle_leaf_in_place(bytes, size);
    }
    free(bytes);
    return hash;
}

/* ---- where the log stands, believed only as far as it was signed ---- */

static bool check_state(struct sealer *sealer, const struct store_log_state *state, struct fault *fault)
{
    struct merkle_range range = {.size = state->size};
    if (state->edge_count != merkle_range_edges(&range))
        return fault_set(fault, FAULT_LOG_BEHIND, 0, "the last head's edges are not those of %llu leaves",
                         (unsigned long long)state->size);
    for (size_t i = 0; i < state->edge_count; i++)
        memcpy(range.edges[i].bytes, state->edges[i], MERKLE_SIZE);
    if (state->size > 0) {
        struct checkpoint last;
        if (!checkpoint_read(state->note, strlen(state->note), sealer->keys, &last, fault))
            return fault_within(fault, "the record's last head");
        const struct merkle_hash root = merkle_range_root(&range);
        if (strcmp(last.origin, state->origin) != 0 || last.size != state->size || !merkle_equal(&last.root, &root))
            return fault_set(fault, FAULT_LOG_BEHIND, 0, "the record's last head is not the one that was signed");
    }
    memcpy(sealer->origin, state->origin, sizeof sealer->origin);
    sealer->range = range;
    return true;
}

/* The head that this machine saw last must still be one of the record's. */
static bool check_memory(struct sealer *sealer, struct fault *fault)
{
    char note[CHECKPOINT_NOTE_MAX + 2];
    size_t length;
    struct checkpoint seen, found;
    if (!kept_read(sealer->state_file, note, sizeof note, &length, fault))
        return false;
    if (length == 0)
        return true;
    if (!checkpoint_read(note, length, sealer->keys, &seen, fault))
        return fault_within(fault, "'%s'", sealer->state_file);
    if (strcmp(seen.origin, sealer->origin) != 0)
        return fault_set(fault, FAULT_LOG_BEHIND, 0, "'%s' is of another log, %s", sealer->state_file, seen.origin);
    CLEANUP(store_log_notes_free) struct store_log_notes notes = {0};
    if (!store_log_heads(sealer->store, seen.size, &notes, fault))
        return false;
    if (notes.count == 0 || notes.each[0].size != seen.size)
        return fault_set(fault, FAULT_LOG_BEHIND, 0, "the head of %llu leaves, signed %s, is not in the record",
                         (unsigned long long)seen.size, seen.time);
    if (!checkpoint_read(notes.each[0].note, strlen(notes.each[0].note), sealer->keys, &found, fault))
        return fault_within(fault, "the record's head of %llu leaves", (unsigned long long)seen.size);
    if (!merkle_equal(&found.root, &seen.root))
        return fault_set(fault, FAULT_LOG_BEHIND, 0, "the record has another head of %llu leaves than was signed %s",
                         (unsigned long long)seen.size, seen.time);
    return true;
}

static bool begin(struct sealer *sealer, struct fault *fault)
{
    CLEANUP(free_statep) struct store_log_state *state = calloc(1, sizeof *state);
    if (!state)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "the log's state");
    return store_log_begin(sealer->store, state, fault) && check_state(sealer, state, fault) &&
           check_memory(sealer, fault);
}

/* ---- sealing ---- */

static bool sign(struct sealer *sealer, const struct merkle_range *range, char ret_note[CHECKPOINT_NOTE_MAX + 1],
                 struct fault *fault)
{
    struct checkpoint head = {.size = range->size, .root = merkle_range_root(range)}, read_again;
    char text[CHECKPOINT_TEXT_MAX];
    uint8_t signature[LOG_KEY_SIGNATURE_MAX], id[LOG_KEY_ID_SIZE];
    size_t size = 0;
    (void)snprintf(head.origin, sizeof head.origin, "%s", sealer->origin);
    clock_wall_text(head.time);
    log_key_id(sealer->key, id);
    return checkpoint_text(&head, text, fault) &&
           log_key_sign(sealer->key, text, strlen(text), signature, &size, fault) &&
           checkpoint_note(&head, id, signature, size, ret_note, fault) &&
           checkpoint_read(ret_note, strlen(ret_note), sealer->keys, &read_again, fault);
}

/* A request whose end was not seen is repeated as it was, by a session that is the sealer again. */
static bool append(struct sealer *sealer, const struct store_log_head *head, struct fault *fault)
{
    for (unsigned tries = 1;; tries++) {
        if (store_log_append(sealer->store, head, fault))
            return true;
        if (fault->code != FAULT_RECORD_UNKNOWN || tries == APPEND_TRIES)
            return false;
        CLEANUP(free_statep) struct store_log_state *state = calloc(1, sizeof *state);
        if (!state || !store_reconnect(sealer->store, fault) || !store_log_begin(sealer->store, state, fault))
            return false;
    }
}

static bool seal_batch(struct sealer *sealer, struct store_log_entries *entries, struct fault *fault)
{
    struct merkle_range range = sealer->range;
    for (size_t i = 0; i < entries->count; i++) {
        bool good;
        const struct merkle_hash leaf = hash_entry(entries->each[i].entry, fault, &good);
        if (!good)
            return false;
        memcpy(entries->each[i].hash, leaf.bytes, MERKLE_SIZE);
        merkle_range_add(&range, &leaf);
    }
    char note[CHECKPOINT_NOTE_MAX + 1];
    const struct merkle_hash root = merkle_range_root(&range);
    const struct store_log_head head = {
        .first = sealer->range.size,
        .entries = entries,
        .root = root.bytes,
        .edges = range.edges[0].bytes,
        .edge_count = merkle_range_edges(&range),
        .note = note,
    };
    if (!sign(sealer, &range, note, fault) || !append(sealer, &head, fault) ||
        !kept_write(sealer->state_file, note, fault))
        return false;
    sealer->range = range;
    sealer->sealed += entries->count;
    sealer->heads++;
    return true;
}

static bool seal_all(struct sealer *sealer, struct fault *fault)
{
    for (;;) {
        CLEANUP(store_log_entries_free) struct store_log_entries entries = {0};
        if (!store_log_pending(sealer->store, &entries, fault))
            return false;
        if (entries.count == 0)
            return true;
        if (!seal_batch(sealer, &entries, fault))
            return false;
    }
}

static void print_sealed(const struct sealer *sealer)
{
    if (sealer->cli->json)
        (void)printf("{\"origin\":\"%s\",\"size\":%llu,\"sealed\":%llu,\"heads\":%llu}\n", sealer->origin,
                     (unsigned long long)sealer->range.size, (unsigned long long)sealer->sealed,
                     (unsigned long long)sealer->heads);
    else
        (void)printf("%s  %llu leaves, %llu new\n", sealer->origin, (unsigned long long)sealer->range.size,
                     (unsigned long long)sealer->sealed);
    (void)fflush(stdout);
}

/* Until SIGTERM or Control-C; both stay pending while a batch is sealed, so that none is cut in two. */
static bool seal_every(struct sealer *sealer, unsigned seconds, struct fault *fault)
{
    sigset_t ends;
    (void)sigemptyset(&ends);
    (void)sigaddset(&ends, SIGTERM);
    (void)sigaddset(&ends, SIGINT);
    if (seconds > 0 && sigprocmask(SIG_BLOCK, &ends, NULL) != 0)
        return fault_set(fault, FAULT_SYSTEM, (unsigned long)errno, "block signals");
    const struct timespec wait = {.tv_sec = seconds};
    int signal_seen;
    do {
        sealer->sealed = sealer->heads = 0;
        if (!seal_all(sealer, fault))
            return false;
        if (seconds == 0 || sealer->sealed > 0)
            print_sealed(sealer);
        signal_seen = seconds > 0 ? sigtimedwait(&ends, NULL, &wait) : SIGTERM;
    } while (signal_seen < 0);
    return true;
}

/* ---- the command ---- */

/* The first token that opens and has a checkpoint key of the file. */
static bool open_key(const struct cli *cli, const struct jig *jig, const char *certificates, struct token **ret_token,
                     struct log_key **ret_key, struct fault *fault)
{
    for (size_t i = 0; i < jig->token_count; i++) {
        const struct jig_token *place = &jig->tokens[i];
        CLEANUP(token_freep) struct token *token = NULL;
        if (token_open_with_file(place->module, place->uri, place->pin_file, &token, fault) &&
            log_key_open(token, certificates, ret_key, fault)) {
            *ret_token = TAKE(token);
            return true;
        }
        cli_say(cli, "%s: %s\n", place->uri, fault->text);
    }
    return false;
}

int command_log_seal(struct cli *cli)
{
    struct fault fault;
    uint64_t every = 0;
    const char *certificates = cli->values[OPTION_CERTIFICATE];
    if (!certificates)
        return cli_misused(cli, "--certificate names the certificates of the checkpoint keys");
    if (cli->values[OPTION_EVERY] && !cli_number(cli, OPTION_EVERY, &every, &fault))
        return cli_misused(cli, "%s", fault.text);
    if (cli->values[OPTION_EVERY] && (every < 1 || every > EVERY_MAX))
        return cli_misused(cli, "--every is from 1 to %d seconds", EVERY_MAX);
    CLEANUP(jig_freep) struct jig *jig = NULL;
    CLEANUP(token_freep) struct token *token = NULL;
    CLEANUP(log_key_freep) struct log_key *key = NULL;
    CLEANUP(checkpoint_keys_freep) struct checkpoint_keys *keys = NULL;
    CLEANUP(store_closep) struct store *store = NULL;
    const struct store_options options = {.conninfo = cli_record(cli), .application = "kokuin log seal"};
    if (!jig_read(cli->arguments[0], &jig, &fault) || !checkpoint_keys_read(certificates, &keys, &fault) ||
        !open_key(cli, jig, certificates, &token, &key, &fault) || !store_open(&options, &store, &fault))
        return cli_fail(cli, &fault, "nothing was sealed", "log seal");
    struct sealer sealer = {.cli = cli, .store = store, .key = key, .keys = keys};
    (void)snprintf(sealer.state_file, sizeof sealer.state_file, "%s/log-head", jig->state_directory);
    if (!begin(&sealer, &fault) || !seal_every(&sealer, (unsigned)every, &fault))
        return cli_fail(cli, &fault, "every head that was signed before", "log seal");
    return FAULT_EXIT_OK;
}

/* ---- the head out of the database's reach ---- */

static bool last_note(struct store *store, struct store_log_note *ret_note, struct fault *fault)
{
    uint64_t from = 0;
    for (;;) {
        CLEANUP(store_log_notes_free) struct store_log_notes notes = {0};
        if (!store_log_heads(store, from, &notes, fault))
            return false;
        if (notes.count == 0)
            return ret_note->note || fault_set(fault, FAULT_LOG_EMPTY, 0, "there is no head");
        free(ret_note->note);
        *ret_note = notes.each[notes.count - 1];
        notes.each[notes.count - 1].note = NULL;
        from = ret_note->size + 1;
    }
}

static void note_free(struct store_log_note *note)
{
    free(note->note);
}

/* The same text for paper, beside it. */
static bool export_code(const char *directory, const struct store_log_note *note, struct fault *fault)
{
    char name[48];
    char path[PATH_MAX];
    (void)snprintf(name, sizeof name, "log-head-%012llu.png", (unsigned long long)note->size);
    (void)snprintf(path, sizeof path, "%.3500s/%s", directory, name);
    return access(path, F_OK) == 0 || text_code_write(note->note, directory, name, fault);
}

/* A head that was exported once stays what it was. */
static bool export_note(const char *directory, const struct store_log_note *note, char ret_path[PATH_MAX],
                        struct fault *fault)
{
    char before[CHECKPOINT_NOTE_MAX + 2];
    size_t length;
    (void)snprintf(ret_path, PATH_MAX, "%.3500s/log-head-%012llu.txt", directory, (unsigned long long)note->size);
    if (!kept_read(ret_path, before, sizeof before, &length, fault))
        return false;
    if (length > 0 && strcmp(before, note->note) == 0)
        return true;
    if (length > 0)
        return fault_set(fault, FAULT_LOG_BEHIND, 0, "'%s' has another head of the same size", ret_path);
    return kept_write(ret_path, note->note, fault);
}

int command_log_export(struct cli *cli)
{
    struct fault fault;
    char path[PATH_MAX];
    CLEANUP(store_closep) struct store *store = NULL;
    CLEANUP(note_free) struct store_log_note note = {0};
    const char *directory = cli->values[OPTION_DIRECTORY] ? cli->values[OPTION_DIRECTORY] : ".";
    const struct store_options options = {.conninfo = cli_record(cli), .application = "kokuin log export"};
    if (!store_open(&options, &store, &fault) || !last_note(store, &note, &fault) ||
        !export_note(directory, &note, path, &fault) || !export_code(directory, &note, &fault))
        return cli_fail(cli, &fault, "every head that was exported before", "log export");
    if (cli->json)
        (void)printf("{\"size\":%llu,\"file\":\"log-head-%012llu.txt\",\"code\":\"log-head-%012llu.png\"}\n",
                     (unsigned long long)note.size, (unsigned long long)note.size, (unsigned long long)note.size);
    else
        (void)fputs(note.note, stdout);
    cli_say(cli,
            "this head is in %s, and as a QR code to print in the .png beside it: keep it where the database's "
            "administrator cannot reach it\n",
            path);
    return FAULT_EXIT_OK;
}
