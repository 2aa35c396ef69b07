#include "tests/bench/certificates/peer.h"
#include "tests/support/command.h"

#include <errno.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static void must(int result)
{
    if (result <= 0)
        abort();
}

static bool file_failed(const char *path, struct fault *fault)
{
    return fault_set(fault, FAULT_FILE, (unsigned long)errno, "'%s': %s", path, strerror(errno));
}

void bench_path(const struct bench *bench, const char *name, char ret_path[BENCH_PATH])
{
    (void)snprintf(ret_path, BENCH_PATH, "%s/%s", bench->directory, name);
}

static void unit_path(const struct bench *bench, size_t index, const char *suffix, char ret_path[BENCH_PATH])
{
    char name[48];
    (void)snprintf(name, sizeof name, "bench/%zu.%s", index, suffix);
    bench_path(bench, name, ret_path);
}

size_t bench_hardware_module(const char *serial, uint8_t ret_der[BENCH_HARDWARE_MODULE_MAX])
{
    static const uint8_t type[] = {0x06, 0x0a, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x81, 0xfd, 0x59, 0x01, 0x07};
    size_t length = strlen(serial);
    if (length > 32)
        abort();
    uint8_t *at = ret_der;
    *at++ = 0x30;
    *at++ = (uint8_t)(sizeof type + 2 + length);
    memcpy(at, type, sizeof type);
    at += sizeof type;
    *at++ = 0x04;
    *at++ = (uint8_t)length;
    memcpy(at, serial, length);
    return (size_t)(at - ret_der) + length;
}

static void add_name(X509_REQ *request, int nid, const char *text)
{
    must(X509_NAME_add_entry_by_NID(X509_REQ_get_subject_name(request), nid, V_ASN1_PRINTABLESTRING,
                                    (const unsigned char *)text, -1, -1, 0));
}

/* The subject is already the one that the certificate shall have: some peers can only copy it. */
static X509_REQ *make_request(const char *serial)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509_REQ *request = X509_REQ_new();
    must(key && request);
    must(X509_REQ_set_version(request, X509_REQ_VERSION_1));
    add_name(request, NID_organizationName, BENCH_ORGANIZATION);
    add_name(request, NID_organizationalUnitName, BENCH_MODEL);
    add_name(request, NID_serialNumber, serial);
    must(X509_REQ_set_pubkey(request, key));
    must(X509_REQ_sign(request, key, EVP_sha256()));
    EVP_PKEY_free(key);
    return request;
}

/* As a unit sends it, and as the commands like it; certtool wants a template for each unit. */
static bool write_unit(const struct bench *bench, size_t index, struct fault *fault)
{
    char path[BENCH_PATH], serial[16];
    uint8_t hardware[BENCH_HARDWARE_MODULE_MAX];
    (void)snprintf(serial, sizeof serial, "KR%09zuX", index);
    X509_REQ *request = make_request(serial);

    unit_path(bench, index, "der", path);
    FILE *file = fopen(path, "we");
    if (!file)
        return file_failed(path, fault);
    must(i2d_X509_REQ_fp(file, request));
    must(fclose(file) == 0);

    unit_path(bench, index, "csr", path);
    file = fopen(path, "we");
    if (!file)
        return file_failed(path, fault);
    must(PEM_write_X509_REQ(file, request));
    must(fclose(file) == 0);
    X509_REQ_free(request);

    unit_path(bench, index, "template", path);
    file = fopen(path, "we");
    if (!file)
        return file_failed(path, fault);
    (void)fprintf(file, "expiration_days = -1\nsigning_key\nother_name = \"1.3.6.1.5.5.7.8.4 ");
    for (size_t i = 0, size = bench_hardware_module(serial, hardware); i < size; i++)
        (void)fprintf(file, "%02x", hardware[i]);
    (void)fprintf(file, "\"\n");
    must(fclose(file) == 0);
    return true;
}

