#include "hsm/ceremony.h"

#include "hsm/carry.h"
#include "hsm/record.h"
#include "hsm/work.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define YEARS_MAX 100
#define JOURNAL_FILE "ceremony.journal"
#define CARRIED                                                                                                        \
    "made as an object of a session in production token 1 and carried wrapped, so that every production token has "    \
    "the same value: that is why LOCAL, ALWAYS_SENSITIVE and NEVER_EXTRACTABLE are false of it"

static void text_free(char **text)
{
    free(*text);
}

static bool years_fit(unsigned years)
{
    return years >= 1 && years <= YEARS_MAX;
}

static bool text_fits(const char *text)
{
    size_t length = text ? strnlen(text, 65) : 0;
    return length >= 1 && length <= 64;
}

bool ceremony_check_names(const struct ceremony_names *names, struct fault *fault)
{
    if (!text_fits(names->organization))
        return fault_set(fault, FAULT_USAGE, 0, "organization must have 1 to 64 bytes");
    const char *country = names->country;
    if (!country || strnlen(country, 3) != 2 || country[0] < 'A' || country[0] > 'Z' || country[1] < 'A' ||
        country[1] > 'Z')
        return fault_set(fault, FAULT_USAGE, 0, "country must be two capital letters");
    if (!years_fit(names->root_years) || !years_fit(names->issuing_years) || !years_fit(names->station_years))
        return fault_set(fault, FAULT_USAGE, 0, "years must be 1 to %d", YEARS_MAX);
    if (names->person_count > CEREMONY_PEOPLE_MAX)
        return fault_set(fault, FAULT_USAGE, 0, "there may be %d custodians", CEREMONY_PEOPLE_MAX);
    for (size_t i = 0; i < names->person_count; i++)
        if (!text_fits(names->people[i].name) || !text_fits(names->people[i].role))
            return fault_set(fault, FAULT_USAGE, 0, "a custodian's name and role must have 1 to 64 bytes");
    return true;
}

static bool check_tokens(const struct ceremony_tokens *tokens, struct fault *fault)
{
    if (tokens->production_count < 1 || tokens->production_count > CEREMONY_TOKENS_MAX)
        return fault_set(fault, FAULT_USAGE, 0, "there must be 1 to %d production tokens", CEREMONY_TOKENS_MAX);
    return true;
}

bool ceremony_plan_digest(const struct ceremony_names *names, const struct places *places, uint8_t ret_digest[32],
                          struct fault *fault)
{
    CLEANUP(text_free) char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "digest of the plan");
    (void)fprintf(out, "%s\n%s\n%u %u %u\n", names->organization, names->country, names->root_years,
                  names->issuing_years, names->station_years);
    for (size_t i = 0; i < names->person_count; i++)
        (void)fprintf(out, "%s\n%s\n", names->people[i].name, names->people[i].role);
    for (size_t i = 0; i < places->count; i++)
        (void)fprintf(out, "%s %s %.*s\n", places->at[i].name, places->at[i].token->label, TOKEN_SERIAL_SIZE,
                      (const char *)places->at[i].token->serial);
    if (fclose(out) != 0)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "digest of the plan");
    return crypto_sha256(text, size, ret_digest, fault);
}

/* The fingerprint keys are finished together or not at all. */
struct ceremony {
    const struct ceremony_tokens *tokens;
    struct work work;
    bool carries; /* the fingerprint key is carried, and so backed up */
    struct backup backup;
};

static void ceremony_end(struct ceremony *ceremony)
{
    work_end(&ceremony->work);
}

static void name_files(struct work *work)
{
    for (size_t i = 0; i < work->places.count; i++)
        if (work->places.at[i].file[0] != '\0')
            work->files[work->file_count++] = work->places.at[i].file;
    work->files[work->file_count++] = BACKUP_CHECK_FILE;
    work->files[work->file_count++] = BACKUP_FILE;
    work->files[work->file_count++] = PAGE_FILE;
    work->files[work->file_count++] = RECORD_FILE;
}

