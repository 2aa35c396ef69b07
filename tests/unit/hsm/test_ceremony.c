/* hsm/ceremony: every key of a plant on real tokens, once, and nothing left when it fails. */
#include "base/bytes.h"
#include "hsm/attack.h"
#include "hsm/backup.h"
#include "hsm/ceremony.h"
#include "hsm/key.h"
#include "hsm/password.h"
#include "tests/support/command.h"
#include "tests/support/softhsm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
/* cmocka.h needs the ones above */
#include <cmocka.h>

static struct softhsm softhsm;
static struct fault fault;

/* Labels of one ceremony, its directory and the way to its tokens. */
struct plant {
    struct token *tokens[5];
    struct secret *pin;
    char output[128];
};

static const char *const labels[] = {"root", "production", "recovery", "spare", "second"};

static void plant_close(struct plant *plant)
{
    for (size_t i = 0; i < ARRAY_SIZE(plant->tokens); i++)
        token_free(plant->tokens[i]);
    secret_free(plant->pin);
}

/* Tokens "<name>-root" and so on, two of them for production, and an empty directory "<name>". */
static void plant_open(struct plant *plant, const char *name, bool remote)
{
    char label[33];
    plant->pin = softhsm_secret(SOFTHSM_PIN);
    (void)snprintf(plant->output, sizeof plant->output, "%s/%s", softhsm.directory, name);
    assert_int_equal(mkdir(plant->output, 0700), 0);
    for (size_t i = 0; i < ARRAY_SIZE(labels); i++) {
        (void)snprintf(label, sizeof label, "%s-%s", name, labels[i]);
        assert_true(softhsm_make(label, &fault));
    }
    if (remote) {
        softhsm_kill_server(&softhsm);
        assert_true(softhsm_serve(&softhsm, SOFTHSM_MODULE, &fault));
    }
    for (size_t i = 0; i < ARRAY_SIZE(labels); i++) {
        (void)snprintf(label, sizeof label, "%s-%s", name, labels[i]);
        assert_true(softhsm_open(&softhsm, remote, label, &plant->tokens[i], &fault));
    }
}

static struct ceremony_tokens tokens_of(const struct plant *plant)
{
    return (struct ceremony_tokens){.root = plant->tokens[0],
                                    .root_pin = plant->pin,
                                    .production = {plant->tokens[1], plant->tokens[4]},
                                    .production_count = 2,
                                    .recovery = plant->tokens[2],
                                    .spare = plant->tokens[3]};
}

static struct ceremony_names names_of(const struct plant *plant)
{
    return (struct ceremony_names){.organization = "\xe5\x88\xbb\xe5\x8d\xb0 \"Plant\"",
                                   .country = "JP",
                                   .root_years = 30,
                                   .issuing_years = 20,
                                   .station_years = 2,
                                   .output = plant->output};
}

static bool perform(const struct plant *plant)
{
    const struct ceremony_tokens tokens = tokens_of(plant);
    const struct ceremony_names names = names_of(plant);
    fault = (struct fault){0};
    return ceremony_perform(&tokens, &names, &fault);
}

static const char *file_of(const struct plant *plant, const char *name)
{
    static char paths[4][160];
    static unsigned next;
    char *path = paths[next++ % ARRAY_SIZE(paths)];
    (void)snprintf(path, sizeof paths[0], "%s/%s", plant->output, name);
    return path;
}

static unsigned count_files(const struct plant *plant)
{
    char names[1024];
    const char *const argv[] = {"ls", "-A", plant->output, NULL};
    assert_int_equal(command_read(argv, names, sizeof names), 0);
    unsigned count = 0;
    for (const char *at = names; *at != '\0'; at++)
        count += *at == '\n';
    return count;
}

static int begin(void **state)
{
    (void)state;
    if (softhsm_start(&softhsm, &fault))
        return 0;
    print_error("%s\n", fault.text);
    return -1;
}

static int end(void **state)
{
    (void)state;
    softhsm_end(&softhsm);
    return 0;
}

