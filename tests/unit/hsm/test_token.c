/* hsm/token against real SoftHSM tokens, directly and behind a p11-kit server. */
#include "hsm/call.h"
#include "hsm/token.h"
#include "hsm/watchdog.h"
#include "tests/support/command.h"
#include "tests/support/softhsm.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
/* cmocka.h needs the ones above */
#include <cmocka.h>

/* The spy that counts log-ins forgets 16 bytes of its own when it is unloaded. LeakSanitizer asks for this by name. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:pkcs11-spy.so\n";
}

static struct softhsm softhsm;
static bool remote;
static struct fault fault;

static const char *module(void)
{
    return remote ? softhsm.remote : SOFTHSM_MODULE;
}

static int begin(void)
{
    /* Two tokens of one label, which our own token_initialize() refuses to make. */
    const char *const twin[] = {"softhsm2-util", "--init-token", "--free", "--label",   "twin",
                                "--so-pin",      SOFTHSM_SO_PIN, "--pin",  SOFTHSM_PIN, NULL};
    if (softhsm_start(&softhsm, &fault) && softhsm_make("line-1", &fault) && softhsm_make("spare", &fault) &&
        command_run(twin) == 0 && command_run(twin) == 0 &&
        (!remote || softhsm_serve(&softhsm, SOFTHSM_MODULE, &fault)))
        return 0;
    print_error("%s\n", fault.text);
    return -1;
}

static int begin_direct(void **state)
{
    (void)state;
    remote = false;
    return begin();
}

static int begin_remote(void **state)
{
    (void)state;
    remote = true;
    return begin();
}

static int end(void **state)
{
    (void)state;
    softhsm_end(&softhsm);
    return 0;
}

static void opens_the_token_it_was_given(void **state)
{
    (void)state;
    CLEANUP(token_freep) struct token *token = NULL;
    assert_true(softhsm_open(&softhsm, remote, "line-1", &token, &fault));
    assert_string_equal(token_label(token), "line-1");
}

static void opens_two_tokens_at_once_and_keeps_each_alive(void **state)
{
    (void)state;
    CLEANUP(secret_freep) struct secret *bytes = secret_new(32);
    CLEANUP(token_freep) struct token *first = NULL;
    struct token *second = NULL;
    assert_true(softhsm_open(&softhsm, remote, "line-1", &first, &fault));
    assert_true(softhsm_open(&softhsm, remote, "spare", &second, &fault));
    assert_string_equal(token_label(second), "spare");
    token_free(second);
    assert_true(token_random(first, bytes, &fault));
}

static void two_draws_of_random_bytes_differ(void **state)
{
    (void)state;
    CLEANUP(secret_freep) struct secret *a = secret_new(32);
    CLEANUP(secret_freep) struct secret *b = secret_new(32);
    CLEANUP(token_freep) struct token *token = NULL;
    assert_true(softhsm_open(&softhsm, remote, "line-1", &token, &fault));
    assert_true(token_random(token, a, &fault));
    assert_true(token_random(token, b, &fault));
    assert_false(secret_equal(a, b));
}

static void draws_more_than_a_token_gives_at_once(void **state)
{
    (void)state;
    CLEANUP(secret_freep) struct secret *bytes = secret_new(5000);
    CLEANUP(token_freep) struct token *token = NULL;
    assert_true(softhsm_open(&softhsm, remote, "line-1", &token, &fault));
    assert_true(token_random(token, bytes, &fault));
    bool seen = false;
    for (size_t i = 4900; i < 5000; i++)
        seen = seen || secret_read(bytes)[i] != 0;
    assert_true(seen);
}

static void each_refusal_has_its_own_fault(void **state)
{
    (void)state;
    static const struct {
        const char *module, *uri, *pin;
        enum fault_code code;
    } cases[] = {
        {"/nonexistent.so", "pkcs11:token=line-1", SOFTHSM_PIN, FAULT_HSM_MODULE},
        {"/usr/lib/os-release", "pkcs11:token=line-1", SOFTHSM_PIN, FAULT_HSM_MODULE},
        {"libsofthsm2.so", "pkcs11:token=line-1", SOFTHSM_PIN, FAULT_USAGE},
        {"unix:/nonexistent.sock", "pkcs11:token=line-1", SOFTHSM_PIN, FAULT_HSM_MODULE},
        {"unix:", "pkcs11:token=line-1", SOFTHSM_PIN, FAULT_USAGE},
        {"unix:/a%2f", "pkcs11:token=line-1", SOFTHSM_PIN, FAULT_USAGE},
        {NULL, "not a uri", SOFTHSM_PIN, FAULT_USAGE},
        {NULL, "pkcs11:token=line-1;colour=red", SOFTHSM_PIN, FAULT_USAGE},
        {NULL, "pkcs11:token=line-1?pin-value=" SOFTHSM_PIN, SOFTHSM_PIN, FAULT_USAGE},
        {NULL, "pkcs11:token=line-1?pin-source=/dev/null", SOFTHSM_PIN, FAULT_USAGE},
        {NULL, "pkcs11:token=absent", SOFTHSM_PIN, FAULT_HSM_NOT_FOUND},
        {NULL, "pkcs11:token=line-1;library-description=Other", SOFTHSM_PIN, FAULT_HSM_NOT_FOUND},
        {NULL, "pkcs11:token=twin", SOFTHSM_PIN, FAULT_HSM_AMBIGUOUS},
        {NULL, "pkcs11:", SOFTHSM_PIN, FAULT_HSM_AMBIGUOUS},
        {NULL, "pkcs11:token=line-1", "86420975", FAULT_HSM_PIN},
        {NULL, "pkcs11:token=line-1", "1", FAULT_HSM_PIN},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        CLEANUP(secret_freep) struct secret *pin = softhsm_secret(cases[i].pin);
        CLEANUP(token_freep) struct token *token = NULL;
        fault = (struct fault){0};
        assert_false(token_open(cases[i].module ? cases[i].module : module(), cases[i].uri, pin, &token, &fault));
        assert_null(token);
        print_message("  %s: %s\n", fault_name(fault.code), fault.text);
        assert_int_equal(fault.code, cases[i].code);
        assert_null(strstr(fault.text, SOFTHSM_PIN));
        if (strlen(cases[i].pin) > 1)
            assert_null(strstr(fault.text, cases[i].pin));
    }
}

