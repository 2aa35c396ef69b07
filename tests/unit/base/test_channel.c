#include "base/channel.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct note {
    uint32_t number;
    char text[12];
};

static struct deadline soon(void)
{
    return deadline_in_ms(10000);
}

static size_t open_descriptors(void)
{
    DIR *directory = opendir("/proc/self/fd");
    assert_non_null(directory);
    size_t count = 0;
    while (readdir(directory))
        count++;
    (void)closedir(directory);
    return count;
}

struct fixture {
    int ends[2];
    size_t open_before;
};

static int open_pair(void **state)
{
    static struct fixture fixture;
    fixture.open_before = open_descriptors();
    struct fault fault = {0};
    *state = &fixture;
    return channel_pair(fixture.ends, &fault) ? 0 : -1;
}

/* Every test proves that it left no descriptor behind. */
static int close_pair(void **state)
{
    struct fixture *fixture = *state;
    for (int i = 0; i < 2; i++)
        if (fixture->ends[i] >= 0)
            (void)close(fixture->ends[i]);
    return open_descriptors() == fixture->open_before ? 0 : -1;
}

static void both_ends_close_on_exec(void **state)
{
    struct fixture *fixture = *state;
    for (int i = 0; i < 2; i++)
        assert_int_equal(fcntl(fixture->ends[i], F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
}

static void messages_arrive_whole_and_in_order(void **state)
{
    struct fixture *fixture = *state;
    struct fault fault = {0};
    for (uint32_t i = 0; i < 5; i++) {
        struct note note = {.number = i, .text = "hello"};
        assert_true(channel_send(fixture->ends[0], &note, sizeof note, -1, soon(), &fault));
    }
    for (uint32_t i = 0; i < 5; i++) {
        struct note note;
        int rider = 77;
        assert_true(channel_receive(fixture->ends[1], &note, sizeof note, &rider, soon(), &fault));
        assert_int_equal(note.number, i);
        assert_string_equal(note.text, "hello");
        assert_int_equal(rider, -1);
    }
}

static void a_descriptor_rides_along(void **state)
{
    struct fixture *fixture = *state;
    struct fault fault = {0};
    int pipe_ends[2];
    assert_int_equal(pipe(pipe_ends), 0); /* without close-on-exec: the receiver's copy must have it all the same */
    assert_true(channel_send(fixture->ends[0], "x", 1, pipe_ends[1], soon(), &fault));
    (void)close(pipe_ends[1]);
    char letter = 0;
    int rider = -1;
    assert_true(channel_receive(fixture->ends[1], &letter, 1, &rider, soon(), &fault));
    assert_int_equal(letter, 'x');
    assert_true(rider >= 0);
    assert_int_equal(fcntl(rider, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    assert_int_equal(write(rider, "y", 1), 1);
    (void)close(rider);
    assert_int_equal(read(pipe_ends[0], &letter, 1), 1);
    assert_int_equal(letter, 'y');
    assert_int_equal(read(pipe_ends[0], &letter, 1), 0); /* no other copy is left */
    (void)close(pipe_ends[0]);
}

static void an_unwanted_descriptor_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct fault fault = {0};
    char letter = 'q';
    assert_true(channel_send(fixture->ends[0], "x", 1, STDERR_FILENO, soon(), &fault));
    assert_true(channel_send(fixture->ends[0], "y", 1, -1, soon(), &fault));
    assert_false(channel_receive(fixture->ends[1], &letter, 1, NULL, soon(), &fault));
    assert_int_equal(fault.code, FAULT_BAD_BYTES);
    assert_int_equal(letter, 'q');
    assert_true(channel_receive(fixture->ends[1], &letter, 1, NULL, soon(), &fault));
    assert_int_equal(letter, 'y');
}

static void send_two_descriptors(int channel)
{
    union {
        char bytes[CMSG_SPACE(2 * sizeof(int))];
        struct cmsghdr aligned;
    } control = {0};
    const int both[2] = {STDOUT_FILENO, STDERR_FILENO};
    char letter = 'x';
    struct iovec part = {.iov_base = &letter, .iov_len = 1};
    struct msghdr header = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control.bytes};
    struct cmsghdr *rider = CMSG_FIRSTHDR(&header);
    rider->cmsg_level = SOL_SOCKET;
    rider->cmsg_type = SCM_RIGHTS;
    rider->cmsg_len = CMSG_LEN(sizeof both);
    memcpy(CMSG_DATA(rider), both, sizeof both);
    assert_int_equal(sendmsg(channel, &header, 0), 1);
}

static void two_descriptors_are_refused(void **state)
{
    struct fixture *fixture = *state;
    struct fault fault = {0};
    char letter = 'q';
    int rider = 77;
    send_two_descriptors(fixture->ends[0]);
    assert_false(channel_receive(fixture->ends[1], &letter, 1, &rider, soon(), &fault));
    assert_int_equal(fault.code, FAULT_BAD_BYTES);
    assert_int_equal(letter, 'q');
    assert_int_equal(rider, 77);
}

static void a_message_of_another_size_is_refused(void **state)
{
    struct fixture *fixture = *state;
    static const char long_message[sizeof(struct note) + 1];
    const struct note good = {.number = 5, .text = "next"};
    struct fault fault = {0};
    assert_true(channel_send(fixture->ends[0], "short", 5, -1, soon(), &fault));
    assert_true(channel_send(fixture->ends[0], long_message, sizeof long_message, STDERR_FILENO, soon(), &fault));
    assert_true(channel_send(fixture->ends[0], &good, sizeof good, -1, soon(), &fault));

    struct note note = {.number = 42, .text = "untouched"};
    int rider = 77;
    for (int i = 0; i < 2; i++) {
        assert_false(channel_receive(fixture->ends[1], &note, sizeof note, &rider, soon(), &fault));
        assert_int_equal(fault.code, FAULT_BAD_BYTES);
        assert_int_equal(note.number, 42);
        assert_string_equal(note.text, "untouched");
        assert_int_equal(rider, 77);
    }
    assert_true(channel_receive(fixture->ends[1], &note, sizeof note, &rider, soon(), &fault));
    assert_int_equal(note.number, 5);
}

static void an_empty_message_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct fault fault = {0};
    assert_false(channel_send(fixture->ends[0], "", 0, -1, soon(), &fault));
    assert_int_equal(fault.code, FAULT_USAGE);
}

static void a_closed_end_is_noticed(void **state)
{
    struct fixture *fixture = *state;
    struct fault fault = {0};
    (void)close(fixture->ends[0]);
    fixture->ends[0] = -1;
    char letter = 'q';
    assert_false(channel_receive(fixture->ends[1], &letter, 1, NULL, soon(), &fault));
    assert_int_equal(fault.code, FAULT_CHANNEL);
    fault = (struct fault){0};
    assert_false(channel_send(fixture->ends[1], "x", 1, -1, soon(), &fault)); /* and no SIGPIPE kills this test */
    assert_int_equal(fault.code, FAULT_CHANNEL);
    assert_int_equal(fault.native, EPIPE);
}

/* An end that dies with unread messages makes the kernel report a reset before what it had said itself. */
static void last_words_are_heard(void **state)
{
    struct fixture *fixture = *state;
    struct fault fault = {0};
    assert_true(channel_send(fixture->ends[1], "order never read", 16, -1, soon(), &fault));
    assert_true(channel_send(fixture->ends[0], "last", 4, -1, soon(), &fault));
    (void)close(fixture->ends[0]);
    fixture->ends[0] = -1;
    char words[5] = "";
    assert_true(channel_receive(fixture->ends[1], words, 4, NULL, soon(), &fault));
    assert_string_equal(words, "last");
    assert_false(channel_receive(fixture->ends[1], words, 4, NULL, soon(), &fault));
    assert_int_equal(fault.code, FAULT_CHANNEL);
}

static void receiving_ends_at_the_deadline(void **state)
{
    struct fixture *fixture = *state;
    struct fault fault = {0};
    char letter = 'q';
    assert_false(channel_receive(fixture->ends[1], &letter, 1, NULL, deadline_in_ms(0), &fault));
    assert_int_equal(fault.code, FAULT_TIMED_OUT);
    assert_false(channel_receive(fixture->ends[1], &letter, 1, NULL, deadline_in_ms(20), &fault));
    assert_int_equal(fault.code, FAULT_TIMED_OUT);
    assert_int_equal(letter, 'q');
    /* What is there already is taken, however late it is. */
    assert_true(channel_send(fixture->ends[0], "x", 1, -1, deadline_in_ms(0), &fault));
    assert_true(channel_receive(fixture->ends[1], &letter, 1, NULL, deadline_in_ms(0), &fault));
    assert_int_equal(letter, 'x');
}

static void sending_ends_at_the_deadline(void **state)
{
    struct fixture *fixture = *state;
    struct fault fault = {0};
    static char big[2048];
    size_t sent = 0;
    while (channel_send(fixture->ends[0], big, sizeof big, -1, deadline_in_ms(0), &fault))
        sent++;
    assert_int_equal(fault.code, FAULT_TIMED_OUT);
    assert_true(sent > 0);
    /* Nothing of the refused message is in the queue. */
    for (size_t i = 0; i < sent; i++)
        assert_true(channel_receive(fixture->ends[1], big, sizeof big, NULL, soon(), &fault));
    assert_false(channel_receive(fixture->ends[1], big, sizeof big, NULL, deadline_in_ms(0), &fault));
    assert_int_equal(fault.code, FAULT_TIMED_OUT);
}

static void a_waiting_receiver_is_woken(void **state)
{
    struct fixture *fixture = *state;
    struct fault fault = {0};
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        char letter;
        struct fault theirs = {0};
        bool echoed = channel_receive(fixture->ends[1], &letter, 1, NULL, soon(), &theirs) &&
                      channel_send(fixture->ends[1], &letter, 1, -1, soon(), &theirs);
        _exit(echoed ? 0 : 1);
    }
    char letter = 0;
    assert_true(channel_send(fixture->ends[0], "e", 1, -1, soon(), &fault));
    assert_true(channel_receive(fixture->ends[0], &letter, 1, NULL, soon(), &fault));
    assert_int_equal(letter, 'e');
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void what_is_no_socket_is_refused(void **state)
{
    (void)state;
    struct fault fault = {0};
    char letter;
    assert_false(channel_send(-1, "x", 1, -1, soon(), &fault));
    assert_int_equal(fault.code, FAULT_CHANNEL);
    assert_int_equal(fault.native, EBADF);
    assert_false(channel_receive(-1, &letter, 1, NULL, soon(), &fault));
    assert_int_equal(fault.code, FAULT_CHANNEL);
}

#define PAIR_TEST(test) cmocka_unit_test_setup_teardown(test, open_pair, close_pair)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PAIR_TEST(both_ends_close_on_exec),      PAIR_TEST(messages_arrive_whole_and_in_order),
        PAIR_TEST(a_descriptor_rides_along),     PAIR_TEST(an_unwanted_descriptor_is_refused),
        PAIR_TEST(two_descriptors_are_refused),  PAIR_TEST(a_message_of_another_size_is_refused),
        PAIR_TEST(an_empty_message_is_refused),  PAIR_TEST(a_closed_end_is_noticed),
        PAIR_TEST(last_words_are_heard),         PAIR_TEST(receiving_ends_at_the_deadline),
        PAIR_TEST(sending_ends_at_the_deadline), PAIR_TEST(a_waiting_receiver_is_woken),
        PAIR_TEST(what_is_no_socket_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
