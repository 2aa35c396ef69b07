#include "hsm/work.h"

#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void text_free(char **text)
{
    free(*text);
}

bool work_is_finished(const struct work *work, const struct place *place)
{
    const struct journal_entry *entry = journal_find(&work->journal, place->name);
    return entry && entry->made;
}

bool work_check_free(const struct work *work, struct fault *fault)
{
    for (size_t i = 0; i < work->places.count; i++)
        if (!make_check_free(work->places.at[i].token, place_order(&work->places.at[i])->label, fault))
            return false;
    return output_check(work->names->output, work->files, work->file_count, fault);
}

static bool digest_of(const struct made_key *made, uint8_t ret_digest[JOURNAL_DIGEST_SIZE], struct fault *fault)
{
    return made->order->use == MAKE_MAC ? crypto_sha256(made->check, sizeof made->check, ret_digest, fault)
                                        : crypto_sha256(made->key.point, sizeof made->key.point, ret_digest, fault);
}

static bool find_finished(struct work *work, struct place *place, const struct journal_entry *entry,
                          struct fault *fault)
{
    uint8_t digest[JOURNAL_DIGEST_SIZE];
    if (!make_find(place->token, place_order(place), entry->id, &place->made, fault) ||
        !make_examine(&place->made, work->root_pin, fault) || !digest_of(&place->made, digest, fault))
        return false;
    return memcmp(digest, entry->print, sizeof digest) == 0 ||
           fault_set(fault, FAULT_HSM_KEY_WRONG, 0, "'%s' on token '%s' is another key than the journal's",
                     place->made.order->label, place->token->label);
}

/* A certificate of a key that is not finished is of no use. No such file was there when the journal was begun. */
static bool erase_half_made(struct work *work, struct place *place, const struct journal_entry *entry,
                            struct fault *fault)
{
    const char *const files[] = {place->file};
    return make_erase(place->token, place_order(place)->label, entry->id, fault) &&
           (place->file[0] == '\0' || output_remove(work->names->output, files, 1, fault));
}

bool work_settle(struct work *work, struct fault *fault)
{
    output_tidy(work->names->output, work->files, work->file_count);
    for (size_t i = 0; i < work->places.count; i++) {
        struct place *place = &work->places.at[i];
        const char *label = place_order(place)->label;
        const struct journal_entry *entry = journal_find(&work->journal, place->name);
        bool ours = entry ? make_check_only(place->token, label, entry->id, fault)
                          : make_check_free(place->token, label, fault);
        if (!ours)
            return false;
        if (entry && entry->made && !find_finished(work, place, entry, fault))
            return false;
    }
    for (size_t i = 0; i < work->places.count; i++) {
        struct place *place = &work->places.at[i];
        const struct journal_entry *entry = journal_find(&work->journal, place->name);
        if (entry && !entry->made && !erase_half_made(work, place, entry, fault))
            return false;
    }
    return true;
}

bool work_announce(struct work *work, struct place *place, struct fault *fault)
{
    return make_choose(place->token, place_order(place), &place->made, fault) &&
           journal_will(&work->journal, place, place->made.id, fault);
}

bool work_finish(struct work *work, struct place *place, struct fault *fault)
{
    uint8_t digest[JOURNAL_DIGEST_SIZE];
    return make_examine(&place->made, work->root_pin, fault) && digest_of(&place->made, digest, fault) &&
           journal_made(&work->journal, place, digest, fault);
}

bool work_make(struct work *work, struct place *place, struct fault *fault)
{
    return work_is_finished(work, place) ||
           (work_announce(work, place, fault) && make_create(&place->made, fault) && work_finish(work, place, fault));
}

bool work_take_back(struct work *work, struct place *place, struct fault *fault)
{
    const struct journal_entry *entry = journal_find(&work->journal, place->name);
    uint8_t id[MAKE_ID_SIZE];
    if (!entry)
        return true;
    memcpy(id, entry->id, sizeof id);
    place->made = (struct made_key){0};
    return (!entry->made || journal_will(&work->journal, place, id, fault)) &&
           make_erase(place->token, place_order(place)->label, id, fault);
}

static bool encode_pem(X509 *certificate, char **ret_text, struct fault *fault)
{
    CLEANUP(BIO_free_allp) BIO *memory = BIO_new(BIO_s_mem());
    char *bytes = NULL;
    if (!memory || PEM_write_bio_X509(memory, certificate) != 1)
        return crypto_failed(fault, FAULT_CRYPTO, "write certificate");
    long size = BIO_get_mem_data(memory, &bytes);
    char *text = size > 0 ? strndup(bytes, (size_t)size) : NULL;
    if (!text)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "write certificate");
    *ret_text = text;
    return true;
}

bool work_write(struct work *work, const char *name, const char *text, struct fault *fault)
{
    CLEANUP(text_free) char *there = NULL;
    size_t size;
    if (!output_read(work->names->output, name, &there, &size, fault))
        return false;
    if (there && strcmp(there, text) == 0)
        return true;
    if (there) {
        work->may_undo = false;
        return fault_set(fault, FAULT_FILE, 0, "'%s' was changed meanwhile", name);
    }
    const struct output_file file = {name, text, strlen(text)};
    return output_write(work->names->output, &file, 1, fault);
}

