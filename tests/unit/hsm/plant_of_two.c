#include "tests/unit/hsm/plant_of_two.h"

#include "hsm/crypto.h"
#include "tests/support/profiles.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
/* cmocka.h needs the ones above */
#include <cmocka.h>

#define ALPHABET "abcdefghjkmnpqrstuvwxyz23456789"

static const struct certificate_subject subject = {.profile = &profile_idevid_8021ar,
                                                   .organization = "Test Plant",
                                                   .model = "KS-1",
                                                   .serial = "KS1-0001",
                                                   .hardware_type = "1.3.6.1.4.1.99999.1"};

void plant_write(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");
    if (!file || fputs(text, file) < 0 || fclose(file) != 0)
        abort();
}

static bool note_fingerprint(struct plant *plant, struct fault *fault)
{
    CLEANUP(secret_freep) struct secret *password = softhsm_secret(PLANT_PASSWORD);
    CLEANUP(token_freep) struct token *token = NULL;
    return softhsm_open(&plant->first, false, "production", &token, fault) &&
           password_fingerprint(token, password, plant->fingerprint, fault);
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
    if (!softhsm_start(&plant->first, fault) || !softhsm_plant(&plant->first, fault) || !note_fingerprint(plant, fault))
        return false;
    plant->second = plant->first;
    strncat(plant->second.directory, "/spare", sizeof plant->second.directory - strlen(plant->second.directory) - 1);
    (void)snprintf(plant->pin_file, sizeof plant->pin_file, "%s/pin", plant->first.directory);
    plant_write(plant->pin_file, SOFTHSM_PIN "\n");
    if (mkdir(plant->second.directory, 0700) != 0)
        return fault_set(fault, FAULT_FILE, 0, "mkdir '%s'", plant->second.directory);
    if (!plant_serve(&plant->first, fault) || !plant_serve(&plant->second, fault))
        return false;
    plant->request = unit_request_good(subject.serial);
    plant->subject = &subject;
    name_places(plant);
    return true;
}

void plant_end(struct plant *plant)
{
    softhsm_kill_server(&plant->second);
    softhsm_end(&plant->first);
}

bool plant_serve_both(struct plant *plant, struct fault *fault)
{
    return (plant->first.server > 0 || plant_serve(&plant->first, fault)) &&
           (plant->second.server > 0 || plant_serve(&plant->second, fault));
}

bool plant_open(const struct plant *plant, const struct keyring_place *places, size_t count,
                struct keyring **ret_keyring, struct fault *fault)
{
    struct keyring_options options = plant->options;
    options.places = places;
    options.count = count;
    return keyring_open(&options, ret_keyring, fault);
}

static void assert_issued_by(const struct certificate *certificate, const struct certificate *issuing)
{
    const uint8_t *leaf_bytes = certificate->der, *issuer_bytes = issuing->der;
    CLEANUP(X509_freep) X509 *leaf = d2i_X509(NULL, &leaf_bytes, (long)certificate->der_size);
    CLEANUP(X509_freep) X509 *issuer = d2i_X509(NULL, &issuer_bytes, (long)issuing->der_size);
    assert_true(leaf && issuer);
    assert_int_equal(X509_verify(leaf, X509_get0_pubkey(issuer)), 1);
}

static bool work_on_password(const struct plant *plant, struct keyring *keyring, struct fault *fault)
{
    CLEANUP(secret_freep) struct secret *drawn = NULL;
    CLEANUP(secret_freep) struct secret *password = softhsm_secret(PLANT_PASSWORD);
    uint8_t fingerprint[FINGERPRINT_SIZE];
    if (!keyring_draw_password(keyring, ALPHABET, 16, &drawn, fault)) {
        assert_null(drawn);
        return false;
    }
    assert_int_equal(secret_size(drawn), 16);
    for (size_t i = 0; i < 16; i++)
        assert_non_null(memchr(ALPHABET, secret_read(drawn)[i], sizeof ALPHABET - 1));
    if (!keyring_fingerprint(keyring, password, fingerprint, fault))
        return false;
    assert_memory_equal(fingerprint, plant->fingerprint, sizeof fingerprint);
    return true;
}

bool plant_work(const struct plant *plant, struct keyring *keyring, struct fault *fault)
{
    CLEANUP(secret_freep) struct secret *bytes = secret_new(32);
    struct certificate certificate;
    const struct certificate *issuing = NULL;
    bool changed;
    if (!keyring_random(keyring, bytes, fault) || !work_on_password(plant, keyring, fault))
        return false;
    if (!keyring_issue(keyring, plant->request.der, plant->request.size, plant->subject, &certificate, &issuing,
                       fault)) {
        assert_null(issuing);
        return false;
    }
    assert_issued_by(&certificate, issuing);
    return keyring_prove(keyring, &changed, fault);
}
