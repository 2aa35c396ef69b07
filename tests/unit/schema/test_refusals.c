/* What the database itself refuses, whoever asks: plain SQL, past our program, as station, people, and the owners. */
#include "tests/unit/schema/plant.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum asker { STATION, OTHER_STATION, AUDITOR, PLANNER, OWNER, VAULT };

/* SQLSTATEs: 42501 not permitted, 23505 unique, 23514 check, 23503 foreign key, 23P01 exclusion, 23001 append-only,
 * KK... a fault by number. */
static const struct refusal {
    enum asker asker;
    const char *state;
    const char *statement;
} refusals[] = {
    /* A station and people have the functions granted to them, and nothing else. */
    {STATION, "42501", "SELECT * FROM prov.unit"},
    {STATION, "42501", "SELECT * FROM prov.attempt"},
    {STATION, "42501", "SELECT fingerprint FROM prov.credential"},
    {STATION, "42501", "SELECT * FROM vault.sealed"},
    {STATION, "42501", "SELECT * FROM audit.head"},
    {STATION, "42501", "INSERT INTO prov.evidence_name VALUES ('trust_me', '')"},
    {STATION, "42501", "UPDATE prov.attempt SET state = 'closed'"},
    {STATION, "42501", "CREATE TEMP TABLE unit (serial text)"},
    {STATION, "42501", "CREATE TABLE public.mine (a text)"},
    {STATION, "42501", "CREATE FUNCTION api.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'"},
    {STATION, "42501", "SET ROLE prov_owner"},
    {STATION, "42501", "SELECT api.order_open('X', 'KX', 'X', '04006381333931', 1, 1, 'none', '', 'lock')"},
    {STATION, "42501", "SELECT prov.grant_login('friend', 'kokuin_station')"},
    {STATION, "42501", "SELECT prov.settle(NULL, 'x')"},
    {AUDITOR, "42501", "SELECT * FROM vault.sealed"},
    {AUDITOR, "42501", "SELECT fingerprint FROM prov.credential"},
    {AUDITOR, "42501", "SELECT * FROM prov.credential"},
    {AUDITOR, "42501", "DELETE FROM prov.step"},
    {AUDITOR, "42501", "INSERT INTO prov.resolve (request) VALUES ('x')"},
    {AUDITOR, "42501", "SELECT api.close((SELECT attempt FROM prov.attempt LIMIT 1))"},
    {AUDITOR, "42501", "CREATE TEMP TABLE mine (a text)"},
    {AUDITOR, "42501", "SELECT * FROM api.station_head(0, '')"},
    {PLANNER, "42501", "SELECT * FROM prov.unit"},
    {PLANNER, "42501", "SELECT api.issuer_register('\\x00', 'x', 'y')"},
    /* Another station's attempt. */
    {OTHER_STATION, "KK407", "SELECT api.injected('%2$s', sha256('a'))"},
    {OTHER_STATION, "KK407", "SELECT api.fail('%2$s', 303, 'UNIT_UNPLUGGED', 'x', '{}', '{}', '{}')"},
    {OTHER_STATION, "KK407", "SELECT api.scanned('%2$s', 'KR0000000000', '0000000000000')"},
    {STATION, "KK407", "SELECT api.close('00000000-0000-7000-8000-000000000000')"},
    {STATION, "KK402", "SELECT api.close('%1$s')"},
    {STATION, "KK402", "SELECT api.injected('%2$s', '\\x00')"},
    {STATION, "KK402", "SELECT api.verified('%2$s', '{lock}', '{}', '{}')"},
    /* Not even the owner rewrites history. */
    {OWNER, "23001", "UPDATE prov.unit SET serial = serial"},
    {OWNER, "23001", "DELETE FROM prov.step"},
    {OWNER, "23001", "TRUNCATE prov.resolve"},
    {OWNER, "23001", "UPDATE prov.step SET to_state = to_state"},
    {OWNER, "23001", "DELETE FROM prov.credential"},
    {OWNER, "23001", "UPDATE prov.certificate SET der = der"},
    {OWNER, "23001", "DELETE FROM prov.evidence"},
    {OWNER, "23001", "UPDATE prov.evidence SET verdict = 'shown'"},
    {OWNER, "23001", "DELETE FROM prov.scan"},
    {OWNER, "23001", "DELETE FROM prov.label_event"},
    {OWNER, "23514",
     "INSERT INTO prov.shift (station_id, badge, since, until, made, printed, live, voided, dead, not_sent, "
     "unconfirmed,"
     " at_large) SELECT station_id, '1', now() - interval '1 day', now(), 1, 1, 0, 0, 0, 0, 0, 0 FROM prov.station "
     "LIMIT 1"},
    {OWNER, "23514",
     "INSERT INTO prov.shift (station_id, badge, since, until, made, printed, live, voided, dead, not_sent, "
     "unconfirmed,"
     " at_large) SELECT station_id, '1', now() - interval '1 day', now(), 1, 1, 1, 0, 0, 0, 0, 1 FROM prov.station "
     "LIMIT 1"},
    {OWNER, "23001", "TRUNCATE prov.shift"},
    {OWNER, "23514", "INSERT INTO prov.label_event (label, kind) SELECT label, 'voided' FROM prov.label LIMIT 1"},
    {OWNER, "23514",
     "INSERT INTO prov.label_event (label, kind, level) SELECT label, 'printed', 'scanned' FROM prov.label LIMIT 1"},
    {OWNER, "23001", "UPDATE prov.policy SET length = 4"},
    {OWNER, "23001", "DELETE FROM prov.transition"},
    {OWNER, "23001", "DELETE FROM prov.attempt"},
    {OWNER, "23001", "UPDATE prov.attempt SET state = 'closed', open = false"},
    {OWNER, "23001", "UPDATE prov.attempt SET slot = 4 WHERE open"},
    {OWNER, "23001", "UPDATE prov.attempt SET last_seq = last_seq + 1"},
    {OWNER, "23001", "UPDATE prov.label SET live = false"},
    {OWNER, "23001", "UPDATE prov.work_order SET quantity = 1000"},
    {OWNER, "23001", "UPDATE prov.work_order SET reserved = 0"},
    {OWNER, "23001", "UPDATE prov.lease SET next = lower(numbers), open = true"},
    {OWNER, "23001", "UPDATE prov.pool SET next = lower(numbers)"},
    {OWNER, "23001", "UPDATE audit.head SET seq = 0, hash = ''"},
    {VAULT, "23001", "DELETE FROM vault.sealed"},
    {OWNER, "42501", "SELECT * FROM vault.sealed"},
    /* Nor makes an illegal one. */
    {OWNER, "KK402",
     "INSERT INTO prov.step (attempt, seq, prev_seq, from_state, to_state, station_id, request_sha256)"
     " SELECT attempt, last_seq + 1, last_seq, state, 'injecting', station_id, sha256('x') FROM prov.attempt"
     " WHERE state = 'reserved' LIMIT 1"},
    {OWNER, "23503",
     "INSERT INTO prov.step (attempt, seq, prev_seq, from_state, to_state, station_id, request_sha256)"
     " SELECT attempt, last_seq + 1, last_seq, state, 'closed', station_id, sha256('x') FROM prov.attempt"
     " WHERE attempt = '%4$s'"},
    {OWNER, "23503",
     "INSERT INTO prov.step (attempt, seq, prev_seq, from_state, to_state, station_id, request_sha256)"
     " SELECT attempt, last_seq + 1, last_seq, 'scanned', 'failed', station_id, sha256('x') FROM prov.attempt"
     " WHERE attempt = '%5$s'"},
    {OWNER, "23505",
     "INSERT INTO prov.step (attempt, seq, prev_seq, from_state, to_state, station_id, request_sha256)"
     " SELECT attempt, 1, 0, 'reserved', 'failed', station_id, sha256('x') FROM prov.attempt WHERE attempt = '%2$s'"},
    {OWNER, "23514", "INSERT INTO prov.credential VALUES ('%2$s', 'third', sha256('new'), 'u32x16', 1)"},
    {OWNER, "23503", "INSERT INTO prov.credential VALUES ('%1$s', 'admin', sha256('new'), 'u32x16', 1)"},
    {OWNER, "23505",
     "INSERT INTO vault.sealed VALUES ('%1$s', 'admin', sha256('r'), decode(repeat('00', 64), 'hex'));"
     "INSERT INTO prov.credential SELECT '%1$s', 'admin', fingerprint, 'u32x16', 1 FROM prov.credential LIMIT 1"},
    {OWNER, "23514", "INSERT INTO prov.evidence VALUES ('%3$s', 7, 'interfaces', 'shown', '{}')"},
    {OWNER, "23505",
     "INSERT INTO prov.certificate SELECT '%1$s', issuer_sha256, serial, sha256, spki_sha256, der"
     " FROM prov.certificate LIMIT 1"},
    {OWNER, "23514",
     "INSERT INTO prov.certificate SELECT '%1$s', issuer_sha256, serial, sha256('x'), sha256('y'), der"
     " FROM prov.certificate LIMIT 1"},
    {OWNER, "23505",
     "INSERT INTO prov.attempt (attempt, unit_id, number, station_id, slot, badge, hardware_id, firmware_version,"
     " firmware_sha256, product_sha256, interrupted, request_sha256)"
     " SELECT gen_random_uuid(), unit_id, number + 1, station_id, 3, badge, hardware_id, firmware_version,"
     " firmware_sha256, product_sha256, false, request_sha256 FROM prov.attempt WHERE attempt = '%2$s'"},
    {OWNER, "23505",
     "INSERT INTO prov.attempt (attempt, unit_id, number, station_id, slot, badge, hardware_id, firmware_version,"
     " firmware_sha256, product_sha256, interrupted, request_sha256)"
     " SELECT gen_random_uuid(), unit_id, number + 1, station_id, 3, badge, hardware_id, firmware_version,"
     " firmware_sha256, product_sha256, false, request_sha256 FROM prov.attempt WHERE attempt = '%3$s'"},
    {OWNER, "23503",
     "INSERT INTO prov.attempt (attempt, unit_id, number, station_id, slot, badge, hardware_id, firmware_version,"
     " firmware_sha256, product_sha256, interrupted, request_sha256)"
     " SELECT gen_random_uuid(), unit_id, number + 1, station_id, 3, badge, '\\x0badb0a2d0', firmware_version,"
     " firmware_sha256, product_sha256, false, request_sha256 FROM prov.attempt WHERE attempt = '%3$s'"},
    {OWNER, "23514",
     "INSERT INTO prov.attempt (attempt, unit_id, number, station_id, slot, badge, hardware_id, firmware_version,"
     " firmware_sha256, product_sha256, interrupted, request_sha256, state, open)"
     " SELECT gen_random_uuid(), unit_id, number + 1, station_id, 3, badge, hardware_id, firmware_version,"
     " firmware_sha256, product_sha256, false, request_sha256, 'closed', false FROM prov.attempt LIMIT 1"},
    {OWNER, "23514",
     "INSERT INTO prov.unit (serial, product_code, order_id, hardware_id, serial_number, serial_lease, mac_base,"
     " mac_count, mac_lease) SELECT serial, product_code, order_id, '\\x0badb0a2d0', serial_number + 50, serial_lease,"
     " mac_base, mac_count, mac_lease FROM prov.unit LIMIT 1"},
    {OWNER, "23505",
     "INSERT INTO prov.unit (serial, product_code, order_id, hardware_id, serial_number, serial_lease, mac_base,"
     " mac_count, mac_lease) SELECT serial, product_code, order_id, '\\x0badb0a2d0', serial_number, serial_lease,"
     " mac_base, mac_count, mac_lease FROM prov.unit LIMIT 1"},
    {OWNER, "23514",
     "INSERT INTO prov.unit (serial, product_code, order_id, hardware_id, serial_number, serial_lease, mac_base,"
     " mac_count, mac_lease) SELECT left(serial, 11) || CASE right(serial, 1) WHEN '0' THEN '1' ELSE '0' END,"
     " product_code, order_id, '\\x0badb0a2d0', serial_number, serial_lease, mac_base, mac_count, mac_lease"
     " FROM prov.unit LIMIT 1"},
    {OWNER, "23P01", "INSERT INTO prov.pool (kind, numbers, next) VALUES ('serial', '[50,60)', 50)"},
    {OWNER, "23514", "INSERT INTO prov.pool (kind, numbers, next) VALUES ('mac', '[33,65)', 33)"},
    {OWNER, "23514",
     "INSERT INTO prov.lease (pool_id, kind, station_id, block, numbers, next)"
     " SELECT pool_id, kind, station_id, 1, '[90000,90010)', 90000 FROM prov.lease WHERE kind = 'serial' LIMIT 1"},
    {OWNER, "23514", "INSERT INTO prov.number_void SELECT serial_lease, serial_number, 'x' FROM prov.unit LIMIT 1"},
    {OWNER, "23514", "INSERT INTO prov.scrap SELECT unit_id, 'x' FROM prov.attempt WHERE attempt = '%3$s'"},
    {OWNER, "23514",
     "INSERT INTO prov.label (label, attempt, unit_id, copy, printer, template_sha256)"
     " SELECT '0000000000ZZZ', attempt, unit_id, 2, 'p', sha256('t') FROM prov.attempt WHERE attempt = '%3$s'"},
    {OWNER, "23503",
     "INSERT INTO prov.scan (attempt, serial, label, answer, matched_label)"
     " SELECT '%1$s', '', label, 'matched', label FROM prov.label LIMIT 1"},
    {OWNER, "23514", "INSERT INTO prov.product VALUES ('KZ', 'Z', '04006381333932')"},
    {OWNER, "23514", "INSERT INTO prov.issuer VALUES (sha256('x'), decode(repeat('00', 200), 'hex'), 't')"},
    {OWNER, "23514",
     "INSERT INTO prov.policy VALUES ('weak', 1, 'ab', 8, 20, '2020-01-01', '2021-01-01', '2020-01-01', 'a',"
     " sha256('x'))"},
};

