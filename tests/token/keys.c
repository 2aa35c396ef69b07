#include "hsm/authority.h"
#include "tests/support/command.h"
#include "tests/support/softhsm.h"
#include "tests/token/matrix.h"

#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>

static const struct ceremony_names names = {
    .organization = "Token Plant", .country = "JP", .root_years = 30, .issuing_years = 20, .station_years = 2};

static const struct {
    const char *file;
    struct authority_row row;
} certified[] = {
    {"root.pem", {KEY_ROOT, "Root CA", "critical,CA:TRUE,pathlen:1", "critical,keyCertSign,cRLSign", NULL, 30}},
    {"issuing.pem",
     {KEY_ISSUING, "Issuing CA", "critical,CA:TRUE,pathlen:0", "critical,keyCertSign,cRLSign", NULL, 20}},
    {"station.pem",
     {KEY_STATION, "Provisioning station", "critical,CA:FALSE", "critical,digitalSignature", "serverAuth", 2}},
    {"recovery.pem", {KEY_RECOVERY, "Recovery", "critical,CA:FALSE", "critical,keyAgreement", NULL, 30}},
};

bool matrix_verifies(struct matrix *matrix, const char *root, const char *issuing, const char *certificate,
                     struct fault *fault)
{
    char said[4096];
    const char *const openssl[] = {"openssl", "verify",     "-x509_strict",           "-CAfile",
                                   root,      "-untrusted", issuing ? issuing : root, certificate,
                                   NULL};
    const char *const certtool[] = {
        "sh", "-c",        "cat \"$1\" $2 | certtool --verify --load-ca-certificate \"$3\" 2>&1",
        "sh", certificate, issuing ? issuing : "",
        root, NULL};
    if (command_read(openssl, said, sizeof said) != 0)
        return fault_set(fault, FAULT_CERTIFICATE_REFUSED, 0, "openssl verify -x509_strict: %.150s", said);
    if (command_read(certtool, said, sizeof said) != 0 || !strstr(said, "Chain verification output: Verified."))
        return fault_set(fault, FAULT_CERTIFICATE_REFUSED, 0, "certtool --verify: %.150s", said);
    matrix->verified++;
    return true;
}

static bool write_pem(const char *path, X509 *certificate, struct fault *fault)
{
    FILE *file = fopen(path, "we");
    bool written = file && PEM_write_X509(file, certificate) == 1;
    if (file && fclose(file) != 0)
        written = false;
    return written || fault_set(fault, FAULT_FILE, 0, "'%s' cannot be written", path);
}

static bool certify(struct matrix *matrix, const struct made_key *made, struct fault *fault)
{
    CLEANUP(secret_freep) struct secret *pin = softhsm_secret(MATRIX_PIN);
    const struct authority authority = {.token = matrix->token,
                                        .key = matrix->root_certificate ? &matrix->root.key : &made->key,
                                        .pin = pin,
                                        .root = matrix->root_certificate};
    for (size_t i = 0; i < ARRAY_SIZE(certified); i++) {
        CLEANUP(X509_freep) X509 *certificate = NULL;
        if (strcmp(certified[i].row.label, made->order->label) != 0)
            continue;
        const char *path = matrix_file(matrix, certified[i].file);
        if (!authority_certify(&authority, &certified[i].row, &names, made->key.point, &certificate, fault) ||
            !write_pem(path, certificate, fault) ||
            !matrix_verifies(matrix, matrix_file(matrix, "root.pem"), NULL, path, fault))
            return false;
        if (!matrix->root_certificate)
            matrix->root_certificate = TAKE(certificate);
    }
    return true;
}

/* What the ceremony refuses to leave behind: a key with only the attributes that key_find() insists on, and nobody
 * tries to get it out. */
