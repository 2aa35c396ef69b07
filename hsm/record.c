#include "hsm/record.h"

#include "base/bytes.h"
#include "base/clock.h"
#include "base/utf8.h"

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

/* Token labels and names come from outside: what is no character is shown as the replacement character. */
static void put_text(FILE *out, const char *text)
{
    (void)fputc('"', out);
    for (size_t size; *text != '\0'; text += size) {
        size = utf8_size(text);
        if (size == 0) {
            (void)fputs("\xef\xbf\xbd", out);
            size = 1;
        } else if (*text == '"' || *text == '\\') {
            (void)fprintf(out, "\\%c", *text);
        } else if (size == 1 && utf8_is_control(text)) {
            (void)fprintf(out, "\\u%04x", (unsigned)*text);
        } else {
            (void)fprintf(out, "%.*s", (int)size, text);
        }
    }
    (void)fputc('"', out);
}

static void put_field(FILE *out, const char *indent, const char *name, const char *value)
{
    (void)fprintf(out, "%s\"%s\": ", indent, name);
    put_text(out, value);
    (void)fputs(",\n", out);
}

static void put_hex(FILE *out, const char *name, const uint8_t *bytes, size_t size)
{
    char hex[65];
    hex_write(bytes, size, hex);
    put_field(out, "      ", name, hex);
}

static void put_attributes(FILE *out, const struct made_key *made)
{
    static const char *const words[] = {"false", "true", "null"};
    (void)fputs("      \"attributes\": {\n", out);
    for (size_t i = 0; i < MAKE_ATTRIBUTES; i++)
        (void)fprintf(out, "        \"%s\": %s%s\n", make_attribute_name(i), words[made->told[i]],
                      i + 1 < MAKE_ATTRIBUTES ? "," : "");
    (void)fputs("      },\n", out);
}

static bool put_certificate(FILE *out, const struct place *place, struct fault *fault)
{
    struct certificate value;
    if (!crypto_certificate_value(place->certificate, &value, fault))
        return false;
    put_hex(out, "public_key_sha256", value.spki_sha256, sizeof value.spki_sha256);
    put_field(out, "      ", "certificate", place->file);
    put_hex(out, "certificate_sha256", value.sha256, sizeof value.sha256);
    return true;
}

static void serial_of(const struct token *token, char ret_serial[TOKEN_SERIAL_SIZE + 1])
{
    size_t size = TOKEN_SERIAL_SIZE;
    while (size > 0 && token->serial[size - 1] == ' ')
        size--;
    (void)snprintf(ret_serial, TOKEN_SERIAL_SIZE + 1, "%.*s", (int)size, (const char *)token->serial);
}

static bool put_entry(FILE *out, const struct place *place, const char *origin, struct fault *fault)
{
    static const char *const uses[] = {"sign", "derive", "mac"};
    static const char *const wraps[] = {"not tested", "refused to leave", "wrap test not possible here"};
    static const char *const derives[] = {"not its use", "agreed", "derive test not possible here"};
    static const char indent[] = "      ";
    const struct made_key *made = &place->made;
    char serial[TOKEN_SERIAL_SIZE + 1];
    serial_of(place->token, serial);
    (void)fputs("    {\n", out);
    put_field(out, indent, "name", place->name);
    put_field(out, indent, "label", made->order->label);
    put_field(out, indent, "token", place->token->label);
    put_field(out, indent, "token_serial", serial);
    put_field(out, indent, "use", uses[made->order->use]);
    put_field(out, indent, "origin", place->kind == PLACE_FINGERPRINT && origin ? origin : "made in this token");
    put_hex(out, "id", made->id, sizeof made->id);
    if (place->certificate && !put_certificate(out, place, fault))
        return false;
    if (made->order->use == MAKE_MAC)
        put_hex(out, "check", made->check, sizeof made->check);
    put_attributes(out, made);
    put_field(out, indent, "derive_test", derives[made->derive]);
    (void)fputs("      \"wrap_test\": ", out);
    put_text(out, wraps[made->wrap]);
    (void)fputs("\n    }", out);
    return true;
}

