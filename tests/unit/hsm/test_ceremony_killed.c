/* hsm/ceremony: killed at every step and begun again. A run ends in SIGKILL before each call that makes a key and at
 * each time that a file is forced to the disk; the next run must end with a whole ceremony and no key too many. */
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

static struct fault fault;
static unsigned steps_left; /* 0: nobody is killed */

static void step(void)
{
    if (steps_left > 0 && --steps_left == 0)
        (void)kill(getpid(), SIGKILL);
}

/* In place of the C library's: a process that is killed loses nothing it has written, so the disk may take its time. */
int fsync(int fd)
{
    (void)fd;
    step();
    return 0;
}

static CK_RV see(enum call_function function, void *context)
{
    (void)context;
    if (function == CALL_C_GenerateKeyPair || function == CALL_C_UnwrapKey)
        step();
    return CKR_OK;
}

/* Whoever was killed when the record stood already is told that the ceremony is complete. */
static bool performs(const struct plant_of_four *plant)
{
    return ceremony_perform(&plant->all, &plant->names, &fault) ||
           (fault.code == FAULT_HSM_KEY_EXISTS && strstr(fault.text, "the ceremony is complete"));
}

enum { DONE, FAILED, NOT_WHOLE, NOT_REFUSED };

/* In a process of its own. `kill_at` 0: is not killed, and looks at what there is when it is done. */
static int run(unsigned kill_at)
{
    (void)fflush(stdout);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct plant_of_four plant = {0};
        steps_left = kill_at;
        call_observe(see, NULL);
        int result = FAILED;
        if (plant_of_four_open(&plant, &fault) && performs(&plant)) {
            result = kill_at > 0 || plant_of_four_is_whole(&plant, &fault) ? DONE : NOT_WHOLE;
            if (kill_at == 0 && result == DONE &&
                (ceremony_perform(&plant.all, &plant.names, &fault) || fault.code != FAULT_HSM_KEY_EXISTS))
                result = NOT_REFUSED;
        }
        if (result != DONE)
            (void)fprintf(stderr, "  %s: %s\n", fault_name(fault.code), fault.text);
        plant_of_four_close(&plant);
        _exit(result);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

/* Every `stride`-th step from `first`: three programs take all between them. The run after the kill is itself killed at
 * a few. */
static unsigned kill_at_steps(unsigned first, unsigned stride)
{
    unsigned killed = 0;
    for (unsigned at = first;; at += stride) {
        plant_of_four_start_afresh();
        int ended = run(at);
        if (ended == DONE)
            return killed;
        assert_int_equal(ended, -SIGKILL);
        killed++;
        if (at % 3 == 0)
            (void)run(1 + at % 11);
        int again = run(0);
        if (again != DONE)
            fail_msg("killed at step %u: %d", at, again);
    }
}

static void goes_on_after_a_kill(void **state)
{
    (void)state;
    unsigned killed = kill_at_steps(FIRST, 3);
    print_message("  killed at %u steps\n", killed);
    assert_in_range(killed, 15, 70);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(goes_on_after_a_kill),
    };
    return cmocka_run_group_tests(tests, plant_of_four_begin, plant_of_four_end);
}
