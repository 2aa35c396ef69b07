/* One unit's leaves for somebody who has only heads: what holds, and everything bent that must not. */
#include "tests/unit/station/sealed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PROVE "$KOKUIN audit prove $UNIT first-head last-head --certificate $K --record \"$A\" --output unit.proof"
#define HEADS "--certificate $K --head first-head --head last-head"
#define FRESH "rm -f unit.proof bent; "

static char *serial;

/* Heads of 28 and of 30 leaves; a proof of a unit with steps under both. */
static int make_sealed(void **state)
{
    (void)make(state);
    run(0, SEAL);
    run(0, "$KOKUIN log export --record \"$A\" --quiet >first-head");
    struct unit late = {.seed = 7, .slot = 3};
    unit_bring(plant.store, &late, "injecting");
    run(0, SEAL);
    run(0, "$KOKUIN log export --record \"$A\" --quiet >last-head");
    serial = strdup(late.reservation.serial);
    return 0;
}

static int end(void **state)
{
    free(serial);
    serial = NULL;
    run(0, "rm -f first-head last-head unit.proof bent *-head log-head-*");
    return leave(state);
}

/* run() with the late unit's serial as UNIT. */
static void run_for_unit(int code, const char *line)
{
    char text[1024];
    int size = snprintf(text, sizeof text, "UNIT=%s; %s", serial, line);
    assert_true(size > 0 && (size_t)size < sizeof text);
    run(code, text);
}

static void a_unit_is_proved(void **state)
{
    (void)state;
    run_for_unit(0, FRESH PROVE);
    expect("2 leaves of ");
    run(0, "$VERIFY " HEADS " --proof unit.proof");
    expect("leaf 28  ");
    expect(serial);
    expect("step 1  injecting  in the log of last-head");
    expect("head  first-head, 28 leaves: the log went on from it");
    expect("2 leaves hold, 0 findings");
    expect("not shown: that the log has no other leaf of this unit.");
    /* The growth is not asked for by somebody who has the last head only. */
    run(0, "$VERIFY --certificate $K --head last-head --proof - <unit.proof");
    expect("2 leaves hold, 0 findings");
    run_for_unit(0, FRESH PROVE " --json --quiet");
    expect("\"size\":30,\"leaves\":2,\"beyond\":0}");
}

static long steps_of(const char *of_serial)
{
    char query[160];
    (void)snprintf(query, sizeof query,
                   "SELECT count(*) FROM prov.step JOIN prov.attempt USING (attempt) JOIN prov.unit USING (unit_id)"
                   " WHERE serial = '%s'",
                   of_serial);
    return plant_count(&plant, query);
}

static void every_unit_is_proved(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        char text[96];
        (void)snprintf(text, sizeof text, "SELECT serial FROM prov.unit ORDER BY unit_id OFFSET %d LIMIT 1", i);
        free(serial);
        serial = postgres_value(plant.admin, text);
        assert_non_null(serial);
        run_for_unit(0, FRESH PROVE " --quiet");
        run(0, "$VERIFY " HEADS " --proof unit.proof");
        (void)snprintf(text, sizeof text, "%ld leaves hold, 0 findings", steps_of(serial));
        expect(text);
    }
}

static void what_lies_behind_the_heads_is_said(void **state)
{
    (void)state;
    run_for_unit(3, FRESH "$KOKUIN audit prove $UNIT first-head --certificate $K --record \"$A\" --output unit.proof");
    expect("412 UNIT_UNKNOWN");
    run(0, "test ! -e unit.proof");
}

/* Every byte of the file but those of its last line, which counts what is not shown. */
static void nothing_bent_holds(void **state)
{
    (void)state;
    run_for_unit(0, FRESH PROVE " --quiet");
    run(0, "for at in $(seq 1 13 $(($(wc -c <unit.proof) - $(tail -n 1 unit.proof | wc -c)))); do"
           "  { head -c $((at - 1)) unit.proof;"
           "    tail -c +$at unit.proof | head -c 1 | tr '\\0-\\377' '\\1-\\377\\0';"
           "    tail -c +$((at + 1)) unit.proof; } >bent;"
           "  ! cmp -s bent unit.proof || exit 9;"
           "  $VERIFY " HEADS " --proof bent >said 2>&1; code=$?;"
           "  test $code = 1 || test $code = 3 || { echo \"byte $at: exit $code\"; cat said; exit 8; };"
           "done; rm said");
}

static void what_is_left_out_is_missed(void **state)
{
    (void)state;
    run_for_unit(0, FRESH PROVE " --quiet");
    run(1, "grep -v ^growth unit.proof >bent; $VERIFY " HEADS " --proof bent");
    expect("first-head, 28 leaves: nothing shows that the log went on from it");
    run(3, "sed 0,/^leaf/{/^leaf/d} unit.proof >bent; $VERIFY " HEADS " --proof bent");
    expect("not as many leaves as it says");
    run(3, "sed '$d' unit.proof >bent; $VERIFY " HEADS " --proof bent");
    expect("the file is cut");
    run(3, "{ cat unit.proof; echo more; } >bent; $VERIFY " HEADS " --proof bent");
    expect("something stands behind the end");
    run(3, ": >bent; $VERIFY " HEADS " --proof bent");
    expect("no proof of version 1");
}

static void heads_must_be_those_that_were_signed(void **state)
{
    (void)state;
    run_for_unit(0, FRESH PROVE " --quiet");
    run(1, "$VERIFY --certificate $K --head first-head --proof unit.proof");
    expect("no head of so many leaves was given");
    run(3, "sed 's/^28$/29/' first-head >forged-head;"
           "$VERIFY --certificate $K --head forged-head --head last-head --proof unit.proof");
    run(2, "$VERIFY --certificate $K --proof unit.proof");
    run_for_unit(1, FRESH "$KOKUIN audit prove $UNIT forged-head --certificate $K --record \"$A\" --output unit.proof");
    expect("428 LOG_HEAD");
    run(0, "test ! -e unit.proof");
}

/* A record that was changed gets no proof. */
static void a_rewritten_log_is_not_proved(void **state)
{
    (void)state;
    run_for_unit(3, FRESH "touch unit.proof;" PROVE);
    expect("107 FILE");
    superuser("SET session_replication_role = replica; UPDATE audit.log SET hash = sha256('x') WHERE leaf = 3");
    run_for_unit(1, FRESH PROVE);
    expect("427 LOG_BROKEN");
    run(0, "test ! -e unit.proof");
    run_for_unit(2, "$KOKUIN audit prove $UNIT first-head --record \"$A\"");
    run_for_unit(2, "$KOKUIN audit prove $UNIT --certificate $K --output unit.proof");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_unit_is_proved, make_sealed, end),
        cmocka_unit_test_setup_teardown(every_unit_is_proved, make_sealed, end),
        cmocka_unit_test_setup_teardown(what_lies_behind_the_heads_is_said, make_sealed, end),
        cmocka_unit_test_setup_teardown(nothing_bent_holds, make_sealed, end),
        cmocka_unit_test_setup_teardown(what_is_left_out_is_missed, make_sealed, end),
        cmocka_unit_test_setup_teardown(heads_must_be_those_that_were_signed, make_sealed, end),
        cmocka_unit_test_setup_teardown(a_rewritten_log_is_not_proved, make_sealed, end),
    };
    return cmocka_run_group_tests(tests, make_tokens, end_tokens);
}
