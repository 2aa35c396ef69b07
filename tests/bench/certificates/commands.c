/* The commands that a shell script on a line would call: one process for each unit, or `openssl ca` for a whole batch.
 */
#include "tests/bench/certificates/peer.h"
#include "tests/support/command.h"
#include "tests/support/softhsm.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY_WITH_PIN BENCH_KEY_URI "?pin-value=" SOFTHSM_PIN
#define OPENSSL_CONFIGURATION "bench/openssl.cnf"
#define LATEST "bench/latest.pem"

struct paths {
    char configuration[BENCH_PATH], issuing[BENCH_PATH], latest[BENCH_PATH], request[BENCH_PATH], template[BENCH_PATH];
};

static struct paths paths_of(const struct bench *bench, size_t index)
{
    struct paths paths;
    char name[48];
    bench_path(bench, OPENSSL_CONFIGURATION, paths.configuration);
    bench_path(bench, "ca/issuing-1.pem", paths.issuing);
    bench_path(bench, LATEST, paths.latest);
    (void)snprintf(name, sizeof name, "bench/%zu.csr", index);
    bench_path(bench, name, paths.request);
    (void)snprintf(name, sizeof name, "bench/%zu.template", index);
    bench_path(bench, name, paths.template);
    return paths;
}

static bool empty_database(const struct bench *bench, struct fault *fault)
{
    char path[BENCH_PATH];
    bench_path(bench, "bench/index.txt", path);
    FILE *file = fopen(path, "we");
    return (file && fclose(file) == 0) || fault_set(fault, FAULT_FILE, (unsigned long)errno, "'%s'", path);
}

static bool begin(const struct bench *bench, struct fault *fault)
{
    if (setenv("PKCS11_MODULE_PATH", SOFTHSM_MODULE, 1) != 0)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "environment");
    return empty_database(bench, fault);
}

static void end(void)
{
}

/* Commands tell of their work on standard error: it goes where the benchmark sends it. */
static bool run(const char *const *argv, const char *serial, struct fault *fault)
{
    if (setenv("SERIAL", serial, 1) != 0)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "environment");
    int status = command_run(argv);
    return status == 0 || fault_set(fault, FAULT_SYSTEM, 0, "%s %s left with %d", argv[0], argv[1], status);
}

static bool ca(const struct bench *bench, size_t count, struct fault *fault)
{
    for (size_t i = 0; i < count; i++) {
        const struct paths paths = paths_of(bench, i % BENCH_UNITS);
        const char *const argv[] = {"openssl",           "ca",         "-batch",     "-notext",     "-config",
                                    paths.configuration, "-engine",    "pkcs11",     "-keyform",    "engine",
                                    "-keyfile",          KEY_WITH_PIN, "-cert",      paths.issuing, "-in",
                                    paths.request,       "-out",       paths.latest, NULL};
        if (!run(argv, bench->units[i % BENCH_UNITS].serial, fault))
            return false;
    }
    return true;
}

/* Its configuration is read once, so the name of a single unit cannot be in it. */
static bool ca_batch(const struct bench *bench, size_t count, struct fault *fault)
{
    struct paths paths[BENCH_UNITS];
    const char *argv[BENCH_UNITS + 20] = {"openssl",  "ca",         "-batch", "-notext",  "-config",
                                          NULL,       "-engine",    "pkcs11", "-keyform", "engine",
                                          "-keyfile", KEY_WITH_PIN, "-cert",  NULL,       "-extensions",
                                          "common",   "-out",       NULL,     "-infiles"};
    size_t arguments = 19;
    if (count > BENCH_UNITS || !empty_database(bench, fault))
        return fault_set(fault, FAULT_INTERNAL, 0, "batch of %zu", count);
    for (size_t i = 0; i < count; i++) {
        paths[i] = paths_of(bench, i);
        argv[arguments++] = paths[i].request;
    }
    argv[5] = paths[0].configuration;
    argv[13] = paths[0].issuing;
    argv[17] = paths[0].latest;
    return run(argv, "-", fault);
}

static bool x509(const struct bench *bench, size_t count, struct fault *fault)
{
    for (size_t i = 0; i < count; i++) {
        const struct paths paths = paths_of(bench, i % BENCH_UNITS);
        const char *const argv[] = {
            "openssl",     "x509",   "-req",       "-in",        paths.request, "-CA",
            paths.issuing, "-CAkey", KEY_WITH_PIN, "-CAkeyform", "engine",      "-engine",
            "pkcs11",      "-days",  "3650",       "-sha256",    "-extfile",    paths.configuration,
            "-extensions", "unit",   "-out",       paths.latest, NULL};
        if (!run(argv, bench->units[i % BENCH_UNITS].serial, fault))
            return false;
    }
    return true;
}

static bool certtool(const struct bench *bench, size_t count, struct fault *fault)
{
    for (size_t i = 0; i < count; i++) {
        const struct paths paths = paths_of(bench, i % BENCH_UNITS);
        const char *const argv[] = {
            "certtool",    "--generate-certificate", "--load-request", paths.request, "--load-ca-certificate",
            paths.issuing, "--load-ca-privkey",      KEY_WITH_PIN,     "--template",  paths.template,
            "--provider",  SOFTHSM_MODULE,           "--outfile",      paths.latest,  NULL};
        if (!run(argv, bench->units[i % BENCH_UNITS].serial, fault))
            return false;
    }
    return true;
}

/* A batch leaves all its certificates in the file; the first will do. */
static bool save(const struct bench *bench, const char *path, struct fault *fault)
{
    const struct paths paths = paths_of(bench, 0);
    const char *const argv[] = {"openssl", "x509", "-in", paths.latest, "-out", path, NULL};
    return command_run(argv) == 0 || fault_set(fault, FAULT_SYSTEM, 0, "no certificate in '%s'", paths.latest);
}

#define LACKS "number from its own generator; subject copied; no lint, no check"

const struct peer peer_openssl_batch = {.name = "openssl ca, a batch at a time",
                                        .lacks =
                                            "no name of the unit in it; nothing on the disk before the last; " LACKS,
                                        .turn = BENCH_UNITS,
                                        .open = begin,
                                        .issue = ca_batch,
                                        .save = save,
                                        .close = end};
const struct peer peer_openssl_ca = {
    .name = "openssl ca", .lacks = LACKS, .turn = 8, .open = begin, .issue = ca, .save = save, .close = end};
const struct peer peer_openssl_x509 = {.name = "openssl x509",
                                       .lacks = "ten years, not for ever; " LACKS,
                                       .turn = 8,
                                       .open = begin,
                                       .issue = x509,
                                       .save = save,
                                       .close = end};
const struct peer peer_certtool = {
    .name = "certtool", .lacks = LACKS, .turn = 8, .open = begin, .issue = certtool, .save = save, .close = end};