static void a_long_socket_path_is_refused(void **state)
{
    (void)state;
    char path[200] = "unix:/";
    memset(path + 6, 'x', 150);
    CLEANUP(secret_freep) struct secret *pin = softhsm_secret(SOFTHSM_PIN);
    CLEANUP(token_freep) struct token *token = NULL;
    assert_false(token_open(path, "pkcs11:token=line-1", pin, &token, &fault));
    assert_int_equal(fault.code, FAULT_USAGE);
}

static void a_token_is_open_once_in_a_direct_module(void **state)
{
    (void)state;
    CLEANUP(token_freep) struct token *first = NULL;
    CLEANUP(token_freep) struct token *second = NULL;
    assert_true(softhsm_open(&softhsm, remote, "line-1", &first, &fault));
    bool opened = softhsm_open(&softhsm, remote, "line-1", &second, &fault);
    assert_int_equal(opened, remote); /* each connection to a server has its own log-in */
    if (!remote)
        assert_int_equal(fault.code, FAULT_HSM_CALL);
}

static void initializing_refuses_a_label_twice_and_one_that_does_not_fit(void **state)
{
    (void)state;
    CLEANUP(secret_freep) struct secret *pin = softhsm_secret(SOFTHSM_PIN);
    assert_false(token_initialize(SOFTHSM_MODULE, "line-1", pin, pin, &fault));
    assert_int_equal(fault.code, FAULT_HSM_KEY_EXISTS);
    assert_false(token_initialize(SOFTHSM_MODULE, "", pin, pin, &fault));
    assert_int_equal(fault.code, FAULT_USAGE);
    assert_false(token_initialize(SOFTHSM_MODULE, "123456789012345678901234567890123", pin, pin, &fault));
    assert_int_equal(fault.code, FAULT_USAGE);
    CLEANUP(secret_freep) struct secret *shorter = softhsm_secret("1");
    assert_false(token_initialize(SOFTHSM_MODULE, "short-pin", shorter, pin, &fault));
    assert_int_equal(fault.code, FAULT_HSM_PIN);
}

/* Counts the log-ins that reach SoftHSM, with OpenSC's spy between it and us. */
static unsigned count_logins(const char *log)
{
    FILE *file = fopen(log, "re");
    assert_non_null(file);
    char line[512];
    unsigned count = 0;
    while (fgets(line, sizeof line, file))
        if (strstr(line, ": C_Login"))
            count++;
    (void)fclose(file);
    return count;
}

static void a_wrong_pin_is_tried_once(void **state)
{
    (void)state;
    char log[96];
    (void)snprintf(log, sizeof log, "%s/spy.log", softhsm.directory);
    assert_int_equal(access(SPY_MODULE, R_OK), 0);
    (void)setenv("PKCS11SPY", SOFTHSM_MODULE, 1);
    (void)setenv("PKCS11SPY_OUTPUT", log, 1);
    if (remote) {
        softhsm_kill_server(&softhsm);
        assert_true(softhsm_serve(&softhsm, SPY_MODULE, &fault));
    }
    CLEANUP(secret_freep) struct secret *pin = softhsm_secret("86420975");
    CLEANUP(token_freep) struct token *token = NULL;
    const char *watched = remote ? softhsm.remote : SPY_MODULE;
    assert_false(token_open(watched, "pkcs11:token=line-1", pin, &token, &fault));
    assert_int_equal(fault.code, FAULT_HSM_PIN);
    assert_int_equal(fault.native, CKR_PIN_INCORRECT);
    assert_int_equal(count_logins(log), 1);
    if (remote) {
        softhsm_kill_server(&softhsm);
        assert_true(softhsm_serve(&softhsm, SOFTHSM_MODULE, &fault));
    }
}