static void check_with_openssl(const struct plant *plant, size_t production)
{
    static const char *const files[] = {"root.pem",         "issuing-1.pem", "station-1.pem",
                                        "checkpoint-1.pem", "recovery.pem",  "spare.pem",
                                        "issuing-2.pem",    "station-2.pem", "checkpoint-2.pem"};
    for (size_t i = 0; i < (production == 2 ? 9 : 6); i++) {
        const char *const argv[] = {
            "openssl", "verify", "-x509_strict", "-CAfile", file_of(plant, "root.pem"), file_of(plant, files[i]), NULL};
        assert_int_equal(command_run(argv), 0);
    }
    const char *const server[] = {"openssl",
                                  "verify",
                                  "-x509_strict",
                                  "-purpose",
                                  "sslserver",
                                  "-CAfile",
                                  file_of(plant, "root.pem"),
                                  file_of(plant, "station-1.pem"),
                                  NULL};
    assert_int_equal(command_run(server), 0);
}

static unsigned count_in(const char *text, const char *wanted)
{
    unsigned count = 0;
    for (const char *at = text; (at = strstr(at, wanted)); at++)
        count++;
    return count;
}

static void read_text(const struct plant *plant, const char *name, char *ret_text, size_t size)
{
    const char *const cat[] = {"cat", file_of(plant, name), NULL};
    assert_int_equal(command_read(cat, ret_text, size), 0);
}

static void check_record(const struct plant *plant, unsigned production, const char *wrap_test, const char *derive_test)
{
    char text[32768];
    const char *const parse[] = {"python3", "-m", "json.tool", file_of(plant, "ceremony.json"), "/dev/null", NULL};
    assert_int_equal(command_run(parse), 0);
    read_text(plant, "ceremony.json", text, sizeof text);
    static const char *const once[] = {KEY_ROOT, KEY_RECOVERY, KEY_SPARE};
    static const char *const on_each[] = {KEY_ISSUING, KEY_STATION, KEY_FINGERPRINT, KEY_CHECKPOINT};
    char wanted[64];
    for (size_t i = 0; i < ARRAY_SIZE(once); i++) {
        (void)snprintf(wanted, sizeof wanted, "\"label\": \"%s\"", once[i]);
        assert_int_equal(count_in(text, wanted), 1);
    }
    for (size_t i = 0; i < ARRAY_SIZE(on_each); i++) {
        (void)snprintf(wanted, sizeof wanted, "\"label\": \"%s\"", on_each[i]);
        assert_int_equal(count_in(text, wanted), production);
    }
    assert_int_equal(count_in(text, wrap_test), 3 + 4 * production);
    assert_int_equal(count_in(text, derive_test), 2);
    assert_non_null(strstr(text, "\"program\": \"kokuin " KOKUIN_VERSION "\""));
    assert_non_null(strstr(text, "\"CKA_ALWAYS_AUTHENTICATE\": true"));
    assert_null(strstr(text, "\"CKA_EXTRACTABLE\": true"));
    assert_null(strstr(text, "\"CKA_MODIFIABLE\": true"));
    assert_null(strstr(text, SOFTHSM_PIN));
}

static void performs(const struct plant *plant, const struct ceremony_tokens *tokens)
{
    const struct ceremony_names names = names_of(plant);
    if (!ceremony_perform(tokens, &names, &fault))
        fail_msg("%s", fault.text);
}

/* Again: neither the keys nor the files are touched. */
static void refuses_to_do_it_again(const struct plant *plant, const struct ceremony_tokens *tokens)
{
    const struct ceremony_names names = names_of(plant);
    char before[4096], after[4096];
    const char *const sums[] = {"sha256sum", file_of(plant, "root.pem"), file_of(plant, "ceremony.json"), NULL};
    assert_int_equal(command_read(sums, before, sizeof before), 0);
    assert_false(ceremony_perform(tokens, &names, &fault));
    assert_int_equal(fault.code, FAULT_HSM_KEY_EXISTS);
    assert_int_equal(command_read(sums, after, sizeof after), 0);
    assert_string_equal(before, after);
}

/* What passwords are compared by: the same password gives the same fingerprint on each production token. */
static void fingerprints_are_the_same(const struct plant *plant)
{
    uint8_t first[FINGERPRINT_SIZE], second[FINGERPRINT_SIZE];
    CLEANUP(secret_freep) struct secret *password = softhsm_secret("correct horse battery staple");
    assert_true(password_fingerprint(plant->tokens[1], password, first, &fault));
    assert_true(password_fingerprint(plant->tokens[4], password, second, &fault));
    assert_memory_equal(first, second, sizeof first);
}

