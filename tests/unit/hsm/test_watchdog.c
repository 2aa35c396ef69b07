/* hsm/watchdog against sockets whose other end says nothing. */
#include "hsm/watchdog.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
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

#define SOON_MS 50
#define NEVER_MS 600000

static struct fault fault;
static char directory[64];

static int begin(void **state)
{
    (void)state;
    (void)snprintf(directory, sizeof directory, "/tmp/kokuin-watchdog.XXXXXX");
    return mkdtemp(directory) ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    return rmdir(directory);
}

/* A server that takes connections into its queue and never looks at them. */
struct silent {
    struct sockaddr_un name;
    socklen_t size;
    int listener;
};

static struct silent silent_start(const char *name, int queue)
{
    struct silent server = {.name = {.sun_family = AF_UNIX}, .size = sizeof server.name};
    (void)snprintf(server.name.sun_path, sizeof server.name.sun_path, "%s/%s", directory, name);
    server.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(server.listener >= 0);
    assert_int_equal(bind(server.listener, (const struct sockaddr *)&server.name, sizeof server.name), 0);
    assert_int_equal(listen(server.listener, queue), 0);
    return server;
}

static void silent_end(const struct silent *server)
{
    (void)close(server->listener);
    (void)unlink(server->name.sun_path);
}

static int join(const char *path)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    (void)snprintf(name.sun_path, sizeof name.sun_path, "%s", path);
    int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(descriptor >= 0);
    assert_int_equal(connect(descriptor, (const struct sockaddr *)&name, sizeof name), 0);
    return descriptor;
}

/* The server's name as the kernel tells it to a client. */
static struct watchdog *watch(int descriptor)
{
    struct sockaddr_un name;
    socklen_t size = sizeof name;
    struct watchdog *watchdog = NULL;
    assert_int_equal(getpeername(descriptor, (struct sockaddr *)&name, &size), 0);
    assert_true(watchdog_open(&name, size, &watchdog, &fault));
    return watchdog;
}

static ssize_t wait_for_a_byte(int descriptor)
{
    char byte;
    ssize_t count;
    do
        count = read(descriptor, &byte, 1);
    while (count < 0 && errno == EINTR);
    return count;
}

static void a_wait_for_a_silent_server_ends(void **state)
{
    (void)state;
    struct silent server = silent_start("server", 5);
    int client = join(server.name.sun_path);
    CLEANUP(watchdog_closep) struct watchdog *watchdog = watch(client);
    for (unsigned i = 0; i < 3; i++) {
        watchdog_arm(watchdog, SOON_MS);
        assert_int_equal(wait_for_a_byte(client), 0);
        (void)watchdog_disarm(watchdog);
        (void)close(client);
        client = join(server.name.sun_path);
    }
    watchdog_arm(watchdog, SOON_MS);
    assert_int_equal(wait_for_a_byte(client), 0);
    assert_true(watchdog_disarm(watchdog));
    (void)close(client);
    silent_end(&server);
}

static void a_wait_that_ends_in_time_is_left_alone(void **state)
{
    (void)state;
    struct silent server = silent_start("server", 5);
    int client = join(server.name.sun_path), accepted = accept(server.listener, NULL, NULL);
    assert_true(accepted >= 0);
    CLEANUP(watchdog_closep) struct watchdog *watchdog = watch(client);
    for (unsigned i = 0; i < 3; i++) {
        watchdog_arm(watchdog, NEVER_MS);
        assert_int_equal(write(accepted, "x", 1), 1);
        assert_int_equal(wait_for_a_byte(client), 1);
        assert_false(watchdog_disarm(watchdog));
    }
    (void)close(client);
    (void)close(accepted);
    silent_end(&server);
}

static void only_connections_to_its_own_server_are_cut_off(void **state)
{
    (void)state;
    struct silent server = silent_start("server", 5), other = silent_start("other", 5);
    int client = join(server.name.sun_path), second = join(server.name.sun_path), elsewhere = join(other.name.sun_path);
    int accepted = accept(other.listener, NULL, NULL), pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    CLEANUP(watchdog_closep) struct watchdog *watchdog = watch(client);
    watchdog_arm(watchdog, SOON_MS);
    assert_int_equal(wait_for_a_byte(client), 0);
    assert_true(watchdog_disarm(watchdog));
    assert_int_equal(wait_for_a_byte(second), 0);
    assert_int_equal(write(accepted, "x", 1), 1);
    assert_int_equal(wait_for_a_byte(elsewhere), 1);
    assert_int_equal(write(pair[0], "x", 1), 1);
    assert_int_equal(wait_for_a_byte(pair[1]), 1);
    const int all[] = {client, second, elsewhere, accepted, pair[0], pair[1]};
    for (size_t i = 0; i < ARRAY_SIZE(all); i++)
        (void)close(all[i]);
    silent_end(&server);
    silent_end(&other);
}

static void a_server_is_known_whatever_path_leads_to_it(void **state)
{
    (void)state;
    char other_way[96];
    struct silent server = silent_start("server", 5);
    (void)snprintf(other_way, sizeof other_way, "%s/link", directory);
    assert_int_equal(symlink("server", other_way), 0);
    int asked = join(other_way), client = join(server.name.sun_path);
    CLEANUP(watchdog_closep) struct watchdog *watchdog = watch(asked);
    watchdog_arm(watchdog, SOON_MS);
    assert_int_equal(wait_for_a_byte(client), 0);
    assert_true(watchdog_disarm(watchdog));
    (void)close(client);
    (void)close(asked);
    (void)unlink(other_way);
    silent_end(&server);
}

