#include "tests/unit/hsm/plant_of_two.h"

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

static void name_places(struct plant *plant)
{
    static char files[6][128];
    static const char *const names[] = {"issuing-1.pem", "station-1.pem", "issuing-2.pem",
                                        "station-2.pem", "root.pem",      "fingerprint.check"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        (void)snprintf(files[i], sizeof files[i], "%s", softhsm_file(&plant->first, names[i]));
    plant->places[0] =
        (struct keyring_place){plant->first.remote, "pkcs11:token=production", plant->pin_file, files[0], files[1]};
    plant->places[1] =
        (struct keyring_place){plant->second.remote, "pkcs11:token=production-2", plant->pin_file, files[2], files[3]};
    plant->options = (struct keyring_options){
        .places = plant->places, .count = ARRAY_SIZE(plant->places), .root = files[4], .fingerprint_check = files[5]};
}

bool plant_serve(struct softhsm *server, struct fault *fault)
{
    return softhsm_serve(server, SOFTHSM_MODULE, fault);
}

bool plant_start(struct plant *ret_plant, struct fault *fault)
{
    struct plant *plant = ret_plant;
    if (!softhsm_start(&plant->first, fault) || !softhsm_plant(&plant->first, fault))
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