/* Sixteen digits and a newline: the start of the HMAC over the key's label, computed here by the token itself. */
static void check_value_is_the_keys(const struct plant *plant)
{
    char text[64], hex[2 * MAKE_CHECK_SIZE + 2];
    uint8_t mac[FINGERPRINT_SIZE];
    CLEANUP(secret_freep) struct secret *label = softhsm_secret(KEY_FINGERPRINT);
    assert_true(password_fingerprint(plant->tokens[1], label, mac, &fault));
    hex_write(mac, MAKE_CHECK_SIZE, hex);
    memcpy(hex + 2 * (size_t)MAKE_CHECK_SIZE, "\n", 2);
    read_text(plant, "fingerprint.check", text, sizeof text);
    assert_string_equal(text, hex);
}

static void makes_a_whole_plant_directly(void **state)
{
    (void)state;
    CLEANUP(plant_close) struct plant plant = {0};
    plant_open(&plant, "near", false);
    const struct ceremony_tokens tokens = tokens_of(&plant);
    performs(&plant, &tokens);
    assert_int_equal(count_files(&plant), 14);
    check_with_openssl(&plant, 2);
    check_record(&plant, 2, "\"refused to leave\"", "\"agreed\"");
    fingerprints_are_the_same(&plant);
    check_value_is_the_keys(&plant);
    refuses_to_do_it_again(&plant, &tokens);
}

/* A p11-kit server passes no key wrapping: the one fingerprint key is born where it stays, and has no backup. */
static void makes_a_plant_through_a_server_and_says_what_it_could_not_test(void **state)
{
    (void)state;
    CLEANUP(plant_close) struct plant plant = {0};
    plant_open(&plant, "far", true);
    struct ceremony_tokens tokens = tokens_of(&plant);
    tokens.production_count = 1;
    performs(&plant, &tokens);
    assert_int_equal(count_files(&plant), 10);
    assert_int_equal(access(file_of(&plant, "fingerprint.backup"), F_OK), -1);
    check_with_openssl(&plant, 1);
    check_record(&plant, 1, "\"wrap test not possible here\"", "\"derive test not possible here\"");
    check_value_is_the_keys(&plant);
    refuses_to_do_it_again(&plant, &tokens);
}

static void refuses_two_production_tokens_that_no_key_can_reach(void **state)
{
    (void)state;
    CLEANUP(plant_close) struct plant plant = {0};
    plant_open(&plant, "apart", true);
    assert_false(perform(&plant));
    print_message("  %s: %s\n", fault_name(fault.code), fault.text);
    assert_int_equal(fault.code, FAULT_HSM_CANNOT);
    assert_int_equal(count_files(&plant), 0);
    for (size_t i = 0; i < ARRAY_SIZE(plant.tokens); i++)
        assert_true(make_check_free(plant.tokens[i], i == 0 ? KEY_ROOT : KEY_FINGERPRINT, &fault));
}

