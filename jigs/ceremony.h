/* ceremony.h -- what a key ceremony makes, where, as data (the plan that custodians sign).
 *
 * Owner    values; read by jigs/read.h and freed by ceremony_free()
 * Threads  any
 * Secrets  none: PINs are named by files
 * Layer    jigs/ may include base/ only
 */
#pragma once

#include "base/fault.h"

#define CEREMONY_PATH_SIZE 257
#define CEREMONY_PRODUCTION_MAX 4
#define CEREMONY_CUSTODIANS_MAX 8

struct ceremony_token {
    char module[CEREMONY_PATH_SIZE]; /* a module's path, or "unix:/path" of a p11-kit server */
    char uri[CEREMONY_PATH_SIZE];
    char pin_file[CEREMONY_PATH_SIZE];
};

struct ceremony_custodian {
    char name[65];
    char role[65];
};

struct ceremony {
    char organization[65]; /* subject O of the CA certificates */
    char country[3];
    struct ceremony_token root;     /* root CA */
    struct ceremony_token recovery; /* recovery */
    struct ceremony_token spare;    /* spare recovery; module empty: none */
    /* Each has an issuing CA, a station and a checkpoint key of its own, and the one fingerprint key. */
    struct ceremony_token production[CEREMONY_PRODUCTION_MAX];
    unsigned production_count;
    struct ceremony_custodian custodians[CEREMONY_CUSTODIANS_MAX]; /* who is there and signs the record */
    unsigned custodian_count;
    unsigned root_years, issuing_years, station_years;
    char output[CEREMONY_PATH_SIZE]; /* directory for certificates and the record */
};

void ceremony_free(struct ceremony *ceremony);
DEFINE_CLEANUP(struct ceremony *, ceremony_free)
