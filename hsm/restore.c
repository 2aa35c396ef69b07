#include "hsm/archive.h"

#include "hsm/carry.h"
#include "hsm/manifest.h"
#include "hsm/records.h"
#include "hsm/work.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RESTORED                                                                                                       \
    "opened from fingerprint.backup as an object of a session in the recovery token and carried wrapped: that is why " \
    "LOCAL, ALWAYS_SENSITIVE and NEVER_EXTRACTABLE are false of it"

static void text_free(char **text)
{
    free(*text);
}

struct restoration {
    const struct ceremony_tokens *tokens;
    const char *copy; /* the directory with the manifest */
    struct token *fresh;
    unsigned number;
    struct backup backup;
    X509 *root_certificate;
    char journal_file[PLACE_NAME_SIZE], record_file[PLACE_NAME_SIZE], page_file[PLACE_NAME_SIZE];
    struct work work;
};

static void restoration_end(struct restoration *restoration)
{
    work_end(&restoration->work);
    X509_free(restoration->root_certificate);
}

/* The one token of the plan that no record has, and the first number that no record ever gave. */
static bool choose(struct restoration *restoration, struct fault *fault)
{
    CLEANUP(records_free) struct records here = {0};
    CLEANUP(records_free) struct records there = {0};
    const struct ceremony_tokens *tokens = restoration->tokens;
    size_t fresh = 0;
    if (!records_read(restoration->work.names->output, &here, fault) || !records_read(restoration->copy, &there, fault))
        return false;
    for (size_t i = 0; i < tokens->production_count; i++) {
        struct token *token = tokens->production[i];
        if (records_number(&here, token) != 0 || records_number(&there, token) != 0)
            continue;
        restoration->fresh = token;
        fresh++;
    }
    if (fresh != 1)
        return fault_set(fault, FAULT_CONFIG_VALUE, 0,
                         "%zu production tokens of the plan are in no record; exactly one must be "
                         "new",
                         fresh);
    unsigned one = records_highest(&here), other = records_highest(&there);
    restoration->number = (one > other ? one : other) + 1;
    return restoration->number <= RECORDS_NUMBER_MAX ||
           fault_set(fault, FAULT_CONFIG_VALUE, 0, "all %d numbers of production tokens are used up",
                     RECORDS_NUMBER_MAX);
}

static void name_files(struct restoration *restoration)
{
    struct work *work = &restoration->work;
    const unsigned number = restoration->number;
    (void)snprintf(restoration->journal_file, PLACE_NAME_SIZE, "restore-%u.journal", number);
    (void)snprintf(restoration->record_file, PLACE_NAME_SIZE, "restore-%u.json", number);
    (void)snprintf(restoration->page_file, PLACE_NAME_SIZE, "restore-%u.html", number);
    work->journal_file = restoration->journal_file;
    place_add_production(&work->places, restoration->fresh, number);
    place_add(&work->places, PLACE_FINGERPRINT, restoration->fresh, number);
    for (size_t i = 0; i < work->places.count; i++)
        if (work->places.at[i].file[0] != '\0')
            work->files[work->file_count++] = work->places.at[i].file;
    work->files[work->file_count++] = restoration->page_file;
    work->files[work->file_count++] = restoration->record_file;
}

/* The root of the copy is the root token's key, which proves itself. */
static bool find_root(struct restoration *restoration, struct fault *fault)
{
    char path[4096];
    struct work *work = &restoration->work;
    (void)snprintf(path, sizeof path, "%s/root.pem", restoration->copy);
    if (!crypto_read_certificate(path, &restoration->root_certificate, fault) ||
        !key_find_for(restoration->tokens->root, KEY_ROOT, restoration->root_certificate, work->root_pin,
                      &work->root_key, fault))
        return fault_within(fault, "root");
    work->root = restoration->tokens->root;
    work->root_certificate = restoration->root_certificate;
    return true;
}

/* The backup, and the check value that every other production token has. */
static bool read_backup(struct restoration *restoration, struct fault *fault)
{
    CLEANUP(text_free) char *text = NULL;
    CLEANUP(text_free) char *check = NULL;
    CLEANUP(text_free) char *wanted = NULL;
    size_t size, check_size;
    if (!output_read(restoration->copy, BACKUP_FILE, &text, &size, fault) ||
        !output_read(restoration->copy, BACKUP_CHECK_FILE, &check, &check_size, fault))
        return false;
    if (!text || !check)
        return fault_set(fault, FAULT_BACKUP_DAMAGED, 0, "'%s' has no %s", restoration->copy,
                         text ? BACKUP_CHECK_FILE : BACKUP_FILE);
    if (!backup_read(text, size, &restoration->backup, fault) ||
        !backup_write_check(restoration->backup.check, &wanted, fault))
        return false;
    return strcmp(check, wanted) == 0 ||
           fault_set(fault, FAULT_BACKUP_DAMAGED, 0, "%s and %s in '%s' are of different keys", BACKUP_FILE,
                     BACKUP_CHECK_FILE, restoration->copy);
}

