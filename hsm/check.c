#include "hsm/check.h"

#include "hsm/records.h"
#include "hsm/work.h"

#include <stdlib.h>
#include <string.h>

static void text_free(char **text)
{
    free(*text);
}

struct check {
    const struct ceremony_tokens *tokens;
    struct work work; /* without a journal: only to read and verify certificates */
    struct records records;
    check_report *report;
    void *context;
    bool good;
    struct fault *first; /* where the first difference goes */
};

static void check_end(struct check *check)
{
    records_free(&check->records);
    place_clear(&check->work.places);
}

static void tell(struct check *check, const char *name, const char *token, const struct fault *difference)
{
    check->report(check->context, name, token, difference);
    if (difference && check->good)
        *check->first = *difference;
    check->good = check->good && !difference;
}

/* The next line of both; how the key came to its token is told once, and not by the token. */
static bool compare_lines(const struct place *place, const char *recorded, size_t size, const char *now,
                          struct fault *fault)
{
    static const char origin[] = "      \"origin\": ", certificate[] = "      \"certificate";
    const char *end = recorded + size;
    while (recorded < end || *now != '\0') {
        const char *stop = recorded < end ? memchr(recorded, '\n', (size_t)(end - recorded)) : NULL;
        size_t length = recorded < end ? (size_t)((stop ? stop : end) - recorded) : 0, other = strcspn(now, "\n");
        bool same = length == other && memcmp(recorded, now, length) == 0;
        bool told_once = strncmp(now, origin, sizeof origin - 1) == 0;
        if (!same && !told_once) {
            bool file = strncmp(now, certificate, sizeof certificate - 1) == 0;
            return fault_set(fault, file ? FAULT_CERTIFICATE_REFUSED : FAULT_HSM_KEY_WRONG, 0,
                             "'%s': the record says %.*s, but found is %.*s", place->name,
                             length > 90 ? 90 : (int)length, recorded, other > 90 ? 90 : (int)other, now);
        }
        recorded += length + (recorded + length < end);
        now += other + (now[other] == '\n');
    }
    return true;
}

static bool look_at_key(struct check *check, struct place *place, const char *lines, size_t size, struct fault *fault)
{
    CLEANUP(text_free) char *now = NULL;
    uint8_t id[MAKE_ID_SIZE];
    const char *label = place_order(place)->label;
    return records_hex(lines, size, "id", id, sizeof id, fault) &&
           make_find(place->token, place_order(place), id, &place->made, fault) &&
           make_check_only(place->token, label, id, fault) && make_examine(&place->made, check->work.root_pin, fault) &&
           (place->file[0] == '\0' || work_read_certificate(&check->work, place, fault)) &&
           record_entry(place, NULL, &now, fault) && compare_lines(place, lines, size, now, fault);
}

static void look_at(struct check *check, struct place *place)
{
    const char *lines;
    size_t size;
    struct fault difference;
    if (!records_find(&check->records, place->name, place->token, &lines, &size)) {
        (void)fault_set(&difference, FAULT_HSM_KEY_NOT_FOUND, 0, "no record has '%s' on token '%s'", place->name,
                        place->token->label);
        tell(check, place->name, place->token->label, &difference);
        return;
    }
    bool same = look_at_key(check, place, lines, size, &difference);
    tell(check, place->name, place->token->label, same ? NULL : &difference);
}

/* fingerprint.check is the recorded value of each fingerprint key, and of the backup. */
static bool compare_check_value(const struct check *check, struct fault *fault)
{
    CLEANUP(text_free) char *there = NULL;
    CLEANUP(text_free) char *wanted = NULL;
    size_t size;
    for (size_t i = 0; i < check->work.places.count; i++) {
        const struct place *place = &check->work.places.at[i];
        if (place->kind != PLACE_FINGERPRINT || !place->made.token)
            continue;
        text_free(&there);
        text_free(&wanted);
        there = wanted = NULL;
        if (!backup_write_check(place->made.check, &wanted, fault) ||
            !output_read(check->work.names->output, BACKUP_CHECK_FILE, &there, &size, fault))
            return false;
        if (!there || strcmp(there, wanted) != 0)
            return fault_set(fault, FAULT_HSM_KEY_WRONG, 0, "%s is not the check value of '%s' on token '%s'",
                             BACKUP_CHECK_FILE, place->name, place->token->label);
    }
    return true;
}