static void a_server_that_dies_gives_a_fault_and_comes_back(void **state)
{
    (void)state;
    CLEANUP(secret_freep) struct secret *bytes = secret_new(32);
    CLEANUP(token_freep) struct token *token = NULL;
    assert_true(softhsm_open(&softhsm, true, "line-1", &token, &fault));
    assert_true(token_random(token, bytes, &fault));
    softhsm_kill_server(&softhsm);

    for (unsigned i = 0; i < 3; i++) {
        memset(secret_write(bytes), 0x55, 32);
        assert_false(token_random(token, bytes, &fault));
        assert_int_equal(fault.code, FAULT_HSM_CALL);
        for (size_t at = 0; at < 32; at++)
            assert_int_equal(secret_read(bytes)[at], 0);
    }
    token_free(TAKE(token));
    assert_false(softhsm_open(&softhsm, true, "line-1", &token, &fault));
    assert_int_equal(fault.code, FAULT_HSM_MODULE);

    assert_true(softhsm_serve(&softhsm, SOFTHSM_MODULE, &fault));
    assert_true(softhsm_open(&softhsm, true, "line-1", &token, &fault));
    assert_true(token_random(token, bytes, &fault));
}

static void a_process_that_sigpipe_would_end_is_refused_a_server(void **state)
{
    (void)state;
    CLEANUP(token_freep) struct token *token = NULL;
    (void)signal(SIGPIPE, SIG_DFL);
    bool opened = softhsm_open(&softhsm, true, "line-1", &token, &fault);
    (void)signal(SIGPIPE, SIG_IGN);
    assert_false(opened);
    assert_int_equal(fault.code, FAULT_INTERNAL);
}

static void two_servers_and_a_module_live_in_one_process(void **state)
{
    (void)state;
    CLEANUP(secret_freep) struct secret *bytes = secret_new(32);
    CLEANUP(token_freep) struct token *a = NULL;
    CLEANUP(token_freep) struct token *b = NULL;
    CLEANUP(token_freep) struct token *c = NULL;
    struct softhsm second = softhsm;
    second.server = 0;
    strncat(second.directory, "/tokens", sizeof second.directory - strlen(second.directory) - 1);
    assert_true(softhsm_serve(&second, SOFTHSM_MODULE, &fault));
    assert_true(softhsm_open(&softhsm, true, "line-1", &a, &fault));
    assert_true(softhsm_open(&second, true, "line-1", &b, &fault));
    assert_true(softhsm_open(&softhsm, false, "spare", &c, &fault));
    softhsm_kill_server(&second);
    assert_true(token_random(a, bytes, &fault));
    assert_false(token_random(b, bytes, &fault));
    assert_true(token_random(c, bytes, &fault));
    assert_null(getenv("P11_KIT_SERVER_ADDRESS"));
}

/* A process with so many descriptors could not be told when the server hangs. */
static void a_connection_that_cannot_be_cut_off_is_refused(void **state)
{
    (void)state;
    CLEANUP(token_freep) struct token *token = NULL;
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    const struct rlimit more = {.rlim_cur = WATCHDOG_DESCRIPTORS + 64, .rlim_max = limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &more), 0);
    int first = dup(STDOUT_FILENO), last = first;
    while (last >= 0 && last < WATCHDOG_DESCRIPTORS)
        last = dup(STDOUT_FILENO);
    bool opened = softhsm_open(&softhsm, true, "line-1", &token, &fault);
    assert_int_equal(close_range((unsigned)first, (unsigned)last, 0), 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_true(last >= WATCHDOG_DESCRIPTORS);
    assert_false(opened);
    assert_int_equal(fault.code, FAULT_HSM_MODULE);
    assert_non_null(strstr(fault.text, "out of the watchdog's sight"));
}

#define BOTH_WAYS                                                                                                      \
    cmocka_unit_test(opens_the_token_it_was_given), cmocka_unit_test(opens_two_tokens_at_once_and_keeps_each_alive),   \
        cmocka_unit_test(two_draws_of_random_bytes_differ), cmocka_unit_test(draws_more_than_a_token_gives_at_once),   \
        cmocka_unit_test(each_refusal_has_its_own_fault), cmocka_unit_test(a_token_is_open_once_in_a_direct_module),   \
        cmocka_unit_test(a_wrong_pin_is_tried_once)

int main(void)
{
    const struct CMUnitTest direct[] = {
        BOTH_WAYS,
        cmocka_unit_test(a_long_socket_path_is_refused),
        cmocka_unit_test(initializing_refuses_a_label_twice_and_one_that_does_not_fit),
    };
    const struct CMUnitTest remoted[] = {
        BOTH_WAYS,
        cmocka_unit_test(a_server_that_dies_gives_a_fault_and_comes_back),
        cmocka_unit_test(a_process_that_sigpipe_would_end_is_refused_a_server),
        cmocka_unit_test(a_connection_that_cannot_be_cut_off_is_refused),
        cmocka_unit_test(two_servers_and_a_module_live_in_one_process),
    };
    int failed = cmocka_run_group_tests(direct, begin_direct, end);
    return failed + cmocka_run_group_tests(remoted, begin_remote, end);
}
