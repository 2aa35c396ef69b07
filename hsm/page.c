#include "hsm/record.h"

#include "base/bytes.h"
#include "base/utf8.h"

#include <stdio.h>
#include <stdlib.h>

static const char style[] =
    "@page{size:A4;margin:16mm 14mm}"
    "*{box-sizing:border-box}"
    "body{font:10pt/1.4 'Noto Sans','Noto Sans CJK JP',sans-serif;color:#111;max-width:182mm;margin:8mm auto}"
    "h1{font-size:19pt;margin:0 0 1mm}h2{font-size:12pt;margin:7mm 0 2mm;border-bottom:1pt solid #111}"
    "p{margin:1mm 0}.lead{color:#444}"
    "table{width:100%;border-collapse:collapse}"
    "th,td{text-align:left;vertical-align:top;padding:1.2mm 2mm 1.2mm 0;border-bottom:.4pt solid #aaa}"
    "td:nth-child(-n+2){white-space:nowrap;padding-right:5mm}"
    "th{font-weight:600;font-size:8.5pt;color:#444}"
    "tr,.sign{break-inside:avoid}thead{display:table-header-group}"
    ".print{font:8.5pt/1.5 'DejaVu Sans Mono',monospace;word-spacing:-.1em}"
    ".small{font-size:8pt;color:#444}"
    ".sign{display:flex;gap:8mm;margin-top:9mm;align-items:flex-end}"
    ".sign>div{border-bottom:.8pt solid #111;min-height:9mm;display:flex;align-items:flex-end}"
    ".who{flex:5}.when{flex:3}.name{flex:7}.sign small{color:#444}";

static void stream_close(FILE **stream)
{
    if (*stream)
        (void)fclose(*stream);
}

static void text_free(char **text)
{
    free(*text);
}

/* Everything from outside goes through here: markup is escaped, what is no character or would steer is replaced. */
static void put(FILE *out, const char *text)
{
    for (size_t size; *text != '\0'; text += size) {
        size = utf8_size(text);
        if (size == 0 || utf8_is_control(text)) {
            (void)fputs("\xef\xbf\xbd", out);
            size = size == 0 ? 1 : size;
        } else if (*text == '<' || *text == '>' || *text == '&' || *text == '"' || *text == '\'') {
            (void)fprintf(out, "&#%d;", *text);
        } else {
            (void)fprintf(out, "%.*s", (int)size, text);
        }
    }
}

/* In groups of four, eight to a line, as people compare them. */
static void put_print(FILE *out, const uint8_t *bytes, size_t size)
{
    char hex[65];
    hex_write(bytes, size, hex);
    for (size_t i = 0; i < 2 * size; i += 4)
        (void)fprintf(out, "%s%.4s", i == 0 ? "" : i % 32 == 0 ? "<br>" : " ", hex + i);
}

static void put_cell(FILE *out, const char *text)
{
    (void)fputs("<td>", out);
    put(out, text);
    (void)fputs("</td>", out);
}

static void put_tokens(FILE *out, const struct record_facts *facts)
{
    (void)fputs("<h2>Tokens</h2>\n<table><thead><tr><th>Token</th><th>Serial number</th><th>Maker and model</th>"
                "<th>What it can do here, found by trying</th></tr></thead>\n",
                out);
    for (size_t i = 0; i < facts->token_count; i++) {
        const struct capability *token = &facts->tokens[i];
        bool wraps = false;
        (void)fputs("<tr>", out);
        put_cell(out, token->label);
        put_cell(out, token->serial);
        (void)fputs("<td>", out);
        put(out, token->manufacturer);
        (void)fputs(", ", out);
        put(out, token->model);
        (void)fputs(", firmware ", out);
        put(out, token->firmware);
        (void)fprintf(out, "</td><td class=\"small\">objects of a session: %s; key agreement (ECDH): %s; wraps by: ",
                      token->session_objects ? "yes" : "no", token->agrees ? "yes" : "no");
        for (size_t k = 0; k < ATTACK_MECHANISMS; k++)
            if (token->wraps[k]) {
                (void)fprintf(out, "%s%s", wraps ? ", " : "", attack_mechanism_name(k));
                wraps = true;
            }
        (void)fprintf(out, "%s; random bytes at once: %s%zu</td></tr>\n", wraps ? "" : "nothing",
                      token->random_max == CAPABILITY_RANDOM_MOST ? "at least " : "", token->random_max);
    }
    (void)fputs("</table>\n", out);
}