static bool make_by_hand(struct token *token, const struct make_order *order, bool asks_pin, struct made_key *ret_made,
                         struct fault *fault)
{
    static uint8_t p256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
    static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_GENERIC_SECRET;
    CK_ULONG size = 32;
    CK_BBOOL asks = asks_pin, signs = order->use != MAKE_DERIVE, derives = order->use == MAKE_DERIVE;
    struct made_key made = {.order = order, .token = token};
    CK_ATTRIBUTE label = {CKA_LABEL, (char *)order->label, strlen(order->label)};
    CK_ATTRIBUTE id = {CKA_ID, (char *)order->label, strlen(order->label)};
    CK_ATTRIBUTE public_half[] = {{CKA_EC_PARAMS, p256, sizeof p256},
                                  {CKA_TOKEN, &yes, sizeof yes},
                                  {CKA_VERIFY, &signs, sizeof signs},
                                  label,
                                  id};
    CK_ATTRIBUTE private_half[] = {{CKA_TOKEN, &yes, sizeof yes},
                                   {CKA_PRIVATE, &yes, sizeof yes},
                                   {CKA_SENSITIVE, &yes, sizeof yes},
                                   {CKA_EXTRACTABLE, &no, sizeof no},
                                   {CKA_SIGN, &signs, sizeof signs},
                                   {CKA_DERIVE, &derives, sizeof derives},
                                   label,
                                   id,
                                   {CKA_ALWAYS_AUTHENTICATE, &asks, sizeof asks}}; /* last: not every token has it */
    CK_ATTRIBUTE secret_key[] = {{CKA_CLASS, &class, sizeof class},
                                 {CKA_KEY_TYPE, &type, sizeof type},
                                 {CKA_VALUE_LEN, &size, sizeof size},
                                 {CKA_TOKEN, &yes, sizeof yes},
                                 {CKA_PRIVATE, &yes, sizeof yes},
                                 {CKA_SENSITIVE, &yes, sizeof yes},
                                 {CKA_EXTRACTABLE, &no, sizeof no},
                                 {CKA_SIGN, &yes, sizeof yes},
                                 label,
                                 id};
    const struct call_template of_public = {public_half, ARRAY_SIZE(public_half)};
    const struct call_template of_private = {private_half, ARRAY_SIZE(private_half) - (asks_pin ? 0 : 1)};
    const struct call_template of_secret = {secret_key, ARRAY_SIZE(secret_key)};
    call_make_writable(&token->session);
    CK_RV rv = order->use == MAKE_MAC
                   ? call_make_key(&token->session, CKM_GENERIC_SECRET_KEY_GEN, &of_secret, &made.key.handle)
                   : call_make_pair(&token->session, &of_public, &of_private, &made.public_handle, &made.key.handle);
    if (rv != CKR_OK)
        return call_failed(fault, "a key by hand", rv);
    if (order->use != MAKE_MAC && !key_find(token, order->label, &made.key, fault))
        return false;
    *ret_made = made;
    return true;
}

/* As make_key(), with the PIN for a key that asks. */
static bool make_as_the_ceremony(struct token *token, const struct make_order *order, struct made_key *ret_made,
                                 struct fault *fault)
{
    CLEANUP(secret_freep) struct secret *pin = softhsm_secret(MATRIX_PIN);
    struct made_key made;
    if (!make_choose(token, order, &made, fault))
        return false;
    if (!make_create(&made, fault) || !make_examine(&made, pin, fault)) {
        make_undo(&made);
        return false;
    }
    *ret_made = made;
    return true;
}

bool matrix_make(struct matrix *matrix, const struct make_order *order, struct made_key *ret_made, struct fault *fault)
{
    struct fault refusal = {0}, inner = {0};
    struct made_key made;
    if (!make_as_the_ceremony(matrix->token, order, &made, &refusal)) {
        *fault = refusal;
        if (!make_check_free(matrix->token, order->label, &inner)) /* nothing of it may be left */
            return fault_set(fault, FAULT_INTERNAL, 0, "a refused key was left behind: %.150s", inner.text);
        /* A token that cannot make it this way either cannot do what it is for: later operations tell. */
        if (!matrix->provider->keys_by_hand ||
            !make_by_hand(matrix->token, order, order->asks_pin && matrix->provider->asks_by_hand, &made, &inner))
            return false;
    }
    *ret_made = made;
    if (!certify(matrix, &made, &inner))
        return fault_set(fault, FAULT_INTERNAL, 0, "certify: %.200s", inner.text);
    return refusal.code == FAULT_NONE;
}
