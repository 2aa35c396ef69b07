/* hsm/open: what was sealed opens with the recovery or the spare key in its token, for the right unit only. */
#include "hsm/open.h"
#include "hsm/password.h"
#include "tests/support/command.h"
#include "tests/support/memory_scan.h"
#include "tests/support/softhsm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
/* cmocka.h needs the ones above */
#include <cmocka.h>

#define SERIAL "KR000000001X"
#define PASSWORD "Kq7vX2mWp9RtYb4Z"

static struct softhsm softhsm;
static struct token *token, *spare;
static struct sealer *sealer;
static struct fault fault;

static int begin(void **state)
{
    (void)state;
    if (softhsm_start(&softhsm, &fault) && softhsm_plant(&softhsm, &fault) &&
        softhsm_serve(&softhsm, SOFTHSM_MODULE, &fault) && softhsm_open(&softhsm, false, "recovery", &token, &fault) &&
        softhsm_open(&softhsm, false, "spare", &spare, &fault)) {
        const char *const both[] = {softhsm_file(&softhsm, "recovery.pem"), softhsm_file(&softhsm, "spare.pem")};
        if (sealer_open(both, 2, &sealer, &fault))
            return 0;
    }
    print_error("%s\n", fault.text);
    return -1;
}

static int end(void **state)
{
    (void)state;
    sealer_free(TAKE(sealer));
    token_free(TAKE(spare));
    token_free(TAKE(token));
    softhsm_end(&softhsm);
    return 0;
}

static void write_file(const char *path, const void *bytes, size_t size)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static struct sealed seal_it(const char *serial, const char *kind, const char *text)
{
    struct sealed sealed;
    CLEANUP(secret_freep) struct secret *password = softhsm_secret(text);
    assert_true(seal_password(sealer, serial, kind, password, &sealed, &fault));
    return sealed;
}

static struct open_request request_for(const struct sealed *sealed, enum open_key key)
{
    return (struct open_request){.key = key,
                                 .certificate_path =
                                     softhsm_file(&softhsm, key == OPEN_RECOVERY ? "recovery.pem" : "spare.pem"),
                                 .blob = sealed->der,
                                 .size = sealed->size,
                                 .serial = SERIAL,
                                 .kind = "admin"};
}

static void gives(struct token *from, const struct open_request *request, const char *text)
{
    CLEANUP(secret_freep) struct secret *password = NULL;
    CLEANUP(secret_freep) struct secret *expected = softhsm_secret(text);
    if (!seal_open(from, request, &password, &fault))
        fail_msg("%s", fault.text);
    assert_true(secret_equal(password, expected));
}

static void refuses(struct token *from, const struct open_request *request, enum fault_code code, const char *words)
{
    CLEANUP(secret_freep) struct secret *password = NULL;
    fault = (struct fault){0};
    assert_false(seal_open(from, request, &password, &fault));
    assert_null(password);
    if (fault.code != code || !strstr(fault.text, words))
        fail_msg("%s: %s; expected %s '%s'", fault_name(fault.code), fault.text, fault_name(code), words);
    assert_null(strstr(fault.text, PASSWORD));
}

static void either_key_opens_it(void **state)
{
    (void)state;
    char longest[129];
    memset(longest, 'x', 128);
    longest[128] = '\0';
    const char *const texts[] = {PASSWORD, "x", "with\nbreak", longest};
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        const struct sealed sealed = seal_it(SERIAL, "admin", texts[i]);
        const struct open_request by_recovery = request_for(&sealed, OPEN_RECOVERY);
        const struct open_request by_spare = request_for(&sealed, OPEN_SPARE);
        gives(token, &by_recovery, texts[i]);
        gives(spare, &by_spare, texts[i]);
    }
}

static void another_units_blob_is_refused(void **state)
{
    (void)state;
    const struct sealed sealed = seal_it("KR0000000028", "admin", PASSWORD), wifi = seal_it(SERIAL, "wifi", PASSWORD);
    struct open_request request = request_for(&sealed, OPEN_RECOVERY);
    refuses(token, &request, FAULT_SEAL, "another unit's");
    request = request_for(&wifi, OPEN_RECOVERY);
    refuses(token, &request, FAULT_SEAL, "another unit's");
    static const char *const names[] = {"", "KR000000001", "KR000000001X\nadmin", "kr000000001x"};
    const struct sealed good = seal_it(SERIAL, "admin", PASSWORD);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        request = request_for(&good, OPEN_RECOVERY);
        request.serial = names[i];
        refuses(token, &request, FAULT_SEAL, "");
        request = request_for(&good, OPEN_RECOVERY);
        request.kind = names[i];
        refuses(token, &request, FAULT_SEAL, "");
    }
}

static void the_wrong_key_is_refused(void **state)
{
    (void)state;
    const struct sealed both = seal_it(SERIAL, "admin", PASSWORD);
    struct open_request request = request_for(&both, OPEN_SPARE);
    refuses(token, &request, FAULT_HSM_KEY_NOT_FOUND, "kokuin-spare");
    request = request_for(&both, OPEN_RECOVERY);
    request.certificate_path = softhsm_file(&softhsm, "spare.pem");
    refuses(token, &request, FAULT_HSM_KEY_WRONG, "not its certificate's");
    request.certificate_path = "/nonexistent.pem";
    refuses(token, &request, FAULT_FILE, "/nonexistent.pem");

    const char *const one[] = {softhsm_file(&softhsm, "recovery.pem")};
    CLEANUP(sealer_freep) struct sealer *single = NULL;
    CLEANUP(secret_freep) struct secret *password = softhsm_secret(PASSWORD);
    struct sealed sealed;
    assert_true(sealer_open(one, 1, &single, &fault));
    assert_true(seal_password(single, SERIAL, "admin", password, &sealed, &fault));
    request = request_for(&sealed, OPEN_SPARE);
    refuses(spare, &request, FAULT_SEAL, "not sealed to this certificate");
}

