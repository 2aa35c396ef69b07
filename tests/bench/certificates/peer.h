/* peer.h -- the programs and libraries that issue the same certificates from the same requests.
 *
 * Each peer runs in a process of its own, so that no library shares a PKCS#11 module's state with another: PKCS#11 has
 * one log-in and one initialization for a whole process. One process runs one peer, so peers keep their state in it.
 *
 * Owner    the bench; a peer keeps a pointer to it
 * Threads  one
 * Secrets  the test token's PIN
 * Layer    tests/
 */
#pragma once

#include "base/fault.h"

#define BENCH_UNITS 256
#define BENCH_ORGANIZATION "Bench Plant"
#define BENCH_MODEL "KR-1"
#define BENCH_HARDWARE_TYPE "1.3.6.1.4.1.32473.1.7"
#define BENCH_KEY_URI "pkcs11:token=production;object=kokuin-issuing;type=private"

struct bench_unit {
    uint8_t der[512]; /* its request */
    size_t size;
    char serial[16];
};

struct bench {
    char directory[64]; /* of the token; ca/ and bench/ lie in it */
    struct bench_unit units[BENCH_UNITS];
};

struct peer {
    const char *name;
    const char *lacks; /* what it does less than hsm/ does, in words */
    size_t turn;       /* certificates in one turn: enough to measure, few enough to interleave */
    bool software;     /* signs with the software CA's key, not the token's */
    bool signs_only;   /* makes no certificate */
    bool (*open)(const struct bench *bench, struct fault *fault);
    bool (*issue)(const struct bench *bench, size_t count, struct fault *fault);
    /* The latest certificate as a PEM file. */
    bool (*save)(const struct bench *bench, const char *path, struct fault *fault);
    void (*close)(void);
};

extern const struct peer peer_kokuin, peer_kokuin_unverified, peer_sign;
extern const struct peer peer_gnutls, peer_engine, peer_software;
extern const struct peer peer_openssl_batch, peer_openssl_ca, peer_openssl_x509, peer_certtool;

/* Makes a software CA, BENCH_UNITS requests and the commands' files in "<directory>/bench"; `bench->directory` is set.
 * Aborts when OpenSSL fails. Faults: FILE. */
NODISCARD NONNULL(1, 2) bool bench_prepare(struct bench *bench, struct fault *fault);

/* Reads what bench_prepare() made. Faults: FILE. */
NODISCARD NONNULL(1, 2) bool bench_load(struct bench *bench, struct fault *fault);

#define BENCH_PATH 160
/* "<directory>/<name>". */
NONNULL(1, 2, 3) void bench_path(const struct bench *bench, const char *name, char ret_path[BENCH_PATH]);

/* Writes one DER certificate as PEM. Faults: FILE. */
NODISCARD NONNULL(1, 3, 4) bool bench_save_der(const uint8_t *der, size_t size, const char *path, struct fault *fault);

/* HardwareModuleName in DER, as hsm/profile.c puts it into the certificate. */
#define BENCH_HARDWARE_MODULE_MAX 64
NODISCARD NONNULL(1, 2) size_t bench_hardware_module(const char *serial, uint8_t ret_der[BENCH_HARDWARE_MODULE_MAX]);
