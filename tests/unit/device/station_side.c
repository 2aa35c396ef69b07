#include "tests/unit/device/station_side.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <errno.h>
#include <openssl/rand.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define ANSWER_MS 20000

static uint32_t now_ms(void)
{
    return (uint32_t)(clock_monotonic_ns() / 1000000);
}

void station_start_as(struct station_side *station, const struct pki *pki, X509 *certificate, int cable)
{
    memset(station, 0, sizeof *station);
    station->cable = cable;
    session_start(&station->session, SESSION_STATION, FRAME_PAYLOAD_MAX, SESSION_WINDOW_MAX);
    station->context = SSL_CTX_new(TLS_server_method());
    assert_non_null(station->context);
    SSL_CTX_set_min_proto_version(station->context, TLS1_3_VERSION);
    SSL_CTX_set_num_tickets(station->context, 0);
    assert_int_equal(SSL_CTX_use_certificate(station->context, certificate), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(station->context, pki->station_key), 1);
    assert_int_equal(X509_STORE_add_cert(SSL_CTX_get_cert_store(station->context), pki->root), 1);
    SSL_CTX_set_verify(station->context, SSL_VERIFY_PEER, NULL);
}

void station_start(struct station_side *station, const struct pki *pki, int cable)
{
    station_start_as(station, pki, pki->station, cable);
}

void station_stop(struct station_side *station)
{
    SSL_free(station->tls);
    SSL_CTX_free(station->context);
    close(station->cable);
    station->tls = NULL;
    station->context = NULL;
    station->cable = -1;
}

static void send_cable(struct station_side *station)
{
    uint8_t bytes[SESSION_OUTPUT_MAX];
    for (size_t size; (size = session_output(&station->session, bytes, now_ms())) > 0;)
        for (size_t sent = 0; sent < size && !station->hung_up;) {
            ssize_t count = write(station->cable, bytes + sent, size - sent);
            if (count < 0 && errno == EAGAIN) {
                struct pollfd event = {.fd = station->cable, .events = POLLOUT};
                (void)poll(&event, 1, 100);
            } else if (count < 0) {
                station->hung_up = true;
            } else {
                sent += (size_t)count;
            }
        }
}

static void receive_cable(struct station_side *station, struct deadline deadline)
{
    uint32_t wait = session_wait_ms(&station->session, now_ms());
    int left = deadline_left_ms(deadline);
    struct pollfd event = {.fd = station->cable, .events = POLLIN};
    (void)poll(&event, 1, wait < (uint32_t)left ? (int)wait : left);
    if (event.revents == 0)
        return;
    uint8_t bytes[2048];
    ssize_t count = read(station->cable, bytes, sizeof bytes);
    if (count > 0)
        session_feed(&station->session, bytes, (size_t)count, now_ms());
    else if (count == 0 || errno != EAGAIN)
        station->hung_up = true;
}

/* True when the TLS engine got something to read. */
static bool fill_tls(struct station_side *station)
{
    uint8_t bytes[FRAME_PAYLOAD_MAX];
    bool moved = false;
    for (size_t size; station->tls && (size = session_read(&station->session, bytes, sizeof bytes)) > 0; moved = true)
        assert_int_equal(BIO_write(SSL_get_rbio(station->tls), bytes, (int)size), size);
    return moved;
}

/* Moves what the TLS engine wrote to the cable, and waits for something that it can read. */
static void pump(struct station_side *station, struct deadline deadline)
{
    uint8_t bytes[FRAME_PAYLOAD_MAX];
    BIO *out = station->tls ? SSL_get_wbio(station->tls) : NULL;
    while (out && BIO_pending(out) > 0 && station->session.count < station->session.window) {
        int size = BIO_read(out, bytes, station->session.payload);
        assert_int_equal(session_write(&station->session, bytes, (size_t)size), size);
    }
    send_cable(station);
    if (fill_tls(station))
        return;
    receive_cable(station, deadline);
    (void)fill_tls(station);
}

static bool may_go_on(const struct station_side *station, struct deadline deadline)
{
    return !station->hung_up && !deadline_passed(deadline) && station->session.state != SESSION_DEAD;
}

