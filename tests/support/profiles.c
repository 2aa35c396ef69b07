#include "tests/support/profiles.h"

const struct certificate_profile profile_idevid_8021ar = {
    .id = "idevid-8021ar",
    .not_after = "99991231235959Z",
    .key_usage = CERTIFICATE_DIGITAL_SIGNATURE,
    .name_count = 3,
    .names = {{.attribute = CERTIFICATE_ORGANIZATION_NAME, .source = CERTIFICATE_FROM_ORGANIZATION},
              {.attribute = CERTIFICATE_UNIT_NAME, .source = CERTIFICATE_FROM_MODEL},
              {.attribute = CERTIFICATE_SERIAL_NUMBER, .source = CERTIFICATE_FROM_SERIAL}},
    .extension_count = 3,
    .extensions = {{CERTIFICATE_AUTHORITY_KEY, false},
                   {CERTIFICATE_KEY_USAGE, true},
                   {CERTIFICATE_HARDWARE_MODULE, false}},
};

const struct certificate_profile profile_idevid_brski = {
    .id = "idevid-brski",
    .not_after = "99991231235959Z",
    .key_usage = CERTIFICATE_DIGITAL_SIGNATURE,
    .name_count = 3,
    .names = {{.attribute = CERTIFICATE_ORGANIZATION_NAME, .source = CERTIFICATE_FROM_ORGANIZATION},
              {.attribute = CERTIFICATE_UNIT_NAME, .source = CERTIFICATE_FROM_MODEL},
              {.attribute = CERTIFICATE_SERIAL_NUMBER, .source = CERTIFICATE_FROM_SERIAL}},
    .extension_count = 4,
    .extensions = {{CERTIFICATE_AUTHORITY_KEY, false},
                   {CERTIFICATE_KEY_USAGE, true},
                   {CERTIFICATE_HARDWARE_MODULE, false},
                   {CERTIFICATE_MASA_URL, false}},
};

const struct certificate_profile profile_matter_dac = {
    .id = "matter-dac",
    .not_after = "99991231235959Z",
    .key_usage = CERTIFICATE_DIGITAL_SIGNATURE,
    .name_count = 3,
    .names = {{.attribute = CERTIFICATE_COMMON_NAME, .source = CERTIFICATE_FROM_SERIAL},
              {.attribute = CERTIFICATE_MATTER_VENDOR_ID, .source = CERTIFICATE_FROM_MATTER_VENDOR},
              {.attribute = CERTIFICATE_MATTER_PRODUCT_ID, .source = CERTIFICATE_FROM_MATTER_PRODUCT}},
    .extension_count = 4,
    .extensions = {{CERTIFICATE_BASIC_CONSTRAINTS, true},
                   {CERTIFICATE_KEY_USAGE, true},
                   {CERTIFICATE_SUBJECT_KEY, false},
                   {CERTIFICATE_AUTHORITY_KEY, false}},
};
