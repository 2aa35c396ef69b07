#include "hsm/ceremony.h"
#include "hsm/certificate.h"
#include "hsm/open.h"
#include "hsm/password.h"
#include "hsm/station_key.h"
#include "tests/support/profiles.h"
#include "tests/support/softhsm.h"
#include "tests/token/matrix.h"
#include "tests/unit/hsm/unit_request.h"

#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define PASSWORD "correct-horse-7"
#define SERIAL "KR000000001X"

const char *matrix_file(const struct matrix *matrix, const char *name)
{
    static char paths[4][160];
    static unsigned next;
    char *path = paths[next++ % ARRAY_SIZE(paths)];
    (void)snprintf(path, sizeof paths[0], "%s/%s", matrix->directory, name);
    return path;
}

static bool must(bool holds, const char *what, struct fault *fault)
{
    return holds || fault_set(fault, FAULT_INTERNAL, 0, "%s", what);
}

static bool open_with(const struct matrix *matrix, const char *uri, const char *pin, struct token **ret_token,
                      struct fault *fault)
{
    CLEANUP(secret_freep) struct secret *secret = softhsm_secret(pin);
    return token_open(matrix->module, uri, secret, ret_token, fault);
}

/* All keys on one token: what a token cannot do shows the same. A ceremony that is refused leaves no key. */
static bool ceremony(struct matrix *matrix, struct fault *fault)
{
    static const char *const labels[] = {KEY_ROOT,        KEY_ISSUING,    KEY_STATION,
                                         KEY_FINGERPRINT, KEY_CHECKPOINT, KEY_RECOVERY};
    static const char *const files[] = {"root.pem", "issuing-1.pem", "station-1.pem", "checkpoint-1.pem",
                                        "recovery.pem"};
    char output[160], path[200], root[200];
    struct fault left = {0};
    CLEANUP(token_freep) struct token *token = NULL;
    CLEANUP(secret_freep) struct secret *pin = softhsm_secret(MATRIX_PIN);
    (void)snprintf(output, sizeof output, "%s/ceremony", matrix->directory);
    if (mkdir(output, 0700) != 0 || !open_with(matrix, matrix->provider->ceremony_uri, MATRIX_PIN, &token, fault))
        return false;
    const struct ceremony_tokens tokens = {
        .root = token, .root_pin = pin, .production = {token}, .production_count = 1, .recovery = token};
    const struct ceremony_names names = {.organization = "Token Plant",
                                         .country = "JP",
                                         .root_years = 30,
                                         .issuing_years = 20,
                                         .station_years = 2,
                                         .output = output};
    bool performed = ceremony_perform(&tokens, &names, fault);
    for (size_t i = 0; i < ARRAY_SIZE(labels); i++)
        if (make_check_free(token, labels[i], &left) == performed)
            return fault_set(fault, FAULT_INTERNAL, 0, "'%s' is %s the token", labels[i], performed ? "not on" : "on");
    (void)snprintf(root, sizeof root, "%s/root.pem", output);
    for (size_t i = 0; i < ARRAY_SIZE(files) && performed; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", output, files[i]);
        performed = matrix_verifies(matrix, root, NULL, path, fault);
    }
    return performed;
}

static bool find(struct matrix *matrix, struct fault *fault)
{
    struct token *other = NULL;
    struct fault refusal = {0};
    if (open_with(matrix, "pkcs11:token=nobody", MATRIX_PIN, &other, &refusal))
        return must(false, "a token that is not there was opened", fault);
    if (refusal.code != FAULT_HSM_NOT_FOUND) {
        *fault = refusal;
        return false;
    }
    return open_with(matrix, matrix->provider->uri, MATRIX_PIN, &matrix->token, fault);
}

/* One try; the right PIN works after it. */
static bool wrong_pin(struct matrix *matrix, struct fault *fault)
{
    struct token *opened = NULL;
    struct fault refusal = {0};
    token_free(TAKE(matrix->token)); /* a log-in is the whole process's */
    if (open_with(matrix, matrix->provider->uri, MATRIX_WRONG_PIN, &opened, &refusal)) {
        token_free(opened);
        return must(false, "a wrong PIN was taken", fault);
    }
    if (refusal.code != FAULT_HSM_PIN) {
        *fault = refusal;
        return false;
    }
    return open_with(matrix, matrix->provider->uri, MATRIX_PIN, &matrix->token, fault);
}

