/* hsm/station_key: a TLS 1.3 handshake whose server signs in the token, and what happens when it cannot. */
#include "hsm/make.h"
#include "hsm/station_key.h"
#include "tests/support/softhsm.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka.h needs the ones above */
#include <cmocka.h>

DEFINE_CLEANUP(SSL_CTX *, SSL_CTX_free)
DEFINE_CLEANUP(SSL *, SSL_free)

static struct softhsm softhsm;
static struct token *token;
static struct station_key *station;
static struct fault fault;

static int begin(bool remote)
{
    if (softhsm_start(&softhsm, &fault) && softhsm_plant(&softhsm, &fault) && softhsm_make("empty", &fault) &&
        softhsm_serve(&softhsm, SOFTHSM_MODULE, &fault) &&
        softhsm_open(&softhsm, remote, "production", &token, &fault) &&
        station_key_open(token, softhsm_file(&softhsm, "station-1.pem"), &station, &fault))
        return 0;
    print_error("%s\n", fault.text);
    return -1;
}

static int begin_direct(void **state)
{
    (void)state;
    return begin(false);
}

static int begin_remote(void **state)
{
    (void)state;
    return begin(true);
}

static int end(void **state)
{
    (void)state;
    station_key_free(TAKE(station));
    token_free(TAKE(token));
    softhsm_end(&softhsm);
    return 0;
}

static SSL_CTX *make_server(void)
{
    SSL_CTX *server = SSL_CTX_new(TLS_server_method());
    assert_non_null(server);
    assert_int_equal(SSL_CTX_set_min_proto_version(server, TLS1_3_VERSION), 1);
    assert_int_equal(SSL_CTX_use_certificate_chain_file(server, softhsm_file(&softhsm, "station-1.pem")), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(server, station_key_handle(station)), 1);
    assert_int_equal(SSL_CTX_check_private_key(server), 1);
    assert_int_equal(SSL_CTX_set_num_tickets(server, 0), 1);
    return server;
}

static SSL_CTX *make_client(const char *root)
{
    SSL_CTX *client = SSL_CTX_new(TLS_client_method());
    assert_non_null(client);
    assert_int_equal(SSL_CTX_set_min_proto_version(client, TLS1_3_VERSION), 1);
    assert_int_equal(SSL_CTX_load_verify_file(client, root), 1);
    SSL_CTX_set_verify(client, SSL_VERIFY_PEER, NULL);
    return client;
}

static SSL *make_end(SSL_CTX *context, BIO *in, BIO *out)
{
    SSL *ssl = SSL_new(context);
    assert_non_null(ssl);
    assert_int_equal(BIO_up_ref(in), 1);
    assert_int_equal(BIO_up_ref(out), 1);
    SSL_set_bio(ssl, in, out);
    return ssl;
}

/* Both ends in one process over two memory buffers; true when both say that they are done. */
static bool shake_hands(SSL_CTX *server_context, SSL_CTX *client_context)
{
    BIO *up = BIO_new(BIO_s_mem()), *down = BIO_new(BIO_s_mem());
    assert_true(up && down);
    (void)BIO_set_mem_eof_return(up, -1);
    (void)BIO_set_mem_eof_return(down, -1);
    CLEANUP(SSL_freep) SSL *server = make_end(server_context, up, down);
    CLEANUP(SSL_freep) SSL *client = make_end(client_context, down, up);
    BIO_free(up);
    BIO_free(down);
    SSL_set_accept_state(server);
    SSL_set_connect_state(client);
    int client_done = 0, server_done = 0;
    for (unsigned round = 0; round < 10 && !(client_done == 1 && server_done == 1); round++) {
        client_done = SSL_do_handshake(client);
        server_done = SSL_do_handshake(server);
        ERR_clear_error();
    }
    bool done = client_done == 1 && server_done == 1;
    if (done)
        assert_int_equal(SSL_get_verify_result(client), X509_V_OK);
    return done;
}

static void a_client_that_trusts_the_root_accepts_the_station(void **state)
{
    (void)state;
    CLEANUP(SSL_CTX_freep) SSL_CTX *server = make_server();
    CLEANUP(SSL_CTX_freep) SSL_CTX *client = make_client(softhsm_file(&softhsm, "root.pem"));
    for (unsigned i = 0; i < 5; i++) {
        assert_true(shake_hands(server, client));
        assert_null(station_key_trouble(station));
    }
}

