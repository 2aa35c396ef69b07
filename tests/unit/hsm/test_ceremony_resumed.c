/* hsm/ceremony: what an interrupted one is held against before it goes on. Each refusal leaves everything as it is, so
 * that the ceremony goes on to its end as soon as what was wrong has been put right. */
#include "hsm/journal.h"
#include "tests/support/command.h"
#include "tests/unit/hsm/plant_of_four.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
/* cmocka.h needs the ones above */
#include <cmocka.h>

#define JOURNAL "ca/ceremony.journal"
#define JOURNAL_ROOM 65536

static const struct make_order issuing = {.label = KEY_ISSUING, .use = MAKE_SIGN};
static const struct make_order recovery = {.label = KEY_RECOVERY, .use = MAKE_DERIVE};

static struct plant_of_four plant;
static struct fault fault;

static CK_RV kill_in_the_middle(enum call_function function, void *context)
{
    (void)context;
    if (function == CALL_C_GenerateKeyPair && access(plant_of_four_path("ca/station-1.pem"), F_OK) == 0)
        (void)kill(getpid(), SIGKILL);
    return CKR_OK;
}

static CK_RV kill_before_the_record(enum call_function function, void *context)
{
    (void)function;
    (void)context;
    if (access(plant_of_four_path("ca/fingerprint.check"), F_OK) == 0)
        (void)kill(getpid(), SIGKILL);
    return CKR_OK;
}

static int interrupt(call_observer *observer)
{
    plant_of_four_start_afresh();
    (void)fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        call_observe(observer, NULL);
        _exit(plant_of_four_open(&plant, &fault) && ceremony_perform(&plant.all, &plant.names, &fault) ? 2 : 1);
    }
    int status;
    if (child < 0 || waitpid(child, &status, 0) != child || !WIFSIGNALED(status))
        return -1;
    return plant_of_four_open(&plant, &fault) ? 0 : -1;
}

/* Root, the first token's issuing and station key are finished; its checkpoint key is announced and not made. */
static int interrupt_in_the_middle(void **state)
{
    (void)state;
    return interrupt(kill_in_the_middle);
}

/* Every key is finished; the record is missing. */
static int interrupt_before_the_record(void **state)
{
    (void)state;
    return interrupt(kill_before_the_record);
}

static int leave(void **state)
{
    (void)state;
    plant_of_four_close(&plant);
    return 0;
}

/* Every file of the ceremony, and how many objects each token has. */
static void take_picture(char *ret_text, size_t size)
{
    const char *const list[] = {"sh", "-c", "cd \"$0\" && sha256sum *", plant_of_four_path("ca"), NULL};
    assert_int_equal(command_read(list, ret_text, size), 0);
    for (size_t i = 0; i < FOUR_TOKENS; i++) {
        size_t used = strlen(ret_text);
        (void)snprintf(ret_text + used, size - used, "%zu\n", plant_of_four_count(plant.tokens[i]));
    }
}

static void assert_refused(enum fault_code code, const char *words)
{
    char before[2048], after[2048];
    take_picture(before, sizeof before);
    assert_false(ceremony_perform(&plant.all, &plant.names, &fault));
    if (fault.code != code || !strstr(fault.text, words))
        fail_msg("not '%s' but %s: %s", words, fault_name(fault.code), fault.text);
    take_picture(after, sizeof after);
    assert_string_equal(before, after);
}

static void assert_goes_on(void)
{
    if (!ceremony_perform(&plant.all, &plant.names, &fault) || !plant_of_four_is_whole(&plant, &fault))
        fail_msg("%s: %s", fault_name(fault.code), fault.text);
}

static size_t read_journal(char *ret_bytes)
{
    FILE *file = fopen(plant_of_four_path(JOURNAL), "re");
    assert_non_null(file);
    size_t size = fread(ret_bytes, 1, JOURNAL_ROOM, file);
    assert_int_equal(fclose(file), 0);
    return size;
}