bool record_entry(const struct place *place, const char *fingerprint_origin, char **ret_text, struct fault *fault)
{
    CLEANUP(text_free) char *text = NULL;
    CLEANUP(stream_close) FILE *out = NULL;
    size_t size = 0;
    out = open_memstream(&text, &size);
    if (!out)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "record of '%s'", place->name);
    if (!put_entry(out, place, fingerprint_origin, fault))
        return false;
    if (fclose(TAKE(out)) != 0)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "record of '%s'", place->name);
    *ret_text = TAKE(text);
    return true;
}

bool record_gather(const struct places *places, struct record_facts *facts, struct fault *fault)
{
    const struct token *seen[PLACES_MAX];
    clock_wall_text(facts->at);
    facts->token_count = 0;
    for (size_t i = 0; i < places->count; i++) {
        bool known = false;
        for (size_t k = 0; k < facts->token_count; k++)
            known = known || seen[k] == places->at[i].token;
        if (known)
            continue;
        seen[facts->token_count] = places->at[i].token;
        if (!capability_probe(places->at[i].token, &facts->tokens[facts->token_count++], fault))
            return false;
    }
    return true;
}

static void put_token(FILE *out, const struct capability *token)
{
    static const char indent[] = "      ";
    const char *comma = "";
    (void)fputs("    {\n", out);
    put_field(out, indent, "token", token->label);
    put_field(out, indent, "serial", token->serial);
    put_field(out, indent, "manufacturer", token->manufacturer);
    put_field(out, indent, "model", token->model);
    put_field(out, indent, "firmware", token->firmware);
    (void)fprintf(out, "      \"session_objects\": %s,\n      \"wrap_mechanisms\": [",
                  token->session_objects ? "true" : "false");
    for (size_t i = 0; i < ATTACK_MECHANISMS; i++) {
        if (token->wraps[i])
            (void)fprintf(out, "%s\"%s\"", comma, attack_mechanism_name(i));
        comma = token->wraps[i] ? ", " : comma;
    }
    (void)fprintf(out, "],\n      \"ecdh\": %s,\n      \"random_at_once\": %zu\n    }",
                  token->agrees ? "true" : "false", token->random_max);
}

static void put_head(FILE *out, const struct ceremony_names *names, const struct record_facts *facts)
{
    (void)fputs("{\n", out);
    put_field(out, "  ", "title", facts->title);
    put_field(out, "  ", "program", "kokuin " KOKUIN_VERSION);
    put_field(out, "  ", "at", facts->at);
    put_field(out, "  ", "organization", names->organization);
    put_field(out, "  ", "country", names->country);
    (void)fputs("  \"custodians\": [\n", out);
    for (size_t i = 0; i < names->person_count; i++) {
        (void)fputs("    {\"name\": ", out);
        put_text(out, names->people[i].name);
        (void)fputs(", \"role\": ", out);
        put_text(out, names->people[i].role);
        (void)fputs(i + 1 < names->person_count ? "},\n" : "}\n", out);
    }
    (void)fputs("  ],\n  \"tokens\": [\n", out);
    for (size_t i = 0; i < facts->token_count; i++) {
        put_token(out, &facts->tokens[i]);
        (void)fputs(i + 1 < facts->token_count ? ",\n" : "\n", out);
    }
    (void)fputs("  ],\n", out);
}

bool record_write(const struct ceremony_names *names, const struct places *places, const struct record_facts *facts,
                  char **ret_text, struct fault *fault)
{
    CLEANUP(text_free) char *text = NULL;
    CLEANUP(stream_close) FILE *out = NULL;
    size_t size = 0;
    out = open_memstream(&text, &size);
    if (!out)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "ceremony record");
    put_head(out, names, facts);
    (void)fputs("  \"keys\": [\n", out);
    for (size_t i = 0; i < places->count; i++) {
        if (!put_entry(out, &places->at[i], facts->fingerprint_origin, fault))
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