static struct plant plant;
static char uuids[5][UUID_TEXT_SIZE]; /* reserved; injected; closed; labelled; reserved at the other station */

static void ask_as(enum asker asker, char ret_conninfo[POSTGRES_CONNINFO_SIZE])
{
    const char *conninfos[] = {[STATION] = plant.station, [OTHER_STATION] = plant.other, [AUDITOR] = plant.auditor,
                               [PLANNER] = plant.planner, [OWNER] = plant.admin,         [VAULT] = plant.admin};
    memcpy(ret_conninfo, conninfos[asker], POSTGRES_CONNINFO_SIZE);
}

/* Puts the attempts' UUIDs where the statement says %1$s to %5$s. */
static void write_statement(const struct refusal *refusal, char *ret_text, size_t size)
{
    size_t at = 0;
    if (refusal->asker == OWNER || refusal->asker == VAULT)
        at = (size_t)snprintf(ret_text, size, "SET ROLE %s; ", refusal->asker == OWNER ? "prov_owner" : "prov_vault");
    for (const char *from = refusal->statement; *from && at + UUID_TEXT_SIZE < size; from++) {
        if (from[0] == '%' && from[2] == '$') {
            at += (size_t)snprintf(ret_text + at, size - at, "%s", uuids[from[1] - '1']);
            from += 3;
        } else {
            ret_text[at++] = *from;
        }
    }
    ret_text[at] = '\0';
}

