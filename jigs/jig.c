#include "jigs/read.h"

#include <stdlib.h>
#include <string.h>

#include "jigs/conninfo.h"
#include "jigs/jig_texts.h"
#include "jigs/value.h"

static const struct cyaml_schema_field jig_token_fields[] = {
    TOKEN_TEXTS(struct jig_token_texts, token),
    DOCUMENT_TEXT("issuing", struct jig_token_texts, issuing),
    DOCUMENT_TEXT("station", struct jig_token_texts, station),
    CYAML_FIELD_END,
};

static const struct cyaml_schema_field certificate_fields[] = {
    DOCUMENT_TEXT("root", struct jig_certificate_texts, root),
    DOCUMENT_TEXT("recovery", struct jig_certificate_texts, recovery),
    DOCUMENT_TEXT_OPTIONAL("spare_recovery", struct jig_certificate_texts, spare_recovery),
    DOCUMENT_TEXT("fingerprint", struct jig_certificate_texts, fingerprint),
    CYAML_FIELD_END,
};

static const struct cyaml_schema_field printer_fields[] = {
    DOCUMENT_TEXT("name", struct printer_texts, name),
    DOCUMENT_TEXT("kind", struct printer_texts, kind),
    DOCUMENT_TEXT("path", struct printer_texts, path),
    DOCUMENT_TEXT("dpi", struct printer_texts, dpi),
    DOCUMENT_TEXT_OPTIONAL("mode", struct printer_texts, mode),
    DOCUMENT_TEXT_OPTIONAL("uuid", struct printer_texts, uuid),
    CYAML_FIELD_END,
};

static const struct cyaml_schema_field slot_fields[] = {
    DOCUMENT_TEXT("number", struct slot_texts, number),
    DOCUMENT_TEXT("kind", struct slot_texts, kind),
    DOCUMENT_TEXT("path", struct slot_texts, path),
    DOCUMENT_TEXT_OPTIONAL("baud", struct slot_texts, baud),
    DOCUMENT_TEXT_OPTIONAL("vendor_id", struct slot_texts, vendor_id),
    DOCUMENT_TEXT_OPTIONAL("product_id", struct slot_texts, product_id),
    DOCUMENT_TEXT_OPTIONAL("interface", struct slot_texts, interface),
    DOCUMENT_TEXT("printer", struct slot_texts, printer),
    CYAML_FIELD_END,
};

static const struct cyaml_schema_field scanner_fields[] = {
    DOCUMENT_TEXT("name", struct scanner_texts, name),
    DOCUMENT_TEXT("kind", struct scanner_texts, kind),
    DOCUMENT_TEXT("path", struct scanner_texts, path),
    DOCUMENT_TEXT_OPTIONAL("slot", struct scanner_texts, slot),
    CYAML_FIELD_END,
};

static const struct cyaml_schema_value token_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct jig_token_texts, jig_token_fields)};
static const struct cyaml_schema_value printer_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct printer_texts, printer_fields)};
static const struct cyaml_schema_value slot_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct slot_texts, slot_fields)};
static const struct cyaml_schema_value scanner_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct scanner_texts, scanner_fields)};

static const struct cyaml_schema_field jig_fields[] = {
    DOCUMENT_TEXT("station", struct jig_texts, station),
    CYAML_FIELD_SEQUENCE("tokens", CYAML_FLAG_POINTER, struct jig_texts, tokens, &token_entry, 1, JIG_TOKENS_MAX),
    CYAML_FIELD_MAPPING("certificates", CYAML_FLAG_DEFAULT, struct jig_texts, certificates, certificate_fields),
    DOCUMENT_TEXT("record", struct jig_texts, record),
    DOCUMENT_TEXT("state_directory", struct jig_texts, state_directory),
    CYAML_FIELD_SEQUENCE("printers", CYAML_FLAG_POINTER, struct jig_texts, printers, &printer_entry, 1,
                         JIG_PRINTERS_MAX),
    CYAML_FIELD_SEQUENCE("slots", CYAML_FLAG_POINTER, struct jig_texts, slots, &slot_entry, 1, JIG_SLOTS_MAX),
    CYAML_FIELD_SEQUENCE("scanners", CYAML_FLAG_POINTER, struct jig_texts, scanners, &scanner_entry, 1,
                         JIG_SCANNERS_MAX),
    CYAML_FIELD_SEQUENCE("products", CYAML_FLAG_POINTER, struct jig_texts, products, &document_text_entry, 1,
                         JIG_PRODUCTS_MAX),
    CYAML_FIELD_END,
};

static const struct cyaml_schema_value jig_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct jig_texts, jig_fields)};

static bool read_certificates(const struct spot *top, const struct jig_certificate_texts *texts, struct jig *jig)
{
    const struct spot spot = {.document = top->document, .under = "certificates", .fault = top->fault};
    return value_read_path(&spot, "root", texts->root, jig->root_certificate, JIG_PATH_SIZE) &&
           value_read_path(&spot, "recovery", texts->recovery, jig->recovery_certificates[0], JIG_PATH_SIZE) &&
           value_read_path(&spot, "spare_recovery", texts->spare_recovery, jig->recovery_certificates[1],
                           JIG_PATH_SIZE) &&
           value_read_path(&spot, "fingerprint", texts->fingerprint, jig->fingerprint_check, JIG_PATH_SIZE);
}

static bool read_products(const struct spot *top, const struct jig_texts *texts, struct jig *jig)
{
    for (unsigned i = 0; i < texts->products_count; i++) {
        char key[32];
        document_entry_key(key, sizeof key, "products", i);
        if (!value_read_path(top, key, texts->products[i], jig->products[i], JIG_PATH_SIZE))
            return false;
        for (unsigned k = 0; k < i; k++)
            if (strcmp(jig->products[k], jig->products[i]) == 0)
                return document_refuse(top, key, FAULT_CONFIG_VALUE, "expected each file once, found '%.40s' again",
                                       texts->products[i]);
    }
    jig->product_count = texts->products_count;
    return true;
}

static bool read_jig(const struct spot *top, const struct jig_texts *texts, struct jig *jig)
{
    return value_read_text(top, "station", texts->station, VALUE_NAME, jig->station, sizeof jig->station) &&
           jig_read_tokens(top, texts, jig) && read_certificates(top, &texts->certificates, jig) &&
           conninfo_read(top, "record", texts->record, jig->record, sizeof jig->record) &&
           value_read_path(top, "state_directory", texts->state_directory, jig->state_directory, JIG_PATH_SIZE) &&
           jig_read_printers(top, texts, jig) && jig_read_slots(top, texts, jig) &&
           jig_read_scanners(top, texts, jig) && read_products(top, texts, jig);
}

bool jig_parse(const uint8_t *bytes, size_t size, const char *path, struct jig **ret_jig, struct fault *fault)
{
    CLEANUP(document_close) struct document document = {0};
    if (!document_open(bytes, size, path, &jig_schema, &document, fault))
        return false;
    CLEANUP(jig_freep) struct jig *jig = calloc(1, sizeof *jig);
    if (!jig)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "%s: no memory for a jig", document.name);
    const struct spot top = {.document = &document, .under = "", .fault = fault};
    if (!read_jig(&top, document.root, jig))
        return false;
    *ret_jig = TAKE(jig);
    return true;
}

bool jig_read(const char *path, struct jig **ret_jig, struct fault *fault)
{
    CLEANUP(file_bytes_freep) uint8_t *bytes = NULL;
    size_t size;
    return document_read(path, &bytes, &size, fault) && jig_parse(bytes, size, path, ret_jig, fault);
}

void jig_free(struct jig *jig)
{
    free(jig);
}
