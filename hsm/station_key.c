#include "hsm/station_key.h"

#include "hsm/provider.h"

#include <stdlib.h>

struct station_key {
    X509 *certificate;
    struct provider *provider;
};

bool station_key_open(struct token *token, const char *certificate_path, struct station_key **ret_key,
                      struct fault *fault)
{
    CLEANUP(station_key_freep) struct station_key *station = calloc(1, sizeof *station);
    struct key key;
    if (!station)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "open station key");
    if (!crypto_read_certificate(certificate_path, &station->certificate, fault) ||
        !key_find_for(token, KEY_STATION, station->certificate, NULL, &key, fault) ||
        !provider_open(token, &key, &station->provider, fault))
        return fault_within(fault, "open station key");
    *ret_key = TAKE(station);
    return true;
}

void station_key_free(struct station_key *key)
{
    if (!key)
        return;
    provider_free(key->provider);
    X509_free(key->certificate);
    free(key);
}

void station_key_leave(struct station_key *key)
{
    provider_leave(key->provider);
}

bool station_key_renew(struct station_key *key, struct token *token, struct fault *fault)
{
    struct key found;
    if (!key_find_for(token, KEY_STATION, key->certificate, NULL, &found, fault))
        return fault_within(fault, "find station key again");
    provider_renew(key->provider, token, &found);
    return true;
}

struct evp_pkey_st *station_key_handle(const struct station_key *key)
{
    return provider_key(key->provider);
}

const struct fault *station_key_trouble(const struct station_key *key)
{
    return provider_trouble(key->provider);
}
