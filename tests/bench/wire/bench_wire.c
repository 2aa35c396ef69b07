/* How well does the unit protocol use a serial line? One unit is provisioned over a line of 115200 baud, eight data
 * bits and a stop bit, and each phase's bytes and time are told.
 *
 * The floor is measured in the same run: what the bytes that went need on the wire, ten bits each, one way after the
 * other, and the time for which the idle line waited for the unit, which the unit takes to think. What is above it is
 * ours: the station's own work, frames that wait for a confirmation, and pauses. Bytes go both ways at once where they
 * can, so that a phase may be below its floor.
 *
 *   bench_wire [--baud N] [--json]
 */
#include "tests/unit/fixtures/journey.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TARGET 1.25
#define ANSWER_MS 60000
#define BOARD "ff01"

static struct station station;
static struct options {
    const char *baud;
    bool json;
} options = {.baud = "115200"};

enum phase { PHASE_OPEN, PHASE_KEY, PHASE_INJECT, PHASE_RESTART, PHASE_PROVE, PHASE_LOCK, PHASES };
static const char *const names[PHASES] = {
    [PHASE_OPEN] = "open",       [PHASE_KEY] = "key and request", [PHASE_INJECT] = "inject",
    [PHASE_RESTART] = "restart", [PHASE_PROVE] = "prove",         [PHASE_LOCK] = "lock",
};

struct phase_figures {
    uint64_t to_unit, to_station; /* bytes */
    double ms;
};
static struct phase_figures phases[PHASES];

static void expect(bool done, const struct fault *fault)
{
    if (!done)
        fail_msg("%s: %s", fault_name(fault->code), fault->text);
}

static void run_phase(enum phase phase, const struct unit_options *how, struct unit **unit, struct journey *journey)
{
    struct unit_identity identity;
    struct fault fault = {0};
    bool refused = false;
    switch (phase) {
    case PHASE_OPEN:
        expect(unit_open(how, unit, &identity, &fault), &fault);
        break;
    case PHASE_KEY:
        journey_certify(*unit, journey);
        break;
    case PHASE_INJECT:
        expect(journey_inject(*unit, journey, &fault), &fault);
        break;
    case PHASE_RESTART:
        expect(unit_restart(*unit, journey->certificate_sha256, &identity, &fault), &fault);
        break;
    case PHASE_PROVE:
        assert_int_equal(journey_login(*unit, "admin", JOURNEY_PASSWORD).outcome, UNIT_LOGIN_ACCEPTED);
        assert_int_equal(journey_login(*unit, "admin", "admin").outcome, UNIT_LOGIN_REFUSED);
        assert_true(journey_compare(*unit, "wifi", JOURNEY_WIFI));
        break;
    case PHASE_LOCK:
        expect(unit_lock(*unit, &fault) && unit_probe_lock(*unit, &refused, &fault), &fault);
        assert_true(refused);
        break;
    case PHASES:
        break;
    }
}

static double wall_ms(void)
{
    return (double)clock_monotonic_ns() / 1e6;
}

static void provision(struct journey_figures *ret_figures)
{
    struct journey_cable cable;
    char path[96];
    pid_t simulated = simulated_start(&station, BOARD, "KR-1000", NULL);
    journey_cable_start(&station, BOARD, "line", (const char *const[]){"--baud", options.baud, NULL}, &cable);
    struct unit_options how = unit_options_at(&station, "line", path);
    how.port.baud = (unsigned)strtoul(options.baud, NULL, 10);
    how.answer_ms = ANSWER_MS;
    struct journey journey = {.station = &station, .transaction = {1}, .serial = "KR00000018"};
    struct unit *unit = NULL;
    struct unit_traffic before = {0};
    for (unsigned i = 0; i < PHASES; i++) {
        const double start = wall_ms();
        run_phase((enum phase)i, &how, &unit, &journey);
        phases[i].ms = wall_ms() - start;
        const struct unit_traffic after = unit_traffic(unit);
        phases[i].to_unit = after.bytes_out - before.bytes_out;
        phases[i].to_station = after.bytes_in - before.bytes_in;
        before = after;
    }
    unit_close(unit);
    journey_cable_end(&cable, ret_figures);
    simulated_stop(simulated);
}

