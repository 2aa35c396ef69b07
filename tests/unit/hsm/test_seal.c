/* hsm/seal: what is sealed opens with stock openssl and the recovery token, and leaves no copy of the password. */
#include "hsm/password.h"
#include "hsm/seal.h"
#include "tests/support/command.h"
#include "tests/support/memory_scan.h"
#include "tests/support/softhsm.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka.h needs the ones above */
#include <cmocka.h>

#define SERIAL "KR000000001X"
#define PASSWORD "Kq7vX2mWp9RtYb4Z"

static struct softhsm softhsm;
static struct token *token;
static struct sealer *sealer;
static struct fault fault;

static int begin(void **state)
{
    (void)state;
    /* OpenSSL's engine takes the PIN from the URI; these files name the ways to it for the openssl command only. */
    if (softhsm_start(&softhsm, &fault) && softhsm_plant(&softhsm, &fault) &&
        softhsm_serve(&softhsm, SOFTHSM_MODULE, &fault) && softhsm_open(&softhsm, true, "production", &token, &fault) &&
        setenv("PKCS11_MODULE_PATH", SOFTHSM_MODULE, 1) == 0) {
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
    token_free(TAKE(token));
    softhsm_end(&softhsm);
    return 0;
}

static const char *write_blob(const struct sealed *sealed)
{
    static char path[128];
    (void)snprintf(path, sizeof path, "%s/sealed.der", softhsm.directory);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(sealed->der, 1, sealed->size, file), sealed->size);
    assert_int_equal(fclose(file), 0);
    return path;
}

/* Stock openssl, Debian's engine, the key in the token: no code of ours. */
static int open_with_openssl(const struct sealed *sealed, const char *label, const char *certificate, char *ret_text,
                             size_t size)
{
    char key[160];
    (void)snprintf(key, sizeof key, "pkcs11:token=%s;object=kokuin-%s;type=private?pin-value=" SOFTHSM_PIN, label,
                   label);
    const char *const argv[] = {"openssl",          "cms",     "-decrypt",  "-inform", "DER", "-in",
                                write_blob(sealed), "-recip",  certificate, "-inkey",  key,   "-keyform",
                                "engine",           "-engine", "pkcs11",    NULL};
    return command_read(argv, ret_text, size);
}

static struct sealed seal_it(struct sealer *with)
{
    struct sealed sealed;
    CLEANUP(secret_freep) struct secret *password = softhsm_secret(PASSWORD);
    assert_true(seal_password(with, SERIAL, "admin", password, &sealed, &fault));
    assert_null(memmem(sealed.der, sealed.size, PASSWORD, sizeof PASSWORD - 1));
    return sealed;
}

static void either_recovery_token_opens_it_with_stock_openssl(void **state)
{
    (void)state;
    char text[256];
    const struct sealed sealed = seal_it(sealer);
    assert_int_equal(open_with_openssl(&sealed, "recovery", softhsm_file(&softhsm, "recovery.pem"), text, sizeof text),
                     0);
    assert_string_equal(text, SERIAL "\nadmin\n" PASSWORD);
    assert_int_equal(open_with_openssl(&sealed, "spare", softhsm_file(&softhsm, "spare.pem"), text, sizeof text), 0);
    assert_string_equal(text, SERIAL "\nadmin\n" PASSWORD);
}

static void one_recipient_is_enough_and_the_other_key_does_not_open_it(void **state)
{
    (void)state;
    char text[256];
    const char *const one[] = {softhsm_file(&softhsm, "recovery.pem")};
    CLEANUP(sealer_freep) struct sealer *single = NULL;
    assert_true(sealer_open(one, 1, &single, &fault));
    const struct sealed sealed = seal_it(single);
    assert_int_equal(open_with_openssl(&sealed, "recovery", softhsm_file(&softhsm, "recovery.pem"), text, sizeof text),
                     0);
    assert_string_equal(text, SERIAL "\nadmin\n" PASSWORD);
    assert_int_not_equal(open_with_openssl(&sealed, "spare", softhsm_file(&softhsm, "spare.pem"), text, sizeof text),
                         0);
    assert_null(strstr(text, PASSWORD));
}

