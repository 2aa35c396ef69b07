/* hsm/keyring and what no other token mends: PINs, keys, ambiguity; and files that go away and come back. */
#include "hsm/call.h"
#include "tests/support/command.h"
#include "tests/unit/hsm/plant_of_two.h"

#include <fcntl.h>
#include <p11-kit/p11-kit.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>
/* cmocka.h needs the ones above */
#include <cmocka.h>

#define WRONG_PIN "86420975"

static struct plant plant;
static struct keyring_place direct[2];
static struct fault fault;

static int begin(void **state)
{
    (void)state;
    if (!plant_start(&plant, &fault)) {
        print_error("%s\n", fault.text);
        return -1;
    }
    for (size_t i = 0; i < ARRAY_SIZE(direct); i++) {
        direct[i] = plant.places[i];
        direct[i].module = SOFTHSM_MODULE;
    }
    return 0;
}

static int end(void **state)
{
    (void)state;
    plant_end(&plant);
    return 0;
}

static int after_each(void **state)
{
    (void)state;
    call_observe(NULL, NULL);
    plant_write(plant.pin_file, SOFTHSM_PIN "\n");
    (void)unsetenv("KOKUIN_PIN_TRIES");
    (void)unsetenv("KOKUIN_PIN_SILENT");
    return 0;
}

static struct keyring *open_ring(const struct keyring_place *places, size_t count)
{
    struct keyring *keyring = NULL;
    if (!plant_open(&plant, places, count, &keyring, &fault))
        fail_msg("%s: %s", fault_name(fault.code), fault.text);
    return keyring;
}

/* Counts log-ins, and makes the call fail that it is told to. */
static struct watched {
    unsigned log_ins;
    unsigned fails; /* how many calls from now on */
} watched;

static CK_RV watch(enum call_function function, void *context)
{
    struct watched *this = context;
    this->log_ins += function == CALL_C_Login;
    if (this->fails == 0)
        return CKR_OK;
    this->fails--;
    return CKR_DEVICE_ERROR;
}

static void start_watching(unsigned fails)
{
    watched = (struct watched){.fails = fails};
    call_observe(watch, &watched);
}

static void a_wrong_pin_is_tried_once_and_on_no_other_token(void **state)
{
    (void)state;
    struct keyring *none = NULL;
    plant_write(plant.pin_file, WRONG_PIN "\n");
    start_watching(0);
    assert_false(plant_open(&plant, direct, 2, &none, &fault));
    assert_int_equal(fault.code, FAULT_HSM_PIN);
    assert_int_equal(fault.native, CKR_PIN_INCORRECT);
    assert_int_equal(watched.log_ins, 1);
    assert_null(strstr(fault.text, WRONG_PIN));
    assert_null(none);
}

static void a_pin_that_became_wrong_is_tried_once_and_never_again(void **state)
{
    (void)state;
    CLEANUP(keyring_freep) struct keyring *keyring = open_ring(direct, 2);
    plant_write(plant.pin_file, WRONG_PIN "\n");
    start_watching(1);
    assert_false(plant_work(&plant, keyring, &fault));
    assert_int_equal(fault.code, FAULT_HSM_PIN);
    assert_int_equal(watched.log_ins, 1);
    assert_int_equal(keyring_state(keyring), KEYRING_DOWN);
    plant_write(plant.pin_file, SOFTHSM_PIN "\n");
    for (unsigned i = 0; i < 3; i++) {
        assert_false(plant_work(&plant, keyring, &fault));
        assert_int_equal(fault.code, FAULT_HSM_PIN);
    }
    assert_int_equal(watched.log_ins, 1);
}