bool station_connect(struct station_side *station, unsigned milliseconds)
{
    struct deadline deadline = deadline_in_ms(milliseconds);
    uint16_t id;
    assert_int_equal(RAND_bytes((uint8_t *)&id, sizeof id), 1);
    SSL_free(station->tls);
    station->tls = NULL;
    session_reset(&station->session, id, now_ms());
    while (station->session.state == SESSION_OPENING && may_go_on(station, deadline))
        pump(station, deadline);
    if (station->session.state != SESSION_OPEN)
        return false;
    station->tls = SSL_new(station->context);
    assert_non_null(station->tls);
    BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
    BIO_set_mem_eof_return(in, -1);
    BIO_set_mem_eof_return(out, -1);
    SSL_set_bio(station->tls, in, out);
    SSL_set_accept_state(station->tls);
    while (may_go_on(station, deadline)) {
        int result = SSL_do_handshake(station->tls);
        if (result == 1)
            return true;
        if (SSL_get_error(station->tls, result) != SSL_ERROR_WANT_READ)
            return false;
        pump(station, deadline);
    }
    return false;
}

X509 *station_peer(const struct station_side *station)
{
    return SSL_get1_peer_certificate(station->tls);
}

static bool read_exactly(struct station_side *station, uint8_t *ret_bytes, size_t size, struct deadline deadline)
{
    for (size_t at = 0; at < size;) {
        int count = SSL_read(station->tls, ret_bytes + at, (int)(size - at));
        if (count > 0) {
            at += (size_t)count;
            continue;
        }
        if (SSL_get_error(station->tls, count) != SSL_ERROR_WANT_READ || !may_go_on(station, deadline))
            return false;
        pump(station, deadline);
    }
    return true;
}

int station_send(struct station_side *station, const uint8_t *message, size_t size, struct cbor_reader *ret_result)
{
    struct deadline deadline = deadline_in_ms(ANSWER_MS);
    uint8_t whole[2 + 4096];
    whole[0] = (uint8_t)(size >> 8);
    whole[1] = (uint8_t)size;
    memcpy(whole + 2, message, size);
    if (SSL_write(station->tls, whole, (int)(2 + size)) != (int)(2 + size))
        return -1;
    uint8_t head[2];
    if (!read_exactly(station, head, sizeof head, deadline))
        return -1;
    size_t length = (size_t)(head[0] << 8 | head[1]);
    assert_in_range(length, 1, sizeof station->response);
    if (!read_exactly(station, station->response, length, deadline))
        return -1;
    cbor_read_start(ret_result, station->response, length);
    cbor_read_map_of(ret_result, 3);
    cbor_read_key(ret_result, 0);
    station->id = cbor_read_uint(ret_result, UINT64_MAX);
    cbor_read_key(ret_result, 1);
    int status = (int)cbor_read_uint(ret_result, 255);
    cbor_read_key(ret_result, 2);
    assert_false(ret_result->failed);
    return status;
}

int station_request(struct station_side *station, enum operation operation, const uint8_t *arguments, size_t size,
                    struct cbor_reader *ret_result)
{
    uint8_t message[4096];
    struct cbor_writer writer;
    uint64_t id = station->id + 1;
    cbor_write_start(&writer, message, sizeof message);
    cbor_write_map(&writer, 3);
    cbor_write_uint(&writer, 0);
    cbor_write_uint(&writer, id);
    cbor_write_uint(&writer, 1);
    cbor_write_uint(&writer, (uint64_t)operation);
    cbor_write_uint(&writer, 2);
    cbor_write_item(&writer, arguments, size);
    assert_true(cbor_write_end(&writer));
    int status = station_send(station, message, writer.at, ret_result);
    if (status >= 0)
        assert_int_equal(station->id, id);
    return status;
}

int station_simple(struct station_side *station, enum operation operation)
{
    struct cbor_reader result;
    return station_request(station, operation, (const uint8_t *)"\xa0", 1, &result);
}

static void read_text(struct cbor_reader *result, uint64_t key, char *ret_text)
{
    size_t size;
    cbor_read_key(result, key);
    const char *text = cbor_read_text(result, 0, 32, &size);
    assert_non_null(text);
    memcpy(ret_text, text, size);
    ret_text[size] = '\0';
}

static uint64_t read_uint(struct cbor_reader *result, uint64_t key)
{
    cbor_read_key(result, key);
    return cbor_read_uint(result, UINT64_MAX);
}

static bool read_bool(struct cbor_reader *result, uint64_t key)
{
    cbor_read_key(result, key);
    return cbor_read_bool(result);
}

static size_t read_bytes(struct cbor_reader *result, uint64_t key, uint8_t *ret_bytes, size_t maximum)
{
    size_t size;
    cbor_read_key(result, key);
    const uint8_t *bytes = cbor_read_bytes(result, 0, maximum, &size);
    assert_non_null(bytes);
    memcpy(ret_bytes, bytes, size);
    return size;
}

