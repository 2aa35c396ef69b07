/* console_texts.h -- the console section of a product file as texts, and its reader.
 *
 * Owner    the texts belong to their document
 * Threads  any
 * Secrets  none
 * Layer    jigs/, private to the product's files
 */
#pragma once

#include "jigs/document.h"
#include "jigs/product.h"

struct command_texts {
    char *prepare, *read_model, *read_hardware_id, *read_firmware, *read_firmware_sha256, *read_serial, *read_mac,
        *read_certificate, *read_start, *read_lock, *make_csr, *sign, *write_identity, *write_certificate,
        *set_password, *set_key, *compare_key, *list_interfaces, *restart, *lock, *open_debug;
};

struct console_texts {
    char *user, *password, *login_prompt, *password_prompt;
    char **shell_prompts;
    unsigned shell_prompts_count;
    char *locked_out, *boot_prompt, *boot_command, *banner, *boot_seconds, *answer_seconds, *password_input;
    struct command_texts commands;
};

extern const struct cyaml_schema_field console_fields[];

/* The section of a product whose other keys are read; `texts` is NULL where the file has none.
 *
 * Faults: CONFIG_KEY, CONFIG_VALUE.
 */
NODISCARD bool console_read(const struct spot *top, const struct console_texts *texts, struct product *product);