/* What the token says beyond what was demanded of every key. */
static void put_told(FILE *out, const struct made_key *made)
{
    static const char *const wraps[] = {"not tried to wrap it out", "refused to be wrapped out",
                                        "wrapping out could not be tried here"};
    (void)fputs(wraps[made->wrap], out);
    for (size_t i = 0; i < MAKE_ATTRIBUTES; i++)
        if (made->told[i] == MAKE_TOLD_TRUE)
            (void)fprintf(out, " %s", make_attribute_name(i) + sizeof "CKA_" - 1);
    (void)fputs("; not:", out);
    for (size_t i = 0; i < MAKE_ATTRIBUTES; i++)
        if (made->told[i] == MAKE_TOLD_FALSE)
            (void)fprintf(out, " %s", make_attribute_name(i) + sizeof "CKA_" - 1);
}

static bool put_key(FILE *out, const struct place *place, struct fault *fault)
{
    struct certificate value;
    (void)fputs("<tr><td><b>", out);
    put(out, place->name);
    (void)fputs("</b><br><span class=\"small\">", out);
    put(out, place->made.order->label);
    (void)fputs("</span></td>", out);
    put_cell(out, place->token->label);
    (void)fputs("<td><div class=\"print\">", out);
    if (place->certificate) {
        if (!crypto_certificate_value(place->certificate, &value, fault))
            return false;
        put_print(out, value.spki_sha256, sizeof value.spki_sha256);
    } else {
        put_print(out, place->made.check, sizeof place->made.check);
    }
    (void)fputs("</div><div class=\"small\">", out);
    put_told(out, &place->made);
    (void)fputs("</div></td></tr>\n", out);
    return true;
}

static bool put_keys(FILE *out, const struct places *places, const struct record_facts *facts, struct fault *fault)
{
    (void)fputs("<h2>Keys</h2>\n<p class=\"small\">Of a pair, the SHA-256 of its public key (SubjectPublicKeyInfo); of "
                "the fingerprint key, its check value. Below it, what the token reports of itself.",
                out);
    if (facts->fingerprint_origin) {
        (void)fputs(" The fingerprint key was ", out);
        put(out, facts->fingerprint_origin);
        (void)fputs(".", out);
    }
    (void)fputs("</p>\n<table><thead><tr><th>Key</th><th>Token</th><th>Fingerprint</th></tr></thead>\n", out);
    for (size_t i = 0; i < places->count; i++)
        if (!put_key(out, &places->at[i], fault))
            return false;
    (void)fputs("</table>\n", out);
    return true;
}

static void put_signatures(FILE *out, const struct ceremony_names *names)
{
    (void)fputs("<h2>Signatures</h2>\n<p>I was present, saw the tokens and the fingerprints above, and compared the "
                "record's digest with the file.</p>\n",
                out);
    for (size_t i = 0; i < names->person_count; i++) {
        (void)fputs("<div class=\"sign\"><div class=\"who\"><span>", out);
        put(out, names->people[i].name);
        (void)fputs("<br><small>", out);
        put(out, names->people[i].role);
        (void)fputs("</small></span></div><div class=\"when\"><small>date</small></div>"
                    "<div class=\"name\"><small>signature</small></div></div>\n",
                    out);
    }
}

static void put_head(FILE *out, const struct ceremony_names *names, const struct record_facts *facts,
                     const uint8_t digest[32])
{
    (void)fprintf(out, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>");
    put(out, facts->title);
    (void)fprintf(out, "</title><style>%s</style></head>\n<body><h1>", style);
    put(out, facts->title);
    (void)fputs("</h1>\n<p class=\"lead\">", out);
    put(out, names->organization);
    (void)fputs(", ", out);
    put(out, names->country);
    (void)fputs(" &middot; ", out);
    put(out, facts->at);
    (void)fputs(" UTC &middot; kokuin " KOKUIN_VERSION "</p>\n<h2>Record</h2>\n<p>SHA-256 of ", out);
    put(out, facts->file);
    (void)fputs(":</p>\n<p class=\"print\">", out);
    put_print(out, digest, 32);
    (void)fputs("</p>\n", out);
}

bool page_write(const struct ceremony_names *names, const struct places *places, const struct record_facts *facts,
                const uint8_t digest[32], char **ret_text, struct fault *fault)
{
    CLEANUP(text_free) char *text = NULL;
    CLEANUP(stream_close) FILE *out = NULL;
    size_t size = 0;
    out = open_memstream(&text, &size);
    if (!out)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "page to sign");
    put_head(out, names, facts, digest);
    put_tokens(out, facts);
    if (!put_keys(out, places, facts, fault))
        return false;
    put_signatures(out, names);
    (void)fputs("</body></html>\n", out);
    if (fclose(TAKE(out)) != 0)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "page to sign");
    *ret_text = TAKE(text);
    return true;
}
