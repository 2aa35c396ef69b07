/* A key that is made outside of the unit: the reference unit by itself, then kokuin-unit, whose wolfSSL opens what
 * OpenSSL wrapped. */
#include "base/bytes.h"
#include "tests/unit/device/board_in_memory.h"
#include "tests/unit/device/simulated.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONTACT "KC00000018"

enum status { DONE, MALFORMED, UNKNOWN, LOCKED, WRONG_STATE, REFUSED, FAILED };

struct pki pki;

static const struct der any_certificate = {"certificate", 11}, any_issuing = {"issuing", 7};

/* ---- the reference unit by itself ---- */

static struct board_in_memory *board;

static int set_up(void **state)
{
    (void)state;
    board = malloc(sizeof *board);
    if (!board)
        return -1;
    board_start(board);
    board_give_keys(board);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(board);
    return 0;
}

/* The status; `ret_bytes` gets the result's only byte string. */
static enum status ask(uint64_t operation, const uint8_t *arguments, size_t size, uint8_t ret_bytes[512],
                       size_t *ret_size)
{
    uint8_t message[8192], response[DEVICE_RESPONSE_MAX];
    struct cbor_writer writer;
    struct cbor_reader reader;
    bool restart;
    cbor_write_start(&writer, message, sizeof message);
    cbor_write_map(&writer, 3);
    cbor_write_uint(&writer, 0);
    cbor_write_uint(&writer, 1);
    cbor_write_uint(&writer, 1);
    cbor_write_uint(&writer, operation);
    cbor_write_uint(&writer, 2);
    cbor_write_item(&writer, arguments, size);
    assert_true(cbor_write_end(&writer));
    size_t length = device_answer(&board->device, message, writer.at, response, &restart);
    cbor_read_start(&reader, response, length);
    cbor_read_map_of(&reader, 3);
    cbor_read_key(&reader, 0);
    (void)cbor_read_uint(&reader, UINT64_MAX);
    cbor_read_key(&reader, 1);
    enum status status = (enum status)cbor_read_uint(&reader, FAILED);
    cbor_read_key(&reader, 2);
    if (status != DONE || !ret_bytes)
        return status;
    cbor_read_map_of(&reader, 1);
    cbor_read_key(&reader, 1);
    const uint8_t *bytes = cbor_read_bytes(&reader, 1, 512, ret_size);
    assert_true(bytes && cbor_read_end(&reader));
    memcpy(ret_bytes, bytes, *ret_size);
    return status;
}

static enum status begin_with(uint64_t operation, uint8_t transaction, const char *serial)
{
    uint8_t arguments[128], bytes[16], result[512];
    size_t size;
    struct cbor_writer writer;
    memset(bytes, transaction, sizeof bytes);
    cbor_write_start(&writer, arguments, sizeof arguments);
    cbor_write_map(&writer, 2);
    cbor_write_uint(&writer, 1);
    cbor_write_bytes(&writer, bytes, sizeof bytes);
    cbor_write_uint(&writer, 2);
    cbor_write_text(&writer, serial, strlen(serial));
    enum status status = ask(operation, arguments, writer.at, result, &size);
    if (status == DONE && operation == OFFER_POINT)
        assert_int_equal(size, DEVICE_POINT_SIZE);
    return status;
}

/* What board_in_memory's key_unwrap() opens with its `number`th key. */
static struct given_key key_for(uint32_t number)
{
    struct given_key key = {.point = {0x04}, .wrapped_size = 48};
    memset(key.wrapped, (int)number, 16);
    memset(key.wrapped + 16, 0xd0, 32);
    return key;
}

static enum status inject(uint8_t transaction, const char *serial, const struct given_key *key)
{
    uint8_t arguments[4096], result[512];
    size_t count,
        size = key ? build_given_injection(transaction, serial, &any_certificate, &any_issuing, key, arguments)
                   : build_injection(transaction, serial, NULL, &any_certificate, &any_issuing, arguments);
    return ask(INJECT, arguments, size, result, &count);
}

