/* The same work on every token that can be had here, and what each cannot do, by name.
 *
 * What a token refuses must be refused just so: a token that suddenly can, or that refuses otherwise, fails the test,
 * and its row below is to be judged again. */
#include "tests/support/command.h"
#include "tests/support/nss.h"
#include "tests/support/softhsm.h"
#include "tests/support/tpm.h"
#include "tests/token/matrix.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka.h needs the ones above */
#include <cmocka.h>

#if WATCHED_BY_SANITIZER
const char *__asan_default_options(void);
const char *__lsan_default_suppressions(void);

/* Whole call stacks, so that what another library loses is known for its own. */
const char *__asan_default_options(void)
{
    return "fast_unwind_on_malloc=0";
}

/* tpm2-pkcs11 1.9 loses 66 bytes with each signature. */
const char *__lsan_default_suppressions(void)
{
    return "leak:libtpm2_pkcs11.so";
}
#endif

static const char *const titles[OPERATION_COUNT] = {
#define X(name, title) title,
    OPERATIONS(X)
#undef X
};

static const struct provider softhsm_direct = {
    .name = "SoftHSM", .uri = "pkcs11:token=matrix", .ceremony_uri = "pkcs11:token=ceremony", .certificates = 10};

static const struct provider softhsm_served = {
    .name = "SoftHSM, p11-kit server",
    .uri = "pkcs11:token=matrix",
    .ceremony_uri = "pkcs11:token=ceremony",
    .certificates = 6,
    .expected =
        {
            [OPERATION_WRAP_TEST] = {FAULT_HSM_CALL, "nothing was shown", "p11-kit 0.24 passes no key wrapping"},
            [OPERATION_OPEN] = {FAULT_HSM_CALL, "C_DeriveKey: CKR_MECHANISM_INVALID",
                                "p11-kit 0.24 passes no key agreement"},
        },
};

#define LEAVES                                                                                                         \
    {                                                                                                                  \
        FAULT_HSM_KEY_LEAVES, "wrapped out with mechanism 0x210a", "its C_WrapKey does not heed CKA_EXTRACTABLE"       \
    }

static const struct provider nss_softokn = {
    .name = "NSS softokn",
    .uri = "pkcs11:token=" NSS_LABEL,
    .ceremony_uri = "pkcs11:token=" NSS_LABEL,
    .certificates = 6,
    .keys_by_hand = true,
    .expected =
        {
            [OPERATION_CEREMONY] = LEAVES,
            [OPERATION_MAKE_ROOT] = LEAVES,
            [OPERATION_ASK_PIN] = {FAULT_HSM_KEY_WRONG, "without CKA_ALWAYS_AUTHENTICATE",
                                   "it takes no log-in for one signature"},
            [OPERATION_MAKE_ISSUING] = LEAVES,
            [OPERATION_WRAP_TEST] = {FAULT_HSM_CALL, "nothing was shown", "no key of the ceremony's was left to test"},
            [OPERATION_MAKE_RECOVERY] = LEAVES,
            [OPERATION_MAKE_FINGERPRINT] = LEAVES,
        },
};

#define TWO_USES                                                                                                       \
    {                                                                                                                  \
        FAULT_HSM_CALL, "C_GenerateKeyPair: CKR_GENERAL_ERROR", "it makes no key that signs and does nothing else"     \
    }

static const struct provider tpm2 = {
    .name = "TPM 2.0, tpm2-pkcs11",
    .uri = "pkcs11:token=" TPM_LABEL,
    .ceremony_uri = "pkcs11:token=" TPM_LABEL,
    .certificates = 3,
    .keys_by_hand = true,
    .asks_by_hand = true,
    .expected =
        {
            [OPERATION_CEREMONY] = TWO_USES,
            [OPERATION_MAKE_ROOT] = TWO_USES,
            [OPERATION_MAKE_ISSUING] = TWO_USES,
            [OPERATION_WRAP_TEST] = {FAULT_HSM_CALL, "nothing was shown", "it wraps no keys at all"},
            [OPERATION_MAKE_RECOVERY] = {FAULT_HSM_CALL, "C_GenerateKeyPair: CKR_GENERAL_ERROR",
                                         "it has no key agreement"},
            [OPERATION_MAKE_FINGERPRINT] = {FAULT_HSM_CALL, "C_GenerateKey: CKR_FUNCTION_NOT_SUPPORTED",
                                            "it makes no HMAC key by PKCS#11"},
            [OPERATION_FINGERPRINT] = {FAULT_HSM_KEY_NOT_FOUND, KEY_FINGERPRINT, "so it has none"},
            [OPERATION_OPEN] = {FAULT_FILE, "recovery.pem", "so there is no recovery key on it"},
        },
};

#define PROVIDERS 4
static struct {
    const struct provider *provider;
    struct fault outcome[OPERATION_COUNT];
    unsigned verified;
} results[PROVIDERS];
static size_t result_count;

static struct fault fault;

static bool as_expected(const struct expected *expected, bool worked, const struct fault *got)
{
    if (expected->code == FAULT_NONE)
        return worked;
    return !worked && got->code == expected->code && strstr(got->text, expected->says);
}

