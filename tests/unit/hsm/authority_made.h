/* authority_made.h -- an issuing certificate for the key in a token, made by a root in software: shapes that the
 * ceremony does not make.
 *
 * Owner    the files are the caller's
 * Threads  one
 * Secrets  the root's key is made for the test and forgotten
 * Layer    tests/
 */
#pragma once

#include "tests/support/softhsm.h"

struct authority_made {
    const char *constraints; /* "critical,CA:TRUE,pathlen:0" */
    const char *key_usage;   /* "critical,keyCertSign,cRLSign" */
    const char *vendor;      /* Matter vendor id in the subject; NULL: none */
    const char *product;
};

/* Writes the root (a Matter PAA in shape) and the certificate of production's issuing key to two PEM files. Aborts the
 * program when OpenSSL fails. */
void authority_make(const struct softhsm *softhsm, const struct authority_made *shape, const char *root_path,
                    const char *issuing_path);
