#include "hsm/place.h"

#include <stdio.h>
#include <string.h>

static const struct make_order orders[] = {
    [PLACE_ROOT] = {.label = KEY_ROOT, .use = MAKE_SIGN, .asks_pin = true},
    [PLACE_ISSUING] = {.label = KEY_ISSUING, .use = MAKE_SIGN},
    [PLACE_STATION] = {.label = KEY_STATION, .use = MAKE_SIGN},
    [PLACE_CHECKPOINT] = {.label = KEY_CHECKPOINT, .use = MAKE_SIGN},
    [PLACE_RECOVERY] = {.label = KEY_RECOVERY, .use = MAKE_DERIVE},
    [PLACE_SPARE] = {.label = KEY_SPARE, .use = MAKE_DERIVE},
    [PLACE_FINGERPRINT] = {.label = KEY_FINGERPRINT, .use = MAKE_MAC},
};

static const char *const names_of_kinds[] = {
    [PLACE_ROOT] = "root",
    [PLACE_ISSUING] = "issuing",
    [PLACE_STATION] = "station",
    [PLACE_CHECKPOINT] = "checkpoint",
    [PLACE_RECOVERY] = "recovery",
    [PLACE_SPARE] = "spare",
    [PLACE_FINGERPRINT] = "fingerprint",
};

const struct make_order *place_order(const struct place *place)
{
    return &orders[place->kind];
}

void place_add(struct places *places, enum place_kind kind, struct token *token, unsigned number)
{
    struct place *place = &places->at[places->count++];
    char suffix[12] = "";
    *place = (struct place){.kind = kind, .number = number, .token = token};
    if (number > 0)
        (void)snprintf(suffix, sizeof suffix, "-%u", number);
    (void)snprintf(place->name, sizeof place->name, "%s%s", names_of_kinds[kind], suffix);
    if (kind != PLACE_FINGERPRINT)
        (void)snprintf(place->file, sizeof place->file, "%s%s.pem", names_of_kinds[kind], suffix);
}

void place_add_production(struct places *places, struct token *token, unsigned number)
{
    place_add(places, PLACE_ISSUING, token, number);
    place_add(places, PLACE_STATION, token, number);
    place_add(places, PLACE_CHECKPOINT, token, number);
}

void place_all(const struct ceremony_tokens *tokens, struct places *ret_places)
{
    *ret_places = (struct places){0};
    place_add(ret_places, PLACE_ROOT, tokens->root, 0);
    for (size_t i = 0; i < tokens->production_count; i++)
        place_add_production(ret_places, tokens->production[i], (unsigned)i + 1);
    place_add(ret_places, PLACE_RECOVERY, tokens->recovery, 0);
    if (tokens->spare)
        place_add(ret_places, PLACE_SPARE, tokens->spare, 0);
    for (size_t i = 0; i < tokens->production_count; i++)
        place_add(ret_places, PLACE_FINGERPRINT, tokens->production[i], (unsigned)i + 1);
}

struct authority_row place_row(const struct place *place, const struct ceremony_names *names,
                               char ret_common_name[PLACE_COMMON_NAME_SIZE])
{
    static const char leaf[] = "critical,CA:FALSE", sign[] = "critical,digitalSignature";
    static const char agree[] = "critical,keyAgreement", authority[] = "critical,keyCertSign,cRLSign";
    const struct authority_row rows[] = {
        [PLACE_ROOT] = {KEY_ROOT, "Root CA", "critical,CA:TRUE,pathlen:1", authority, NULL, names->root_years},
        [PLACE_ISSUING] = {KEY_ISSUING, "Issuing CA", "critical,CA:TRUE,pathlen:0", authority, NULL,
                           names->issuing_years},
        [PLACE_STATION] = {KEY_STATION, "Provisioning station", leaf, sign, "serverAuth", names->station_years},
        [PLACE_CHECKPOINT] = {KEY_CHECKPOINT, "Log checkpoint", leaf, sign, NULL, names->root_years},
        [PLACE_RECOVERY] = {KEY_RECOVERY, "Recovery", leaf, agree, NULL, names->root_years},
        [PLACE_SPARE] = {KEY_SPARE, "Spare recovery", leaf, agree, NULL, names->root_years},
    };
    struct authority_row row = rows[place->kind];
    if (place->number > 0) {
        (void)snprintf(ret_common_name, PLACE_COMMON_NAME_SIZE, "%s %u", row.common_name, place->number);
        row.common_name = ret_common_name;
    }
    return row;
}

struct place *place_find(struct places *places, enum place_kind kind, unsigned number)
{
    for (size_t i = 0; i < places->count; i++)
        if (places->at[i].kind == kind && places->at[i].number == number)
            return &places->at[i];
    return NULL;
}

void place_clear(struct places *places)
{
    for (size_t i = 0; i < places->count; i++) {
        X509_free(places->at[i].certificate);
        places->at[i].certificate = NULL;
    }
}
