/* What a superuser of the database can do to the log, and what an auditor with public keys and heads of his own sees of
 * it: every case through an export and kokuin-verify, some on the live record as well. */
#include "tests/unit/station/sealed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define AS_SUPERUSER "SET session_replication_role = replica;"
#define EXPORT "rm -f all.log; $KOKUIN audit export --output all.log --record \"$A\" --quiet && "
#define CHECK EXPORT "$VERIFY --certificate $K --head first-head --head last-head all.log"
#define CHECK_WITHOUT EXPORT "$VERIFY --certificate $K all.log"
#define LIVE "$KOKUIN audit verify first-head last-head --certificate $K --record \"$A\""

/* Two batches, and both heads out of the record: of 28 leaves and of 30. */
static int make_sealed(void **state)
{
    (void)make(state);
    run(0, SEAL);
    run(0, "$KOKUIN log export --record \"$A\" --quiet >first-head");
    struct unit late = {.seed = 7, .slot = 3};
    unit_bring(plant.store, &late, "injecting");
    run(0, SEAL);
    run(0, "$KOKUIN log export --record \"$A\" --quiet >last-head");
    return 0;
}

/* Both ways to look must find the same. */
static void found(const char *words)
{
    run(1, CHECK);
    expect(words);
    run(1, LIVE);
    expect(words);
    expect("427 LOG_BROKEN");
}

static void an_honest_record_holds(void **state)
{
    (void)state;
    run(0, CHECK);
    expect("30 leaves, 0 findings");
    expect("heads of the record that hold: 2; given heads that hold: 2 of 2");
    expect("not shown: what was cut off behind leaf 29");
    run(0, LIVE);
    expect("30 leaves, 0 findings");
    run(0, LIVE " --json");
    expect("\"leaves\":30,\"findings\":0,\"own_heads\":2,\"given_heads\":2,\"held\":2,\"covered\":30,\"waiting\":0}");
    run(0, CHECK_WITHOUT);
    expect("not shown: that the log was never cut or put back");
    struct unit next = {.seed = 8, .slot = 4};
    unit_bring(plant.store, &next, "reserved");
    run(0, CHECK);
    expect("not shown: anything about 1 steps that are in no leaf yet");
}

/* Rows of every table that an entry covers. The leaves still hold, so what was sealed is certain and what is said now
 * is not. */
static void an_edited_row_is_named(void **state)
{
    (void)state;
    static const char *const edits[] = {
        "UPDATE prov.attempt SET badge = 'B9' WHERE number = 1 AND slot = 1 AND station_id = 1",
        "UPDATE prov.evidence SET facts = '{\"bits\": 81}' WHERE name = 'credential_generated'",
        "UPDATE prov.evidence SET verdict = 'not_applicable' WHERE name = 'lock'",
        "DELETE FROM prov.evidence WHERE name = 'password_accepted'",
        "UPDATE prov.unit SET hardware_id = '\\x00112233' WHERE unit_id = 1",
        "UPDATE prov.certificate SET spki_sha256 = sha256(spki_sha256)",
        "UPDATE prov.credential SET fingerprint = sha256(fingerprint)",
        "UPDATE prov.policy SET sha256 = sha256('x')",
        "UPDATE vault.sealed SET sealed = sealed || '\\x00'",
        "UPDATE prov.receipt SET sha256 = sha256(sha256)",
        "UPDATE prov.label SET printer = 'elsewhere'",
        "UPDATE prov.label_event SET level = 'sent' WHERE kind = 'printed'",
        "UPDATE prov.scan SET serial = 'KR0000000000' WHERE answer = 'matched'",
        "UPDATE prov.failure SET number = 123",
        "DELETE FROM prov.revocation",
        "UPDATE prov.work_order SET number = 'WO-2'",
        "UPDATE prov.step SET by_login = 'somebody' WHERE seq = 0",
    };
    char line[512];
    for (size_t i = 0; i < ARRAY_SIZE(edits); i++) {
        /* Its own database is made for each test, not for each edit: every edit is taken back. */
        (void)snprintf(line, sizeof line,
                       AS_SUPERUSER
                       "BEGIN; CREATE TABLE public.before AS SELECT md5(string_agg(audit.log_entry(attempt, seq),"
                       " '' ORDER BY leaf)) AS sum FROM audit.log; %s;"
                       "DO $$ BEGIN IF (SELECT sum FROM public.before) = (SELECT md5(string_agg("
                       "audit.log_entry(attempt, seq), '' ORDER BY leaf)) FROM audit.log) THEN RAISE 'blind';"
                       " END IF; END $$; ROLLBACK",
                       edits[i]);
        superuser(line);
    }
    (void)snprintf(line, sizeof line, AS_SUPERUSER "%s", edits[1]);
    superuser(line);
    found("edited      leaf ");
    expect("verified: what the record says now is not what was sealed");
    run(1, CHECK);
    expect("given heads that hold: 2 of 2");
}