static void each_unit_does_one_of_the_two(void **state)
{
    (void)state;
    assert_int_equal(begin_with(MAKE_KEY, 1, SERIAL), REFUSED);
    assert_int_equal(begin_with(OFFER_POINT, 1, SERIAL), DONE);
    board_start(board); /* one that makes its own */
    assert_int_equal(begin_with(OFFER_POINT, 1, SERIAL), REFUSED);
    assert_int_equal(begin_with(MAKE_KEY, 1, SERIAL), DONE);
    /* New firmware that is given keys now: the key of the old one is no point. */
    board_give_keys(board);
    assert_int_equal(begin_with(OFFER_POINT, 1, SERIAL), WRONG_STATE);
    assert_int_equal(begin_with(OFFER_POINT, 2, SERIAL), DONE);
}

static void point_and_injection_may_be_repeated(void **state)
{
    (void)state;
    assert_int_equal(begin_with(OFFER_POINT, 1, SERIAL), DONE);
    board_restart(board);
    assert_int_equal(begin_with(OFFER_POINT, 1, SERIAL), DONE);
    assert_int_equal(board->keys_made, 1);
    assert_int_equal(begin_with(OFFER_POINT, 1, CONTACT), WRONG_STATE);
    struct given_key key = key_for(1), other = key_for(1);
    assert_int_equal(inject(1, SERIAL, &key), DONE);
    assert_int_equal(inject(1, SERIAL, &key), DONE);
    board_restart(board);
    assert_int_equal(inject(1, SERIAL, &key), DONE);
    other.wrapped[20] ^= 1;
    assert_int_equal(inject(1, SERIAL, &other), WRONG_STATE);
    assert_int_equal(begin_with(OFFER_POINT, 1, SERIAL), DONE);
    assert_int_equal(board->keys_made, 1);
    assert_int_equal(board->device.content.certificate.key.size, 32);
    assert_int_equal(board->device.content.certificate.key.bytes[31], 0xd0);
}

static void injection_must_fit_how_it_began(void **state)
{
    (void)state;
    struct given_key key = key_for(1);
    assert_int_equal(inject(1, SERIAL, &key), WRONG_STATE);
    assert_int_equal(begin_with(OFFER_POINT, 1, SERIAL), DONE);
    assert_int_equal(inject(1, SERIAL, NULL), WRONG_STATE);
    assert_int_equal(inject(2, SERIAL, &key), WRONG_STATE);
    key = key_for(2); /* for another unit's point */
    assert_int_equal(inject(1, SERIAL, &key), REFUSED);
    key = key_for(1);
    key.wrapped[3] ^= 1;
    assert_int_equal(inject(1, SERIAL, &key), REFUSED);
    key = key_for(1);
    board->certificate_fits = false; /* it is for another key */
    assert_int_equal(inject(1, SERIAL, &key), REFUSED);
    board->certificate_fits = true;
    key.wrapped_size = 15;
    assert_int_equal(inject(1, SERIAL, &key), MALFORMED);
    assert_int_equal(begin_with(OFFER_POINT, 3, SERIAL), DONE);
    assert_false(board->device.content.provisioned);

    board_start(board); /* one that makes its own takes no other */
    assert_int_equal(begin_with(MAKE_KEY, 1, SERIAL), DONE);
    key = key_for(1);
    assert_int_equal(inject(1, SERIAL, &key), WRONG_STATE);
    assert_int_equal(inject(1, SERIAL, NULL), DONE);
}

/* Eleven keys or nine, and the two are of their lengths. */
static void broken_injections_are_malformed(void **state)
{
    (void)state;
    uint8_t arguments[4096], result[512];
    size_t count;
    struct given_key key = key_for(1);
    assert_int_equal(begin_with(OFFER_POINT, 1, SERIAL), DONE);
    size_t size = build_given_injection(1, SERIAL, &any_certificate, &any_issuing, &key, arguments);
    size_t wrapped = 3 + key.wrapped_size; /* key 11, and a head of two bytes */
    uint8_t head = arguments[0];
    arguments[0] = 0xaa; /* ten: the point without the wrapped key */
    assert_int_equal(ask(INJECT, arguments, size - wrapped, result, &count), MALFORMED);
    arguments[0] = 0xa9;
    assert_int_equal(ask(INJECT, arguments, size - wrapped, result, &count), MALFORMED);
    arguments[0] = head;
    uint8_t *point = arguments + size - wrapped - 68; /* key 10, a head of two bytes, 65 bytes */
    assert_int_equal(point[0], 10);
    assert_int_equal(point[2], 65);
    memmove(point + 67, point + 68, wrapped); /* a point of 64 bytes */
    point[2] = 64;
    assert_int_equal(ask(INJECT, arguments, size - 1, result, &count), MALFORMED);
    assert_false(board->device.content.provisioned);
}