/* Whichever byte is changed, and wherever it is cut, nothing comes out. */
static void a_damaged_blob_is_refused(void **state)
{
    (void)state;
    const char *const one[] = {softhsm_file(&softhsm, "recovery.pem")};
    CLEANUP(sealer_freep) struct sealer *single = NULL;
    CLEANUP(secret_freep) struct secret *password = softhsm_secret(PASSWORD);
    struct sealed sealed;
    assert_true(sealer_open(one, 1, &single, &fault));
    assert_true(seal_password(single, SERIAL, "admin", password, &sealed, &fault));
    struct open_request request = request_for(&sealed, OPEN_RECOVERY);
    const size_t size = sealed.size;
    for (size_t i = 0; i < size; i++) {
        sealed.der[i] ^= 1;
        refuses(token, &request, FAULT_SEAL, "");
        sealed.der[i] ^= 1;
    }
    for (request.size = 0; request.size < size; request.size++)
        refuses(token, &request, FAULT_SEAL, "");

    uint8_t longer[SEALED_MAX + 1] = {0};
    memcpy(longer, sealed.der, size);
    request.blob = longer;
    request.size = size + 1;
    refuses(token, &request, FAULT_SEAL, "cut or not as");
    request.size = sizeof longer;
    refuses(token, &request, FAULT_SEAL, "cut or not as");
    request.size = size;
    gives(token, &request, PASSWORD);
}

/* p11-kit 0.24 passes no key agreement: that is said, and nothing is tried instead. */
static void a_server_that_passes_no_key_agreement_is_refused(void **state)
{
    (void)state;
    CLEANUP(token_freep) struct token *remote = NULL;
    const struct sealed sealed = seal_it(SERIAL, "admin", PASSWORD);
    const struct open_request request = request_for(&sealed, OPEN_RECOVERY);
    assert_true(softhsm_open(&softhsm, true, "recovery", &remote, &fault));
    refuses(remote, &request, FAULT_HSM_CALL, "C_DeriveKey");
}

/* The commands of README.md, as they stand there, with the names that its table asks for. */
static void the_readme_opens_it_without_this_program(void **state)
{
    (void)state;
    char directory[96], path[128], pin[96];
    (void)snprintf(directory, sizeof directory, "%s/ca", softhsm.directory);
    (void)snprintf(path, sizeof path, "%s/sealed.der", directory);
    (void)snprintf(pin, sizeof pin, "%s/pin", softhsm.directory);
    const struct sealed sealed = seal_it(SERIAL, "admin", PASSWORD);
    write_file(path, sealed.der, sealed.size);
    write_file(pin, SOFTHSM_PIN, strlen(SOFTHSM_PIN));
    static const char script[] =
        "cd \"$1\" && export SERIAL=\"$3\" MODULE=\"$4\" TOKEN=recovery PIN_FILE=\"$5\" && "
        "sed -n '/^## Opening without/,/^## How/s/^    //p' \"$2\" >commands && test \"$(wc -l <commands)\" -ge 6 && "
        "sh -eu commands";
    const char *argv[] = {"sh", "-c", script, "sh", directory, HSM_README, SERIAL, SOFTHSM_MODULE, pin, NULL};
    char text[4096];
    assert_int_equal(command_read(argv, text, sizeof text), 0);
    assert_non_null(strstr(text, "admin\n" PASSWORD));
    (void)snprintf(path, sizeof path, "%s/opened", directory);
    assert_int_not_equal(access(path, F_OK), 0);

    argv[6] = "KR0000000028"; /* another unit's serial: the commands themselves notice */
    assert_int_not_equal(command_read(argv, text, sizeof text), 0);
    assert_null(strstr(text, PASSWORD));
}

static void opening_leaves_no_copy_of_the_password(void **state)
{
    (void)state;
    static const char alphabet[] = "23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    CLEANUP(secret_freep) struct secret *password = NULL;
    struct sealed sealed;
    assert_true(password_draw(token, alphabet, 24, &password, &fault));
    assert_true(seal_password(sealer, SERIAL, "admin", password, &sealed, &fault));
    const struct open_request request = request_for(&sealed, OPEN_RECOVERY);
    CLEANUP(secret_freep) struct secret *out = NULL;
    assert_true(seal_open(token, &request, &out, &fault));
    assert_true(secret_equal(out, password));
    assert_int_equal(memory_scan(secret_read(password), 24), 1); /* the one that was asked for */
    secret_free(TAKE(out));
    assert_int_equal(memory_scan(secret_read(password), 24), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(either_key_opens_it),
        cmocka_unit_test(another_units_blob_is_refused),
        cmocka_unit_test(the_wrong_key_is_refused),
        cmocka_unit_test(a_damaged_blob_is_refused),
        cmocka_unit_test(a_server_that_passes_no_key_agreement_is_refused),
        cmocka_unit_test(the_readme_opens_it_without_this_program),
        cmocka_unit_test(opening_leaves_no_copy_of_the_password),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
