#include "jigs/token_texts.h"

#include <string.h>

#include "jigs/value.h"

const struct cyaml_schema_field token_fields[] = {
    DOCUMENT_TEXT("module", struct token_texts, module),
    DOCUMENT_TEXT("uri", struct token_texts, uri),
    DOCUMENT_TEXT("pin_file", struct token_texts, pin_file),
    CYAML_FIELD_END,
};

static bool read_module(const struct spot *spot, const char *text, char *ret_module, size_t size)
{
    if (strncmp(text, "tcp:", 4) == 0)
        return document_refuse(spot, "module", FAULT_CONFIG_VALUE, "expected a module's path or unix:/PATH");
    if (strncmp(text, "unix:", 5) == 0)
        return value_read_stream(spot, "module", text, ret_module, size);
    return value_read_path(spot, "module", text, ret_module, size);
}

/* The URI is never shown in a refusal, because a PIN may have been written into it. */
static bool read_uri(const struct spot *spot, const char *text, char *ret_uri, size_t size)
{
    size_t length = strlen(text);
    if (strcasestr(text, "pin-value") || strcasestr(text, "pin-source"))
        return document_refuse(spot, "uri", FAULT_CONFIG_VALUE, "expected no PIN here; name its file in pin_file");
    bool good = strncmp(text, "pkcs11:", 7) == 0 && length > 7 && length < size;
    for (size_t i = 0; good && i < length; i++)
        good = text[i] > ' ' && text[i] <= '~';
    if (!good)
        return document_refuse(spot, "uri", FAULT_CONFIG_VALUE,
                               "expected pkcs11:ATTRIBUTE=VALUE (RFC 7512) of at most %zu characters", size - 1);
    memcpy(ret_uri, text, length + 1);
    return true;
}

bool token_read_texts(const struct spot *spot, const struct token_texts *texts, char *ret_module, char *ret_uri,
                      char *ret_pin_file, size_t size)
{
    return read_module(spot, texts->module, ret_module, size) && read_uri(spot, texts->uri, ret_uri, size) &&
           value_read_path(spot, "pin_file", texts->pin_file, ret_pin_file, size);
}