int station_identify(struct station_side *station, struct identity *ret_identity)
{
    struct cbor_reader result;
    uint8_t firmware_sha256[32];
    int status = station_request(station, IDENTIFY, (const uint8_t *)"\xa0", 1, &result);
    if (status != 0)
        return status;
    cbor_read_map_of(&result, 11);
    read_text(&result, 1, ret_identity->model);
    ret_identity->hardware_id_size = read_bytes(&result, 2, ret_identity->hardware_id, 32);
    read_text(&result, 3, ret_identity->firmware);
    assert_int_equal(read_bytes(&result, 4, firmware_sha256, 32), 32);
    ret_identity->state = read_uint(&result, 5);
    ret_identity->locked = read_bool(&result, 6);
    ret_identity->can_reopen = read_bool(&result, 7);
    read_text(&result, 8, ret_identity->serial);
    ret_identity->mac = read_uint(&result, 9);
    ret_identity->mac_count = read_uint(&result, 10);
    ret_identity->certificate_size = read_bytes(&result, 11, ret_identity->certificate, 32);
    assert_true(cbor_read_end(&result));
    return status;
}

static int begin_key(struct station_side *station, enum operation operation, uint8_t transaction, const char *serial,
                     struct cbor_reader *ret_result)
{
    uint8_t arguments[128], bytes[16];
    struct cbor_writer writer;
    memset(bytes, transaction, sizeof bytes);
    cbor_write_start(&writer, arguments, sizeof arguments);
    cbor_write_map(&writer, 2);
    cbor_write_uint(&writer, 1);
    cbor_write_bytes(&writer, bytes, sizeof bytes);
    cbor_write_uint(&writer, 2);
    cbor_write_text(&writer, serial, strlen(serial));
    int status = station_request(station, operation, arguments, writer.at, ret_result);
    if (status == 0)
        cbor_read_map_of(ret_result, 1);
    return status;
}

int station_make_key(struct station_side *station, uint8_t transaction, const char *serial, struct der *ret_csr)
{
    struct cbor_reader result;
    int status = begin_key(station, MAKE_KEY, transaction, serial, &result);
    if (status != 0)
        return status;
    ret_csr->size = read_bytes(&result, 1, ret_csr->bytes, 1024);
    assert_true(cbor_read_end(&result));
    return status;
}

int station_offer_point(struct station_side *station, uint8_t transaction, const char *serial, uint8_t ret_point[65])
{
    struct cbor_reader result;
    int status = begin_key(station, OFFER_POINT, transaction, serial, &result);
    if (status != 0)
        return status;
    assert_int_equal(read_bytes(&result, 1, ret_point, 65), 65);
    assert_true(cbor_read_end(&result));
    return status;
}

static size_t build_pair(const char *name, const char *password, uint8_t ret_arguments[256])
{
    struct cbor_writer writer;
    cbor_write_start(&writer, ret_arguments, 256);
    cbor_write_map(&writer, 2);
    cbor_write_uint(&writer, 1);
    cbor_write_text(&writer, name, strlen(name));
    cbor_write_uint(&writer, 2);
    cbor_write_bytes(&writer, (const uint8_t *)password, strlen(password));
    assert_true(cbor_write_end(&writer));
    return writer.at;
}

int station_try_login(struct station_side *station, const char *user, const char *password,
                      struct login_result *ret_result)
{
    uint8_t arguments[256];
    struct cbor_reader result;
    int status = station_request(station, TRY_LOGIN, arguments, build_pair(user, password, arguments), &result);
    if (status != 0)
        return status;
    cbor_read_map_of(&result, 3);
    ret_result->outcome = read_uint(&result, 1);
    ret_result->wait_ms = read_uint(&result, 2);
    ret_result->must_change = read_bool(&result, 3);
    assert_true(cbor_read_end(&result));
    return status;
}

int station_compare_key(struct station_side *station, const char *kind, const char *password, bool *ret_equal)
{
    uint8_t arguments[256];
    struct cbor_reader result;
    int status = station_request(station, COMPARE_KEY, arguments, build_pair(kind, password, arguments), &result);
    if (status != 0)
        return status;
    cbor_read_map_of(&result, 1);
    *ret_equal = read_bool(&result, 1);
    assert_true(cbor_read_end(&result));
    return status;
}

