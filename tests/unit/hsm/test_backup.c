/* hsm/check, hsm/archive: a plant held against its records, copied, and a lost production token restored. */
#include "hsm/archive.h"
#include "hsm/key.h"
#include "hsm/make.h"
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

enum { ROOT, FIRST, SECOND, RECOVERY, SPARE, THIRD, FOURTH, TOKENS };

static const char *const labels[TOKENS] = {"root", "first", "second", "recovery", "spare", "third", "fourth"};
static struct softhsm softhsm;
static struct token *opened[TOKENS];
static struct secret *pin;
static struct fault fault;

static const char *path_of(const char *name)
{
    static char paths[6][160];
    static unsigned next;
    char *path = paths[next++ % ARRAY_SIZE(paths)];
    (void)snprintf(path, sizeof paths[0], "%s/%s", softhsm.directory, name);
    return path;
}

/* The plan with these production tokens. */
static struct ceremony_tokens with(struct token *one, struct token *other)
{
    return (struct ceremony_tokens){.root = opened[ROOT],
                                    .root_pin = pin,
                                    .production = {one, other},
                                    .production_count = other ? 2 : 1,
                                    .recovery = opened[RECOVERY],
                                    .spare = opened[SPARE]};
}

static struct ceremony_names names_of(void)
{
    return (struct ceremony_names){.organization = "Plant",
                                   .country = "JP",
                                   .root_years = 30,
                                   .issuing_years = 20,
                                   .station_years = 2,
                                   .output = path_of("ca"),
                                   .people = {{"Sato <b>&", "custodian \"one\""}},
                                   .person_count = 1};
}

static int begin(void **state)
{
    (void)state;
    if (!softhsm_start(&softhsm, &fault))
        return -1;
    pin = softhsm_secret(SOFTHSM_PIN);
    for (size_t i = 0; i < TOKENS; i++)
        if (!softhsm_make(labels[i], &fault))
            return -1;
    for (size_t i = 0; i < TOKENS; i++)
        if (!softhsm_open(&softhsm, false, labels[i], &opened[i], &fault))
            return -1;
    const struct ceremony_tokens tokens = with(opened[FIRST], opened[SECOND]);
    if (mkdir(path_of("ca"), 0700) != 0)
        return -1;
    const struct ceremony_names names = names_of();
    if (ceremony_perform(&tokens, &names, &fault))
        return 0;
    print_error("%s\n", fault.text);
    return -1;
}

static int end(void **state)
{
    (void)state;
    for (size_t i = 0; i < TOKENS; i++)
        token_free(opened[i]);
    secret_free(pin);
    softhsm_end(&softhsm);
    return 0;
}

struct told {
    unsigned good, different;
    char last[64]; /* the name of the last difference */
};

static void note(void *context, const char *name, const char *token, const struct fault *difference)
{
    struct told *told = context;
    (void)token;
    told->good += !difference;
    told->different += difference != NULL;
    if (difference)
        (void)snprintf(told->last, sizeof told->last, "%s", name);
}

static bool check(const struct ceremony_tokens *tokens, struct told *ret_told)
{
    const struct ceremony_names names = names_of();
    *ret_told = (struct told){0};
    fault = (struct fault){0};
    return ceremony_check(tokens, &names, note, ret_told, &fault);
}

static void run(const char *script, const char *argument)
{
    const char *const argv[] = {"sh", "-ec", script, "sh", argument, NULL};
    assert_int_equal(command_run(argv), 0);
}

/* Root, recovery, spare, four of each production token, the check value, the backup. */
static void a_plant_is_as_its_record_says(void **state)
{
    (void)state;
    const struct ceremony_tokens tokens = with(opened[FIRST], opened[SECOND]);
    struct told told;
    if (!check(&tokens, &told))
        fail_msg("%s: %s", told.last, fault.text);
    assert_int_equal(told.good, 13);
    assert_int_equal(told.different, 0);
}

