#include "jigs/read.h"

#include <string.h>

#include "base/clock.h"
#include "jigs/digest.h"
#include "jigs/profile.h"
#include "jigs/value.h"

#define YEARS_MAX 100

struct name_texts {
    char *attribute, *from, *text;
};

struct extension_texts {
    char *kind, *critical, *certificate_authority;
};

struct profile_texts {
    char *id, *not_after, *years;
    struct name_texts *subject;
    unsigned subject_count;
    struct extension_texts *extensions;
    unsigned extensions_count;
    char **key_usage;
    unsigned key_usage_count;
};

static const struct cyaml_schema_field name_fields[] = {
    DOCUMENT_TEXT("attribute", struct name_texts, attribute),
    DOCUMENT_TEXT("from", struct name_texts, from),
    DOCUMENT_TEXT_OPTIONAL("text", struct name_texts, text),
    CYAML_FIELD_END,
};

static const struct cyaml_schema_value name_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct name_texts, name_fields)};

static const struct cyaml_schema_field extension_fields[] = {
    DOCUMENT_TEXT("kind", struct extension_texts, kind),
    DOCUMENT_TEXT("critical", struct extension_texts, critical),
    DOCUMENT_TEXT_OPTIONAL("certificate_authority", struct extension_texts, certificate_authority),
    CYAML_FIELD_END,
};

static const struct cyaml_schema_value extension_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct extension_texts, extension_fields)};

static const struct cyaml_schema_field profile_fields[] = {
    DOCUMENT_TEXT("id", struct profile_texts, id),
    DOCUMENT_TEXT_OPTIONAL("not_after", struct profile_texts, not_after),
    DOCUMENT_TEXT_OPTIONAL("years", struct profile_texts, years),
    CYAML_FIELD_SEQUENCE("subject", CYAML_FLAG_POINTER, struct profile_texts, subject, &name_entry, 1,
                         PROFILE_NAMES_MAX),
    CYAML_FIELD_SEQUENCE("extensions", CYAML_FLAG_POINTER, struct profile_texts, extensions, &extension_entry, 1,
                         PROFILE_EXTENSIONS_MAX),
    CYAML_FIELD_SEQUENCE("key_usage", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct profile_texts, key_usage,
                         &document_text_entry, 1, 2),
    CYAML_FIELD_END,
};

static const struct cyaml_schema_value profile_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct profile_texts, profile_fields)};

static const struct value_choice attribute_words[] = {
    {"common_name", PROFILE_COMMON_NAME},
    {"organization", PROFILE_ORGANIZATION},
    {"organizational_unit", PROFILE_ORGANIZATIONAL_UNIT},
    {"serial_number", PROFILE_SERIAL_NUMBER},
    {"matter_vendor_id", PROFILE_MATTER_VENDOR_ID},
    {"matter_product_id", PROFILE_MATTER_PRODUCT_ID},
};

static const struct value_choice source_words[] = {
    {"organization", PROFILE_FROM_ORGANIZATION},
    {"model", PROFILE_FROM_MODEL},
    {"serial", PROFILE_FROM_SERIAL},
    {"text", PROFILE_FROM_TEXT},
    {"matter_vendor_id", PROFILE_FROM_MATTER_VENDOR},
    {"matter_product_id", PROFILE_FROM_MATTER_PRODUCT},
};

static const struct value_choice extension_words[] = {
    {"authority_key_identifier", PROFILE_AUTHORITY_KEY}, {"subject_key_identifier", PROFILE_SUBJECT_KEY},
    {"basic_constraints", PROFILE_BASIC_CONSTRAINTS},    {"key_usage", PROFILE_KEY_USAGE},
    {"hardware_module_name", PROFILE_HARDWARE_MODULE},   {"masa_url", PROFILE_MASA_URL},
};

/* What a device's key may be for. Signing certificates and lists is an authority's. */
static const struct value_choice usage_words[] = {
    {"digital_signature", PROFILE_DIGITAL_SIGNATURE},
    {"key_agreement", PROFILE_KEY_AGREEMENT},
};

bool profile_names_from(const struct profile *profile, enum profile_source source)
{
    for (size_t i = 0; i < profile->name_count; i++)
        if (profile->names[i].source == source)
            return true;
    return false;
}

bool profile_has(const struct profile *profile, enum profile_content content)
{
    for (size_t i = 0; i < profile->extension_count; i++)
        if (profile->extensions[i].content == content)
            return true;
    return false;
}