static void a_token_close_to_locking_gets_no_pin(void **state)
{
    (void)state;
    CLEANUP(secret_freep) struct secret *wrong = softhsm_secret(WRONG_PIN);
    CLEANUP(secret_freep) struct secret *right = softhsm_secret(SOFTHSM_PIN);
    CLEANUP(token_freep) struct token *token = NULL;
    static const char uri[] = "pkcs11:token=production";
    (void)setenv("KOKUIN_PIN_TRIES", "3", 1);
    start_watching(0);
    for (unsigned i = 0; i < 2; i++) {
        assert_false(token_open(LOCKING_TOKEN, uri, wrong, &token, &fault));
        assert_int_equal(fault.native, CKR_PIN_INCORRECT);
    }
    assert_int_equal(watched.log_ins, 2);

    /* One try is left, and the right PIN would pass: it is a person's to decide. */
    assert_false(token_open(LOCKING_TOKEN, uri, right, &token, &fault));
    print_message("  %s\n", fault.text);
    assert_int_equal(fault.code, FAULT_HSM_PIN);
    assert_non_null(strstr(fault.text, "not tried"));
    assert_int_equal(watched.log_ins, 2);

    (void)setenv("KOKUIN_PIN_TRIES", "2", 1); /* now it is locked */
    assert_false(token_open(LOCKING_TOKEN, uri, right, &token, &fault));
    print_message("  %s\n", fault.text);
    assert_int_equal(fault.code, FAULT_HSM_PIN);
    assert_int_equal(fault.native, CKR_PIN_LOCKED);
    assert_int_equal(watched.log_ins, 2);

    (void)setenv("KOKUIN_PIN_SILENT", "1", 1); /* and does not say so before it is asked */
    assert_false(token_open(LOCKING_TOKEN, uri, right, &token, &fault));
    assert_int_equal(fault.code, FAULT_HSM_PIN);
    assert_int_equal(fault.native, CKR_PIN_LOCKED);
    assert_int_equal(watched.log_ins, 3);

    struct keyring *none = NULL;
    struct keyring_place places[2] = {direct[0], direct[1]};
    places[0].module = LOCKING_TOKEN;
    assert_false(plant_open(&plant, places, 2, &none, &fault));
    assert_int_equal(fault.code, FAULT_HSM_PIN);
    assert_int_equal(watched.log_ins, 4);
    assert_null(none);

    (void)setenv("KOKUIN_PIN_TRIES", "9", 1);
    assert_true(token_open(LOCKING_TOKEN, uri, right, &token, &fault));
}

static void a_missing_pin_file_stops(void **state)
{
    (void)state;
    struct keyring *none = NULL;
    struct keyring_place place = direct[0];
    place.pin_file = "/nonexistent/pin";
    assert_false(plant_open(&plant, &place, 1, &none, &fault));
    assert_int_equal(fault.code, FAULT_FILE);
    assert_null(none);
}

/* Takes the half minute that a turn may last. */
static void a_log_in_that_others_hold_is_passed_over(void **state)
{
    (void)state;
    char other_file[128];
    struct keyring_place places[2] = {direct[0], direct[1]};
    (void)snprintf(other_file, sizeof other_file, "%s/other-pin", plant.first.directory);
    plant_write(other_file, SOFTHSM_PIN "\n");
    places[1].pin_file = other_file;
    int turn = open(plant.pin_file, O_RDONLY | O_CLOEXEC);
    assert_true(turn >= 0);
    assert_int_equal(flock(turn, LOCK_EX | LOCK_NB), 0);
    CLEANUP(keyring_freep) struct keyring *keyring = open_ring(places, 2);
    (void)close(turn);
    assert_int_equal(keyring_state(keyring), KEYRING_DEGRADED);
    assert_int_equal(keyring_trouble(keyring)->code, FAULT_TIMED_OUT);
    assert_true(plant_work(&plant, keyring, &fault));
}

static void rename_tokens(const char *from, const char *to)
{
    char old[128], new[128];
    (void)snprintf(old, sizeof old, "%s/%s", plant.first.directory, from);
    (void)snprintf(new, sizeof new, "%s/%s", plant.first.directory, to);
    assert_int_equal(rename(old, new), 0);
}

static void lose_files_and_come_back(const struct keyring_place *places)
{
    CLEANUP(keyring_freep) struct keyring *keyring = open_ring(places, 2);
    rename_tokens("tokens", "elsewhere");
    bool worked = plant_work(&plant, keyring, &fault);
    print_message("  %s: %s\n", fault_name(fault.code), fault.text);
    struct keyring *none = NULL;
    bool opened = plant_open(&plant, places, 2, &none, &fault);
    rename_tokens("elsewhere", "tokens");
    assert_false(worked);
    assert_false(opened);
    assert_int_equal(fault.code, FAULT_HSM_DOWN);
    assert_int_equal(keyring_state(keyring), KEYRING_DOWN);
    CLEANUP(keyring_freep) struct keyring *anew = open_ring(places, 2);
    assert_true(plant_work(&plant, anew, &fault));
    assert_int_equal(keyring_state(anew), KEYRING_UP);
}

static void a_tokens_files_that_went_away_stop_and_come_back(void **state)
{
    (void)state;
    lose_files_and_come_back(direct);
    lose_files_and_come_back(plant.places);
}