/* Does it, looks, and undoes it: the difference is named with the fault of its kind, and nothing else differs. */
static void differs(const char *spoil, const char *name, enum fault_code code)
{
    const struct ceremony_tokens tokens = with(opened[FIRST], opened[SECOND]);
    struct told told;
    run("rm -rf \"$1.whole\" && cp -a \"$1\" \"$1.whole\"", path_of("ca"));
    run(spoil, path_of("ca"));
    assert_false(check(&tokens, &told));
    print_message("  %s: %s: %s\n", told.last, fault_name(fault.code), fault.text);
    run("rm -rf \"$1\" && mv \"$1.whole\" \"$1\"", path_of("ca"));
    assert_string_equal(told.last, name);
    assert_int_equal(told.different, 1);
    assert_int_equal(fault.code, code);
}

static void each_changed_file_is_a_difference(void **state)
{
    (void)state;
    differs("cp \"$1/station-1.pem\" \"$1/station-2.pem\"", "station-2", FAULT_CERTIFICATE_REFUSED);
    differs("rm \"$1/checkpoint-1.pem\"", "checkpoint-1", FAULT_FILE);
    differs("sed -i '/kokuin-recovery/,/CKA_SIGN/s/\"CKA_SIGN\": false/\"CKA_SIGN\": true/' \"$1/ceremony.json\"",
            "recovery", FAULT_HSM_KEY_WRONG);
    differs("sed -i '/kokuin-spare/,/\"id\"/s/\"id\": \"../\"id\": \"zz/' \"$1/ceremony.json\"", "spare",
            FAULT_BAD_BYTES);
    differs("rm \"$1/fingerprint.backup\"", "fingerprint.backup", FAULT_FILE);
    differs("sed -i 's/^wrapped ..../wrapped 0000/' \"$1/fingerprint.backup\"", "fingerprint.backup", FAULT_HSM_CANNOT);
}

static void a_plant_without_a_record_is_refused(void **state)
{
    (void)state;
    const struct ceremony_tokens tokens = with(opened[FIRST], opened[SECOND]);
    struct ceremony_names names = names_of();
    struct told told = {0};
    names.output = softhsm.directory;
    assert_false(ceremony_check(&tokens, &names, note, &told, &fault));
    assert_int_equal(fault.code, FAULT_FILE);
    const struct ceremony_tokens strange = with(opened[FIRST], opened[FOURTH]);
    assert_false(check(&strange, &told));
    assert_string_equal(told.last, "production");
    assert_int_equal(fault.code, FAULT_HSM_KEY_NOT_FOUND);
}

static void a_second_key_of_a_label_is_a_difference(void **state)
{
    (void)state;
    static const struct make_order order = {.label = KEY_RECOVERY, .use = MAKE_DERIVE};
    const struct ceremony_tokens tokens = with(opened[FIRST], opened[SECOND]);
    struct made_key another;
    struct told told;
    assert_true(make_choose(opened[RECOVERY], &order, &another, &fault));
    assert_true(make_create(&another, &fault));
    assert_false(check(&tokens, &told));
    assert_int_equal(fault.code, FAULT_HSM_KEY_EXISTS);
    make_undo(&another);
    assert_true(check(&tokens, &told));
}

static bool back_up(const struct ceremony_tokens *tokens, const char *directory)
{
    const struct ceremony_names names = names_of();
    struct told told = {0};
    fault = (struct fault){0};
    return archive_make(tokens, &names, path_of(directory), note, &told, &fault);
}

static void a_copy_is_whole_and_stock_tools_read_its_manifest(void **state)
{
    (void)state;
    const struct ceremony_tokens tokens = with(opened[FIRST], opened[SECOND]);
    if (!back_up(&tokens, "kept"))
        fail_msg("%s", fault.text);
    run("cd \"$1/kept\" && sha256sum --strict -c manifest.sha256 >/dev/null && "
        "test \"$(ls -A | grep -v manifest | sort)\" = \"$(ls -A ../ca | sort)\" && test ! -e ../kept.part",
        softhsm.directory);

    assert_false(back_up(&tokens, "kept"));
    assert_int_equal(fault.code, FAULT_FILE);
    assert_non_null(strstr(fault.text, "not empty"));
    run("mkdir \"$1/empty\" \"$1/other.part\" && touch \"$1/other.part/half-written\"", softhsm.directory);
    assert_true(back_up(&tokens, "empty"));
    assert_true(back_up(&tokens, "other"));
    run("test ! -e \"$1/other/half-written\"", softhsm.directory);
}