/* Which key it certifies, and that the root did. */
static bool verify(const struct work *work, const struct place *place, X509 *certificate, struct fault *fault)
{
    CLEANUP(X509_STORE_freep) X509_STORE *trusted = NULL;
    uint8_t point[POINT_SIZE];
    EVP_PKEY *certified = X509_get0_pubkey(certificate);
    if (!certified)
        return crypto_failed(fault, FAULT_CRYPTO, "its public key");
    if (!crypto_point(certified, point, fault))
        return false;
    if (memcmp(point, place->made.key.point, sizeof point) != 0)
        return fault_set(fault, FAULT_CERTIFICATE_REFUSED, 0, "it is another key's");
    return crypto_trust(work->root_certificate ? work->root_certificate : certificate, &trusted, fault) &&
           crypto_verify_chain(certificate, NULL, trusted, fault);
}

static bool keep_certificate(const struct work *work, const struct place *place, const char *text, size_t size,
                             X509 **ret_certificate, struct fault *fault)
{
    CLEANUP(BIO_free_allp) BIO *memory = BIO_new_mem_buf(text, (int)size);
    CLEANUP(X509_freep) X509 *certificate = memory ? PEM_read_bio_X509(memory, NULL, NULL, NULL) : NULL;
    if (!certificate)
        return crypto_failed(fault, FAULT_CRYPTO, "no PEM certificate");
    if (!verify(work, place, certificate, fault))
        return false;
    *ret_certificate = TAKE(certificate);
    return true;
}

static bool make_certificate(struct work *work, const struct place *place, X509 **ret_certificate, struct fault *fault)
{
    char common_name[PLACE_COMMON_NAME_SIZE];
    const struct authority_row row = place_row(place, work->names, common_name);
    const struct authority authority = {
        .token = work->root, .key = &work->root_key, .pin = work->root_pin, .root = work->root_certificate};
    CLEANUP(X509_freep) X509 *certificate = NULL;
    CLEANUP(text_free) char *text = NULL;
    if (!authority_certify(&authority, &row, work->names, place->made.key.point, &certificate, fault) ||
        !encode_pem(certificate, &text, fault) || !work_write(work, place->file, text, fault))
        return false;
    *ret_certificate = TAKE(certificate);
    return true;
}

static void take_root(struct work *work, const struct place *place)
{
    work->root = place->token;
    work->root_key = place->made.key;
    work->root_certificate = place->certificate;
}

bool work_certify(struct work *work, struct place *place, struct fault *fault)
{
    CLEANUP(text_free) char *text = NULL;
    size_t size;
    if (place->kind == PLACE_ROOT)
        take_root(work, place);
    if (!output_read(work->names->output, place->file, &text, &size, fault))
        return false;
    bool certified = text ? keep_certificate(work, place, text, size, &place->certificate, fault)
                          : make_certificate(work, place, &place->certificate, fault);
    if (!certified) {
        work->may_undo = !text;
        return fault_within(fault, "certificate '%s'", place->file);
    }
    if (place->kind == PLACE_ROOT)
        take_root(work, place);
    return true;
}

bool work_read_certificate(struct work *work, struct place *place, struct fault *fault)
{
    CLEANUP(text_free) char *text = NULL;
    size_t size;
    if (!output_read(work->names->output, place->file, &text, &size, fault))
        return false;
    if (!text)
        return fault_set(fault, FAULT_FILE, 0, "'%s' is missing", place->file);
    if (!keep_certificate(work, place, text, size, &place->certificate, fault))
        return fault_within(fault, "certificate '%s'", place->file);
    if (place->kind == PLACE_ROOT)
        take_root(work, place);
    return true;
}

bool work_record(struct work *work, struct record_facts *facts, const char *page_file, struct fault *fault)
{
    CLEANUP(text_free) char *record = NULL;
    CLEANUP(text_free) char *page = NULL;
    uint8_t digest[JOURNAL_DIGEST_SIZE];
    if (!output_remove(work->names->output, &page_file, 1, fault) || !record_gather(&work->places, facts, fault) ||
        !record_write(work->names, &work->places, facts, &record, fault) ||
        !crypto_sha256(record, strlen(record), digest, fault) ||
        !page_write(work->names, &work->places, facts, digest, &page, fault))
        return false;
    const struct output_file output[] = {{page_file, page, strlen(page)}, {facts->file, record, strlen(record)}};
    if (!output_write(work->names->output, output, ARRAY_SIZE(output), fault))
        return false;
    work->done = true;
    return journal_done(&work->journal, digest, fault);
}

/* The journal goes last, and only when nothing is left that it speaks of. */
static void undo(struct work *work)
{
    struct fault ignored;
    const char *const journal[] = {work->journal_file};
    bool gone = true;
    for (size_t i = 0; i < work->places.count; i++)
        gone = work_take_back(work, &work->places.at[i], &ignored) && gone;
    gone = gone && output_remove(work->names->output, work->files, work->file_count, &ignored);
    gone = gone && output_remove(work->names->output, journal, 1, &ignored);
}

void work_end(struct work *work)
{
    if (work->journal.fd > 0 && work->may_undo && !work->done)
        undo(work);
    journal_close(&work->journal);
    place_clear(&work->places);
}