/* The directory is away when the token is used, and back when it is opened afresh. */
static CK_RV bring_back(enum call_function function, void *context)
{
    bool *away = context;
    if (*away && function == CALL_C_Initialize) {
        rename_tokens("elsewhere", "tokens");
        *away = false;
    }
    return CKR_OK;
}

static void a_tokens_files_that_come_back_at_once_are_mended(void **state)
{
    (void)state;
    CLEANUP(keyring_freep) struct keyring *keyring = open_ring(direct, 1);
    bool away = true;
    rename_tokens("tokens", "elsewhere");
    call_observe(bring_back, &away);
    bool worked = plant_work(&plant, keyring, &fault);
    if (away)
        rename_tokens("elsewhere", "tokens");
    if (!worked)
        fail_msg("%s: %s", fault_name(fault.code), fault.text);
    assert_false(away);
    assert_int_equal(keyring_state(keyring), KEYRING_UP);
}

/* Another user of the same module in this process, with a session on the same token. */
struct stranger {
    CK_FUNCTION_LIST *module;
    CK_SESSION_HANDLE session;
};

static struct stranger stranger_enter(void)
{
    struct stranger stranger = {.module = p11_kit_module_load(SOFTHSM_MODULE, P11_KIT_MODULE_CRITICAL)};
    CK_SLOT_ID slots[16];
    CK_ULONG count = ARRAY_SIZE(slots);
    unsigned done = 0;
    assert_non_null(stranger.module);
    assert_int_equal(p11_kit_module_initialize(stranger.module), CKR_OK);
    assert_int_equal(stranger.module->C_GetSlotList(CK_TRUE, slots, &count), CKR_OK);
    for (CK_ULONG i = 0; i < count; i++) {
        CK_TOKEN_INFO info;
        assert_int_equal(stranger.module->C_GetTokenInfo(slots[i], &info), CKR_OK);
        if (memcmp(info.label, "production ", sizeof "production") != 0)
            continue;
        assert_int_equal(stranger.module->C_OpenSession(slots[i], CKF_SERIAL_SESSION, NULL, NULL, &stranger.session),
                         CKR_OK);
        done++;
    }
    assert_int_equal(done, 1);
    return stranger;
}

static void stranger_leave(const struct stranger *stranger)
{
    assert_int_equal(stranger->module->C_CloseSession(stranger->session), CKR_OK);
    assert_int_equal(p11_kit_module_finalize(stranger->module), CKR_OK);
    p11_kit_module_release(stranger->module);
}

/* The handles found before are dead then. */
static void log_in_anew(void)
{
    struct stranger stranger = stranger_enter();
    CK_UTF8CHAR pin[] = SOFTHSM_PIN;
    assert_int_equal(stranger.module->C_Logout(stranger.session), CKR_OK);
    assert_int_equal(stranger.module->C_Login(stranger.session, CKU_USER, pin, sizeof pin - 1), CKR_OK);
    stranger_leave(&stranger);
}

static void a_second_fingerprint_key_ends_the_keyring(void **state)
{
    (void)state;
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_GENERIC_SECRET;
    CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
    CK_BYTE value[32] = {1};
    char label[] = "kokuin-fingerprint";
    CK_ATTRIBUTE key[] = {
        {CKA_CLASS, &class, sizeof class},    {CKA_KEY_TYPE, &type, sizeof type}, {CKA_TOKEN, &no, sizeof no},
        {CKA_LABEL, label, sizeof label - 1}, {CKA_SIGN, &yes, sizeof yes},       {CKA_VALUE, value, sizeof value},
        {CKA_SENSITIVE, &yes, sizeof yes},    {CKA_EXTRACTABLE, &no, sizeof no},
    };
    CK_OBJECT_HANDLE object;
    CLEANUP(keyring_freep) struct keyring *keyring = open_ring(direct, 2);
    assert_true(plant_work(&plant, keyring, &fault));
    struct stranger stranger = stranger_enter();
    assert_int_equal(stranger.module->C_CreateObject(stranger.session, key, ARRAY_SIZE(key), &object), CKR_OK);
    bool worked = plant_work(&plant, keyring, &fault);
    stranger_leave(&stranger);
    assert_false(worked);
    assert_int_equal(fault.code, FAULT_HSM_AMBIGUOUS);
    assert_int_equal(keyring_state(keyring), KEYRING_DOWN);
    assert_false(plant_work(&plant, keyring, &fault)); /* though the key is gone again */
    assert_int_equal(fault.code, FAULT_HSM_AMBIGUOUS);
}

