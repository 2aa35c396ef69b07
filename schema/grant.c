#include "schema/migrate.h"

#include "schema/connection.h"

/* One function of schema prov, as the administrator. */
static bool administer(const char *conninfo, const char *sql, struct parameters *parameters, struct fault *fault)
{
    struct request request = {.sql = sql, .writes = true};
    CLEANUP(connection_closep) struct connection *connection = NULL;
    return connection_open(conninfo, "kokuin schema grant", 0, &connection, fault) &&
           connection_ask(connection, &request, parameters, NULL, fault);
}

bool schema_grant_station(const char *conninfo, const struct station_grant *grant, struct fault *fault)
{
    struct parameters parameters = {0};
    parameter_text(&parameters, grant->station);
    parameter_text(&parameters, grant->login);
    parameter_number(&parameters, grant->slots);
    return administer(conninfo, "SELECT FROM prov.grant_station($1, $2, $3)", &parameters, fault) ||
           fault_within(fault, "grant station %s", grant->station);
}

bool schema_grant_person(const char *conninfo, const char *kind, const char *login, struct fault *fault)
{
    struct parameters parameters = {0};
    parameter_text(&parameters, kind);
    parameter_text(&parameters, login);
    return administer(conninfo, "SELECT FROM prov.grant_person($1, $2)", &parameters, fault) ||
           fault_within(fault, "grant %s %s", kind, login);
}

bool schema_add_numbers(const char *conninfo, const char *kind, uint64_t first, uint64_t count, struct fault *fault)
{
    struct parameters parameters = {0};
    parameter_text(&parameters, kind);
    parameter_number(&parameters, first);
    parameter_number(&parameters, count);
    return administer(conninfo, "SELECT FROM prov.add_numbers($1, $2, $3)", &parameters, fault) ||
           fault_within(fault, "add %s numbers", kind);
}
