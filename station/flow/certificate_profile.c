#include "station/flow/certificate_profile.h"

#include <string.h>

static const enum certificate_attribute attributes[] = {
    [PROFILE_COMMON_NAME] = CERTIFICATE_COMMON_NAME,
    [PROFILE_ORGANIZATION] = CERTIFICATE_ORGANIZATION_NAME,
    [PROFILE_ORGANIZATIONAL_UNIT] = CERTIFICATE_UNIT_NAME,
    [PROFILE_SERIAL_NUMBER] = CERTIFICATE_SERIAL_NUMBER,
    [PROFILE_MATTER_VENDOR_ID] = CERTIFICATE_MATTER_VENDOR_ID,
    [PROFILE_MATTER_PRODUCT_ID] = CERTIFICATE_MATTER_PRODUCT_ID,
};

static const enum certificate_source sources[] = {
    [PROFILE_FROM_ORGANIZATION] = CERTIFICATE_FROM_ORGANIZATION,
    [PROFILE_FROM_MODEL] = CERTIFICATE_FROM_MODEL,
    [PROFILE_FROM_SERIAL] = CERTIFICATE_FROM_SERIAL,
    [PROFILE_FROM_TEXT] = CERTIFICATE_FROM_TEXT,
    [PROFILE_FROM_MATTER_VENDOR] = CERTIFICATE_FROM_MATTER_VENDOR,
    [PROFILE_FROM_MATTER_PRODUCT] = CERTIFICATE_FROM_MATTER_PRODUCT,
};

static const enum certificate_content contents[] = {
    [PROFILE_AUTHORITY_KEY] = CERTIFICATE_AUTHORITY_KEY,         [PROFILE_SUBJECT_KEY] = CERTIFICATE_SUBJECT_KEY,
    [PROFILE_BASIC_CONSTRAINTS] = CERTIFICATE_BASIC_CONSTRAINTS, [PROFILE_KEY_USAGE] = CERTIFICATE_KEY_USAGE,
    [PROFILE_HARDWARE_MODULE] = CERTIFICATE_HARDWARE_MODULE,     [PROFILE_MASA_URL] = CERTIFICATE_MASA_URL,
};

_Static_assert(PROFILE_NAMES_MAX <= CERTIFICATE_NAMES_MAX && PROFILE_EXTENSIONS_MAX <= CERTIFICATE_EXTENSIONS_MAX &&
                   PROFILE_TEXT_MAX <= CERTIFICATE_TEXT_MAX,
               "what jigs/ reads fits what hsm/ takes");
_Static_assert(PROFILE_DIGITAL_SIGNATURE == CERTIFICATE_DIGITAL_SIGNATURE &&
                   PROFILE_KEY_AGREEMENT == CERTIFICATE_KEY_AGREEMENT,
               "both are the bits of the standard");

void certificate_profile_from(const struct profile *profile, struct certificate_profile *ret_profile)
{
    struct certificate_profile made = {
        .years = profile->years,
        .key_usage = (uint8_t)profile->key_usage,
        .name_count = profile->name_count,
        .extension_count = profile->extension_count,
    };
    memcpy(made.id, profile->id, sizeof made.id);
    memcpy(made.sha256, profile->sha256, sizeof made.sha256);
    memcpy(made.not_after, profile->not_after, sizeof made.not_after);
    for (size_t i = 0; i < profile->name_count; i++) {
        made.names[i].attribute = attributes[profile->names[i].attribute];
        made.names[i].source = sources[profile->names[i].source];
        memcpy(made.names[i].text, profile->names[i].text, sizeof profile->names[i].text);
    }
    for (size_t i = 0; i < profile->extension_count; i++) {
        made.extensions[i].content = contents[profile->extensions[i].content];
        made.extensions[i].critical = profile->extensions[i].critical;
    }
    *ret_profile = made;
}

struct certificate_subject certificate_subject_from(const struct product *product,
                                                    const struct certificate_profile *profile, const char *serial)
{
    return (struct certificate_subject){
        .profile = profile,
        .organization = product->organization,
        .model = product->model,
        .serial = serial,
        .hardware_type = product->hardware_type,
        .masa_url = product->masa_url,
        .matter_vendor = product->matter_vendor,
        .matter_product = product->matter_product,
    };
}