static void handles_that_died_with_a_log_in_are_found_again(void **state)
{
    (void)state;
    struct certificate certificate;
    const struct certificate *issuing = NULL;
    CLEANUP(keyring_freep) struct keyring *keyring = open_ring(direct, 1);
    assert_true(plant_work(&plant, keyring, &fault));
    log_in_anew();
    start_watching(0);
    if (!keyring_issue(keyring, plant.request.der, plant.request.size, plant.subject, &certificate, &issuing, &fault))
        fail_msg("%s: %s", fault_name(fault.code), fault.text);
    assert_int_equal(watched.log_ins, 1); /* the old handle was no good */
    assert_int_equal(keyring_state(keyring), KEYRING_UP);
    assert_true(plant_work(&plant, keyring, &fault));
}

/* A plant of its own: its fingerprint key is another, and so are its certificates. */
static void a_spare_with_another_fingerprint_key_is_refused(void **state)
{
    (void)state;
    char configuration[128];
    (void)snprintf(configuration, sizeof configuration, "%s", getenv("SOFTHSM2_CONF"));
    struct softhsm other;
    bool made =
        softhsm_start(&other, &fault) && softhsm_plant(&other, &fault) && softhsm_serve(&other, SOFTHSM_MODULE, &fault);
    (void)setenv("SOFTHSM2_CONF", configuration, 1);
    struct keyring_place places[2] = {direct[0], direct[1]};
    places[1].module = other.remote;
    struct keyring *keyring = made ? open_ring(places, 2) : NULL;
    start_watching(4); /* the operation, closing two sessions, and initializing afresh */
    bool worked = keyring && plant_work(&plant, keyring, &fault);
    call_observe(NULL, NULL);
    enum keyring_state is = keyring ? keyring_state(keyring) : KEYRING_UP;
    keyring_free(keyring);
    softhsm_end(&other);
    assert_true(made);
    assert_false(worked);
    print_message("  %s: %s\n", fault_name(fault.code), fault.text);
    assert_int_equal(fault.code, FAULT_HSM_KEY_WRONG);
    assert_non_null(strstr(fault.text, "fingerprint"));
    assert_int_equal(is, KEYRING_DOWN);
}

/* The last of all: the plant is spoilt after it. */
static void a_second_token_of_the_same_label_stops(void **state)
{
    (void)state;
    const char *const twin[] = {"softhsm2-util", "--init-token", "--free", "--label",   "production",
                                "--so-pin",      SOFTHSM_SO_PIN, "--pin",  SOFTHSM_PIN, NULL};
    CLEANUP(keyring_freep) struct keyring *keyring = open_ring(direct, 2);
    assert_true(plant_work(&plant, keyring, &fault));
    assert_int_equal(command_run(twin), 0);
    assert_true(plant_work(&plant, keyring, &fault));
    start_watching(1);
    assert_false(plant_work(&plant, keyring, &fault));
    assert_int_equal(fault.code, FAULT_HSM_AMBIGUOUS);
    assert_int_equal(watched.log_ins, 0);
    assert_int_equal(keyring_state(keyring), KEYRING_DOWN);
    struct keyring *none = NULL;
    assert_false(plant_open(&plant, direct, 2, &none, &fault));
    assert_int_equal(fault.code, FAULT_HSM_AMBIGUOUS);
    assert_null(none);
}

int main(void)
{
#define CASE(function) cmocka_unit_test_teardown(function, after_each)
    const struct CMUnitTest tests[] = {
        CASE(a_wrong_pin_is_tried_once_and_on_no_other_token),
        CASE(a_pin_that_became_wrong_is_tried_once_and_never_again),
        CASE(a_token_close_to_locking_gets_no_pin),
        CASE(a_missing_pin_file_stops),
        CASE(a_log_in_that_others_hold_is_passed_over),
        CASE(a_tokens_files_that_went_away_stop_and_come_back),
        CASE(a_tokens_files_that_come_back_at_once_are_mended),
        CASE(handles_that_died_with_a_log_in_are_found_again),
        CASE(a_second_fingerprint_key_ends_the_keyring),
        CASE(a_spare_with_another_fingerprint_key_is_refused),
        CASE(a_second_token_of_the_same_label_stops),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