/* Who holds the recovery token can open the backup; it opens to the same value, and to nothing when it was changed. */
static void the_backup_opens_with_the_recovery_key_and_no_other(void **state)
{
    (void)state;
    CLEANUP(plant_close) struct plant plant = {0};
    plant_open(&plant, "kept", false);
    assert_true(perform(&plant));
    char text[1024];
    read_text(&plant, "fingerprint.backup", text, sizeof text);
    struct backup backup, changed;
    assert_true(backup_read(text, strlen(text), &backup, &fault));
    CLEANUP(carry_drop) struct carried opened = {0};
    assert_true(backup_open(plant.tokens[2], &backup, &opened, &fault));

    assert_false(backup_open(plant.tokens[3], &backup, &opened, &fault));
    assert_int_equal(fault.code, FAULT_HSM_KEY_NOT_FOUND);
    changed = backup;
    changed.parcel.wrapped[7] ^= 1;
    assert_false(backup_open(plant.tokens[2], &changed, &opened, &fault));
    assert_int_equal(fault.code, FAULT_HSM_CANNOT);
    changed = backup;
    changed.check[0] ^= 1;
    assert_false(backup_open(plant.tokens[2], &changed, &opened, &fault));
    assert_int_equal(fault.code, FAULT_HSM_KEY_WRONG);
    changed = backup;
    changed.recovery[9] ^= 1;
    assert_false(backup_open(plant.tokens[2], &changed, &opened, &fault));
    assert_int_equal(fault.code, FAULT_HSM_KEY_WRONG);
    changed = backup;
    changed.parcel.point[9] ^= 1;
    assert_false(backup_open(plant.tokens[2], &changed, &opened, &fault));
    assert_int_equal(fault.code, FAULT_CRYPTO);

    for (size_t size = 0; size < strlen(text); size++) {
        assert_false(backup_read(text, size, &changed, &fault));
        assert_int_equal(fault.code, FAULT_BAD_BYTES);
    }
    size_t length = strlen(text);
    text[length] = 'x';
    assert_false(backup_read(text, length + 1, &changed, &fault));
}

static void a_plant_without_a_spare_is_whole(void **state)
{
    (void)state;
    CLEANUP(plant_close) struct plant plant = {0};
    plant_open(&plant, "lean", false);
    struct ceremony_tokens tokens = tokens_of(&plant);
    const struct ceremony_names names = names_of(&plant);
    tokens.spare = NULL;
    assert_true(ceremony_perform(&tokens, &names, &fault));
    assert_int_equal(count_files(&plant), 13);
    assert_int_equal(access(file_of(&plant, "spare.pem"), F_OK), -1);
}

/* The keys made before the failure are gone again: the same tokens serve the next try. */
static void a_failed_ceremony_leaves_nothing(void **state)
{
    (void)state;
    CLEANUP(plant_close) struct plant plant = {0};
    plant_open(&plant, "twice", false);
    const struct ceremony_names names = names_of(&plant);
    struct ceremony_tokens tokens = tokens_of(&plant);
    CLEANUP(secret_freep) struct secret *wrong = softhsm_secret("86420975");
    tokens.root_pin = wrong;
    assert_false(ceremony_perform(&tokens, &names, &fault));
    print_message("  %s: %s\n", fault_name(fault.code), fault.text);
    assert_int_equal(fault.code, FAULT_HSM_PIN);
    assert_int_equal(count_files(&plant), 0);
    assert_true(perform(&plant));
}

static void a_key_on_any_token_stops_the_ceremony_first(void **state)
{
    (void)state;
    CLEANUP(plant_close) struct plant plant = {0};
    plant_open(&plant, "taken", false);
    static const struct make_order order = {.label = KEY_SPARE, .use = MAKE_DERIVE};
    struct made_key made;
    assert_true(make_key(plant.tokens[3], &order, &made, &fault));
    assert_false(perform(&plant));
    assert_int_equal(fault.code, FAULT_HSM_KEY_EXISTS);
    assert_int_equal(count_files(&plant), 0);
    assert_true(make_check_free(plant.tokens[0], KEY_ROOT, &fault));
}

static void a_file_that_is_there_stops_the_ceremony_first(void **state)
{
    (void)state;
    CLEANUP(plant_close) struct plant plant = {0};
    plant_open(&plant, "filed", false);
    FILE *file = fopen(file_of(&plant, "spare.pem"), "we");
    assert_non_null(file);
    (void)fclose(file);
    assert_false(perform(&plant));
    assert_int_equal(fault.code, FAULT_FILE);
    assert_true(make_check_free(plant.tokens[0], KEY_ROOT, &fault));
    assert_int_equal(count_files(&plant), 1);
}