bool station_sees_interface(struct station_side *station, const char *name)
{
    struct cbor_reader result;
    assert_int_equal(station_request(station, INTERFACES, (const uint8_t *)"\xa0", 1, &result), 0);
    cbor_read_map_of(&result, 1);
    cbor_read_key(&result, 1);
    size_t count = cbor_read_array(&result, 32);
    bool seen = false;
    for (size_t i = 0; i < count; i++) {
        size_t size;
        const char *text = cbor_read_text(&result, 1, 32, &size);
        seen = seen || (text && size == strlen(name) && memcmp(text, name, size) == 0);
    }
    assert_true(cbor_read_end(&result));
    return seen;
}

static void write_credential(struct cbor_writer *writer, const char *kind, const char *user, bool login,
                             const char *password)
{
    cbor_write_map(writer, 4);
    cbor_write_uint(writer, 1);
    cbor_write_text(writer, kind, strlen(kind));
    cbor_write_uint(writer, 2);
    cbor_write_text(writer, user, strlen(user));
    cbor_write_uint(writer, 3);
    cbor_write_bool(writer, login);
    cbor_write_uint(writer, 4);
    cbor_write_bytes(writer, (const uint8_t *)password, strlen(password));
}

size_t build_injection(uint8_t transaction, const char *serial, const char *password, const struct der *certificate,
                       const struct der *issuing, uint8_t ret_arguments[4096])
{
    uint8_t bytes[16];
    struct cbor_writer writer;
    memset(bytes, transaction, sizeof bytes);
    cbor_write_start(&writer, ret_arguments, 4096);
    cbor_write_map(&writer, 9);
    cbor_write_uint(&writer, 1);
    cbor_write_bytes(&writer, bytes, sizeof bytes);
    cbor_write_uint(&writer, 2);
    cbor_write_text(&writer, serial, strlen(serial));
    cbor_write_uint(&writer, 3);
    cbor_write_uint(&writer, 0x025055000010);
    cbor_write_uint(&writer, 4);
    cbor_write_uint(&writer, 2);
    cbor_write_uint(&writer, 5);
    cbor_write_text(&writer, password ? "kokuin-000010" : "", password ? 13 : 0);
    cbor_write_uint(&writer, 6);
    cbor_write_bool(&writer, false);
    cbor_write_uint(&writer, 7);
    cbor_write_array(&writer, password ? 2 : 0);
    if (password) {
        write_credential(&writer, "admin", "admin", true, password);
        write_credential(&writer, "wifi", "", false, "a Wi-Fi key");
    }
    cbor_write_uint(&writer, 8);
    cbor_write_bytes(&writer, certificate->bytes, certificate->size);
    cbor_write_uint(&writer, 9);
    cbor_write_bytes(&writer, issuing->bytes, issuing->size);
    assert_true(cbor_write_end(&writer));
    return writer.at;
}

size_t build_given_injection(uint8_t transaction, const char *serial, const struct der *certificate,
                             const struct der *issuing, const struct given_key *key, uint8_t ret_arguments[4096])
{
    size_t size = build_injection(transaction, serial, NULL, certificate, issuing, ret_arguments);
    struct cbor_writer writer;
    cbor_write_start(&writer, ret_arguments, 4096);
    cbor_write_map(&writer, 11); /* in place of the 9 */
    writer.at = size;
    cbor_write_uint(&writer, 10);
    cbor_write_bytes(&writer, key->point, sizeof key->point);
    cbor_write_uint(&writer, 11);
    cbor_write_bytes(&writer, key->wrapped, key->wrapped_size);
    assert_true(cbor_write_end(&writer));
    return writer.at;
}

int station_provision(struct station_side *station, const struct pki *pki, uint8_t transaction, const char *serial,
                      const char *password)
{
    struct der csr, certificate, issuing;
    int status = station_make_key(station, transaction, serial, &csr);
    if (status != 0)
        return status;
    pki_issue_for(pki, &csr, serial, &certificate);
    pki_der(pki->issuing, &issuing);
    uint8_t arguments[4096], expected[32], receipt[32];
    size_t size = build_injection(transaction, serial, password, &certificate, &issuing, arguments);
    struct cbor_reader result;
    status = station_request(station, INJECT, arguments, size, &result);
    if (status != 0)
        return status;
    cbor_read_map_of(&result, 1);
    assert_int_equal(read_bytes(&result, 1, receipt, 32), 32);
    assert_int_equal(EVP_Digest(arguments, size, expected, NULL, EVP_sha256(), NULL), 1);
    assert_memory_equal(receipt, expected, sizeof expected);
    return status;
}