static void run_all(const struct provider *provider, const char *module)
{
    struct matrix matrix = {.provider = provider, .module = module, .directory = "/tmp/kokuin-matrix.XXXXXX"};
    unsigned otherwise = 0;
    assert_non_null(mkdtemp(matrix.directory));
    for (enum operation operation = 0; operation < OPERATION_COUNT; operation++) {
        struct fault outcome = {0};
        bool worked = matrix_run(&matrix, operation, &outcome);
        if (!as_expected(&provider->expected[operation], worked, &outcome)) {
            print_error("%s: %s: %s: %s\n", provider->name, titles[operation],
                        worked ? "works, which was not expected" : fault_name(outcome.code), outcome.text);
            otherwise++;
        }
        results[result_count].outcome[operation] = worked ? (struct fault){0} : outcome;
    }
    results[result_count].verified = matrix.verified;
    results[result_count++].provider = provider;
    X509_free(matrix.root_certificate);
    token_free(matrix.token);
    assert_int_equal(command_run((const char *const[]){"rm", "-rf", matrix.directory, NULL}), 0);
    assert_int_equal(otherwise, 0);
}

static struct softhsm softhsm;
static struct nss nss;
static struct tpm tpm;

static int end_softhsm(void **state)
{
    (void)state;
    softhsm_end(&softhsm);
    return 0;
}

static int end_nss(void **state)
{
    (void)state;
    nss_end(&nss);
    return 0;
}

static int end_tpm(void **state)
{
    (void)state;
    tpm_end(&tpm);
    return 0;
}

/* What did not start whole is ended here: cmocka ends only what started. */
static int started(bool well, int (*end)(void **))
{
    if (well)
        return 0;
    print_error("%s: %s\n", fault_name(fault.code), fault.text);
    (void)end(NULL);
    return -1;
}

static int start_softhsm(void **state)
{
    (void)state;
    return started(softhsm_start(&softhsm, &fault) && softhsm_make("matrix", &fault) &&
                       softhsm_make("ceremony", &fault) && softhsm_serve(&softhsm, SOFTHSM_MODULE, &fault),
                   end_softhsm);
}

static int start_nss(void **state)
{
    (void)state;
    return started(nss_start(&nss, MATRIX_PIN, &fault), end_nss);
}

static int start_tpm(void **state)
{
    (void)state;
    return started(tpm_start(&tpm, MATRIX_SO_PIN, MATRIX_PIN, &fault), end_tpm);
}

static void softhsm_loaded_directly(void **state)
{
    (void)state;
    run_all(&softhsm_direct, SOFTHSM_MODULE);
}

static void softhsm_behind_a_server(void **state)
{
    (void)state;
    run_all(&softhsm_served, softhsm.remote);
}

static void nss_softokn_through_a_shim(void **state)
{
    (void)state;
    run_all(&nss_softokn, NSS_MODULE);
}

static void a_tpm_with_its_resource_manager(void **state)
{
    (void)state;
    run_all(&tpm2, TPM_MODULE);
}

static enum fault_code try_pin(const char *pin)
{
    CLEANUP(token_freep) struct token *token = NULL;
    CLEANUP(secret_freep) struct secret *secret = softhsm_secret(pin);
    fault = (struct fault){0};
    return token_open(TPM_MODULE, tpm2.uri, secret, &token, &fault) ? FAULT_NONE : fault.code;
}

/* SoftHSM never locks. Each try here is a log-in that a person asked for. */
static void a_pin_locks_after_three_wrong_ones(void **state)
{
    (void)state;
    assert_int_equal(try_pin(MATRIX_PIN), FAULT_NONE);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(try_pin(MATRIX_WRONG_PIN), FAULT_HSM_PIN);
        assert_int_equal(fault.native, CKR_PIN_INCORRECT);
    }
    assert_int_equal(try_pin(MATRIX_PIN), FAULT_HSM_PIN);
    assert_int_equal(fault.native, CKR_PIN_LOCKED);
    print_message("  %s: %s\n", fault_name(fault.code), fault.text);
    assert_true(tpm_clear_lockout(&tpm, &fault));
    assert_int_equal(try_pin(MATRIX_PIN), FAULT_NONE);
}

static int print_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < result_count; i++) {
        print_message("\n%s: %u certificates verified by openssl -x509_strict and by certtool\n",
                      results[i].provider->name, results[i].verified);
        for (enum operation operation = 0; operation < OPERATION_COUNT; operation++) {
            const struct fault *outcome = &results[i].outcome[operation];
            const char *why = results[i].provider->expected[operation].why;
            if (outcome->code == FAULT_NONE)
                print_message("  %-24s ok\n", titles[operation]);
            else
                print_message("  %-24s refuses with %s: %s\n", titles[operation], fault_name(outcome->code),
                              why ? why : outcome->text);
        }
    }
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(softhsm_loaded_directly, start_softhsm, end_softhsm),
        cmocka_unit_test_setup_teardown(softhsm_behind_a_server, start_softhsm, end_softhsm),
        cmocka_unit_test_setup_teardown(nss_softokn_through_a_shim, start_nss, end_nss),
        cmocka_unit_test_setup_teardown(a_tpm_with_its_resource_manager, start_tpm, end_tpm),
        cmocka_unit_test_setup_teardown(a_pin_locks_after_three_wrong_ones, start_tpm, end_tpm),
    };
    return cmocka_run_group_tests(tests, NULL, print_table);
}
