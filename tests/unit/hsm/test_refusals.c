/* hsm/refusals: a PIN that one process was refused is not tried by the next one, until its file is written anew. */
#include "hsm/refusals.h"

#include "tests/support/softhsm.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
/* cmocka.h needs the ones above */
#include <cmocka.h>

static struct softhsm softhsm;
static struct fault fault;
static char pin_file[96];

static void write_pin(const char *pin)
{
    FILE *file = fopen(pin_file, "we");
    assert_non_null(file);
    assert_true(fputs(pin, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static bool open_token(void)
{
    CLEANUP(token_freep) struct token *token = NULL;
    return token_open_with_file(SOFTHSM_MODULE, "pkcs11:token=one", pin_file, &token, &fault);
}

static bool was_tried(void)
{
    assert_int_equal(fault.code, FAULT_HSM_PIN);
    return !strstr(fault.text, "was refused before");
}

/* Another process of the station: its exit code says whether it tried the PIN. */
static int other_process(void)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        int file = open(pin_file, O_RDONLY | O_CLOEXEC);
        _exit(refusals_has(file) ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void without_a_memory_each_opening_tries(void **state)
{
    (void)state;
    write_pin("not-the-pin");
    assert_false(open_token());
    assert_true(was_tried());
    assert_false(open_token());
    assert_true(was_tried());
}

static void a_refused_pin_is_tried_once_by_all(void **state)
{
    (void)state;
    int memory = -1;
    assert_true(refusals_make(&memory, &fault));
    refusals_use(memory);
    write_pin("not-the-pin");
    assert_int_equal(other_process(), 1);
    assert_false(open_token());
    assert_true(was_tried());
    assert_int_equal(other_process(), 0);
    assert_false(open_token());
    assert_false(was_tried());

    write_pin("another-pin");
    assert_false(open_token());
    assert_true(was_tried());
    write_pin(SOFTHSM_PIN);
    if (!open_token() || !open_token())
        fail_msg("%s", fault.text);
    refusals_use(-1);
    (void)close(memory);
}

static int begin(void **state)
{
    (void)state;
    if (!softhsm_start(&softhsm, &fault) || !softhsm_make("one", &fault)) {
        print_error("%s\n", fault.text);
        return -1;
    }
    (void)snprintf(pin_file, sizeof pin_file, "%s/pin", softhsm.directory);
    return 0;
}

static int end(void **state)
{
    (void)state;
    softhsm_end(&softhsm);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_memory_each_opening_tries),
        cmocka_unit_test(a_refused_pin_is_tried_once_by_all),
    };
    return cmocka_run_group_tests_name("hsm/refusals", tests, begin, end);
}
