#include "hsm/record.h"

#include "base/bytes.h"
#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>

static void stream_close(FILE **stream)
{
    if (*stream)
        (void)fclose(*stream);
}

static void text_free(char **text)
{
    free(*text);
}

/* Token labels and names come from outside: quotes, backslashes and control characters are escaped. */
static void put_text(FILE *out, const char *text)
{
    (void)fputc('"', out);
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '"' || *at == '\\')
            (void)fprintf(out, "\\%c", *at);
        else if ((unsigned char)*at < 0x20)
            (void)fprintf(out, "\\u%04x", (unsigned)*at);
        else
            (void)fputc(*at, out);
    }
    (void)fputc('"', out);
}

static void put_field(FILE *out, const char *name, const char *value)
{
    (void)fprintf(out, "      \"%s\": ", name);
    put_text(out, value);
    (void)fputs(",\n", out);
}

static void put_hex(FILE *out, const char *name, const uint8_t *bytes, size_t size)
{
    char hex[65];
    hex_write(bytes, size, hex);
    put_field(out, name, hex);
}

static void put_attributes(FILE *out, const struct made_key *made)
{
    static const char *const words[] = {"false", "true", "null"};
    (void)fputs("      \"attributes\": {", out);
    for (size_t i = 0; i < MAKE_ATTRIBUTES; i++)
        (void)fprintf(out, "%s\"%s\": %s", i > 0 ? ", " : "", make_attribute_name(i), words[made->told[i]]);
    (void)fputs("},\n", out);
}

static bool put_certificate(FILE *out, const struct place *place, struct fault *fault)
{
    struct certificate value;
    if (!crypto_certificate_value(place->certificate, &value, fault))
        return false;
    put_hex(out, "public_key_sha256", value.spki_sha256, sizeof value.spki_sha256);
    put_field(out, "certificate", place->file);
    put_hex(out, "certificate_sha256", value.sha256, sizeof value.sha256);
    return true;
}

/* PKCS#11 pads its texts with blanks and does not end them. */
static void put_padded(FILE *out, const char *name, const CK_UTF8CHAR *bytes, size_t size)
{
    char text[65];
    while (size > 0 && bytes[size - 1] == ' ')
        size--;
    (void)snprintf(text, sizeof text, "%.*s", (int)size, (const char *)bytes);
    put_field(out, name, text);
}

static bool put_token(FILE *out, const struct token *token, struct fault *fault)
{
    CK_TOKEN_INFO info;
    bool present;
    if (!call_token_info(&token->session.module, token->session.slot, &info, &present, fault))
        return false;
    if (!present)
        return fault_set(fault, FAULT_HSM_CALL, 0, "token '%s' was pulled out", token->label);
    put_field(out, "token", token->label);
    put_padded(out, "token_serial", info.serialNumber, sizeof info.serialNumber);
    put_padded(out, "token_manufacturer", info.manufacturerID, sizeof info.manufacturerID);
    put_padded(out, "token_model", info.model, sizeof info.model);
    (void)fprintf(out, "      \"token_firmware\": \"%u.%u\",\n", info.firmwareVersion.major,
                  info.firmwareVersion.minor);
    return true;
}

static const char *origin(const struct place *place, bool carried)
{
    if (place->kind != PLACE_FINGERPRINT || !carried)
        return "made in this token";
    return "made as an object of a session in production token 1 and carried here wrapped, so that every production "
           "token has the same value: that is why CKA_LOCAL, CKA_ALWAYS_SENSITIVE and CKA_NEVER_EXTRACTABLE are false";
}

static bool put_entry(FILE *out, const struct place *place, bool carried, struct fault *fault)
{
    static const char *const uses[] = {"sign", "derive", "mac"};
    static const char *const wraps[] = {"not tested", "refused to leave", "wrap test not possible here"};
    static const char *const derives[] = {"not its use", "agreed", "derive test not possible here"};
    const struct made_key *made = &place->made;
    (void)fputs("    {\n", out);
    put_field(out, "name", place->name);
    put_field(out, "label", made->order->label);
    if (!put_token(out, place->token, fault))
        return false;
    put_field(out, "use", uses[made->order->use]);
    put_field(out, "origin", origin(place, carried));
    put_hex(out, "id", made->id, sizeof made->id);
    if (place->certificate && !put_certificate(out, place, fault))
        return false;
    if (made->order->use == MAKE_MAC)
        put_hex(out, "check", made->check, sizeof made->check);
    put_attributes(out, made);
    put_field(out, "derive_test", derives[made->derive]);
    (void)fputs("      \"wrap_test\": ", out);
    put_text(out, wraps[made->wrap]);
    (void)fputs("\n    }", out);
    return true;
}

bool record_write(const struct ceremony_names *names, const struct places *places, bool carried, char **ret_text,
                  struct fault *fault)
{
    CLEANUP(text_free) char *text = NULL;
    CLEANUP(stream_close) FILE *out = NULL;
    size_t size = 0;
    char now[CLOCK_TEXT_SIZE];
    clock_wall_text(now);
    out = open_memstream(&text, &size);
    if (!out)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "ceremony record");

    (void)fprintf(out, "{\n  \"program\": \"kokuin " KOKUIN_VERSION "\",\n  \"at\": \"%s\",\n", now);
    (void)fputs("  \"organization\": ", out);
    put_text(out, names->organization);
    (void)fputs(",\n  \"country\": ", out);
    put_text(out, names->country);
    (void)fputs(",\n  \"keys\": [\n", out);
    for (size_t i = 0; i < places->count; i++) {
        if (!put_entry(out, &places->at[i], carried, fault))
            return false;
        (void)fputs(i + 1 < places->count ? ",\n" : "\n", out);
    }
    (void)fputs("  ]\n}\n", out);

    /* Only now is the text whole; a full memory shows here. */
    if (fclose(TAKE(out)) != 0)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "ceremony record");
    *ret_text = TAKE(text);
    return true;
}