/* One file serves `openssl ca` and `openssl x509`; the unit's serial comes through the environment. */
static bool write_configuration(const struct bench *bench, struct fault *fault)
{
    char path[BENCH_PATH];
    bench_path(bench, "bench/openssl.cnf", path);
    FILE *file = fopen(path, "we");
    if (!file)
        return file_failed(path, fault);
    (void)fprintf(file,
                  "[ca]\ndefault_ca = line\n"
                  "[line]\nnew_certs_dir = %s/bench/new\ndatabase = %s/bench/index.txt\nrand_serial = yes\n"
                  "default_md = sha256\npolicy = names\ndefault_enddate = 99991231235959Z\nunique_subject = no\n"
                  "x509_extensions = unit\n"
                  "[names]\norganizationName = supplied\norganizationalUnitName = supplied\nserialNumber = supplied\n"
                  "[common]\nauthorityKeyIdentifier = keyid:always\nkeyUsage = critical,digitalSignature\n"
                  "[unit]\nauthorityKeyIdentifier = keyid:always\nkeyUsage = critical,digitalSignature\n"
                  "subjectAltName = otherName:1.3.6.1.5.5.7.8.4;SEQ:hardware\n"
                  "[hardware]\ntype = OID:" BENCH_HARDWARE_TYPE "\nnumber = FORMAT:ASCII,OCT:$ENV::SERIAL\n",
                  bench->directory, bench->directory);
    return fclose(file) == 0 || file_failed(path, fault);
}

static bool make_software_authority(const struct bench *bench, struct fault *fault)
{
    char key[BENCH_PATH], certificate[BENCH_PATH];
    bench_path(bench, "bench/software.key", key);
    bench_path(bench, "bench/software.pem", certificate);
    const char *const argv[] = {"openssl",
                                "req",
                                "-x509",
                                "-newkey",
                                "ec",
                                "-pkeyopt",
                                "ec_paramgen_curve:P-256",
                                "-nodes",
                                "-keyout",
                                key,
                                "-out",
                                certificate,
                                "-subj",
                                "/CN=Software",
                                "-days",
                                "30",
                                "-config",
                                "/dev/null",
                                "-addext",
                                "basicConstraints=critical,CA:TRUE",
                                "-addext",
                                "keyUsage=critical,keyCertSign",
                                "-addext",
                                "subjectKeyIdentifier=hash",
                                NULL};
    char said[2048];
    return command_read(argv, said, sizeof said) == 0 || fault_set(fault, FAULT_SYSTEM, 0, "openssl req failed");
}

bool bench_prepare(struct bench *bench, struct fault *fault)
{
    char path[BENCH_PATH];
    for (size_t i = 0; i < 2; i++) {
        bench_path(bench, i == 0 ? "bench" : "bench/new", path);
        if (mkdir(path, 0700) != 0)
            return file_failed(path, fault);
    }
    if (!write_configuration(bench, fault) || !make_software_authority(bench, fault))
        return false;
    for (size_t i = 0; i < BENCH_UNITS; i++)
        if (!write_unit(bench, i, fault))
            return false;
    return bench_load(bench, fault);
}

bool bench_load(struct bench *bench, struct fault *fault)
{
    for (size_t i = 0; i < BENCH_UNITS; i++) {
        struct bench_unit *unit = &bench->units[i];
        char path[BENCH_PATH];
        unit_path(bench, i, "der", path);
        (void)snprintf(unit->serial, sizeof unit->serial, "KR%09zuX", i);
        FILE *file = fopen(path, "re");
        if (!file)
            return file_failed(path, fault);
        unit->size = fread(unit->der, 1, sizeof unit->der, file);
        (void)fclose(file);
    }
    return true;
}

bool bench_save_der(const uint8_t *der, size_t size, const char *path, struct fault *fault)
{
    X509 *certificate = d2i_X509(NULL, &der, (long)size);
    FILE *file = certificate ? fopen(path, "we") : NULL;
    bool saved = file && PEM_write_X509(file, certificate) == 1;
    if (file && fclose(file) != 0)
        saved = false;
    X509_free(certificate);
    return saved || fault_set(fault, FAULT_FILE, 0, "'%s': no certificate to write, or it cannot be written", path);
}