static int make(void **state)
{
    (void)state;
    plant_make(&plant, 6);
    struct store *elsewhere = plant_store(plant.other);
    struct unit units[5] = {{.seed = 1, .slot = 1},
                            {.seed = 2, .slot = 2},
                            {.seed = 3, .slot = 3},
                            {.seed = 4, .slot = 4},
                            {.seed = 5, .slot = 1}};
    unit_bring(plant.store, &units[0], "reserved");
    unit_bring(plant.store, &units[1], "injected");
    unit_bring(plant.store, &units[2], "closed");
    unit_bring(plant.store, &units[3], "labelled");
    unit_bring(elsewhere, &units[4], "reserved");
    store_close(elsewhere);
    for (size_t i = 0; i < ARRAY_SIZE(units); i++)
        uuid_text(&units[i].reservation.attempt, uuids[i]);
    return 0;
}

static int leave(void **state)
{
    plant_close(&plant);
    return postgres_stop(state);
}

/* Every row of every table of ours, as one number. */
#define EVERYTHING                                                                                                     \
    "SELECT md5(string_agg(query_to_xml(format('SELECT * FROM %I.%I AS r ORDER BY r::text', schemaname, tablename),"   \
    " true, true, '')::text, '' ORDER BY schemaname, tablename)) FROM pg_tables"                                       \
    " WHERE schemaname IN ('prov', 'vault', 'audit')"