/* Can the fingerprint key come to every production token? One token alone may do without, and then has no backup. */
static bool rehearse(struct ceremony *ceremony, struct fault *fault)
{
    const struct ceremony_tokens *tokens = ceremony->tokens;
    struct token *first = tokens->production[0];
    struct fault cannot;
    for (size_t i = 0; i < tokens->production_count; i++) {
        if (carry_rehearse(first, tokens->production[i], &cannot))
            continue;
        if (cannot.code != FAULT_HSM_CANNOT || tokens->production_count > 1) {
            *fault = cannot;
            return false;
        }
        return true;
    }
    ceremony->carries = true;
    return true;
}

static bool refuse_complete(const struct work *work, struct fault *fault)
{
    CLEANUP(text_free) char *text = NULL;
    size_t size;
    if (!output_read(work->names->output, RECORD_FILE, &text, &size, fault))
        return false;
    return !text || fault_set(fault, FAULT_HSM_KEY_EXISTS, 0,
                              "the ceremony is complete: its record %s is in '%s'; nothing was changed", RECORD_FILE,
                              work->names->output);
}

static bool begin(struct ceremony *ceremony, struct fault *fault)
{
    struct work *work = &ceremony->work;
    uint8_t plan[JOURNAL_DIGEST_SIZE];
    bool begun;
    if (!journal_exists(work->names->output, JOURNAL_FILE, &begun, fault))
        return false;
    output_tidy(work->names->output, work->files, begun ? work->file_count : 0);
    if (!refuse_complete(work, fault) || !ceremony_plan_digest(work->names, &work->places, plan, fault) ||
        (!begun && !work_check_free(work, fault)) || !rehearse(ceremony, fault) ||
        !journal_open(work->names->output, JOURNAL_FILE, plan, &work->journal, fault) || !work_settle(work, fault))
        return false;
    work->may_undo = true;
    return true;
}

static bool make_keys(struct ceremony *ceremony, struct fault *fault)
{
    struct work *work = &ceremony->work;
    for (size_t i = 0; i < work->places.count; i++) {
        struct place *place = &work->places.at[i];
        if (place->kind == PLACE_FINGERPRINT && ceremony->carries)
            continue;
        if (!work_make(work, place, fault) || (place->file[0] != '\0' && !work_certify(work, place, fault)))
            return false;
    }
    return true;
}

/* Finished in an earlier run: all of one value, with the backup of it. */
static bool fingerprints_stand(struct ceremony *ceremony, bool *ret_stand, struct fault *fault)
{
    CLEANUP(text_free) char *text = NULL;
    struct work *work = &ceremony->work;
    size_t size;
    *ret_stand = false;
    for (size_t i = 0; i < work->places.count; i++)
        if (work->places.at[i].kind == PLACE_FINGERPRINT && !work_is_finished(work, &work->places.at[i]))
            return true;
    if (!output_read(work->names->output, BACKUP_FILE, &text, &size, fault))
        return false;
    if (!text)
        return true;
    *ret_stand = true;
    work->may_undo = backup_read(text, size, &ceremony->backup, fault);
    return work->may_undo;
}

static bool announce_fingerprints(struct ceremony *ceremony, struct fault *fault)
{
    static const char *const stale[] = {BACKUP_FILE, BACKUP_CHECK_FILE};
    struct work *work = &ceremony->work;
    for (size_t i = 0; i < work->places.count; i++) {
        struct place *place = &work->places.at[i];
        if (place->kind == PLACE_FINGERPRINT &&
            (!work_take_back(work, place, fault) || !work_announce(work, place, fault)))
            return false;
    }
    for (size_t i = 0; i < ceremony->tokens->production_count; i++)
        call_make_writable(&ceremony->tokens->production[i]->session);
    return output_remove(work->names->output, stale, ARRAY_SIZE(stale), fault);
}

