/* product_texts.h -- a product file as texts, and the readers of its lists.
 *
 * Owner    the texts belong to their document
 * Threads  any
 * Secrets  none
 * Layer    jigs/, private to the product's two files
 */
#pragma once

#include "jigs/console_texts.h"

#define PRODUCT_WORD_LEAST 3 /* characters; a shorter word would forbid too much of an alphabet */

struct credential_texts {
    char *kind, *user, *login, *policy;
};

struct certificate_texts {
    char *profile, *organization, *hardware_type, *masa_url, *matter_vendor_id, *matter_product_id;
};

struct label_texts {
    char *template, *width_mm, *height_mm;
};

struct product_texts {
    char *code, *model, *name, *gtin, *auth, *driver, *rework, *key, *macs_per_unit, *ssid_prefix;
    struct credential_texts *credentials;
    unsigned credentials_count;
    struct certificate_texts certificate;
    char **firmware;
    unsigned firmware_count;
    char **interfaces;
    unsigned interfaces_count;
    char *known_defaults;
    char **blocklist;
    unsigned blocklist_count;
    char *wrong_tries, *retry_limit;
    struct label_texts label;
    struct console_texts *console;
};

extern const struct cyaml_schema_value product_schema;

/* Faults: CONFIG_VALUE. */
NODISCARD bool product_read_certificate(const struct spot *top, const struct certificate_texts *texts,
                                        struct product *product);
/* Firmware versions, interfaces and blocklist. */
NODISCARD bool product_read_lists(const struct spot *top, const struct product_texts *texts, struct product *product);