static void everything_illegal_is_refused(void **state)
{
    (void)state;
    char *before = postgres_value(plant.admin, EVERYTHING);
    assert_non_null(before);
    unsigned wrong = 0;
    for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
        char conninfo[POSTGRES_CONNINFO_SIZE];
        char statement[1024];
        char got[POSTGRES_STATE_SIZE];
        ask_as(refusals[i].asker, conninfo);
        write_statement(&refusals[i], statement, sizeof statement);
        bool allowed = postgres_run(conninfo, statement, got);
        if (allowed || strcmp(got, refusals[i].state) != 0) {
            print_error("%s, not %s: %s\n", allowed ? "allowed" : got, refusals[i].state, statement);
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
    char *after = postgres_value(plant.admin, EVERYTHING);
    assert_non_null(after);
    assert_string_equal(before, after);
    free(before);
    free(after);
}

/* The other half: what an auditor is for. */
static void an_auditor_reads_the_rest(void **state)
{
    (void)state;
    static const char *const queries[] = {
        "SELECT count(*) FROM prov.unit",       "SELECT count(*) FROM prov.attempt",
        "SELECT count(*) FROM prov.step",       "SELECT count(kind) FROM prov.credential",
        "SELECT count(*) FROM prov.evidence",   "SELECT count(*) FROM prov.label",
        "SELECT count(*) FROM prov.unit_now",   "SELECT count(*) FROM prov.lease",
        "SELECT count(*) FROM prov.work_order", "SELECT count(*) FROM audit.head",
    };
    for (size_t i = 0; i < ARRAY_SIZE(queries); i++) {
        char *value = postgres_value(plant.auditor, queries[i]);
        if (!value || strtol(value, NULL, 10) == 0)
            fail_msg("%s: %s", queries[i], value ? value : "refused");
        free(value);
    }
}

/* A superuser can switch the triggers off; then the chain tells. */
static void a_forged_step_breaks_the_chain(void **state)
{
    (void)state;
    struct fault fault;
    char got[POSTGRES_STATE_SIZE];
    uint64_t broken = 1;
    assert_true(store_chain_check(plant.store, &broken, &fault));
    assert_int_equal(broken, 0);
    assert_true(postgres_run(plant.admin,
                             "SET session_replication_role = replica;"
                             "ALTER TABLE prov.step DROP CONSTRAINT step_chain_hash;"
                             "UPDATE prov.step SET request_sha256 = sha256('forged') WHERE seq = 1 AND chain_seq = 3",
                             got));
    assert_true(store_chain_check(plant.store, &broken, &fault));
    assert_int_equal(broken, 1);
    assert_true(postgres_run(plant.admin,
                             "SET session_replication_role = replica;"
                             "DELETE FROM prov.step WHERE chain_seq = (SELECT seq FROM audit.head WHERE station_id = 1)"
                             " AND station_id = 1",
                             got));
    assert_true(store_chain_check(plant.store, &broken, &fault));
    assert_int_equal(broken, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_illegal_is_refused),
        cmocka_unit_test(an_auditor_reads_the_rest),
        cmocka_unit_test(a_forged_step_breaks_the_chain),
    };
    return cmocka_run_group_tests(tests, make, leave);
}