/* The one value lives as an object of the first token's session for no longer than this takes. */
static bool carry_fingerprints(struct ceremony *ceremony, struct fault *fault)
{
    CLEANUP(carry_drop) struct carried key = {0};
    CLEANUP(text_free) char *text = NULL;
    struct work *work = &ceremony->work;
    const struct place *recovery = place_find(&work->places, PLACE_RECOVERY, 0);
    if (!carry_generate(ceremony->tokens->production[0], &key, fault) ||
        !backup_make(&key, recovery->made.key.point, &ceremony->backup, fault) ||
        !backup_write(&ceremony->backup, &text, fault) || !work_write(work, BACKUP_FILE, text, fault))
        return false;
    for (size_t i = 0; i < work->places.count; i++)
        if (work->places.at[i].kind == PLACE_FINGERPRINT && !carry_to(&key, &work->places.at[i].made, fault))
            return false;
    return true;
}

/* A look at a key costs its session on an error, so it comes when nothing lives in a session any more. */
static bool finish_fingerprints(struct ceremony *ceremony, struct fault *fault)
{
    struct work *work = &ceremony->work;
    const struct place *recovery = place_find(&work->places, PLACE_RECOVERY, 0);
    for (size_t i = 0; i < work->places.count; i++) {
        struct place *place = &work->places.at[i];
        if (place->kind != PLACE_FINGERPRINT)
            continue;
        if (!work_is_finished(work, place) && !work_finish(work, place, fault))
            return false;
        if (memcmp(ceremony->backup.recovery, recovery->made.key.point, sizeof recovery->made.key.point) != 0)
            return fault_set(fault, FAULT_HSM_KEY_WRONG, 0, "%s is sealed to another recovery key", BACKUP_FILE);
        if (memcmp(place->made.check, ceremony->backup.check, sizeof place->made.check) != 0)
            return fault_set(fault, FAULT_HSM_KEY_WRONG, 0, "the fingerprint key on token '%s' has another value",
                             place->token->label);
    }
    return true;
}

static bool make_fingerprints(struct ceremony *ceremony, struct fault *fault)
{
    bool stand = true;
    if (!ceremony->carries)
        return true;
    if (!fingerprints_stand(ceremony, &stand, fault))
        return false;
    return (stand || (announce_fingerprints(ceremony, fault) && carry_fingerprints(ceremony, fault))) &&
           finish_fingerprints(ceremony, fault);
}

/* The record comes last: a directory with ceremony.json in it is a whole ceremony. */
static bool write_record(struct ceremony *ceremony, struct fault *fault)
{
    CLEANUP(text_free) char *check = NULL;
    struct work *work = &ceremony->work;
    struct record_facts facts = {.title = "Key ceremony", .file = RECORD_FILE};
    facts.fingerprint_origin = ceremony->carries ? CARRIED : NULL;
    return backup_write_check(place_find(&work->places, PLACE_FINGERPRINT, 1)->made.check, &check, fault) &&
           work_write(work, BACKUP_CHECK_FILE, check, fault) && work_record(work, &facts, PAGE_FILE, fault);
}

bool ceremony_perform(const struct ceremony_tokens *tokens, const struct ceremony_names *names, struct fault *fault)
{
    CLEANUP(ceremony_end)
    struct ceremony ceremony = {.tokens = tokens,
                                .work = {.names = names, .root_pin = tokens->root_pin, .journal_file = JOURNAL_FILE}};
    if (!ceremony_check_names(names, fault) || !check_tokens(tokens, fault))
        return fault_within(fault, "key ceremony");
    place_all(tokens, &ceremony.work.places);
    name_files(&ceremony.work);
    if (!begin(&ceremony, fault) || !make_keys(&ceremony, fault) || !make_fingerprints(&ceremony, fault) ||
        !write_record(&ceremony, fault))
        return fault_within(fault, "key ceremony");
    return true;
}
