#include "jigs/product_texts.h"

#include <stdlib.h>
#include <string.h>

#include "jigs/read.h"
#include "jigs/value.h"

static const struct cyaml_schema_field credential_fields[] = {
    DOCUMENT_TEXT("kind", struct credential_texts, kind),
    DOCUMENT_TEXT_OPTIONAL("user", struct credential_texts, user),
    DOCUMENT_TEXT("login", struct credential_texts, login),
    DOCUMENT_TEXT("policy", struct credential_texts, policy),
    CYAML_FIELD_END,
};

static const struct cyaml_schema_value credential_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct credential_texts, credential_fields)};

static const struct cyaml_schema_field certificate_fields[] = {
    DOCUMENT_TEXT("profile", struct certificate_texts, profile),
    DOCUMENT_TEXT("organization", struct certificate_texts, organization),
    DOCUMENT_TEXT_OPTIONAL("hardware_type", struct certificate_texts, hardware_type),
    DOCUMENT_TEXT_OPTIONAL("masa_url", struct certificate_texts, masa_url),
    DOCUMENT_TEXT_OPTIONAL("matter_vendor_id", struct certificate_texts, matter_vendor_id),
    DOCUMENT_TEXT_OPTIONAL("matter_product_id", struct certificate_texts, matter_product_id),
    CYAML_FIELD_END,
};

static const struct cyaml_schema_field label_fields[] = {
    DOCUMENT_TEXT("template", struct label_texts, template),
    DOCUMENT_TEXT("width_mm", struct label_texts, width_mm),
    DOCUMENT_TEXT("height_mm", struct label_texts, height_mm),
    CYAML_FIELD_END,
};

#define LIST(key, flags, member)                                                                                       \
    CYAML_FIELD_SEQUENCE(key, CYAML_FLAG_POINTER | (flags), struct product_texts, member, &document_text_entry, 0,     \
                         PRODUCT_LIST_MAX)

static const struct cyaml_schema_field product_fields[] = {
    DOCUMENT_TEXT("code", struct product_texts, code),
    DOCUMENT_TEXT("model", struct product_texts, model),
    DOCUMENT_TEXT("name", struct product_texts, name),
    DOCUMENT_TEXT("gtin", struct product_texts, gtin),
    DOCUMENT_TEXT("auth", struct product_texts, auth),
    DOCUMENT_TEXT("driver", struct product_texts, driver),
    DOCUMENT_TEXT("rework", struct product_texts, rework),
    DOCUMENT_TEXT_OPTIONAL("key", struct product_texts, key),
    DOCUMENT_TEXT("macs_per_unit", struct product_texts, macs_per_unit),
    DOCUMENT_TEXT_OPTIONAL("ssid_prefix", struct product_texts, ssid_prefix),
    CYAML_FIELD_SEQUENCE("credentials", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct product_texts, credentials,
                         &credential_entry, 0, PRODUCT_CREDENTIALS_MAX),
    CYAML_FIELD_MAPPING("certificate", CYAML_FLAG_DEFAULT, struct product_texts, certificate, certificate_fields),
    LIST("firmware", CYAML_FLAG_DEFAULT, firmware),
    LIST("interfaces", CYAML_FLAG_DEFAULT, interfaces),
    DOCUMENT_TEXT("known_defaults", struct product_texts, known_defaults),
    LIST("blocklist", CYAML_FLAG_OPTIONAL, blocklist),
    DOCUMENT_TEXT_OPTIONAL("wrong_tries", struct product_texts, wrong_tries),
    DOCUMENT_TEXT_OPTIONAL("retry_limit", struct product_texts, retry_limit),
    CYAML_FIELD_MAPPING("label", CYAML_FLAG_DEFAULT, struct product_texts, label, label_fields),
    CYAML_FIELD_MAPPING_PTR("console", CYAML_FLAG_OPTIONAL, struct product_texts, console, console_fields),
    CYAML_FIELD_END,
};

const struct cyaml_schema_value product_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct product_texts, product_fields)};

/* Numbers between dots, the first two as X.660 allows them; hsm/ turns them into DER. */
static bool is_oid(const char *text)
{
    unsigned long arcs[2] = {0};
    size_t count = 0;
    for (const char *at = text; at; count++) {
        size_t length = strspn(at, "0123456789");
        if (length < 1 || length > 9 || (length > 1 && at[0] == '0') || (at[length] != '.' && at[length] != '\0'))
            return false;
        if (count < 2)
            arcs[count] = strtoul(at, NULL, 10);
        at = at[length] == '.' ? at + length + 1 : NULL;
    }
    return count >= 3 && arcs[0] <= 2 && (arcs[0] == 2 || arcs[1] <= 39);
}

/* What the profile asks for must be there, and what it does not ask for is a mistake in one of the two files. */
static bool check_asked(const struct spot *spot, const char *key, const char *text, bool asked, const char *profile)
{
    if (asked && !text)
        return document_refuse(spot, key, FAULT_CONFIG_KEY, "missing key; profile %s needs it", profile);
    if (!asked && text)
        return document_refuse(spot, key, FAULT_CONFIG_VALUE, "expected none, because profile %s has no place for it",
                               profile);
    return true;
}