static void locked_unit_offers_nothing(void **state)
{
    (void)state;
    struct given_key key = key_for(1);
    assert_int_equal(begin_with(OFFER_POINT, 1, SERIAL), DONE);
    assert_int_equal(inject(1, SERIAL, &key), DONE);
    assert_int_equal(ask(LOCK, (const uint8_t *)"\xa0", 1, NULL, NULL), DONE);
    assert_int_equal(begin_with(OFFER_POINT, 2, SERIAL), LOCKED);
    assert_int_equal(ask(REOPEN, (const uint8_t *)"\xa0", 1, NULL, NULL), DONE);
    assert_false(board->device.content.transport);
    assert_int_equal(begin_with(OFFER_POINT, 2, SERIAL), DONE);
}

static bool flash_holds(const uint8_t *bytes, size_t size)
{
    return memmem(board->flash, sizeof board->flash, bytes, size) != NULL;
}

/* The old content or the new, at each byte; the transport's key is there as long as the injection is not done, and not
 * a byte longer. */
static void power_may_go_at_any_byte(void **state)
{
    (void)state;
    struct given_key key = key_for(1);
    uint8_t given[32], transport[32];
    uint64_t blanks = 0, wholes = 0;
    memset(given, 0xd0, sizeof given);
    memset(transport, 1, sizeof transport);
    struct board_in_memory *start = malloc(sizeof *start);
    assert_int_equal(begin_with(OFFER_POINT, 1, SERIAL), DONE);
    assert_true(flash_holds(transport, sizeof transport));
    memcpy(start, board, sizeof *start);
    assert_int_equal(inject(1, SERIAL, &key), DONE);
    assert_true(flash_holds(given, sizeof given));
    assert_false(flash_holds(transport, sizeof transport));
    uint64_t total = board->flash_bytes - start->flash_bytes;
    for (uint64_t cut = 1; cut <= total; cut++) {
        memcpy(board, start, sizeof *start);
        board->power_cut_at = start->flash_bytes + cut;
        (void)inject(1, SERIAL, &key);
        assert_true(board->power_gone);
        board_restart(board);
        const struct device_content *content = &board->device.content;
        bool whole = content->provisioned;
        assert_int_equal(content->transport, whole);
        assert_int_equal(content->pending.present, !whole);
        assert_int_equal(content->pending.transport, !whole);
        if (whole)
            assert_memory_equal(content->certificate.key.bytes, given, sizeof given);
        if (cut % 97 == 0)
            assert_int_equal(inject(1, SERIAL, &key), DONE);
        blanks += !whole;
        wholes += whole;
    }
    assert_true(blanks > BANK_SIZE && wholes >= BANK_SIZE);
    free(start);
}

/* ---- with real cryptography ---- */

static EVP_PKEY *key_of(const uint8_t point[65])
{
    OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char[]){"P-256"}, 0),
                               OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)point, 65),
                               OSSL_PARAM_construct_end()};
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    assert_int_equal(EVP_PKEY_fromdata_init(context), 1);
    assert_int_equal(EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters), 1);
    EVP_PKEY_CTX_free(context);
    return key;
}

static void point_of(const EVP_PKEY *key, uint8_t ret_point[65])
{
    size_t size;
    assert_int_equal(EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, ret_point, 65, &size), 1);
    assert_int_equal(size, 65);
}