static void names_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    CLEANUP(plant_close) struct plant plant = {0};
    plant_open(&plant, "named", false);
    const struct ceremony_tokens tokens = tokens_of(&plant);
    const struct ceremony_names good = names_of(&plant);
    struct ceremony_names cases[8];
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        cases[i] = good;
    cases[0].organization = "";
    cases[1].organization = "12345678901234567890123456789012345678901234567890123456789012345";
    cases[2].country = "jp";
    cases[3].country = "JPN";
    cases[4].root_years = 0;
    cases[5].issuing_years = 101;
    cases[6].station_years = 0;
    cases[7].organization = NULL;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_false(ceremony_perform(&tokens, &cases[i], &fault));
        assert_int_equal(fault.code, FAULT_USAGE);
    }
    cases[0] = good;
    struct ceremony_tokens none = tokens;
    none.production_count = 0;
    assert_false(ceremony_perform(&none, &good, &fault));
    assert_int_equal(fault.code, FAULT_USAGE);
    cases[0].output = "/nonexistent";
    assert_false(ceremony_perform(&tokens, &cases[0], &fault));
    assert_int_equal(fault.code, FAULT_FILE);
    assert_true(make_check_free(plant.tokens[0], KEY_ROOT, &fault));
}

/* A key that the token would let out, made behind the ceremony's back. */
static CK_RV make_loose_key(struct token *token, const char *label, CK_BBOOL sensitive, struct made_key *made)
{
    static CK_BBOOL yes = CK_TRUE;
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_GENERIC_SECRET;
    CK_ULONG size = 32;
    CK_ATTRIBUTE key[] = {
        {CKA_CLASS, &class, sizeof class},         {CKA_KEY_TYPE, &type, sizeof type},
        {CKA_VALUE_LEN, &size, sizeof size},       {CKA_TOKEN, &yes, sizeof yes},
        {CKA_PRIVATE, &yes, sizeof yes},           {CKA_SENSITIVE, &sensitive, sizeof sensitive},
        {CKA_EXTRACTABLE, &yes, sizeof yes},       {CKA_SIGN, &yes, sizeof yes},
        {CKA_LABEL, (char *)label, strlen(label)},
    };
    const struct call_template template = {key, ARRAY_SIZE(key)};
    call_make_writable(&token->session);
    return call_make_key(&token->session, CKM_GENERIC_SECRET_KEY_GEN, &template, &made->key.handle);
}

static void a_key_that_leaves_is_noticed_and_never_used(void **state)
{
    (void)state;
    static const struct make_order order = {.label = KEY_FINGERPRINT, .use = MAKE_MAC};
    CLEANUP(token_freep) struct token *token = NULL;
    CK_OBJECT_HANDLE found;
    assert_true(softhsm_make("loose", &fault));
    assert_true(softhsm_open(&softhsm, false, "loose", &token, &fault));

    struct made_key wrapped = {.order = &order, .token = token};
    assert_int_equal(make_loose_key(token, KEY_FINGERPRINT, CK_TRUE, &wrapped), CKR_OK);
    assert_false(attack_key(&wrapped, &fault));
    print_message("  %s: %s\n", fault_name(fault.code), fault.text);
    assert_int_equal(fault.code, FAULT_HSM_KEY_LEAVES);
    assert_non_null(strstr(fault.text, "wrapped out"));
    assert_false(key_find_secret(token, KEY_FINGERPRINT, &found, &fault));
    assert_int_equal(fault.code, FAULT_HSM_KEY_WRONG);
    make_undo(&wrapped);

    struct made_key readable = {.order = &order, .token = token};
    assert_int_equal(make_loose_key(token, KEY_FINGERPRINT, CK_FALSE, &readable), CKR_OK);
    assert_false(attack_key(&readable, &fault));
    assert_int_equal(fault.code, FAULT_HSM_KEY_LEAVES);
    assert_non_null(strstr(fault.text, "can be read"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makes_a_whole_plant_directly),
        cmocka_unit_test(makes_a_plant_through_a_server_and_says_what_it_could_not_test),
        cmocka_unit_test(refuses_two_production_tokens_that_no_key_can_reach),
        cmocka_unit_test(the_backup_opens_with_the_recovery_key_and_no_other),
        cmocka_unit_test(a_plant_without_a_spare_is_whole),
        cmocka_unit_test(a_failed_ceremony_leaves_nothing),
        cmocka_unit_test(a_key_on_any_token_stops_the_ceremony_first),
        cmocka_unit_test(a_file_that_is_there_stops_the_ceremony_first),
        cmocka_unit_test(names_that_do_not_fit_are_refused),
        cmocka_unit_test(a_key_that_leaves_is_noticed_and_never_used),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