static bool draw(struct matrix *matrix, struct fault *fault)
{
    CLEANUP(secret_freep) struct secret *bytes = secret_new(8192);
    CLEANUP(secret_freep) struct secret *password = NULL;
    return bytes && token_random(matrix->token, bytes, fault) &&
           password_draw(matrix->token, "23456789abcdefghjkmnpqrstuvwxyz", 20, &password, fault) &&
           must(secret_size(password) == 20, "a password of another length", fault);
}

static bool make_root(struct matrix *matrix, struct fault *fault)
{
    static const struct make_order order = {.label = KEY_ROOT, .use = MAKE_SIGN, .asks_pin = true};
    return matrix_make(matrix, &order, &matrix->root, fault);
}

static bool make_signing(struct matrix *matrix, struct fault *fault)
{
    static const struct make_order issuing = {.label = KEY_ISSUING, .use = MAKE_SIGN};
    static const struct make_order station = {.label = KEY_STATION, .use = MAKE_SIGN};
    struct fault ignored;
    bool made = matrix_make(matrix, &issuing, &matrix->issuing, fault);
    return matrix_make(matrix, &station, &matrix->station, made ? fault : &ignored) && made;
}

static bool make_recovery(struct matrix *matrix, struct fault *fault)
{
    static const struct make_order order = {.label = KEY_RECOVERY, .use = MAKE_DERIVE};
    return matrix_make(matrix, &order, &matrix->recovery, fault);
}

static bool make_fingerprint(struct matrix *matrix, struct fault *fault)
{
    static const struct make_order order = {.label = KEY_FINGERPRINT, .use = MAKE_MAC};
    struct made_key made;
    return matrix_make(matrix, &order, &made, fault);
}

/* A key that asks for the PIN each time signs with it, and not without. */
static bool ask_pin(struct matrix *matrix, struct fault *fault)
{
    static const uint8_t digest[32] = {1};
    uint8_t der[DER_SIGNATURE_MAX];
    size_t size;
    struct fault refusal = {0};
    CLEANUP(secret_freep) struct secret *pin = softhsm_secret(MATRIX_PIN);
    struct key key = matrix->root.key;
    if (!key.asks_pin)
        return fault_set(fault, FAULT_HSM_KEY_WRONG, 0, "the token made it without CKA_ALWAYS_AUTHENTICATE");
    if (!key_sign(matrix->token, &key, pin, digest, der, &size, fault))
        return false;
    key.asks_pin = false; /* goes to the token without the PIN */
    return must(!key_sign(matrix->token, &key, NULL, digest, der, &size, &refusal), "it signs without the PIN", fault);
}

static bool wrap_test(struct matrix *matrix, struct fault *fault)
{
    return matrix->issuing.wrap == MAKE_PASSED ||
           fault_set(fault, FAULT_HSM_CALL, 0, "no wrapping of a key that may leave: nothing was shown");
}

static bool read_pem(const char *path, X509 **ret_certificate, struct fault *fault)
{
    return crypto_read_certificate(path, ret_certificate, fault);
}

static bool prove(struct matrix *matrix, struct fault *fault)
{
    struct key key;
    struct fault refusal = {0};
    CLEANUP(X509_freep) X509 *own = NULL;
    CLEANUP(X509_freep) X509 *other = NULL;
    if (!read_pem(matrix_file(matrix, "issuing.pem"), &own, fault) ||
        !read_pem(matrix_file(matrix, "station.pem"), &other, fault) ||
        !key_find_for(matrix->token, KEY_ISSUING, own, NULL, &key, fault))
        return false;
    return must(!key_find_for(matrix->token, KEY_ISSUING, other, NULL, &key, &refusal) &&
                    refusal.code == FAULT_HSM_KEY_WRONG,
                "a key was taken for another's", fault);
}