/* PrintableString, which every reader of certificates takes. */
static bool is_printable_string(const char *text)
{
    return text[strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 '()+,-./:=?")] == '\0';
}

/* Four upper-case digits are in a Matter attribute only, and nothing else is. */
static bool check_matter(const struct spot *spot, const struct profile_name *name)
{
    bool vendor = name->attribute == PROFILE_MATTER_VENDOR_ID, product = name->attribute == PROFILE_MATTER_PRODUCT_ID;
    if (vendor != (name->source == PROFILE_FROM_MATTER_VENDOR) ||
        product != (name->source == PROFILE_FROM_MATTER_PRODUCT))
        return document_refuse(spot, "from", FAULT_CONFIG_VALUE,
                               "expected matter_vendor_id and matter_product_id for the attributes of that name only");
    return true;
}

static bool read_name(const struct spot *spot, const struct name_texts *texts, struct profile_name *name)
{
    int attribute = 0, source = 0;
    if (!value_read_choice(spot, "attribute", texts->attribute, attribute_words, ARRAY_SIZE(attribute_words),
                           &attribute) ||
        !value_read_choice(spot, "from", texts->from, source_words, ARRAY_SIZE(source_words), &source) ||
        !value_read_text(spot, "text", texts->text, VALUE_MODEL, name->text, sizeof name->text))
        return false;
    name->attribute = (enum profile_attribute)attribute;
    name->source = (enum profile_source)source;
    if ((name->source == PROFILE_FROM_TEXT) != (texts->text != NULL))
        return document_refuse(spot, "text", FAULT_CONFIG_VALUE, "expected a text with from: text, and only there");
    if (!is_printable_string(name->text))
        return document_refuse(spot, "text", FAULT_CONFIG_VALUE,
                               "expected letters, digits, spaces and '()+,-./:=? (PrintableString), found '%.40s'",
                               name->text);
    return check_matter(spot, name);
}

static bool read_names(const struct spot *top, const struct profile_texts *texts, struct profile *profile)
{
    for (unsigned i = 0; i < texts->subject_count; i++) {
        char key[32];
        document_entry_key(key, sizeof key, "subject", i);
        const struct spot spot = {.document = top->document, .under = key, .fault = top->fault};
        if (!read_name(&spot, &texts->subject[i], &profile->names[i]))
            return false;
        for (unsigned k = 0; k < i; k++)
            if (profile->names[k].attribute == profile->names[i].attribute)
                return document_refuse(&spot, "attribute", FAULT_CONFIG_VALUE,
                                       "expected each attribute once, found '%.40s' again",
                                       texts->subject[i].attribute);
    }
    profile->name_count = texts->subject_count;
    if (!profile_names_from(profile, PROFILE_FROM_SERIAL))
        return document_refuse(top, "subject", FAULT_CONFIG_VALUE,
                               "expected an attribute from serial: two units would have one name");
    return true;
}

/* What the standards say of each, where they say it. */
static bool check_critical(const struct spot *spot, const struct profile_extension *extension)
{
    bool must = extension->content == PROFILE_KEY_USAGE || extension->content == PROFILE_BASIC_CONSTRAINTS;
    bool may = must || extension->content == PROFILE_HARDWARE_MODULE;
    if (must && !extension->critical)
        return document_refuse(spot, "critical", FAULT_CONFIG_VALUE, "expected true (RFC 5280 4.2.1)");
    if (!may && extension->critical)
        return document_refuse(spot, "critical", FAULT_CONFIG_VALUE, "expected false (RFC 5280 4.2.1, RFC 8995 2.3.2)");
    return true;
}

static bool read_extension(const struct spot *spot, const struct extension_texts *texts,
                           struct profile_extension *extension)
{
    int content = 0;
    bool authority = false;
    if (!value_read_choice(spot, "kind", texts->kind, extension_words, ARRAY_SIZE(extension_words), &content) ||
        !value_read_bool(spot, "critical", texts->critical, &extension->critical) ||
        !value_read_bool(spot, "certificate_authority", texts->certificate_authority, &authority))
        return false;
    extension->content = (enum profile_content)content;
    if (authority || (texts->certificate_authority && extension->content != PROFILE_BASIC_CONSTRAINTS))
        return document_refuse(spot, "certificate_authority", FAULT_CONFIG_VALUE,
                               "expected false, in basic_constraints only: a device is no certificate authority");
    return check_critical(spot, extension);
}

static bool read_extensions(const struct spot *top, const struct profile_texts *texts, struct profile *profile)
{
    for (unsigned i = 0; i < texts->extensions_count; i++) {
        char key[32];
        document_entry_key(key, sizeof key, "extensions", i);
        const struct spot spot = {.document = top->document, .under = key, .fault = top->fault};
        if (!read_extension(&spot, &texts->extensions[i], &profile->extensions[i]))
            return false;
        for (unsigned k = 0; k < i; k++)
            if (profile->extensions[k].content == profile->extensions[i].content)
                return document_refuse(&spot, "kind", FAULT_CONFIG_VALUE,
                                       "expected each kind once, found '%.40s' again", texts->extensions[i].kind);
    }
    profile->extension_count = texts->extensions_count;
    if (!profile_has(profile, PROFILE_AUTHORITY_KEY))
        return document_refuse(top, "extensions", FAULT_CONFIG_VALUE,
                               "expected authority_key_identifier: every profile needs it (RFC 5280 4.2.1.1)");
    if (!profile_has(profile, PROFILE_KEY_USAGE))
        return document_refuse(top, "extensions", FAULT_CONFIG_VALUE,
                               "expected key_usage: without it the key may be used for anything");
    return true;
}

static bool read_usage(const struct spot *top, const struct profile_texts *texts, struct profile *profile)
{
    if (texts->key_usage_count == 0)
        return document_refuse(top, "key_usage", FAULT_CONFIG_KEY, "missing key; what may the unit's key do?");
    for (unsigned i = 0; i < texts->key_usage_count; i++) {
        char key[32];
        int usage = 0;
        document_entry_key(key, sizeof key, "key_usage", i);
        if (!value_read_choice(top, key, texts->key_usage[i], usage_words, ARRAY_SIZE(usage_words), &usage))
            return false;
        if (profile->key_usage & (unsigned)usage)
            return document_refuse(top, key, FAULT_CONFIG_VALUE, "expected each usage once, found '%.40s' again",
                                   texts->key_usage[i]);
        profile->key_usage |= (unsigned)usage;
    }
    return true;
}

/* "20491231235959Z": the first eight digits are a day of the calendar. */
static bool is_time(const char *text)
{
    char date[DATE_SIZE];
    if (strlen(text) != 15 || strspn(text, "0123456789") != 14 || text[14] != 'Z')
        return false;
    for (size_t from = 0, to = 0; to < DATE_SIZE - 1; to++)
        date[to] = to == 4 || to == 7 ? '-' : text[from++];
    date[DATE_SIZE - 1] = '\0';
    return value_is_date(date) && memcmp(text + 8, "24", 2) < 0 && text[10] < '6' && text[12] < '6';
}

static bool read_validity(const struct spot *top, const struct profile_texts *texts, struct profile *profile)
{
    if ((texts->not_after != NULL) == (texts->years != NULL))
        return document_refuse(top, "not_after", FAULT_CONFIG_KEY, "expected one of not_after and years");
    if (texts->years)
        return value_read_number(top, "years", texts->years, 1, YEARS_MAX, &profile->years);
    if (!is_time(texts->not_after))
        return document_refuse(top, "not_after", FAULT_CONFIG_VALUE,
                               "expected a time as 99991231235959Z (GeneralizedTime), found '%.40s'", texts->not_after);
    char now[CLOCK_TEXT_SIZE], digits[15];
    clock_wall_text(now); /* 2026-11-23T12:34:56... */
    for (size_t from = 0, to = 0; to < sizeof digits - 1; from++)
        if (now[from] >= '0' && now[from] <= '9')
            digits[to++] = now[from];
    if (memcmp(texts->not_after, digits, sizeof digits - 1) <= 0)
        return document_refuse(top, "not_after", FAULT_CONFIG_VALUE, "expected a time after now, found '%s'",
                               texts->not_after);
    memcpy(profile->not_after, texts->not_after, sizeof profile->not_after);
    return true;
}

bool profile_parse(const uint8_t *bytes, size_t size, const char *path, struct profile *ret_profile,
                   struct fault *fault)
{
    CLEANUP(document_close) struct document document = {0};
    if (!document_open(bytes, size, path, &profile_schema, &document, fault))
        return false;
    const struct profile_texts *texts = document.root;
    const struct spot top = {.document = &document, .under = "", .fault = fault};
    struct profile profile = {0};
    if (!value_read_text(&top, "id", texts->id, VALUE_NAME, profile.id, sizeof profile.id) ||
        !read_validity(&top, texts, &profile) || !read_names(&top, texts, &profile) ||
        !read_extensions(&top, texts, &profile) || !read_usage(&top, texts, &profile) ||
        !digest_sha256(bytes, size, profile.sha256, fault))
        return false;
    *ret_profile = profile;
    return true;
}

bool profile_read(const char *path, struct profile *ret_profile, struct fault *fault)
{
    CLEANUP(file_bytes_freep) uint8_t *bytes = NULL;
    size_t size;
    return document_read(path, &bytes, &size, fault) && profile_parse(bytes, size, path, ret_profile, fault);
}