/* No copy of a plant that is not as it should be. */
static void a_plant_that_differs_is_not_copied(void **state)
{
    (void)state;
    const struct ceremony_tokens tokens = with(opened[FIRST], opened[SECOND]);
    run("mv \"$1/ca/fingerprint.backup\" \"$1/away\"", softhsm.directory);
    assert_false(back_up(&tokens, "broken"));
    run("mv \"$1/away\" \"$1/ca/fingerprint.backup\" && test ! -e \"$1/broken\" && test ! -e \"$1/broken.part\"",
        softhsm.directory);
}

static bool restore(const struct ceremony_tokens *tokens, const char *directory, unsigned *ret_number)
{
    const struct ceremony_names names = names_of();
    fault = (struct fault){0};
    return archive_restore(tokens, &names, path_of(directory), ret_number, &fault);
}

static void refuses(const struct ceremony_tokens *tokens, const char *directory, enum fault_code code)
{
    unsigned number = 77;
    assert_false(restore(tokens, directory, &number));
    print_message("  %s: %s\n", fault_name(fault.code), fault.text);
    assert_int_equal(fault.code, code);
    assert_int_equal(number, 77);
    assert_true(make_check_free(opened[THIRD], KEY_ISSUING, &fault));
    assert_true(make_check_free(opened[THIRD], KEY_FINGERPRINT, &fault));
    run("test -z \"$(ls -A \"$1\" | grep -e 3 -e restore)\"", path_of("ca"));
}

static void a_damaged_copy_is_refused_before_anything_is_made(void **state)
{
    (void)state;
    static const char *const spoils[] = {
        "rm spoilt/root.pem",
        "sed -i 's/^wrapped ./wrapped /' spoilt/fingerprint.backup",
        "truncate -s -1 spoilt/manifest.sha256",
        "rm spoilt/manifest.sha256",
        ": >spoilt/manifest.sha256",
        "sed -i 's/  root/  .root/' spoilt/manifest.sha256",
        "printf 'x\\n' >>spoilt/manifest.sha256",
        /* whole by its manifest, and still not what it must be */
        "rm spoilt/fingerprint.check && grep -v fingerprint.check kept/manifest.sha256 >spoilt/manifest.sha256",
        "cd spoilt && printf '0000000000000000\\n' >fingerprint.check && sha256sum *.* >../m && mv ../m "
        "manifest.sha256 && "
        "sed -i /manifest/d manifest.sha256",
    };
    const struct ceremony_tokens tokens = with(opened[SECOND], opened[THIRD]);
    for (size_t i = 0; i < ARRAY_SIZE(spoils); i++) {
        char script[512];
        (void)snprintf(script, sizeof script, "cd \"$1\" && rm -rf spoilt && cp -a kept spoilt && %s", spoils[i]);
        run(script, softhsm.directory);
        refuses(&tokens, "spoilt", FAULT_BACKUP_DAMAGED);
    }
    run("cd \"$1\" && rm -rf spoilt && cp -a kept spoilt && cd spoilt && cp station-1.pem root.pem && "
        "rm manifest.sha256 && sha256sum *.* >../m && mv ../m manifest.sha256",
        softhsm.directory);
    refuses(&tokens, "spoilt", FAULT_HSM_KEY_WRONG);
    /* whole and of one piece, but another plant's */
    run("cd \"$1\" && rm -rf spoilt && cp -a kept spoilt && cd spoilt && printf '0123456789abcdef\\n' "
        ">fingerprint.check && "
        "sed -i 's/^check .*/check 0123456789abcdef/' fingerprint.backup && rm manifest.sha256 && sha256sum *.* >../m "
        "&& "
        "mv ../m manifest.sha256",
        softhsm.directory);
    refuses(&tokens, "spoilt", FAULT_HSM_KEY_WRONG);
    run("mv \"$1/ca/fingerprint.check\" \"$1/away\"", softhsm.directory);
    refuses(&tokens, "kept", FAULT_FILE);
    run("mv \"$1/away\" \"$1/ca/fingerprint.check\"", softhsm.directory);
}

