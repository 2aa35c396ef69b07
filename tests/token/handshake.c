#include "hsm/station_key.h"
#include "tests/token/matrix.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

DEFINE_CLEANUP(SSL_CTX *, SSL_CTX_free)
DEFINE_CLEANUP(SSL *, SSL_free)

static bool failed(struct fault *fault, const char *what)
{
    return crypto_failed(fault, FAULT_CRYPTO, what);
}

static bool make_server(struct matrix *matrix, const struct station_key *key, SSL_CTX *server, struct fault *fault)
{
    if (SSL_CTX_set_min_proto_version(server, TLS1_3_VERSION) == 1 &&
        SSL_CTX_use_certificate_chain_file(server, matrix_file(matrix, "station.pem")) == 1 &&
        SSL_CTX_use_PrivateKey(server, station_key_handle(key)) == 1 && SSL_CTX_check_private_key(server) == 1)
        return true;
    return failed(fault, "TLS server");
}

static bool make_client(struct matrix *matrix, SSL_CTX *client, struct fault *fault)
{
    SSL_CTX_set_verify(client, SSL_VERIFY_PEER, NULL);
    if (SSL_CTX_set_min_proto_version(client, TLS1_3_VERSION) == 1 &&
        SSL_CTX_load_verify_file(client, matrix_file(matrix, "root.pem")) == 1)
        return true;
    return failed(fault, "TLS client");
}

/* Both ends in one process over two memory buffers. */
static bool shake_hands(SSL *server, SSL *client)
{
    BIO *up = BIO_new(BIO_s_mem()), *down = BIO_new(BIO_s_mem());
    if (!up || !down || BIO_up_ref(up) != 1 || BIO_up_ref(down) != 1)
        return false;
    (void)BIO_set_mem_eof_return(up, -1);
    (void)BIO_set_mem_eof_return(down, -1);
    SSL_set_bio(server, up, down);
    SSL_set_bio(client, down, up);
    SSL_set_accept_state(server);
    SSL_set_connect_state(client);
    int client_done = 0, server_done = 0;
    for (unsigned round = 0; round < 10 && !(client_done == 1 && server_done == 1); round++) {
        client_done = SSL_do_handshake(client);
        server_done = SSL_do_handshake(server);
        ERR_clear_error();
    }
    return client_done == 1 && server_done == 1 && SSL_get_verify_result(client) == X509_V_OK;
}

bool matrix_handshake(struct matrix *matrix, struct fault *fault)
{
    CLEANUP(station_key_freep) struct station_key *key = NULL;
    CLEANUP(SSL_CTX_freep) SSL_CTX *server_context = SSL_CTX_new(TLS_server_method());
    CLEANUP(SSL_CTX_freep) SSL_CTX *client_context = SSL_CTX_new(TLS_client_method());
    if (!server_context || !client_context)
        return failed(fault, "TLS");
    if (!station_key_open(matrix->token, matrix_file(matrix, "station.pem"), &key, fault) ||
        !make_server(matrix, key, server_context, fault) || !make_client(matrix, client_context, fault))
        return false;
    CLEANUP(SSL_freep) SSL *server = SSL_new(server_context);
    CLEANUP(SSL_freep) SSL *client = SSL_new(client_context);
    if (server && client && shake_hands(server, client))
        return true;
    const struct fault *trouble = station_key_trouble(key);
    if (trouble) {
        *fault = *trouble;
        return false;
    }
    return failed(fault, "handshake");
}