static bool check_all_asked(const struct spot *spot, const struct certificate_texts *texts,
                            const struct profile *profile)
{
    const struct {
        const char *key, *text;
        bool asked;
    } keys[] = {
        {"hardware_type", texts->hardware_type, profile_has(profile, PROFILE_HARDWARE_MODULE)},
        {"masa_url", texts->masa_url, profile_has(profile, PROFILE_MASA_URL)},
        {"matter_vendor_id", texts->matter_vendor_id, profile_names_from(profile, PROFILE_FROM_MATTER_VENDOR)},
        {"matter_product_id", texts->matter_product_id, profile_names_from(profile, PROFILE_FROM_MATTER_PRODUCT)},
    };
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
        if (!check_asked(spot, keys[i].key, keys[i].text, keys[i].asked, profile->id))
            return false;
    return true;
}

/* RFC 8995 2.3.2: "https://" may be left out, then it is an authority or an authority and a path. */
static bool read_masa_url(const struct spot *spot, const char *text, char *ret_url, size_t size)
{
    if (!value_read_text(spot, "masa_url", text, VALUE_GRAPH, ret_url, size))
        return false;
    if (text && strstr(text, "://") && strncmp(text, "https://", 8) != 0)
        return document_refuse(spot, "masa_url", FAULT_CONFIG_VALUE, "expected https:// or no scheme, found '%.40s'",
                               text);
    return true;
}

static bool read_profile(const struct spot *spot, const char *text, struct profile *ret_profile)
{
    char path[sizeof((struct product *)NULL)->label_template];
    if (!value_read_path_inside(spot, "profile", text, path, sizeof path))
        return false;
    return profile_read(path, ret_profile, spot->fault) || document_within(spot, "profile");
}

bool product_read_certificate(const struct spot *top, const struct certificate_texts *texts, struct product *product)
{
    const struct spot spot = {.document = top->document, .under = "certificate", .fault = top->fault};
    if (!read_profile(&spot, texts->profile, &product->profile) ||
        !value_read_text(&spot, "organization", texts->organization, VALUE_WORDS, product->organization,
                         sizeof product->organization) ||
        !check_all_asked(&spot, texts, &product->profile) ||
        !read_masa_url(&spot, texts->masa_url, product->masa_url, sizeof product->masa_url) ||
        !value_read_hex16(&spot, "matter_vendor_id", texts->matter_vendor_id, &product->matter_vendor) ||
        !value_read_hex16(&spot, "matter_product_id", texts->matter_product_id, &product->matter_product))
        return false;
    if (!texts->hardware_type)
        return true;
    if (strlen(texts->hardware_type) >= sizeof product->hardware_type || !is_oid(texts->hardware_type))
        return document_refuse(&spot, "hardware_type", FAULT_CONFIG_VALUE,
                               "expected an object identifier as 1.3.6.1.4.1.32473.1.1, found '%.40s'",
                               texts->hardware_type);
    memcpy(product->hardware_type, texts->hardware_type, strlen(texts->hardware_type) + 1);
    return true;
}

/* "tcp/443", "udp/67", or a word such as "console". */
static bool is_interface(const char *text)
{
    if (strncmp(text, "tcp/", 4) != 0 && strncmp(text, "udp/", 4) != 0)
        return text[0] >= 'a' && text[0] <= 'z' && text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-")] == '\0';
    const char *port = text + 4;
    size_t length = strlen(port);
    return length >= 1 && length <= 5 && port[0] != '0' && strspn(port, "0123456789") == length &&
           strtoul(port, NULL, 10) <= 65535;
}

/* One list of words of up to 32 characters, each once. */
static bool read_words(const struct spot *top, const char *list, char *const *texts, unsigned count,
                       enum value_letters letters, char (*ret_words)[33])
{
    for (unsigned i = 0; i < count; i++) {
        char key[32];
        document_entry_key(key, sizeof key, list, i);
        if (!value_read_text(top, key, texts[i], letters, ret_words[i], sizeof ret_words[i]))
            return false;
        for (unsigned k = 0; k < i; k++)
            if (strcmp(ret_words[k], ret_words[i]) == 0)
                return document_refuse(top, key, FAULT_CONFIG_VALUE, "expected each once, found '%s' again",
                                       ret_words[i]);
    }
    return true;
}

bool product_read_lists(const struct spot *top, const struct product_texts *texts, struct product *product)
{
    if (!read_words(top, "firmware", texts->firmware, texts->firmware_count, VALUE_GRAPH, product->firmware_versions) ||
        !read_words(top, "interfaces", texts->interfaces, texts->interfaces_count, VALUE_GRAPH, product->interfaces) ||
        !read_words(top, "blocklist", texts->blocklist, texts->blocklist_count, VALUE_GRAPH, product->blocklist))
        return false;
    char key[32];
    for (unsigned i = 0; i < texts->interfaces_count; i++) {
        document_entry_key(key, sizeof key, "interfaces", i);
        if (!is_interface(product->interfaces[i]))
            return document_refuse(top, key, FAULT_CONFIG_VALUE, "expected tcp/PORT, udp/PORT or a word, found '%s'",
                                   product->interfaces[i]);
    }
    for (unsigned i = 0; i < texts->blocklist_count; i++) {
        document_entry_key(key, sizeof key, "blocklist", i);
        if (strlen(product->blocklist[i]) < PRODUCT_WORD_LEAST)
            return document_refuse(top, key, FAULT_CONFIG_VALUE, "expected at least %d characters, found '%s'",
                                   PRODUCT_WORD_LEAST, product->blocklist[i]);
    }
    product->firmware_count = texts->firmware_count;
    product->interface_count = texts->interfaces_count;
    product->blocklist_count = texts->blocklist_count;
    return true;
}