static double wire_ms(uint64_t bytes)
{
    return (double)bytes * 10 * 1000 / strtod(options.baud, NULL);
}

static struct phase_figures total_of_phases(void)
{
    struct phase_figures total = {0};
    for (unsigned i = 0; i < PHASES; i++) {
        total.to_unit += phases[i].to_unit;
        total.to_station += phases[i].to_station;
        total.ms += phases[i].ms;
    }
    return total;
}

static void print_table(const struct journey_figures *figures)
{
    const struct phase_figures total = total_of_phases();
    const double floor_ms = wire_ms(total.to_unit + total.to_station) + figures->unit_ms;
    (void)printf("%-16s %10s %12s %10s %10s\n", "phase", "to unit", "to station", "wire ms", "took ms");
    for (unsigned i = 0; i < PHASES; i++)
        (void)printf("%-16s %10llu %12llu %10.1f %10.1f\n", names[i], (unsigned long long)phases[i].to_unit,
                     (unsigned long long)phases[i].to_station, wire_ms(phases[i].to_unit + phases[i].to_station),
                     phases[i].ms);
    (void)printf("%-16s %10llu %12llu %10.1f %10.1f\n", "all", (unsigned long long)total.to_unit,
                 (unsigned long long)total.to_station, wire_ms(total.to_unit + total.to_station), total.ms);
    (void)printf("the idle line waited %.1f ms for the unit and %.1f ms for the station\n", figures->unit_ms,
                 figures->station_ms);
    (void)printf("%.2f times the floor of %.1f ms at %s baud; the target is at most %.2f\n", total.ms / floor_ms,
                 floor_ms, options.baud, TARGET);
}

static void print_json(const struct journey_figures *figures)
{
    const struct phase_figures total = total_of_phases();
    const double floor_ms = wire_ms(total.to_unit + total.to_station) + figures->unit_ms;
    (void)printf("{\"baud\":%s,\"phases\":[", options.baud);
    for (unsigned i = 0; i < PHASES; i++)
        (void)printf("%s{\"name\":\"%s\",\"to_unit\":%llu,\"to_station\":%llu,\"took_ms\":%.1f}", i > 0 ? "," : "",
                     names[i], (unsigned long long)phases[i].to_unit, (unsigned long long)phases[i].to_station,
                     phases[i].ms);
    (void)printf("],\"to_unit\":%llu,\"to_station\":%llu,\"took_ms\":%.1f,\"unit_ms\":%.1f,\"station_ms\":%.1f,"
                 "\"floor_ms\":%.1f,\"times_floor\":%.3f,\"target\":%.2f}\n",
                 (unsigned long long)total.to_unit, (unsigned long long)total.to_station, total.ms, figures->unit_ms,
                 figures->station_ms, floor_ms, total.ms / floor_ms, TARGET);
}

static void measures_a_line(void **state)
{
    (void)state;
    struct journey_figures figures;
    secrets_open();
    station_open(&station);
    provision(&figures);
    if (options.json)
        print_json(&figures);
    else
        print_table(&figures);
    station_close(&station);
    secret_arena_close();
}

int main(int count, char **words)
{
    static const struct option words_known[] = {
        {"baud", required_argument, NULL, 'b'}, {"json", no_argument, NULL, 'j'}, {NULL, 0, NULL, 0}};
    for (int option; (option = getopt_long(count, words, "", words_known, NULL)) != -1;) {
        if (option == 'b')
            options.baud = optarg;
        else if (option == 'j')
            options.json = true;
        else
            return 2;
    }
    const struct CMUnitTest tests[] = {cmocka_unit_test(measures_a_line)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