static void a_connection_made_late_is_cut_off_too(void **state)
{
    (void)state;
    struct silent server = silent_start("server", 5);
    int first = join(server.name.sun_path);
    CLEANUP(watchdog_closep) struct watchdog *watchdog = watch(first);
    watchdog_arm(watchdog, SOON_MS);
    assert_int_equal(wait_for_a_byte(first), 0);
    int late = join(server.name.sun_path);
    assert_int_equal(wait_for_a_byte(late), 0);
    assert_true(watchdog_disarm(watchdog));
    (void)close(first);
    (void)close(late);
    silent_end(&server);
}

static void a_connect_that_waits_for_a_full_queue_ends(void **state)
{
    (void)state;
    struct silent server = silent_start("server", 0);
    int first = join(server.name.sun_path);
    CLEANUP(watchdog_closep) struct watchdog *watchdog = watch(first);
    int waiting = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(waiting >= 0);
    watchdog_arm(watchdog, SOON_MS);
    assert_int_equal(connect(waiting, (const struct sockaddr *)&server.name, sizeof server.name), -1);
    assert_int_equal(errno, EINTR);
    assert_true(watchdog_disarm(watchdog));
    (void)close(first);
    (void)close(waiting);
    silent_end(&server);
}

/* What it cannot see it could not cut off. */
static void a_connection_out_of_sight_is_told(void **state)
{
    (void)state;
    struct silent server = silent_start("server", 5);
    int client = join(server.name.sun_path);
    CLEANUP(watchdog_closep) struct watchdog *watchdog = watch(client);
    assert_true(watchdog_sees(watchdog));
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    const struct rlimit more = {.rlim_cur = WATCHDOG_DESCRIPTORS + 8, .rlim_max = limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &more), 0);
    int far = fcntl(client, F_DUPFD_CLOEXEC, WATCHDOG_DESCRIPTORS);
    assert_true(far >= WATCHDOG_DESCRIPTORS);
    assert_true(watchdog_sees(watchdog));
    (void)close(client);
    assert_false(watchdog_sees(watchdog));
    (void)close(far);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    silent_end(&server);
}

/* A caller that blocks the signal would wait for ever. */
static void a_blocked_signal_is_unblocked(void **state)
{
    (void)state;
    sigset_t only;
    (void)sigemptyset(&only);
    (void)sigaddset(&only, WATCHDOG_SIGNAL);
    assert_int_equal(pthread_sigmask(SIG_BLOCK, &only, NULL), 0);
    a_wait_for_a_silent_server_ends(state);
}

static void *wait_in_a_thread(void *argument)
{
    a_wait_for_a_silent_server_ends(NULL);
    return argument;
}

static void another_thread_has_a_watchdog_of_its_own(void **state)
{
    (void)state;
    pthread_t thread;
    void *result = NULL;
    assert_int_equal(pthread_create(&thread, NULL, wait_in_a_thread, &fault), 0);
    assert_int_equal(pthread_join(thread, &result), 0);
    assert_ptr_equal(result, &fault);
}

static void a_stray_signal_does_nothing(void **state)
{
    (void)state;
    struct silent server = silent_start("server", 5);
    int client = join(server.name.sun_path), accepted = accept(server.listener, NULL, NULL);
    CLEANUP(watchdog_closep) struct watchdog *watchdog = watch(client);
    watchdog_arm(watchdog, NEVER_MS);
    assert_int_equal(raise(WATCHDOG_SIGNAL), 0);
    assert_false(watchdog_disarm(watchdog));
    assert_int_equal(write(accepted, "x", 1), 1);
    assert_int_equal(wait_for_a_byte(client), 1);
    (void)close(client);
    (void)close(accepted);
    silent_end(&server);
}

static void somebody_elses_handler_is_not_replaced(void **state)
{
    (void)state;
    struct sigaction before;
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    struct watchdog *watchdog = NULL;
    struct sigaction ignored = {.sa_handler = SIG_IGN};
    assert_int_equal(sigaction(WATCHDOG_SIGNAL, &ignored, &before), 0);
    bool opened = watchdog_open(&name, sizeof name, &watchdog, &fault);
    assert_int_equal(sigaction(WATCHDOG_SIGNAL, &before, NULL), 0);
    assert_false(opened);
    assert_int_equal(fault.code, FAULT_INTERNAL);
    assert_null(watchdog);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wait_for_a_silent_server_ends),
        cmocka_unit_test(a_wait_that_ends_in_time_is_left_alone),
        cmocka_unit_test(only_connections_to_its_own_server_are_cut_off),
        cmocka_unit_test(a_server_is_known_whatever_path_leads_to_it),
        cmocka_unit_test(a_connection_made_late_is_cut_off_too),
        cmocka_unit_test(a_connect_that_waits_for_a_full_queue_ends),
        cmocka_unit_test(a_connection_out_of_sight_is_told),
        cmocka_unit_test(a_blocked_signal_is_unblocked),
        cmocka_unit_test(another_thread_has_a_watchdog_of_its_own),
        cmocka_unit_test(a_stray_signal_does_nothing),
        cmocka_unit_test(somebody_elses_handler_is_not_replaced),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
