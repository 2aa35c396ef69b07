/* Every label ends as live, voided, dead, or surely never printed; and what does not is found. */
#include "tests/unit/schema/plant.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ALLOW(call)                                                                                                    \
    do {                                                                                                               \
        if (!(call))                                                                                                   \
            fail_msg("%s: %s", #call, fault.text);                                                                     \
    } while (0)

static struct plant plant;
static struct fault fault;
static struct store_label_count count;
static struct store_label_findings findings;

static int make(void **state)
{
    (void)state;
    plant_make(&plant, 9);
    return 0;
}

static int leave(void **state)
{
    (void)state;
    store_label_findings_free(&findings);
    plant_close(&plant);
    return 0;
}

static void reconcile(const char *order)
{
    store_label_findings_free(&findings);
    ALLOW(store_label_count(plant.store, order, &count, &fault));
    ALLOW(store_label_findings(plant.store, order, &findings, &fault));
}

static void expect_sums(void)
{
    assert_int_equal(count.printed, count.live + count.voided + count.dead);
    assert_int_equal(count.made, count.printed + count.in_work + count.not_sent + count.unconfirmed);
}

static void expect_finding(size_t at, const char *finding, const struct unit *unit)
{
    assert_true(at < findings.count);
    assert_string_equal(findings.each[at].finding, finding);
    assert_string_equal(findings.each[at].serial, unit->reservation.serial);
}

/* Its label fails with its attempt; `code` says whether it may have been printed. */
static struct unit fail_while_labelling(unsigned seed, unsigned slot, enum fault_code code)
{
    struct unit unit = {.seed = seed, .slot = slot};
    struct fault why = {0};
    unit_bring(plant.store, &unit, "labelling");
    (void)fault_set(&why, code, 0, "print: made up");
    ALLOW(store_fail(plant.store, &unit.reservation.attempt, &why, NULL, 0, &fault));
    return unit;
}

static void printed_labels_are_live_voided_or_dead(void **state)
{
    (void)state;
    struct unit closed = {.seed = 1, .slot = 1}, spoilt = {.seed = 2, .slot = 2}, failed = {.seed = 3, .slot = 3},
                working = {.seed = 4, .slot = 4};
    unit_bring(plant.store, &closed, "closed");
    unit_bring(plant.store, &spoilt, "labelled");
    ALLOW(unit_voided(plant.store, &spoilt, spoilt.label, &fault));
    spoilt.label_copy = 2;
    ALLOW(unit_labelling(plant.store, &spoilt, &fault));
    ALLOW(unit_labelled(plant.store, &spoilt, &fault));
    ALLOW(unit_scanned(plant.store, &spoilt, &fault));
    ALLOW(unit_closed(plant.store, &spoilt, &fault));
    unit_bring(plant.store, &failed, "labelled");
    ALLOW(unit_failed(plant.store, &failed, &fault));
    unit_bring(plant.store, &working, "labelling");

    const char *const orders[] = {NULL, PLANT_ORDER};
    for (size_t i = 0; i < ARRAY_SIZE(orders); i++) {
        reconcile(orders[i]);
        expect_sums();
        assert_int_equal(count.made, 5);
        assert_int_equal(count.printed, 4);
        assert_int_equal(count.live, 2);
        assert_int_equal(count.voided, 1);
        assert_int_equal(count.dead, 1);
        assert_int_equal(count.in_work, 1);
        assert_int_equal(findings.count, 0);
    }
}

static void what_was_not_sent_needs_no_search(void **state)
{
    (void)state;
    const enum fault_code nothing_sent[] = {FAULT_LABEL_FONT,        FAULT_LABEL_UNREADABLE, FAULT_PRINTER_AWAY,
                                            FAULT_PRINTER_NOT_READY, FAULT_PRINTER_OTHER,    FAULT_PRINTER_UNFIT,
                                            FAULT_PRINTER_UNTAKEN};
    for (unsigned i = 0; i < ARRAY_SIZE(nothing_sent); i++)
        (void)fail_while_labelling(i + 1, 1, nothing_sent[i]);
    reconcile(NULL);
    expect_sums();
    assert_int_equal(count.made, ARRAY_SIZE(nothing_sent));
    assert_int_equal(count.not_sent, ARRAY_SIZE(nothing_sent));
    assert_int_equal(findings.count, 0);
}

static void what_may_be_on_paper_is_looked_for(void **state)
{
    (void)state;
    const enum fault_code unknown[] = {FAULT_PRINTER_UNKNOWN, FAULT_WORKER_DIED, FAULT_TIMED_OUT};
    struct unit lost[ARRAY_SIZE(unknown)];
    for (unsigned i = 0; i < ARRAY_SIZE(unknown); i++)
        lost[i] = fail_while_labelling(i + 1, 1, unknown[i]);
    reconcile(NULL);
    expect_sums();
    assert_int_equal(count.unconfirmed, 3);
    assert_int_equal(findings.count, 3);
    for (size_t i = 0; i < ARRAY_SIZE(unknown); i++) {
        expect_finding(i, "unconfirmed", &lost[i]);
        assert_string_equal(findings.each[i].label, lost[i].label);
        assert_int_equal(findings.each[i].copy, 1);
    }

    /* A new password settles the first, scrap the second, and a scanner that saw it the third. */
    struct unit again = {.seed = 1, .slot = 1};
    unit_bring(plant.store, &again, "labelled");
    reconcile(NULL);
    assert_int_equal(findings.count, 3);
    ALLOW(unit_scanned(plant.store, &again, &fault));
    ALLOW(unit_closed(plant.store, &again, &fault));
    reconcile(NULL);
    assert_int_equal(findings.count, 2);
    ALLOW(store_unit_scrap(plant.store, lost[1].reservation.serial, "label lost", &fault));
    reconcile(NULL);
    assert_int_equal(findings.count, 1);
    expect_finding(0, "unconfirmed", &lost[2]);
    struct unit other = {.seed = 5, .slot = 2};
    unit_bring(plant.store, &other, "labelled");
    assert_false(
        store_scanned(plant.store, &other.reservation.attempt, lost[2].reservation.serial, lost[2].label, &fault));
    assert_int_equal(fault.code, FAULT_SCAN_WRONG_UNIT);
    reconcile(NULL);
    expect_sums();
    assert_int_equal(findings.count, 0);
    assert_int_equal(count.unconfirmed, 3); /* which is what they stay */
}

static void an_interrupted_station_leaves_it_unconfirmed(void **state)
{
    (void)state;
    struct unit unit = {.seed = 1, .slot = 1};
    unit_bring(plant.store, &unit, "labelling");
    struct unit again = {.seed = 1, .slot = 1};
    ALLOW(unit_reserve(plant.store, &again, &fault));
    assert_true(again.reservation.interrupted);
    reconcile(NULL);
    assert_int_equal(findings.count, 1);
    assert_string_equal(findings.each[0].label, unit.label);
}

/* The owner of the database with every trigger off: the sums and the list still tell. */
static void forged_rows_do_not_add_up(void **state)
{
    (void)state;
    char error[POSTGRES_STATE_SIZE];
    struct unit closed = {.seed = 1, .slot = 1};
    unit_bring(plant.store, &closed, "closed");
    reconcile(PLANT_ORDER);
    assert_int_equal(findings.count, 0);
    assert_true(
        postgres_run(plant.admin, "SET session_replication_role = replica; UPDATE prov.label SET live = false", error));
    reconcile(PLANT_ORDER);
    assert_int_equal(count.printed, 1);
    assert_int_equal(count.live + count.voided + count.dead, 0);
    assert_int_equal(findings.count, 2);
    expect_finding(0, "unlabelled", &closed);
    expect_finding(1, "contradiction", &closed);
    assert_true(postgres_run(plant.admin,
                             "SET session_replication_role = replica; UPDATE prov.label SET live = true;"
                             "DELETE FROM prov.scan",
                             error));
    reconcile(PLANT_ORDER);
    expect_sums();
    assert_int_equal(findings.count, 1);
    expect_finding(0, "unlabelled", &closed);
}

static void shows_a_labels_whole_life(void **state)
{
    (void)state;
    struct unit unit = {.seed = 1, .slot = 3};
    unit_bring(plant.store, &unit, "closed");
    char *json = NULL, words[64];
    CLEANUP(store_closep) struct store *auditor = plant_store(plant.auditor);
    ALLOW(store_label_show(auditor, unit.label, &json, &fault));
    (void)snprintf(words, sizeof words, "\"serial\": \"%s\"", unit.reservation.serial);
    assert_non_null(strstr(json, words));
    assert_non_null(strstr(json, "\"fate\": \"live\""));
    assert_non_null(strstr(json, "\"copy\": 1"));
    assert_non_null(strstr(json, "\"attempt_number\": 1"));
    assert_non_null(strstr(json, "\"printed_level\": \""));
    assert_non_null(strstr(json, "\"answer\": \"matched\""));
    assert_non_null(strstr(json, "\"slot\": 3"));
    free(json);
    assert_false(store_label_show(auditor, "0000000000000", &json, &fault));
    assert_int_equal(fault.code, FAULT_LABEL_UNKNOWN);
}

static void auditors_planners_and_stations_may_ask(void **state)
{
    (void)state;
    const char *const people[] = {plant.station, plant.auditor, plant.planner};
    for (size_t i = 0; i < ARRAY_SIZE(people); i++) {
        CLEANUP(store_closep) struct store *store = plant_store(people[i]);
        CLEANUP(store_label_findings_free) struct store_label_findings list = {0};
        ALLOW(store_label_count(store, NULL, &count, &fault));
        ALLOW(store_label_findings(store, NULL, &list, &fault));
        assert_false(store_label_count(store, "no such order", &count, &fault));
        assert_int_equal(fault.code, FAULT_ORDER_UNKNOWN);
        assert_false(store_label_findings(store, "no such order", &list, &fault));
        assert_int_equal(fault.code, FAULT_ORDER_UNKNOWN);
    }
    assert_int_equal(plant_count(&plant, "SELECT count(*) FROM pg_proc WHERE pronamespace = 'api'::regnamespace"
                                         " AND proname LIKE 'label_%' AND has_function_privilege('public', oid,"
                                         " 'EXECUTE')"),
                     0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(printed_labels_are_live_voided_or_dead, make, leave),
        cmocka_unit_test_setup_teardown(what_was_not_sent_needs_no_search, make, leave),
        cmocka_unit_test_setup_teardown(what_may_be_on_paper_is_looked_for, make, leave),
        cmocka_unit_test_setup_teardown(an_interrupted_station_leaves_it_unconfirmed, make, leave),
        cmocka_unit_test_setup_teardown(forged_rows_do_not_add_up, make, leave),
        cmocka_unit_test_setup_teardown(shows_a_labels_whole_life, make, leave),
        cmocka_unit_test_setup_teardown(auditors_planners_and_stations_may_ask, make, leave),
    };
    return cmocka_run_group_tests_name("schema/labels", tests, NULL, postgres_stop);
}