/* Each step's own chain hash is a CHECK, which a superuser drops. */
static void an_edited_step_is_named(void **state)
{
    (void)state;
    superuser(AS_SUPERUSER "ALTER TABLE prov.step DROP CONSTRAINT step_chain_hash;"
                           "UPDATE prov.step SET at = at - interval '1 day' WHERE to_state = 'scanned'");
    found("scanned: what the record says now is not what was sealed");
}

/* Whoever edits the leaf as well is found by the heads: which leaves are concerned, not which of them. */
static void an_edited_leaf_no_longer_fits_the_heads(void **state)
{
    (void)state;
    superuser(AS_SUPERUSER "UPDATE prov.evidence SET facts = '{\"bits\": 81}' WHERE name = 'credential_generated';"
                           "UPDATE audit.log SET hash = sha256('\\x00' || convert_to(audit.log_entry(attempt, seq),"
                           " 'UTF8'))");
    found("rewritten   leaf 0 to 27: ");
    expect_no("edited");
}

/* With the tree and its own heads made anew by somebody who has no key. */
static void forged_heads_are_refused(void **state)
{
    (void)state;
    superuser(AS_SUPERUSER "UPDATE audit.tree_head SET note = replace(note, E'\\n28\\n', E'\\n27\\n')");
    found("head        leaf 27: the record's own head: head of 27: a signature does not hold");
    run(3, "sed 's/^28$/27/' first-head >forged-head; " EXPORT "$VERIFY --certificate $K --head forged-head all.log");
    expect("a signature does not hold");
    run(1, "$KOKUIN audit verify forged-head --certificate $K --record \"$A\"");
    expect("428 LOG_HEAD");
    /* The key of somebody else. */
    run(3, "$VERIFY --certificate ca/checkpoint-2.pem --head first-head all.log");
    expect("none of the given keys signed it");
    run(1, "$VERIFY --certificate ca/checkpoint-2.pem all.log");
    expect("the record has no signed head over these leaves");
}

static void a_removed_step_is_named(void **state)
{
    (void)state;
    superuser(AS_SUPERUSER "DELETE FROM prov.step WHERE to_state = 'scanned' AND station_id = 2");
    found("its step is gone from the record");
    expect("in no leaf");
}

static void a_removed_leaf_is_named(void **state)
{
    (void)state;
    superuser(AS_SUPERUSER "DELETE FROM audit.log WHERE leaf BETWEEN 5 AND 6");
    found("removed     leaf 5 to 6: these leaves are gone from the log");
}

/* Step and leaf gone, and the others moved up. */
static void a_removal_that_closes_its_gap_is_named(void **state)
{
    (void)state;
    superuser(
        AS_SUPERUSER
        "DELETE FROM prov.step USING audit.log WHERE (step.attempt, step.seq) = (log.attempt, log.seq) AND leaf = 9;"
        "DELETE FROM audit.log WHERE leaf = 9; UPDATE audit.log SET leaf = leaf + 1000 WHERE leaf > 9;"
        "UPDATE audit.log SET leaf = leaf - 1001 WHERE leaf > 1000");
    found("are in no leaf");
    expect("rewritten   leaf 0 to 27: ");
    expect("truncated   leaf 29: 'last-head'");
}

/* Two leaves of one station change places: rows first, numbers after. */
static void steps_out_of_their_order_are_named(void **state)
{
    (void)state;
    superuser(AS_SUPERUSER "UPDATE audit.log SET leaf = leaf + 1000 WHERE leaf IN (2, 3);"
                           "UPDATE audit.log SET leaf = 1005 - leaf WHERE leaf > 1000 AND leaf < 1004");
    found("re-ordered  leaf 3: ");
    expect("rewritten   leaf 0 to 27: ");
    expect_no("are in no leaf"); /* nothing is missing */
}

/* Leaves of two stations: no chain says who was first, the heads do. */
static void a_new_order_between_stations_no_longer_fits_the_heads(void **state)
{
    (void)state;
    superuser(AS_SUPERUSER
              "CREATE TABLE public.moved AS SELECT leaf, row_number() OVER (ORDER BY station_id DESC, leaf) - 1 AS new"
              " FROM audit.log JOIN prov.step USING (attempt, seq); UPDATE audit.log SET leaf = leaf + 1000;"
              "UPDATE audit.log SET leaf = new FROM public.moved WHERE log.leaf = moved.leaf + 1000");
    found("rewritten   leaf 0 to 27: ");
    expect_no("re-ordered");
    expect_no("edited");
}

#define CUT                                                                                                            \
    AS_SUPERUSER "DELETE FROM prov.step USING audit.log WHERE (step.attempt, step.seq) = (log.attempt, log.seq)"       \
                 " AND leaf >= 28; DELETE FROM audit.log WHERE leaf >= 28;"                                            \
                 "DELETE FROM audit.tree_head WHERE size > 28;"                                                        \
                 "UPDATE audit.head SET (seq, hash) = (SELECT chain_seq, chain_hash FROM prov.step"                    \
                 " WHERE station_id = 1 ORDER BY chain_seq DESC LIMIT 1) WHERE station_id = 1;"                        \
                 "UPDATE audit.log_reach SET seq = (SELECT seq FROM audit.head WHERE station_id = 1)"                  \
                 " WHERE station_id = 1"

