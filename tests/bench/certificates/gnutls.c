/* GnuTLS in process, the issuing key by PKCS#11 URL. What does not change from unit to unit is made once. */
#include "tests/bench/certificates/peer.h"
#include "tests/support/softhsm.h"

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/pkcs11.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static gnutls_x509_crt_t issuing;
static gnutls_privkey_t key;
static uint8_t key_identifier[32];
static size_t key_identifier_size = sizeof key_identifier;
static uint8_t latest[2048];
static size_t latest_size;

static bool failed(struct fault *fault, const char *what, int result)
{
    return fault_set(fault, FAULT_CRYPTO, (unsigned long)-result, "GnuTLS: %s: %s", what, gnutls_strerror(result));
}

static bool read_issuing(const struct bench *bench, struct fault *fault)
{
    char path[BENCH_PATH];
    gnutls_datum_t pem = {0};
    bench_path(bench, "ca/issuing-1.pem", path);
    int result = gnutls_load_file(path, &pem);
    if (result >= 0)
        result = gnutls_x509_crt_init(&issuing);
    if (result >= 0)
        result = gnutls_x509_crt_import(issuing, &pem, GNUTLS_X509_FMT_PEM);
    gnutls_free(pem.data);
    if (result >= 0)
        result = gnutls_x509_crt_get_subject_key_id(issuing, key_identifier, &key_identifier_size, NULL);
    return result >= 0 || failed(fault, path, result);
}

static bool begin(const struct bench *bench, struct fault *fault)
{
    int result = gnutls_pkcs11_init(GNUTLS_PKCS11_FLAG_MANUAL, NULL);
    if (result >= 0)
        result = gnutls_pkcs11_add_provider(SOFTHSM_MODULE, NULL);
    if (result >= 0)
        result = gnutls_privkey_init(&key);
    if (result >= 0)
        result = gnutls_privkey_import_url(key, BENCH_KEY_URI "?pin-value=" SOFTHSM_PIN, 0);
    return result >= 0 ? read_issuing(bench, fault) : failed(fault, "open the key", result);
}

static void end(void)
{
    gnutls_privkey_deinit(key);
    gnutls_x509_crt_deinit(issuing);
    gnutls_pkcs11_deinit();
}

/* Parsed, and its proof of possession checked. */
static int read_request(const struct bench_unit *unit, gnutls_x509_crq_t request)
{
    const gnutls_datum_t der = {.data = (unsigned char *)unit->der, .size = (unsigned)unit->size};
    int result = gnutls_x509_crq_import(request, &der, GNUTLS_X509_FMT_DER);
    return result < 0 ? result : gnutls_x509_crq_verify(request, 0);
}

static int fill(const struct bench_unit *unit, gnutls_x509_crq_t request, gnutls_x509_crt_t certificate)
{
    uint8_t number[20], hardware[BENCH_HARDWARE_MODULE_MAX];
    unsigned hardware_size = (unsigned)bench_hardware_module(unit->serial, hardware);
    int result = gnutls_rnd(GNUTLS_RND_NONCE, number, sizeof number);
    number[0] &= 0x7f;
    if (result >= 0)
        result = gnutls_x509_crt_set_crq(certificate, request);
    if (result >= 0)
        result = gnutls_x509_crt_set_version(certificate, 3);
    if (result >= 0)
        result = gnutls_x509_crt_set_serial(certificate, number, sizeof number);
    if (result >= 0)
        result = gnutls_x509_crt_set_activation_time(certificate, time(NULL));
    if (result >= 0)
        result = gnutls_x509_crt_set_expiration_time(certificate, GNUTLS_X509_NO_WELL_DEFINED_EXPIRATION);
    if (result >= 0)
        result = gnutls_x509_crt_set_authority_key_id(certificate, key_identifier, key_identifier_size);
    if (result >= 0)
        result = gnutls_x509_crt_set_key_usage(certificate, GNUTLS_KEY_DIGITAL_SIGNATURE);
    if (result >= 0)
        result = gnutls_x509_crt_set_subject_alt_othername(certificate, "1.3.6.1.5.5.7.8.4", hardware, hardware_size,
                                                           GNUTLS_FSAN_SET);
    return result;
}

static int issue_one(const struct bench_unit *unit)
{
    gnutls_x509_crq_t request = NULL;
    gnutls_x509_crt_t certificate = NULL;
    int result = gnutls_x509_crq_init(&request);
    if (result >= 0)
        result = gnutls_x509_crt_init(&certificate);
    if (result >= 0)
        result = read_request(unit, request);
    if (result >= 0)
        result = fill(unit, request, certificate);
    if (result >= 0)
        result = gnutls_x509_crt_privkey_sign(certificate, issuing, key, GNUTLS_DIG_SHA256, 0);
    latest_size = sizeof latest;
    if (result >= 0)
        result = gnutls_x509_crt_export(certificate, GNUTLS_X509_FMT_DER, latest, &latest_size);
    gnutls_x509_crt_deinit(certificate);
    gnutls_x509_crq_deinit(request);
    return result;
}

static bool issue(const struct bench *bench, size_t count, struct fault *fault)
{
    for (size_t i = 0; i < count; i++) {
        int result = issue_one(&bench->units[i % BENCH_UNITS]);
        if (result < 0)
            return failed(fault, "issue", result);
    }
    return true;
}

static bool save(const struct bench *bench, const char *path, struct fault *fault)
{
    (void)bench;
    return bench_save_der(latest, latest_size, path, fault);
}

const struct peer peer_gnutls = {
    .name = "GnuTLS in process",
    .lacks = "number from its own generator; subject copied, not compared; no size or point rules; no lint, no check",
    .turn = 256,
    .open = begin,
    .issue = issue,
    .save = save,
    .close = end};