static void agree(EVP_PKEY *own, const uint8_t point[65], uint8_t ret_shared[32])
{
    EVP_PKEY *other = key_of(point);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(own, NULL);
    size_t size = 32;
    assert_int_equal(EVP_PKEY_derive_init(context), 1);
    assert_int_equal(EVP_PKEY_derive_set_peer(context, other), 1);
    assert_int_equal(EVP_PKEY_derive(context, ret_shared, &size), 1);
    EVP_PKEY_CTX_free(context);
    EVP_PKEY_free(other);
}

static size_t wrap(const uint8_t shared[32], const uint8_t *plain, size_t size, uint8_t ret_wrapped[256])
{
    int count = 0;
    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    EVP_CIPHER_CTX_set_flags(cipher, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    assert_int_equal(EVP_EncryptInit_ex(cipher, EVP_aes_256_wrap_pad(), NULL, shared, NULL), 1);
    assert_int_equal(EVP_EncryptUpdate(cipher, ret_wrapped, &count, plain, (int)size), 1);
    EVP_CIPHER_CTX_free(cipher);
    return (size_t)count;
}

/* PKCS#8 as OpenSSL writes it, with the public key in it; or as SoftHSM does, with `filling` zeros behind. */
static size_t pkcs8(EVP_PKEY *key, size_t filling, uint8_t ret_bytes[248])
{
    if (filling > 0) /* SoftHSM leaves the public key out */
        assert_int_equal(EVP_PKEY_set_int_param(key, OSSL_PKEY_PARAM_EC_INCLUDE_PUBLIC, 0), 1);
    PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
    uint8_t *at = ret_bytes;
    int size = i2d_PKCS8_PRIV_KEY_INFO(info, &at);
    assert_in_range(size, 60, 248 - 8);
    PKCS8_PRIV_KEY_INFO_free(info);
    memset(at, 0, filling);
    return (size_t)size + filling;
}

/* What a token would give for this unit's point. */
static struct given_key give(const uint8_t unit_point[65], EVP_PKEY *device, size_t filling)
{
    struct given_key key;
    uint8_t shared[32], plain[248];
    EVP_PKEY *transport = EVP_EC_gen("P-256");
    agree(transport, unit_point, shared);
    point_of(transport, key.point);
    key.wrapped_size = wrap(shared, plain, pkcs8(device, filling, plain), key.wrapped);
    EVP_PKEY_free(transport);
    return key;
}

static int send_injection(struct simulated *unit, uint8_t transaction, const struct der *certificate,
                          const struct given_key *key)
{
    struct der issuing;
    uint8_t arguments[4096];
    struct cbor_reader result;
    pki_der(pki.issuing, &issuing);
    size_t size = build_given_injection(transaction, CONTACT, certificate, &issuing, key, arguments);
    return station_request(&unit->station, INJECT, arguments, size, &result);
}

static int provision(struct simulated *unit, size_t filling, struct der *ret_certificate)
{
    uint8_t point[65];
    EVP_PKEY *device = EVP_EC_gen("P-256");
    assert_int_equal(station_offer_point(&unit->station, 1, CONTACT, point), DONE);
    struct given_key key = give(point, device, filling);
    pki_issue(&pki, device, CONTACT, ret_certificate);
    EVP_PKEY_free(device);
    return send_injection(unit, 1, ret_certificate, &key);
}

static bool shows(struct simulated *unit, const struct der *certificate)
{
    X509 *peer = station_peer(&unit->station);
    struct der shown = {.size = 0};
    if (peer)
        pki_der(peer, &shown);
    X509_free(peer);
    return shown.size == certificate->size && memcmp(shown.bytes, certificate->bytes, shown.size) == 0;
}

static void unit_comes_back_with_the_key_it_was_given(void **state)
{
    (void)state;
    for (size_t filling = 0; filling < 8; filling += 5) {
        struct simulated unit;
        struct der certificate;
        unit_start(&unit, filling == 0 ? "c001" : "c002", "KC-100", NULL);
        connect_unit(&unit);
        assert_int_equal(provision(&unit, filling, &certificate), DONE);
        restart_unit(&unit);
        assert_true(shows(&unit, &certificate));
        assert_int_equal(unit_stop(&unit), 0);
    }
}

static void unit_refuses_what_is_not_for_it(void **state)
{
    (void)state;
    struct simulated unit;
    struct der certificate, other_certificate;
    uint8_t point[65], other_point[65];
    EVP_PKEY *device = EVP_EC_gen("P-256"), *other = EVP_EC_gen("P-256");
    unit_start(&unit, "c003", "KC-100", NULL);
    connect_unit(&unit);
    assert_int_equal(station_offer_point(&unit.station, 1, CONTACT, point), DONE);
    pki_issue(&pki, device, CONTACT, &certificate);
    pki_issue(&pki, other, CONTACT, &other_certificate);
    const struct given_key good = give(point, device, 0);
    for (size_t i = 0; i < good.wrapped_size; i++) {
        struct given_key damaged = good;
        damaged.wrapped[i] ^= 0x20;
        assert_int_equal(send_injection(&unit, 1, &certificate, &damaged), REFUSED);
    }
    struct given_key bad = good;
    bad.wrapped_size -= 8;
    assert_int_equal(send_injection(&unit, 1, &certificate, &bad), REFUSED);
    bad = good;
    bad.point[64] ^= 1; /* off the curve */
    assert_int_equal(send_injection(&unit, 1, &certificate, &bad), REFUSED);
    memset(bad.point, 0, sizeof bad.point);
    assert_int_equal(send_injection(&unit, 1, &certificate, &bad), REFUSED);
    point_of(other, other_point);
    bad = give(other_point, device, 0); /* another unit's */
    assert_int_equal(send_injection(&unit, 1, &certificate, &bad), REFUSED);
    bad = give(point, other, 0); /* another key than the certificate's */
    assert_int_equal(send_injection(&unit, 1, &certificate, &bad), REFUSED);
    assert_int_equal(send_injection(&unit, 1, &other_certificate, &good), REFUSED);

    EVP_PKEY *wrong = EVP_EC_gen("P-384"); /* not P-256 */
    bad = give(point, wrong, 0);
    assert_int_equal(send_injection(&unit, 1, &certificate, &bad), REFUSED);
    EVP_PKEY_free(wrong);

    struct identity identity;
    assert_int_equal(station_identify(&unit.station, &identity), DONE);
    assert_int_equal(identity.state, 2);
    assert_int_equal(send_injection(&unit, 1, &certificate, &good), DONE);
    EVP_PKEY_free(device);
    EVP_PKEY_free(other);
    assert_int_equal(unit_stop(&unit), 0);
}

static void start_misbehaving(struct simulated *unit, const char *name, const char *misbehaviour)
{
    unit_start_misbehaving(unit, name, "KC-100", misbehaviour);
    connect_unit(unit);
}

/* What the station would see of each misbehaviour. */
static void misbehaviours_act(void **state)
{
    (void)state;
    struct simulated unit;
    struct der certificate;
    uint8_t point[65];
    start_misbehaving(&unit, "c101", "weak-point");
    assert_int_equal(station_offer_point(&unit.station, 1, CONTACT, point), DONE);
    assert_int_equal(point[1], 0x6b);
    assert_int_equal(point[64], 0xf5);
    assert_int_equal(unit_stop(&unit), 0);

    start_misbehaving(&unit, "c102", "off-curve-point");
    assert_int_equal(station_offer_point(&unit.station, 1, CONTACT, point), DONE);
    EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    EC_POINT *parsed = EC_POINT_new(group);
    assert_int_equal(EC_POINT_oct2point(group, parsed, point, sizeof point, NULL), 0);
    EC_POINT_free(parsed);
    EC_GROUP_free(group);
    assert_int_equal(unit_stop(&unit), 0);

    static const char *const liars[] = {"damaged-key", "keeps-own-key"};
    for (size_t i = 0; i < 2; i++) {
        start_misbehaving(&unit, i == 0 ? "c103" : "c104", liars[i]);
        assert_int_equal(provision(&unit, 0, &certificate), DONE);
        assert_int_equal(station_simple(&unit.station, RESTART), DONE);
        assert_false(station_connect(&unit.station, 3000)); /* it cannot sign for its certificate */
        assert_int_equal(unit_stop(&unit), 0);
    }

    struct der csr;
    start_misbehaving(&unit, "c105", "other-key-source");
    assert_int_equal(station_offer_point(&unit.station, 1, CONTACT, point), REFUSED);
    assert_int_equal(station_make_key(&unit.station, 1, CONTACT, &csr), DONE);
    assert_int_equal(unit_stop(&unit), 0);
    unit_start_misbehaving(&unit, "c106", "KS-200", "other-key-source");
    connect_unit(&unit);
    assert_int_equal(station_make_key(&unit.station, 1, CONTACT, &csr), REFUSED);
    assert_int_equal(station_offer_point(&unit.station, 1, CONTACT, point), DONE);
    assert_int_equal(unit_stop(&unit), 0);
}

/* ---- the document ---- */

static size_t read_value(const char *name, uint8_t ret_bytes[128])
{
    FILE *document = fopen(PROTOCOL_DOCUMENT, "re");
    assert_non_null(document);
    char line[1024], format[64];
    (void)snprintf(format, sizeof format, "| %s | `%%511[0-9a-f]` |", name);
    size_t size = 0;
    while (fgets(line, sizeof line, document)) {
        char text[512];
        struct fault fault;
        if (strncmp(line, format, strlen(name) + 5) != 0 || sscanf(strchr(line, '`'), "`%511[0-9a-f]`", text) != 1)
            continue;
        assert_int_equal(size, 0);
        size = strlen(text) / 2;
        assert_true(size <= 128 && hex_read(text, ret_bytes, size, &fault));
    }
    fclose(document);
    assert_int_not_equal(size, 0);
    return size;
}

/* The private key with this scalar, as its PKCS#8 has it. */
static EVP_PKEY *private_key(const uint8_t scalar[32], const uint8_t *info, size_t size)
{
    uint8_t bytes[128];
    memcpy(bytes, info, size);
    memcpy(bytes + size - 32, scalar, 32);
    const uint8_t *at = bytes;
    EVP_PKEY *key = d2i_AutoPrivateKey(NULL, &at, (long)size);
    assert_non_null(key);
    return key;
}

static void example_of_the_document_holds(void **state)
{
    (void)state;
    static const char *const names[] = {"u", "t", "d"}, *const points[] = {"U", "T", "D"};
    uint8_t info[128], secret[128], shared[128], wrapped[128], made[256], seen[32];
    uint8_t read[3][128];
    size_t size = read_value("PrivateKeyInfo", info);
    EVP_PKEY *keys[3];
    assert_int_equal(read_value("Z", shared), 32);
    for (size_t i = 0; i < 3; i++) {
        uint8_t point[65];
        assert_int_equal(read_value(names[i], secret), 32);
        assert_int_equal(read_value(points[i], read[i]), 65);
        keys[i] = private_key(secret, info, size);
        point_of(keys[i], point);
        assert_memory_equal(point, read[i], sizeof point);
    }
    assert_memory_equal(secret, info + size - 32, 32); /* d */
    agree(keys[0], read[1], seen);
    assert_memory_equal(seen, shared, 32);
    agree(keys[1], read[0], seen);
    assert_memory_equal(seen, shared, 32);
    size_t wrapped_size = read_value("W", wrapped);
    assert_int_equal(wrap(shared, info, size, made), wrapped_size);
    assert_memory_equal(made, wrapped, wrapped_size);
    for (size_t i = 0; i < 3; i++)
        EVP_PKEY_free(keys[i]);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    pki_open(&pki);
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(each_unit_does_one_of_the_two),
        TEST(point_and_injection_may_be_repeated),
        TEST(injection_must_fit_how_it_began),
        TEST(broken_injections_are_malformed),
        TEST(locked_unit_offers_nothing),
        TEST(power_may_go_at_any_byte),
        cmocka_unit_test(unit_comes_back_with_the_key_it_was_given),
        cmocka_unit_test(unit_refuses_what_is_not_for_it),
        cmocka_unit_test(misbehaviours_act),
        cmocka_unit_test(example_of_the_document_holds),
    };
    int failed = cmocka_run_group_tests_name("given_key", tests, NULL, NULL);
    pki_close(&pki);
    return failed;
}
