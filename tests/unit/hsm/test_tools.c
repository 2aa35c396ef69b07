/* hsm/tools/private-token: starts, serves, stops, twice in a row, and refuses what it must. */
#include "hsm/token.h"
#include "tests/support/command.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
/* cmocka.h needs the ones above */
#include <cmocka.h>

static char directory[] = "/tmp/kokuin-tools.XXXXXX";
static char place[64];
static struct fault fault;

static int begin(void **state)
{
    (void)state;
    (void)signal(SIGPIPE, SIG_IGN);
    if (!mkdtemp(directory) || setenv("TOKEN_MAKE", TOKEN_MAKE, 1) != 0)
        return -1;
    (void)snprintf(place, sizeof place, "%s/token", directory);
    return secret_arena_open(1 << 16, &fault) ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    secret_arena_close();
    int stopped = command_run((const char *const[]){PRIVATE_TOKEN, "stop", place, NULL});
    return command_run((const char *const[]){"rm", "-rf", directory, NULL}) == 0 ? stopped : -1;
}

static void set_configuration(void)
{
    char path[96];
    (void)snprintf(path, sizeof path, "%s/softhsm2.conf", place);
    assert_int_equal(setenv("SOFTHSM2_CONF", path, 1), 0);
}

static bool opens(const char *module, const char *label)
{
    char path[128], uri[64];
    CLEANUP(secret_freep) struct secret *pin = NULL;
    CLEANUP(token_freep) struct token *token = NULL;
    (void)snprintf(path, sizeof path, "%s/pins/%s.pin", place, label);
    (void)snprintf(uri, sizeof uri, "pkcs11:token=%s", label);
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_true(secret_from_file(path, &pin, &fault));
    return token_open(module, uri, pin, &token, &fault);
}

static void starts_serves_and_stops_twice(void **state)
{
    (void)state;
    const char *const start[] = {PRIVATE_TOKEN, "start", place, "root", "production", "production-b", NULL};
    const char *const stop[] = {PRIVATE_TOKEN, "stop", place, NULL};
    char said[1024], remote[128], second[128];
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(command_read(start, said, sizeof said), 0);
        assert_non_null(strstr(said, "KOKUIN_TOKEN_SOCKET="));
        (void)snprintf(remote, sizeof remote, "unix:%s/production.sock", place);
        (void)snprintf(second, sizeof second, "unix:%s/production-b.sock", place);
        set_configuration();
        assert_true(opens(remote, "production"));
        assert_true(opens(second, "production-b"));
        assert_false(opens(remote, "production-b")); /* each on a server of its own */
        assert_int_equal(fault.code, FAULT_HSM_NOT_FOUND);
        assert_false(opens(remote, "root")); /* not production: the server does not show it */
        assert_int_equal(fault.code, FAULT_HSM_NOT_FOUND);
        assert_true(opens(SOFTHSM_MODULE, "root"));

        assert_int_equal(command_read(start, said, sizeof said), 75); /* it runs already, and goes on running */
        assert_true(opens(remote, "production"));
        assert_int_equal(command_run(stop), 0);
        assert_int_equal(access(place, F_OK), -1);
        assert_int_equal(command_run(stop), 0); /* stopping what does not run is no fault */
    }
}

static void refuses_what_it_must_and_leaves_nothing(void **state)
{
    (void)state;
    char deep[160], said[256], twice[64];
    (void)snprintf(deep, sizeof deep, "%s/%0100d", directory, 0);
    (void)snprintf(twice, sizeof twice, "%s/twice", directory);
    const char *const too_long[] = {PRIVATE_TOKEN, "start", deep, "production", NULL};
    const char *const no_label[] = {PRIVATE_TOKEN, "start", place, NULL};
    const char *const bad_label[] = {PRIVATE_TOKEN, "start", place, "a/b", NULL};
    const char *const same_label[] = {PRIVATE_TOKEN, "start", twice, "root", "root", NULL};
    const char *const foreign[] = {PRIVATE_TOKEN, "stop", "/usr", NULL};
    assert_int_equal(command_read(too_long, said, sizeof said), 2);
    assert_int_equal(command_read(no_label, said, sizeof said), 2);
    assert_int_equal(command_read(bad_label, said, sizeof said), 2);
    assert_int_not_equal(command_read(same_label, said, sizeof said), 0);
    assert_int_equal(command_read(foreign, said, sizeof said), 2);
    assert_int_equal(access(deep, F_OK), -1);
    assert_int_equal(access(place, F_OK), -1);
    assert_int_equal(access(twice, F_OK), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(starts_serves_and_stops_twice),
        cmocka_unit_test(refuses_what_it_must_and_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
