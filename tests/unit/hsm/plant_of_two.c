#include "tests/unit/hsm/plant_of_two.h"

#include "base/bytes.h"
#include "hsm/key.h"
#include "hsm/password.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

void plant_write(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");
    if (!file || fputs(text, file) < 0 || fclose(file) != 0)
        abort();
}

/* The first eight bytes of the fingerprint key's MAC of its own label. */
static bool write_check(struct plant *plant, struct fault *fault)
{
    uint8_t mac[FINGERPRINT_SIZE];
    char text[2 * 8 + 2] = "";
    CLEANUP(secret_freep) struct secret *label = softhsm_secret(KEY_FINGERPRINT);
    CLEANUP(token_freep) struct token *token = NULL;
    if (!softhsm_open(&plant->first, false, "production", &token, fault) ||
        !password_fingerprint(token, label, mac, fault))
        return false;
    hex_write(mac, 8, text);
    text[2 * 8] = '\n';
    plant_write(softhsm_file(&plant->first, "fingerprint.check"), text);
    return true;
}

static void name_places(struct plant *plant)
{
    static char files[4][128];
    static const char *const names[] = {"issuing.pem", "station.pem", "root.pem", "fingerprint.check"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        (void)snprintf(files[i], sizeof files[i], "%s", softhsm_file(&plant->first, names[i]));
    for (size_t i = 0; i < ARRAY_SIZE(plant->places); i++)
        plant->places[i] = (struct keyring_place){.module = i == 0 ? plant->first.remote : plant->second.remote,
                                                  .uri = "pkcs11:token=production",
                                                  .pin_file = plant->pin_file,
                                                  .issuing = files[0],
                                                  .station = files[1]};
    plant->options = (struct keyring_options){
        .places = plant->places, .count = ARRAY_SIZE(plant->places), .root = files[2], .fingerprint_check = files[3]};
}

bool plant_serve(struct softhsm *server, struct fault *fault)
{
    return softhsm_serve(server, SOFTHSM_MODULE, fault);
}

bool plant_start(struct plant *ret_plant, struct fault *fault)
{
    struct plant *plant = ret_plant;
    if (!softhsm_start(&plant->first, fault) || !softhsm_plant(&plant->first, fault) || !write_check(plant, fault))
        return false;
    plant->second = plant->first;
    strncat(plant->second.directory, "/spare", sizeof plant->second.directory - strlen(plant->second.directory) - 1);
    (void)snprintf(plant->pin_file, sizeof plant->pin_file, "%s/pin", plant->first.directory);
    plant_write(plant->pin_file, SOFTHSM_PIN "\n");
    if (mkdir(plant->second.directory, 0700) != 0)
        return fault_set(fault, FAULT_FILE, 0, "mkdir '%s'", plant->second.directory);
    if (!plant_serve(&plant->first, fault) || !plant_serve(&plant->second, fault))
        return false;
    name_places(plant);
    return true;
}

void plant_end(struct plant *plant)
{
    softhsm_kill_server(&plant->second);
    softhsm_end(&plant->first);
}