static bool open_backup(const struct check *check, const char *text, size_t size, struct fault *fault)
{
    CLEANUP(text_free) char *there = NULL;
    CLEANUP(text_free) char *wanted = NULL;
    CLEANUP(carry_drop) struct carried key = {0};
    struct backup backup;
    size_t check_size;
    if (!backup_read(text, size, &backup, fault) || !backup_open(check->tokens->recovery, &backup, &key, fault) ||
        !backup_write_check(backup.check, &wanted, fault) ||
        !output_read(check->work.names->output, BACKUP_CHECK_FILE, &there, &check_size, fault))
        return false;
    return (there && strcmp(there, wanted) == 0) ||
           fault_set(fault, FAULT_HSM_KEY_WRONG, 0, "%s is another key's than %s", BACKUP_FILE, BACKUP_CHECK_FILE);
}

/* A plant of one token behind a way that carries no key has no backup: its record says so. */
static void look_at_backup(struct check *check)
{
    CLEANUP(text_free) char *text = NULL;
    struct fault difference;
    size_t size;
    bool expected = check->records.count > 0 && strstr(check->records.texts[0], "carried wrapped");
    bool same = compare_check_value(check, &difference);
    tell(check, BACKUP_CHECK_FILE, "", same ? NULL : &difference);
    if (!expected)
        return;
    same = output_read(check->work.names->output, BACKUP_FILE, &text, &size, &difference) &&
           (text || fault_set(&difference, FAULT_FILE, 0, "'%s' is missing", BACKUP_FILE)) &&
           open_backup(check, text, size, &difference);
    tell(check, BACKUP_FILE, check->tokens->recovery->label, same ? NULL : &difference);
}

static void add_places(struct check *check)
{
    const struct ceremony_tokens *tokens = check->tokens;
    struct places *places = &check->work.places;
    place_add(places, PLACE_ROOT, tokens->root, 0);
    place_add(places, PLACE_RECOVERY, tokens->recovery, 0);
    if (tokens->spare)
        place_add(places, PLACE_SPARE, tokens->spare, 0);
    for (size_t i = 0; i < tokens->production_count; i++) {
        struct token *token = tokens->production[i];
        unsigned number = records_number(&check->records, token);
        struct fault difference;
        if (number == 0) {
            (void)fault_set(&difference, FAULT_HSM_KEY_NOT_FOUND, 0, "production token '%s' is in no record",
                            token->label);
            tell(check, "production", token->label, &difference);
            continue;
        }
        place_add_production(places, token, number);
        place_add(places, PLACE_FINGERPRINT, token, number);
    }
}

bool ceremony_check(const struct ceremony_tokens *tokens, const struct ceremony_names *names, check_report *report,
                    void *context, struct fault *fault)
{
    CLEANUP(check_end)
    struct check check = {.tokens = tokens,
                          .work = {.names = names, .root_pin = tokens->root_pin},
                          .report = report,
                          .context = context,
                          .good = true,
                          .first = fault};
    if (!records_read(names->output, &check.records, fault))
        return fault_within(fault, "check keys");
    if (check.records.count == 0)
        return fault_set(fault, FAULT_FILE, 0, "check keys: no record of a ceremony is in '%s'", names->output);
    add_places(&check);
    for (size_t i = 0; i < check.work.places.count; i++)
        look_at(&check, &check.work.places.at[i]);
    look_at_backup(&check);
    return check.good;
}