static void a_changed_blob_does_not_open(void **state)
{
    (void)state;
    char text[256];
    struct sealed sealed = seal_it(sealer);
    sealed.der[sealed.size - 20] ^= 1;
    assert_int_not_equal(
        open_with_openssl(&sealed, "recovery", softhsm_file(&softhsm, "recovery.pem"), text, sizeof text), 0);
}

/* The algorithms the header promises, as another program names them. */
static void it_is_what_the_header_says(void **state)
{
    (void)state;
    static char text[16384];
    const struct sealed sealed = seal_it(sealer);
    const char *const argv[] = {"openssl", "cms", "-cmsout",           "-print", "-inform",
                                "DER",     "-in", write_blob(&sealed), "-noout", NULL};
    assert_int_equal(command_read(argv, text, sizeof text), 0);
    assert_non_null(strstr(text, "authEnvelopedData"));
    assert_non_null(strstr(text, "dhSinglePass-stdDH-sha256kdf-scheme"));
    assert_non_null(strstr(text, "aes-256-gcm"));
    assert_non_null(strstr(text, "d.kari"));
    print_message("  %zu bytes for two recipients\n", sealed.size);
    assert_in_range(sealed.size, 300, SEALED_MAX);
}

static void two_seals_of_one_password_differ(void **state)
{
    (void)state;
    const struct sealed a = seal_it(sealer), b = seal_it(sealer);
    assert_false(a.size == b.size && memcmp(a.der, b.der, a.size) == 0);
}

static void the_sealers_key_is_the_first_certificate(void **state)
{
    (void)state;
    char text[128], hex[65];
    const char *const argv[] = {
        "sh", "-c", "openssl x509 -in \"$1\" -outform DER | sha256sum", "sh", softhsm_file(&softhsm, "recovery.pem"),
        NULL};
    assert_int_equal(command_read(argv, text, sizeof text), 0);
    for (size_t i = 0; i < 32; i++)
        (void)snprintf(hex + 2 * i, 3, "%02x", sealer_key(sealer)[i]);
    assert_memory_equal(text, hex, 64);
}

/* A self-signed certificate for key agreement that began two days ago. The key is freed. */
static void write_recipient(const char *path, EVP_PKEY *key, long days)
{
    X509 *certificate = X509_new();
    X509_EXTENSION *usage = X509V3_EXT_conf_nid(NULL, NULL, NID_key_usage, "critical,keyAgreement");
    FILE *file = fopen(path, "we");
    assert_true(key && certificate && usage && file);
    assert_int_equal(X509_set_version(certificate, X509_VERSION_3), 1);
    assert_int_equal(X509_set_pubkey(certificate, key), 1);
    assert_int_equal(X509_add_ext(certificate, usage, -1), 1);
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(certificate), -2 * 86400));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(certificate), days * 86400));
    assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
    assert_int_equal(PEM_write_X509(file, certificate), 1);
    assert_int_equal(fclose(file), 0);
    X509_EXTENSION_free(usage);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

static void refuses_to_open(const char *const *paths, size_t count, enum fault_code code)
{
    CLEANUP(sealer_freep) struct sealer *opened = NULL;
    fault = (struct fault){0};
    assert_false(sealer_open(paths, count, &opened, &fault));
    print_message("  %s: %s\n", fault_name(fault.code), fault.text);
    assert_int_equal(fault.code, code);
    assert_null(opened);
}

static void each_refusal_to_open_has_its_own_fault(void **state)
{
    (void)state;
    const char *good = softhsm_file(&softhsm, "recovery.pem");
    const char *const missing[] = {good, "/nonexistent.pem"}, *const empty[] = {"/dev/null"};
    const char *const station[] = {softhsm_file(&softhsm, "station-1.pem")}, *const three[] = {good, good, good};
    char rsa[128], expired[128];
    (void)snprintf(rsa, sizeof rsa, "%s/rsa.pem", softhsm.directory);
    (void)snprintf(expired, sizeof expired, "%s/expired.pem", softhsm.directory);
    write_recipient(rsa, EVP_RSA_gen(2048), 1);
    write_recipient(expired, EVP_EC_gen("P-256"), -1);
    const char *const of_rsa[] = {rsa}, *const of_expired[] = {expired};
    refuses_to_open(missing, 0, FAULT_USAGE);
    refuses_to_open(three, 3, FAULT_USAGE);
    refuses_to_open(missing, 2, FAULT_FILE);
    refuses_to_open(empty, 1, FAULT_CRYPTO);
    refuses_to_open(station, 1, FAULT_CRYPTO);
    refuses_to_open(of_rsa, 1, FAULT_CRYPTO);
    refuses_to_open(of_expired, 1, FAULT_CRYPTO);
}