/* The copy's digests could be forged; the plant's own check value and its other production tokens could not. */
static bool compare_with_plant(const struct restoration *restoration, struct fault *fault)
{
    CLEANUP(text_free) char *there = NULL;
    CLEANUP(text_free) char *wanted = NULL;
    const struct ceremony_tokens *tokens = restoration->tokens;
    size_t size;
    if (!backup_write_check(restoration->backup.check, &wanted, fault) ||
        !output_read(restoration->work.names->output, BACKUP_CHECK_FILE, &there, &size, fault))
        return false;
    if (!there)
        return fault_set(fault, FAULT_FILE, 0, "'%s' has no %s; copy the ceremony's files back into it first",
                         restoration->work.names->output, BACKUP_CHECK_FILE);
    if (strcmp(there, wanted) != 0)
        return fault_set(fault, FAULT_HSM_KEY_WRONG, 0, "the copy's fingerprint key is not this plant's");
    for (size_t i = 0; i < tokens->production_count; i++) {
        struct carried key = {.token = tokens->production[i]};
        uint8_t check[MAKE_CHECK_SIZE];
        if (key.token == restoration->fresh)
            continue;
        if (!key_find_secret(key.token, KEY_FINGERPRINT, &key.handle, fault) ||
            !carry_check(&key, KEY_FINGERPRINT, check, fault))
            return false;
        if (memcmp(check, restoration->backup.check, sizeof check) != 0)
            return fault_set(fault, FAULT_HSM_KEY_WRONG, 0, "the copy's fingerprint key is not that of token '%s'",
                             key.token->label);
    }
    return true;
}

static bool begin(struct restoration *restoration, struct fault *fault)
{
    struct work *work = &restoration->work;
    uint8_t plan[JOURNAL_DIGEST_SIZE];
    bool begun;
    if (!ceremony_plan_digest(work->names, &work->places, plan, fault) ||
        !journal_exists(work->names->output, restoration->journal_file, &begun, fault) ||
        (!begun && !work_check_free(work, fault)) ||
        !carry_rehearse(restoration->tokens->recovery, restoration->fresh, fault) ||
        !journal_open(work->names->output, restoration->journal_file, plan, &work->journal, fault) ||
        !work_settle(work, fault))
        return false;
    work->may_undo = true;
    return true;
}

static bool bring_fingerprint(struct restoration *restoration, struct fault *fault)
{
    CLEANUP(carry_drop) struct carried key = {0};
    struct work *work = &restoration->work;
    struct place *place = place_find(&work->places, PLACE_FINGERPRINT, restoration->number);
    if (work_is_finished(work, place))
        return true;
    if (!work_announce(work, place, fault))
        return false;
    call_make_writable(&restoration->fresh->session);
    return backup_open(restoration->tokens->recovery, &restoration->backup, &key, fault) &&
           carry_to(&key, &place->made, fault) && work_finish(work, place, fault);
}

static bool make_all(struct restoration *restoration, struct fault *fault)
{
    struct work *work = &restoration->work;
    for (size_t i = 0; i < work->places.count; i++) {
        struct place *place = &work->places.at[i];
        if (place->kind == PLACE_FINGERPRINT)
            continue;
        if (!work_make(work, place, fault) || !work_certify(work, place, fault))
            return false;
    }
    if (!bring_fingerprint(restoration, fault))
        return false;
    const struct place *fingerprint = place_find(&work->places, PLACE_FINGERPRINT, restoration->number);
    if (memcmp(fingerprint->made.check, restoration->backup.check, MAKE_CHECK_SIZE) != 0)
        return fault_set(fault, FAULT_HSM_KEY_WRONG, 0, "the fingerprint key arrived on token '%s' as another",
                         restoration->fresh->label);
    struct record_facts facts = {
        .title = "Restoration of a production token", .file = restoration->record_file, .fingerprint_origin = RESTORED};
    return work_record(work, &facts, restoration->page_file, fault);
}

bool archive_restore(const struct ceremony_tokens *tokens, const struct ceremony_names *names, const char *directory,
                     unsigned *ret_number, struct fault *fault)
{
    CLEANUP(restoration_end)
    struct restoration restoration = {
        .tokens = tokens, .copy = directory, .work = {.names = names, .root_pin = tokens->root_pin}};
    if (!ceremony_check_names(names, fault) || !manifest_verify(directory, ARCHIVE_MANIFEST, fault) ||
        !choose(&restoration, fault) || !read_backup(&restoration, fault) || !compare_with_plant(&restoration, fault) ||
        !find_root(&restoration, fault))
        return fault_within(fault, "restore");
    name_files(&restoration);
    if (!begin(&restoration, fault) || !make_all(&restoration, fault))
        return fault_within(fault, "restore");
    *ret_number = restoration.number;
    return true;
}
