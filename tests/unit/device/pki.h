/* pki.h -- a small factory's keys in memory, made with OpenSSL, for the tests of the unit's side.
 *
 * Every function ends the test when it fails.
 */
#pragma once

#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pki {
    EVP_PKEY *root_key, *issuing_key, *station_key;
    X509 *root, *issuing, *station;
    char directory[32]; /* holds root.pem, and whatever the test puts there */
    char root_path[48];
};

struct der {
    uint8_t bytes[2048];
    size_t size;
};

void pki_open(struct pki *pki);
/* With everything in it. */
void remove_directory(const char *directory);
/* Removes the directory and everything in it. */
void pki_close(struct pki *pki);

/* A station's certificate without serverAuth, as a device's is. */
X509 *pki_station_without_usage(const struct pki *pki);

/* A device certificate in the manner of IEEE 802.1AR for a key, and for the key of a CSR whose signature is right. */
void pki_issue(const struct pki *pki, EVP_PKEY *key, const char *serial, struct der *ret_certificate);
void pki_issue_for(const struct pki *pki, const struct der *csr, const char *serial, struct der *ret_certificate);
bool pki_same_key(const struct der *a, const struct der *b);
void pki_der(X509 *certificate, struct der *ret_der);

/* Whether the CSR's signature is right, and its subject's serialNumber. */
bool csr_verifies(const struct der *csr);
void csr_serial(const struct der *csr, char ret_serial[64]);
