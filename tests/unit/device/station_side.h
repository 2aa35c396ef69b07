/* station_side.h -- a small station for tests: frames from fixtures/wire, TLS from OpenSSL with a key in memory.
 *
 * Independent of the station's own driver, so that the unit's side is tested by itself.
 */
#pragma once

#include "fixtures/wire/cbor.h"
#include "fixtures/wire/session.h"
#include "tests/unit/device/pki.h"

#include <openssl/ssl.h>

/* The operations of PROTOCOL.md. */
enum operation {
    IDENTIFY = 1,
    MAKE_KEY,
    INJECT,
    RESTART,
    TRY_LOGIN,
    COMPARE_KEY,
    INTERFACES,
    LOCK,
    OPEN_DEBUG,
    REOPEN,
    OFFER_POINT,
};

struct station_side {
    int cable;
    struct session session;
    SSL_CTX *context;
    SSL *tls;
    uint64_t id;
    bool hung_up;
    uint8_t response[4096];
};

void station_start(struct station_side *station, const struct pki *pki, int cable);
/* The same with another certificate for the station's key. */
void station_start_as(struct station_side *station, const struct pki *pki, X509 *certificate, int cable);
/* Closes the cable too. */
void station_stop(struct station_side *station);

/* RESET until HELLO, then the handshake. False when nothing comes of it within `milliseconds`, or the cable ends. */
bool station_connect(struct station_side *station, unsigned milliseconds);
/* The certificate that the unit showed; NULL when none. The caller frees it. */
X509 *station_peer(const struct station_side *station);

/* Sends the arguments and waits 20 s for the answer: its status, and a reader over its result map; -1: none came. */
int station_request(struct station_side *station, enum operation operation, const uint8_t *arguments, size_t size,
                    struct cbor_reader *ret_result);
/* Sends these bytes as one message and waits for the answer. */
int station_send(struct station_side *station, const uint8_t *message, size_t size, struct cbor_reader *ret_result);

/* The operations in short. */
struct identity {
    char model[33], firmware[33], serial[33];
    uint8_t hardware_id[32], certificate[32];
    size_t hardware_id_size, certificate_size;
    uint64_t state, mac, mac_count;
    bool locked, can_reopen;
};
int station_identify(struct station_side *station, struct identity *ret_identity);
int station_make_key(struct station_side *station, uint8_t transaction, const char *serial, struct der *ret_csr);
struct login_result {
    uint64_t outcome, wait_ms;
    bool must_change;
};
int station_try_login(struct station_side *station, const char *user, const char *password,
                      struct login_result *ret_result);
int station_compare_key(struct station_side *station, const char *kind, const char *password, bool *ret_equal);
int station_simple(struct station_side *station, enum operation operation);
/* True when the interface is open. */
bool station_sees_interface(struct station_side *station, const char *name);

/* INJECT's arguments: a router's, with admin's password and a Wi-Fi key, or a sensor's, with none. */
size_t build_injection(uint8_t transaction, const char *serial, const char *password, const struct der *certificate,
                       const struct der *issuing, uint8_t ret_arguments[4096]);
/* The same with a key that was wrapped for the unit. */
struct given_key {
    uint8_t point[65];
    uint8_t wrapped[256];
    size_t wrapped_size;
};
size_t build_given_injection(uint8_t transaction, const char *serial, const struct der *certificate,
                             const struct der *issuing, const struct given_key *key, uint8_t ret_arguments[4096]);
/* OFFER_POINT. */
int station_offer_point(struct station_side *station, uint8_t transaction, const char *serial, uint8_t ret_point[65]);

/* MAKE_KEY, a certificate, INJECT; the receipt is compared. Returns INJECT's status. `password` NULL: a sensor. */
int station_provision(struct station_side *station, const struct pki *pki, uint8_t transaction, const char *serial,
                      const char *password);