static void a_client_that_trusts_another_root_does_not(void **state)
{
    (void)state;
    CLEANUP(SSL_CTX_freep) SSL_CTX *server = make_server();
    CLEANUP(SSL_CTX_freep) SSL_CTX *client = make_client(softhsm_file(&softhsm, "recovery.pem"));
    assert_false(shake_hands(server, client));
}

static void a_wrong_certificate_is_noticed_by_openssl(void **state)
{
    (void)state;
    CLEANUP(SSL_CTX_freep) SSL_CTX *server = SSL_CTX_new(TLS_server_method());
    assert_int_equal(SSL_CTX_use_certificate_chain_file(server, softhsm_file(&softhsm, "checkpoint-1.pem")), 1);
    assert_int_not_equal(SSL_CTX_use_PrivateKey(server, station_key_handle(station)), 1);
    ERR_clear_error();
}

static void the_private_key_cannot_be_had(void **state)
{
    (void)state;
    EVP_PKEY *key = station_key_handle(station);
    BIGNUM *number = NULL;
    uint8_t bytes[64];
    size_t size;
    assert_int_equal(EVP_PKEY_get_bn_param(key, "priv", &number), 0);
    assert_int_equal(EVP_PKEY_get_octet_string_param(key, "priv", bytes, sizeof bytes, &size), 0);
    OSSL_PARAM *all = NULL;
    assert_int_not_equal(EVP_PKEY_todata(key, EVP_PKEY_KEYPAIR, &all), 1);
    assert_int_equal(i2d_PrivateKey(key, NULL) > 0, 0);
    ERR_clear_error();
}

static void refuses_to_open(struct token *with, const char *path, enum fault_code code)
{
    CLEANUP(station_key_freep) struct station_key *opened = NULL;
    fault = (struct fault){0};
    assert_false(station_key_open(with, path, &opened, &fault));
    print_message("  %s: %s\n", fault_name(fault.code), fault.text);
    assert_int_equal(fault.code, code);
    assert_null(opened);
}

static void each_refusal_has_its_own_fault(void **state)
{
    (void)state;
    CLEANUP(token_freep) struct token *empty = NULL;
    assert_true(softhsm_open(&softhsm, true, "empty", &empty, &fault));
    refuses_to_open(token, "/nonexistent.pem", FAULT_FILE);
    refuses_to_open(token, "/dev/null", FAULT_CRYPTO);
    refuses_to_open(token, softhsm_file(&softhsm, "checkpoint-1.pem"), FAULT_HSM_KEY_WRONG);
    refuses_to_open(empty, softhsm_file(&softhsm, "station-1.pem"), FAULT_HSM_KEY_NOT_FOUND);
    static const struct make_order order = {.label = KEY_STATION, .use = MAKE_SIGN};
    struct made_key made;
    assert_true(make_key(empty, &order, &made, &fault));
    refuses_to_open(empty, softhsm_file(&softhsm, "station-1.pem"), FAULT_HSM_KEY_WRONG);
}

static void a_dead_server_fails_the_handshake_and_says_why(void **state)
{
    (void)state;
    CLEANUP(SSL_CTX_freep) SSL_CTX *server = make_server();
    CLEANUP(SSL_CTX_freep) SSL_CTX *client = make_client(softhsm_file(&softhsm, "root.pem"));
    softhsm_kill_server(&softhsm);
    assert_false(shake_hands(server, client));
    const struct fault *trouble = station_key_trouble(station);
    assert_non_null(trouble);
    assert_int_equal(trouble->code, FAULT_HSM_CALL);
}

#define BOTH_WAYS                                                                                                      \
    cmocka_unit_test(a_client_that_trusts_the_root_accepts_the_station),                                               \
        cmocka_unit_test(a_client_that_trusts_another_root_does_not),                                                  \
        cmocka_unit_test(a_wrong_certificate_is_noticed_by_openssl), cmocka_unit_test(the_private_key_cannot_be_had),  \
        cmocka_unit_test(each_refusal_has_its_own_fault)

int main(void)
{
    const struct CMUnitTest direct[] = {BOTH_WAYS};
    const struct CMUnitTest remote[] = {BOTH_WAYS, cmocka_unit_test(a_dead_server_fails_the_handshake_and_says_why)};
    int failed = cmocka_run_group_tests(direct, begin_direct, end);
    return failed + cmocka_run_group_tests(remote, begin_remote, end);
}
