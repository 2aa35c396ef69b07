/* token_texts.h -- where a token is, as jig and ceremony files say it.
 *
 * Owner    the texts belong to their document
 * Threads  any
 * Secrets  none: a PIN in the URI is refused
 * Layer    jigs/, private
 * Spec     RFC 7512
 */
#pragma once

#include "jigs/document.h"

struct token_texts {
    char *module, *uri, *pin_file;
};

extern const struct cyaml_schema_field token_fields[];

/* The same fields in a structure that has them as its member. */
#define TOKEN_TEXTS(structure, member)                                                                                 \
    DOCUMENT_TEXT("module", structure, member.module), DOCUMENT_TEXT("uri", structure, member.uri),                    \
        DOCUMENT_TEXT("pin_file", structure, member.pin_file)

/* Each output has room for `size` characters. Faults: CONFIG_VALUE. */
NODISCARD bool token_read_texts(const struct spot *spot, const struct token_texts *texts, char *ret_module,
                                char *ret_uri, char *ret_pin_file, size_t size);