static bool fingerprint(struct matrix *matrix, struct fault *fault)
{
    uint8_t first[FINGERPRINT_SIZE], again[FINGERPRINT_SIZE], other[FINGERPRINT_SIZE];
    CLEANUP(secret_freep) struct secret *password = softhsm_secret(PASSWORD);
    CLEANUP(secret_freep) struct secret *another = softhsm_secret(PASSWORD "x");
    return password_fingerprint(matrix->token, password, first, fault) &&
           password_fingerprint(matrix->token, password, again, fault) &&
           password_fingerprint(matrix->token, another, other, fault) &&
           must(memcmp(first, again, sizeof first) == 0 && memcmp(first, other, sizeof first) != 0,
                "a fingerprint must follow the password", fault);
}

static bool write_unit(const char *path, const struct certificate *certificate, struct fault *fault)
{
    const uint8_t *from = certificate->der;
    CLEANUP(X509_freep) X509 *parsed = d2i_X509(NULL, &from, (long)certificate->der_size);
    FILE *file = fopen(path, "we");
    bool written = parsed && file && PEM_write_X509(file, parsed) == 1;
    if (file && fclose(file) != 0)
        written = false;
    return must(written, "a certificate cannot be written", fault);
}

static bool issue(struct matrix *matrix, struct fault *fault)
{
    const char *root = matrix_file(matrix, "root.pem"), *issuing = matrix_file(matrix, "issuing.pem");
    const char *path = matrix_file(matrix, "unit.pem");
    CLEANUP(certificate_issuer_freep) struct certificate_issuer *issuer = NULL;
    if (!certificate_issuer_open(matrix->token, issuing, root, &issuer, fault))
        return false;
    for (unsigned i = 0; i < matrix->provider->certificates; i++) {
        char serial[16];
        struct certificate certificate;
        (void)snprintf(serial, sizeof serial, "KR%09uX", i);
        const struct unit_request request = unit_request_good(serial);
        const struct certificate_subject subject = {.profile = &profile_idevid_8021ar,
                                                    .organization = "Token Plant",
                                                    .model = "KR-1",
                                                    .serial = serial,
                                                    .hardware_type = "1.3.6.1.4.1.32473.1.7"};
        if (!certificate_issue(issuer, request.der, request.size, &subject, &certificate, fault) ||
            !write_unit(path, &certificate, fault) || !matrix_verifies(matrix, root, issuing, path, fault))
            return false;
    }
    return true;
}

static bool open_sealed(struct matrix *matrix, struct fault *fault)
{
    const char *path = matrix_file(matrix, "recovery.pem");
    struct sealed sealed;
    CLEANUP(sealer_freep) struct sealer *sealer = NULL;
    CLEANUP(secret_freep) struct secret *password = softhsm_secret(PASSWORD);
    CLEANUP(secret_freep) struct secret *opened = NULL;
    if (!sealer_open(&path, 1, &sealer, fault) || !seal_password(sealer, SERIAL, "initial", password, &sealed, fault))
        return false;
    const struct open_request request = {.key = OPEN_RECOVERY,
                                         .certificate_path = path,
                                         .blob = sealed.der,
                                         .size = sealed.size,
                                         .serial = SERIAL,
                                         .kind = "initial"};
    return seal_open(matrix->token, &request, &opened, fault) &&
           must(secret_equal(password, opened), "another password came out", fault);
}

bool matrix_run(struct matrix *matrix, enum operation operation, struct fault *fault)
{
    static bool (*const run[OPERATION_COUNT])(struct matrix *, struct fault *) = {
        [OPERATION_CEREMONY] = ceremony,
        [OPERATION_FIND] = find,
        [OPERATION_WRONG_PIN] = wrong_pin,
        [OPERATION_DRAW] = draw,
        [OPERATION_MAKE_ROOT] = make_root,
        [OPERATION_ASK_PIN] = ask_pin,
        [OPERATION_MAKE_ISSUING] = make_signing,
        [OPERATION_WRAP_TEST] = wrap_test,
        [OPERATION_MAKE_RECOVERY] = make_recovery,
        [OPERATION_MAKE_FINGERPRINT] = make_fingerprint,
        [OPERATION_PROVE] = prove,
        [OPERATION_FINGERPRINT] = fingerprint,
        [OPERATION_ISSUE] = issue,
        [OPERATION_HANDSHAKE] = matrix_handshake,
        [OPERATION_OPEN] = open_sealed,
    };
    return run[operation](matrix, fault);
}