static void names_that_could_be_read_as_two_are_refused(void **state)
{
    (void)state;
    char too_long[66];
    memset(too_long, 'x', 65);
    too_long[65] = '\0';
    const struct {
        const char *serial, *kind;
        size_t size;
    } cases[] = {{"", "admin", 8},       {SERIAL, "", 8},       {SERIAL "\nwifi", "admin", 8}, {SERIAL, "admin\n", 8},
                 {too_long, "admin", 8}, {SERIAL, too_long, 8}, {SERIAL, "admin", 0},          {SERIAL, "admin", 129}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct sealed sealed = {.size = 7};
        CLEANUP(secret_freep) struct secret *password = secret_new(cases[i].size);
        assert_non_null(password);
        fault = (struct fault){0};
        assert_false(seal_password(sealer, cases[i].serial, cases[i].kind, password, &sealed, &fault));
        assert_int_equal(fault.code, FAULT_SEAL);
        assert_int_equal(sealed.size, 7);
    }
}

/* A drawn password is nowhere in a literal, so every copy found is one that somebody made. */
static void sealing_leaves_no_copy_of_the_password(void **state)
{
    (void)state;
    static const char alphabet[] = "23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    CLEANUP(secret_freep) struct secret *password = NULL;
    struct sealed sealed;
    assert_true(password_draw(token, alphabet, 24, &password, &fault));

    char *copy = malloc(24); /* the scan itself can fail */
    assert_non_null(copy);
    memcpy(copy, secret_read(password), 24);
    assert_int_equal(memory_scan(secret_read(password), 24), 1);
    explicit_bzero(copy, 24);
    free(copy);

    assert_int_equal(memory_scan(secret_read(password), 24), 0);
    assert_true(seal_password(sealer, SERIAL, "admin", password, &sealed, &fault));
    assert_int_equal(memory_scan(secret_read(password), 24), 0);
}

static void fingerprinting_leaves_no_copy_of_the_password(bool remote)
{
    static const char alphabet[] = "23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    CLEANUP(token_freep) struct token *way = NULL;
    CLEANUP(secret_freep) struct secret *password = NULL;
    uint8_t fingerprint[FINGERPRINT_SIZE];
    assert_true(softhsm_open(&softhsm, remote, "production", &way, &fault));
    assert_true(password_draw(way, alphabet, 24, &password, &fault));
    assert_int_equal(memory_scan(secret_read(password), 24), 0);
    assert_true(password_fingerprint(way, password, fingerprint, &fault));
    assert_int_equal(memory_scan(secret_read(password), 24), 0);
}

static void fingerprinting_directly_leaves_no_copy(void **state)
{
    (void)state;
    fingerprinting_leaves_no_copy_of_the_password(false);
}

static void fingerprinting_through_a_server_leaves_no_copy(void **state)
{
    (void)state;
    fingerprinting_leaves_no_copy_of_the_password(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(either_recovery_token_opens_it_with_stock_openssl),
        cmocka_unit_test(one_recipient_is_enough_and_the_other_key_does_not_open_it),
        cmocka_unit_test(a_changed_blob_does_not_open),
        cmocka_unit_test(it_is_what_the_header_says),
        cmocka_unit_test(two_seals_of_one_password_differ),
        cmocka_unit_test(the_sealers_key_is_the_first_certificate),
        cmocka_unit_test(each_refusal_to_open_has_its_own_fault),
        cmocka_unit_test(names_that_could_be_read_as_two_are_refused),
        cmocka_unit_test(sealing_leaves_no_copy_of_the_password),
        cmocka_unit_test(fingerprinting_directly_leaves_no_copy),
        cmocka_unit_test(fingerprinting_through_a_server_leaves_no_copy),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