/* The end cut off with everything that pointed to it: the record alone is whole again. Only the exported head shows it,
 * and without it the program says what it cannot show. */
static void a_log_that_was_cut_shows_by_an_exported_head_only(void **state)
{
    (void)state;
    superuser(CUT);
    found("truncated   leaf 28 to 29: 'last-head', signed ");
    expect("the log has 28");
    run(0, CHECK_WITHOUT);
    expect("28 leaves, 0 findings");
    expect("not shown: that the log was never cut or put back");
    run(0, EXPORT "$VERIFY --certificate $K --head first-head all.log");
    expect("not shown: what was cut off behind leaf 27");
}

/* Put back and grown again, sealed by the true key of a sealer whose own memory was taken away, too. */
static void a_log_that_was_put_back_and_grew_again(void **state)
{
    (void)state;
    superuser(CUT ";DELETE FROM prov.certificate WHERE attempt NOT IN (SELECT attempt FROM prov.step);"
                  "DELETE FROM prov.credential WHERE attempt NOT IN (SELECT attempt FROM prov.step);"
                  "DELETE FROM prov.attempt WHERE attempt NOT IN (SELECT attempt FROM prov.step);");
    struct unit other = {.seed = 9, .slot = 4};
    unit_bring(plant.store, &other, "verified");
    run(1, SEAL); /* its memory says that a head is gone */
    expect("426 LOG_BEHIND");
    run(0, "rm log-head; " SEAL);
    found("rewritten   leaf 28 to 29: ");
    expect("28 leaves are as they were signed");
    run(0, EXPORT "$VERIFY --certificate $K --head first-head all.log"); /* the older head holds */
    run(0, CHECK_WITHOUT);
}

static void a_record_without_its_heads(void **state)
{
    (void)state;
    superuser(AS_SUPERUSER "DELETE FROM audit.tree_head");
    found("the record has no signed head over these leaves");
}

/* The file itself: cut, extended, of another log, no log. */
static void a_file_that_is_no_log_is_refused(void **state)
{
    (void)state;
    run(3, EXPORT "head -n 20 all.log >cut.log; $VERIFY --certificate $K cut.log");
    expect("it has no end line");
    run(3, "head -c 5000 all.log >cut.log; $VERIFY --certificate $K cut.log");
    run(3, "{ cat all.log; echo more; } >cut.log; $VERIFY --certificate $K cut.log");
    expect("something stands behind the end");
    run(3, "grep -v '^leaf.7' all.log >cut.log; $VERIFY --certificate $K cut.log");
    run(3, "sed 's/^leaf.5/leaf x/' all.log >cut.log; $VERIFY --certificate $K cut.log");
    run(3, "$VERIFY --certificate $K jig.yaml");
    expect("this is no log of version 1");
    run(3, "sed '1s/[0-9a-f]$/x/' all.log >cut.log; $VERIFY --certificate $K --head first-head cut.log");
    expect("heads of two logs");
    run(3, "$VERIFY --certificate jig.yaml all.log");
    run(3, "$VERIFY --certificate $K missing.log");
    run(2, "$VERIFY all.log");
    run(0, "$VERIFY --help && $VERIFY --certificate $K --head last-head - <all.log");
    run(1, "sed 's/credential_generated/credential_invented/' all.log >cut.log; $VERIFY --certificate $K cut.log");
    expect("edited      leaf ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_honest_record_holds, make_sealed, leave),
        cmocka_unit_test_setup_teardown(an_edited_row_is_named, make_sealed, leave),
        cmocka_unit_test_setup_teardown(an_edited_step_is_named, make_sealed, leave),
        cmocka_unit_test_setup_teardown(an_edited_leaf_no_longer_fits_the_heads, make_sealed, leave),
        cmocka_unit_test_setup_teardown(forged_heads_are_refused, make_sealed, leave),
        cmocka_unit_test_setup_teardown(a_removed_step_is_named, make_sealed, leave),
        cmocka_unit_test_setup_teardown(a_removed_leaf_is_named, make_sealed, leave),
        cmocka_unit_test_setup_teardown(a_removal_that_closes_its_gap_is_named, make_sealed, leave),
        cmocka_unit_test_setup_teardown(steps_out_of_their_order_are_named, make_sealed, leave),
        cmocka_unit_test_setup_teardown(a_new_order_between_stations_no_longer_fits_the_heads, make_sealed, leave),
        cmocka_unit_test_setup_teardown(a_log_that_was_cut_shows_by_an_exported_head_only, make_sealed, leave),
        cmocka_unit_test_setup_teardown(a_log_that_was_put_back_and_grew_again, make_sealed, leave),
        cmocka_unit_test_setup_teardown(a_record_without_its_heads, make_sealed, leave),
        cmocka_unit_test_setup_teardown(a_file_that_is_no_log_is_refused, make_sealed, leave),
    };
    return cmocka_run_group_tests_name("station/tamper", tests, make_tokens, end_tokens);
}