static void exactly_one_token_of_the_plan_must_be_new(void **state)
{
    (void)state;
    const struct ceremony_tokens none = with(opened[FIRST], opened[SECOND]), two = with(opened[THIRD], opened[FOURTH]);
    refuses(&none, "kept", FAULT_CONFIG_VALUE);
    refuses(&two, "kept", FAULT_CONFIG_VALUE);
}

static void the_same_fingerprint_on(struct token *one, struct token *other)
{
    uint8_t a[FINGERPRINT_SIZE], b[FINGERPRINT_SIZE];
    CLEANUP(secret_freep) struct secret *password = softhsm_secret("correct horse battery staple");
    assert_true(password_fingerprint(one, password, a, &fault));
    assert_true(password_fingerprint(other, password, b, &fault));
    assert_memory_equal(a, b, sizeof a);
}

static void a_lost_token_is_replaced_and_its_number_never_given_again(void **state)
{
    (void)state;
    unsigned number;
    struct told told;
    const struct ceremony_tokens tokens = with(opened[SECOND], opened[THIRD]);
    if (!restore(&tokens, "kept", &number))
        fail_msg("%s", fault.text);
    assert_int_equal(number, 3);
    run("cd \"$1\" && for i in issuing station checkpoint; do openssl verify -x509_strict -CAfile root.pem $i-3.pem "
        ">/dev/null; done && python3 -m json.tool restore-3.json >/dev/null && test -s restore-3.html",
        path_of("ca"));
    the_same_fingerprint_on(opened[FIRST], opened[THIRD]);
    if (!check(&tokens, &told))
        fail_msg("%s: %s", told.last, fault.text);
    assert_int_equal(told.good, 13);

    assert_false(restore(&tokens, "kept", &number));
    assert_int_equal(fault.code, FAULT_CONFIG_VALUE);
    const struct ceremony_tokens later = with(opened[SECOND], opened[FOURTH]);
    assert_true(restore(&later, "kept", &number));
    assert_int_equal(number, 4);
    the_same_fingerprint_on(opened[FIRST], opened[FOURTH]);
}

/* Last: the plant is broken afterwards. */
static void a_key_that_is_gone_is_a_difference(void **state)
{
    (void)state;
    const struct ceremony_tokens tokens = with(opened[FIRST], opened[SECOND]);
    CK_OBJECT_HANDLE key;
    struct told told;
    assert_true(key_find_secret(opened[SECOND], KEY_FINGERPRINT, &key, &fault));
    call_make_writable(&opened[SECOND]->session);
    call_destroy(&opened[SECOND]->session, key);
    assert_false(check(&tokens, &told));
    assert_string_equal(told.last, "fingerprint-2");
    assert_int_equal(fault.code, FAULT_HSM_KEY_NOT_FOUND);
}

/* Names of custodians are shown as they are, and are no markup. */
static void the_page_escapes_what_comes_from_outside(void **state)
{
    (void)state;
    run("grep -q 'Sato &#60;b&#62;&#38;' \"$1/ceremony.html\" && grep -q 'custodian &#34;one&#34;' "
        "\"$1/ceremony.html\" && "
        "! grep -qi '<script\\|<b>&' \"$1/ceremony.html\" && "
        "test \"$(sha256sum <\"$1/ceremony.json\" | cut -c -64)\" = "
        "\"$(sed -n 's/^<p class=\"print\">//p' \"$1/ceremony.html\" | sed 's/<[^>]*>//g; s/ //g')\"",
        path_of("ca"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plant_is_as_its_record_says),
        cmocka_unit_test(the_page_escapes_what_comes_from_outside),
        cmocka_unit_test(each_changed_file_is_a_difference),
        cmocka_unit_test(a_plant_without_a_record_is_refused),
        cmocka_unit_test(a_second_key_of_a_label_is_a_difference),
        cmocka_unit_test(a_copy_is_whole_and_stock_tools_read_its_manifest),
        cmocka_unit_test(a_plant_that_differs_is_not_copied),
        cmocka_unit_test(a_damaged_copy_is_refused_before_anything_is_made),
        cmocka_unit_test(exactly_one_token_of_the_plan_must_be_new),
        cmocka_unit_test(a_lost_token_is_replaced_and_its_number_never_given_again),
        cmocka_unit_test(a_key_that_is_gone_is_a_difference),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