static void write_journal(const char *bytes, size_t size)
{
    FILE *file = fopen(plant_of_four_path(JOURNAL), "we");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static struct made_key make_in(size_t token, const struct make_order *order)
{
    struct made_key made;
    assert_true(make_choose(plant.tokens[token], order, &made, &fault));
    call_make_writable(&plant.tokens[token]->session);
    assert_true(make_create(&made, &fault));
    return made;
}

static void takes_no_other_plan(void **state)
{
    (void)state;
    const struct ceremony_names names = plant.names;
    plant.names.organization = "Another plant";
    assert_refused(FAULT_HSM_KEY_EXISTS, "begun with another plan or other tokens");
    plant.names = names;
    plant.names.people[0].name = "Suzuki";
    assert_refused(FAULT_HSM_KEY_EXISTS, "begun with another plan or other tokens");
    plant.names = names;
    plant.all.production[0] = plant.tokens[FOUR_SECOND];
    plant.all.production[1] = plant.tokens[FOUR_FIRST];
    assert_refused(FAULT_HSM_KEY_EXISTS, "begun with another plan or other tokens");
    plant.all.production[0] = plant.tokens[FOUR_FIRST];
    plant.all.production[1] = plant.tokens[FOUR_SECOND];
    assert_goes_on();
}

static void takes_no_damaged_journal(void **state)
{
    (void)state;
    char good[JOURNAL_ROOM], bad[JOURNAL_ROOM];
    static char long_one[JOURNAL_ROOM + 1];
    size_t size = read_journal(good);
    size_t second_line = (size_t)((char *)memchr(good, '\n', size) + 1 - good);
    size_t third_line = (size_t)((char *)memchr(good + second_line, '\n', size - second_line) + 1 - good);
    memcpy(bad, good, size);
    bad[0] = 'K';
    write_journal(bad, size);
    assert_refused(FAULT_BAD_BYTES, "line 1 of the journal is damaged");
    bad[0] = good[0];
    bad[third_line] = 'W';
    write_journal(bad, size);
    assert_refused(FAULT_BAD_BYTES, "line 3 of the journal is damaged");
    bad[third_line] = '\0';
    write_journal(bad, size);
    assert_refused(FAULT_BAD_BYTES, "the journal is no text");
    memset(long_one, '\n', sizeof long_one);
    memcpy(long_one, good, size);
    write_journal(long_one, sizeof long_one);
    assert_refused(FAULT_BAD_BYTES, "the journal is no text of at most");
    memcpy(bad, good, third_line);
    (void)snprintf(bad + third_line, sizeof bad - third_line, "made station-1 %064d\n", 0);
    write_journal(bad, strlen(bad));
    assert_refused(FAULT_BAD_BYTES, "line 3 of the journal is damaged");
    write_journal(good, size);
    assert_goes_on();
}

static void forgets_a_line_that_a_crash_cut(void **state)
{
    (void)state;
    char bytes[JOURNAL_ROOM];
    size_t size = read_journal(bytes);
    (void)snprintf(bytes + size, sizeof bytes - size, "made checkpoint-1 00112233");
    write_journal(bytes, size + strlen("made checkpoint-1 00112233"));
    assert_goes_on();
}

static void takes_no_turn_with_another_program(void **state)
{
    (void)state;
    struct journal journal;
    struct places places = {0};
    uint8_t plan[JOURNAL_DIGEST_SIZE];
    place_all(&plant.all, &places);
    assert_true(ceremony_plan_digest(&plant.names, &places, plan, &fault));
    assert_true(journal_open(plant.names.output, "ceremony.journal", plan, &journal, &fault));
    assert_true(journal.begun_before);
    assert_refused(FAULT_FILE, "another program works on 'ceremony.journal'");
    journal_close(&journal);
    place_clear(&places);
    assert_goes_on();
}

/* A recovery key is to come, and somebody else's is there: passwords would be sealed to it. */
static void takes_no_key_that_it_never_announced(void **state)
{
    (void)state;
    struct made_key foreign = make_in(FOUR_RECOVERY, &recovery);
    assert_refused(FAULT_HSM_KEY_EXISTS, KEY_RECOVERY);
    make_undo(&foreign);
    foreign = make_in(FOUR_FIRST, &issuing);
    assert_refused(FAULT_HSM_KEY_EXISTS, KEY_ISSUING);
    make_undo(&foreign);
    assert_goes_on();
}

/* The finished issuing key is gone, and then another one is in its place, with its label and its CKA_ID. */
static void takes_no_other_key_for_one_that_was_finished(void **state)
{
    (void)state;
    struct journal journal;
    struct places places = {0};
    struct made_key finished, other;
    uint8_t plan[JOURNAL_DIGEST_SIZE];
    place_all(&plant.all, &places);
    assert_true(ceremony_plan_digest(&plant.names, &places, plan, &fault));
    place_clear(&places);
    assert_true(journal_open(plant.names.output, "ceremony.journal", plan, &journal, &fault));
    const struct journal_entry *entry = journal_find(&journal, "issuing-1");
    assert_true(entry && entry->made);
    assert_true(make_find(plant.tokens[FOUR_FIRST], &issuing, entry->id, &finished, &fault));
    journal_close(&journal);
    call_make_writable(&plant.tokens[FOUR_FIRST]->session);
    make_undo(&finished);
    assert_refused(FAULT_HSM_KEY_NOT_FOUND, KEY_ISSUING);

    assert_true(make_choose(plant.tokens[FOUR_FIRST], &issuing, &other, &fault));
    memcpy(other.id, finished.id, sizeof other.id);
    assert_true(make_create(&other, &fault));
    assert_refused(FAULT_HSM_KEY_WRONG, "is another key than the journal's");
}

static void copy(const char *from, const char *to)
{
    const char *const words[] = {"cp", plant_of_four_path(from), plant_of_four_path(to), NULL};
    assert_int_equal(command_run(words), 0);
}

/* It was swapped meanwhile for one that the root never made. */
static void takes_no_other_certificate(void **state)
{
    (void)state;
    copy("ca/issuing-1.pem", "kept");
    copy("ca/root.pem", "ca/issuing-1.pem");
    assert_refused(FAULT_CERTIFICATE_REFUSED, "it is another key's");
    copy("kept", "ca/issuing-1.pem");
    assert_goes_on();
}

static void takes_no_changed_backup_or_check_value(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        enum fault_code code;
        const char *words;
    } files[] = {
        {"ca/fingerprint.backup", FAULT_BAD_BYTES, "fingerprint.backup is cut or not as"},
        {"ca/fingerprint.check", FAULT_FILE, "'fingerprint.check' was changed meanwhile"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        const char *const change[] = {"sed", "-i", "1s/^/x/", plant_of_four_path(files[i].file), NULL};
        copy(files[i].file, "kept");
        assert_int_equal(command_run(change), 0);
        assert_refused(files[i].code, files[i].words);
        copy("kept", files[i].file);
    }
    assert_goes_on();
}

#define MIDDLE(test) cmocka_unit_test_setup_teardown(test, interrupt_in_the_middle, leave)
#define LATE(test) cmocka_unit_test_setup_teardown(test, interrupt_before_the_record, leave)

int main(void)
{
    const struct CMUnitTest tests[] = {
        MIDDLE(takes_no_other_plan),
        MIDDLE(takes_no_damaged_journal),
        MIDDLE(forgets_a_line_that_a_crash_cut),
        MIDDLE(takes_no_turn_with_another_program),
        MIDDLE(takes_no_key_that_it_never_announced),
        MIDDLE(takes_no_other_key_for_one_that_was_finished),
        MIDDLE(takes_no_other_certificate),
        LATE(takes_no_changed_backup_or_check_value),
    };
    return cmocka_run_group_tests(tests, plant_of_four_begin, plant_of_four_end);
}
