#include "tests/unit/hsm/plant_of_four.h"

#include "hsm/key.h"
#include "tests/support/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define OBJECTS_MAX 64

static const char *const labels[FOUR_TOKENS] = {"root", "first", "second", "recovery"};
static struct softhsm softhsm;

const char *plant_of_four_path(const char *name)
{
    static char paths[4][128];
    static unsigned next;
    char *path = paths[next++ % ARRAY_SIZE(paths)];
    (void)snprintf(path, sizeof paths[0], "%s/%s", softhsm.directory, name);
    return path;
}

int plant_of_four_begin(void **state)
{
    (void)state;
    struct fault fault;
    if (!softhsm_start(&softhsm, &fault))
        return -1;
    for (size_t i = 0; i < FOUR_TOKENS; i++)
        if (!softhsm_make(labels[i], &fault))
            return -1;
    const char *const keep[] = {"mv", plant_of_four_path("tokens"), plant_of_four_path("clean"), NULL};
    return command_run(keep);
}

int plant_of_four_end(void **state)
{
    (void)state;
    softhsm_end(&softhsm);
    return 0;
}

void plant_of_four_start_afresh(void)
{
    const char *const clear[] = {"rm", "-rf", plant_of_four_path("tokens"), plant_of_four_path("ca"), NULL};
    const char *const copy[] = {"cp", "-a", plant_of_four_path("clean"), plant_of_four_path("tokens"), NULL};
    if (command_run(clear) != 0 || command_run(copy) != 0 || mkdir(plant_of_four_path("ca"), 0700) != 0)
        abort();
}

bool plant_of_four_open(struct plant_of_four *ret_plant, struct fault *fault)
{
    ret_plant->pin = softhsm_secret(SOFTHSM_PIN);
    struct token **tokens = ret_plant->tokens;
    for (size_t i = 0; i < FOUR_TOKENS; i++)
        if (!softhsm_open(&softhsm, false, labels[i], &tokens[i], fault))
            return false;
    ret_plant->all = (struct ceremony_tokens){.root = tokens[FOUR_ROOT],
                                              .root_pin = ret_plant->pin,
                                              .production = {tokens[FOUR_FIRST], tokens[FOUR_SECOND]},
                                              .production_count = 2,
                                              .recovery = tokens[FOUR_RECOVERY]};
    (void)snprintf(ret_plant->output, sizeof ret_plant->output, "%s", plant_of_four_path("ca"));
    ret_plant->names = (struct ceremony_names){.organization = "Plant",
                                               .country = "JP",
                                               .root_years = 30,
                                               .issuing_years = 20,
                                               .station_years = 2,
                                               .output = ret_plant->output,
                                               .people = {{"Sato", "custodian"}},
                                               .person_count = 1};
    return true;
}

void plant_of_four_close(struct plant_of_four *plant)
{
    for (size_t i = 0; i < FOUR_TOKENS; i++)
        token_free(plant->tokens[i]);
    secret_free(plant->pin);
    *plant = (struct plant_of_four){0};
}

size_t plant_of_four_count(struct token *token)
{
    CK_ATTRIBUTE none[1];
    CK_OBJECT_HANDLE found[OBJECTS_MAX];
    struct fault ignored;
    size_t count = ARRAY_SIZE(found);
    return call_find(&token->session, none, 0, found, &count, &ignored) ? count : OBJECTS_MAX;
}

static bool every_key_is_there(const struct plant_of_four *plant, struct fault *fault)
{
    static const struct {
        size_t token;
        const char *label, *file;
    } keys[] = {{FOUR_ROOT, KEY_ROOT, "ca/root.pem"},
                {FOUR_FIRST, KEY_ISSUING, "ca/issuing-1.pem"},
                {FOUR_FIRST, KEY_STATION, "ca/station-1.pem"},
                {FOUR_FIRST, KEY_CHECKPOINT, "ca/checkpoint-1.pem"},
                {FOUR_SECOND, KEY_ISSUING, "ca/issuing-2.pem"},
                {FOUR_SECOND, KEY_STATION, "ca/station-2.pem"},
                {FOUR_SECOND, KEY_CHECKPOINT, "ca/checkpoint-2.pem"}};
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        CLEANUP(X509_freep) X509 *certificate = NULL;
        struct key key;
        if (!crypto_read_certificate(plant_of_four_path(keys[i].file), &certificate, fault) ||
            !key_find_for(plant->tokens[keys[i].token], keys[i].label, certificate, plant->pin, &key, fault))
            return false;
    }
    return true;
}

bool plant_of_four_is_whole(const struct plant_of_four *plant, struct fault *fault)
{
    static const size_t objects[FOUR_TOKENS] = {2, 7, 7, 2};
    for (size_t i = 0; i < FOUR_TOKENS; i++) {
        size_t count = plant_of_four_count(plant->tokens[i]);
        if (count != objects[i])
            return fault_set(fault, FAULT_INTERNAL, 0, "token '%s' has %zu objects", labels[i], count);
    }
    if (!every_key_is_there(plant, fault))
        return false;
    char names[2048] = "";
    const char *const list[] = {"ls", "-A", plant_of_four_path("ca"), NULL};
    unsigned files = 0;
    if (command_read(list, names, sizeof names) != 0 || strstr(names, ".part"))
        return fault_set(fault, FAULT_INTERNAL, 0, "left behind: %s", names);
    for (const char *at = names; *at != '\0'; at++)
        files += *at == '\n';
    return files == 13 || fault_set(fault, FAULT_INTERNAL, 0, "%u files", files);
}
