/* document.h -- one YAML file, checked and loaded into texts, and how to refuse a value of it.
 *
 * Every value is loaded as a text and read by jigs/value.h, because libcyaml takes "12x" for 12 and "maybe" for true.
 *
 * Owner    the caller ends it with document_close(), which frees the texts
 * Threads  one
 * Secrets  none
 * Layer    jigs/, private
 */
#pragma once

#include <cyaml/cyaml.h>

#include "jigs/file.h"
#include "jigs/places.h"

struct document {
    const char *path; /* the caller's */
    char name[FILE_NAME_SIZE];
    struct places places;
    const struct cyaml_schema_value *schema;
    cyaml_data_t *root;
};

/* What is needed at one point of a document: which one, below which key, and where to put a fault. */
struct spot {
    const struct document *document;
    const char *under; /* "slots[2]"; "" at the top */
    struct fault *fault;
};

/* Checks the bytes and loads them by the schema into `ret_document->root`.
 *
 * Faults: CONFIG_SYNTAX, CONFIG_KEY, CONFIG_VALUE, NO_MEMORY.
 */
NODISCARD NONNULL(1, 3, 4, 5, 6) bool document_open(const uint8_t *bytes, size_t size, const char *path,
                                                    const struct cyaml_schema_value *schema,
                                                    struct document *ret_document, struct fault *fault);
void document_close(struct document *document);

/* The bytes of a file of at most JIG_FILE_MAX, for one of the parsers. Faults: FILE, CONFIG_SYNTAX, NO_MEMORY. */
NODISCARD NONNULL(1, 2, 3, 4) bool document_read(const char *path, uint8_t **ret_bytes, size_t *ret_size,
                                                 struct fault *fault);

/* "slots[3]" for the entry with index 2. */
void document_entry_key(char *ret_key, size_t size, const char *list, size_t index);

/* "jigs/jig.yaml:12:5: slots[2].number: <text>". `key` may be "": the spot itself. Always false. */
bool document_refuse(const struct spot *spot, const char *key, enum fault_code code, const char *format, ...)
    PRINTF(4, 5);

/* Puts the place of a key in front of a fault that came from the file it names. Always false. */
bool document_within(const struct spot *spot, const char *key);

/* Fields of a structure of texts. An optional one is NULL when it is not in the file. */
#define DOCUMENT_TEXT(key, structure, member)                                                                          \
    CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER, structure, member, 0, 1024)
#define DOCUMENT_TEXT_OPTIONAL(key, structure, member)                                                                 \
    CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, structure, member, 0, 1024)

/* A list of single values: char **member and unsigned member_count. */
extern const struct cyaml_schema_value document_text_entry;
