#include "base/secret.h"

#include <grp.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define ARENA 32768

static int open_arena(void **state)
{
    (void)state;
    struct fault fault = {0};
    if (secret_arena_open(ARENA, &fault))
        return 0;
    print_error("%s\n", fault.text);
    return -1;
}

static int close_arena(void **state)
{
    (void)state;
    secret_arena_close();
    return 0;
}

static void is_born_zero_and_of_its_size(void **state)
{
    (void)state;
    CLEANUP(secret_freep) struct secret *secret = secret_new(20);
    assert_non_null(secret);
    assert_int_equal(secret_size(secret), 20);
    for (size_t i = 0; i < 20; i++)
        assert_int_equal(secret_read(secret)[i], 0);
    memset(secret_write(secret), 0x5a, 20);
    assert_int_equal(secret_read(secret)[19], 0x5a);
}

static void of_no_size_or_too_much_is_handled(void **state)
{
    (void)state;
    CLEANUP(secret_freep) struct secret *empty = secret_new(0);
    assert_non_null(empty);
    assert_int_equal(secret_size(empty), 0);
    assert_null(secret_new(SIZE_MAX));
    secret_free(NULL);
}

static void equal_means_same_size_and_bytes(void **state)
{
    (void)state;
    CLEANUP(secret_freep) struct secret *a = secret_new(8);
    CLEANUP(secret_freep) struct secret *b = secret_new(8);
    CLEANUP(secret_freep) struct secret *longer = secret_new(9);
    memcpy(secret_write(a), "password", 8);
    memcpy(secret_write(b), "password", 8);
    memcpy(secret_write(longer), "password", 8);
    assert_true(secret_equal(a, b));
    assert_false(secret_equal(a, longer));
    secret_write(b)[7] ^= 1;
    assert_false(secret_equal(a, b));
}

struct file {
    char path[32];
};

static struct file file_of(const void *bytes, size_t size)
{
    struct file file = {.path = "test_secret.XXXXXX"};
    int fd = mkstemp(file.path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, size), size);
    (void)close(fd);
    return file;
}

static void from_file_takes_all_but_one_newline(void **state)
{
    (void)state;
    static const struct {
        const char *content;
        size_t size;
        size_t kept;
    } samples[] = {{"1234", 4, 4}, {"1234\n", 5, 4}, {"1234\n\n", 6, 5},
                   {"\n1", 2, 2},  {"1 2 ", 4, 4},   {"a\0b\n", 4, 3}};
    for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
        struct file file = file_of(samples[i].content, samples[i].size);
        CLEANUP(secret_freep) struct secret *secret = NULL;
        struct fault fault = {0};
        assert_true(secret_from_file(file.path, &secret, &fault));
        assert_int_equal(secret_size(secret), samples[i].kept);
        assert_memory_equal(secret_read(secret), samples[i].content, samples[i].kept);
        (void)unlink(file.path);
    }
}

static void from_file_takes_4096_bytes_and_no_more(void **state)
{
    (void)state;
    static char content[4097];
    memset(content, 'p', sizeof content);
    struct fault fault = {0};
    struct file file = file_of(content, 4096);
    CLEANUP(secret_freep) struct secret *secret = NULL;
    assert_true(secret_from_file(file.path, &secret, &fault));
    assert_int_equal(secret_size(secret), 4096);
    (void)unlink(file.path);

    file = file_of(content, 4097);
    struct secret *none = NULL;
    assert_false(secret_from_file(file.path, &none, &fault));
    assert_int_equal(fault.code, FAULT_FILE);
    assert_null(none);
    (void)unlink(file.path);
}

static void from_file_refuses_what_holds_none(void **state)
{
    (void)state;
    struct file empty = file_of("", 0), newline = file_of("\n", 1);
    const char *const paths[] = {empty.path, newline.path, "no-such-file", "/"};
    for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
        struct secret *none = NULL;
        struct fault fault = {0};
        assert_false(secret_from_file(paths[i], &none, &fault));
        assert_int_equal(fault.code, FAULT_FILE);
        assert_non_null(strstr(fault.text, paths[i]));
        assert_null(none);
    }
    (void)unlink(empty.path);
    (void)unlink(newline.path);
}

#if !WATCHED_BY_SANITIZER

static bool flags_of_mapping(const void *pointer, char *ret_flags, int size)
{
    FILE *maps = fopen("/proc/self/smaps", "re");
    if (!maps)
        return false;
    char line[512];
    bool here = false, found = false;
    while (!found && fgets(line, sizeof line, maps)) {
        uintptr_t from, to;
        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " ", &from, &to) == 2)
            here = (uintptr_t)pointer >= from && (uintptr_t)pointer < to;
        if (here && strncmp(line, "VmFlags:", 8) == 0) {
            (void)snprintf(ret_flags, (size_t)size, "%s", line);
            found = true;
        }
    }
    (void)fclose(maps);
    return found;
}

static void lies_in_locked_memory_outside_core_files(void **state)
{
    (void)state;
    CLEANUP(secret_freep) struct secret *secret = secret_new(16);
    char flags[512];
    assert_true(flags_of_mapping(secret_read(secret), flags, sizeof flags));
    assert_non_null(strstr(flags, " lo "));
    assert_non_null(strstr(flags, " dd "));
    /* The control: ordinary memory has neither. */
    assert_true(flags_of_mapping(flags, flags, sizeof flags));
    assert_null(strstr(flags, " lo "));
}

static void is_wiped_when_freed(void **state)
{
    (void)state;
    struct secret *secret = secret_new(256);
    volatile const uint8_t *bytes = secret_read(secret); /* the arena stays mapped */
    memset(secret_write(secret), 0xa5, 256);
    secret_free(secret);
    for (size_t i = 0; i < 256; i++)
        assert_int_not_equal(bytes[i], 0xa5);
}

static void a_full_arena_gives_nothing(void **state)
{
    (void)state;
    assert_null(secret_new(2 * ARENA));
}

/* What a station finds whose account may not lock memory. Runs in a child; the exit code names the step that failed. */
static void without_a_right_to_lock(void)
{
    secret_arena_close();
    const struct rlimit none = {0, 0};
    if (setrlimit(RLIMIT_MEMLOCK, &none) != 0)
        _exit(2);
    if (geteuid() == 0 &&
        (setgroups(0, NULL) != 0 || setresgid(65534, 65534, 65534) != 0 || setresuid(65534, 65534, 65534) != 0))
        _exit(3);
    struct fault fault = {0};
    if (secret_arena_open(ARENA, &fault))
        _exit(4);
    if (fault.code != FAULT_SECRET_MEMORY)
        _exit(5);
    if (secret_new(16)) /* a caller that goes on regardless gets no unlocked memory */
        _exit(6);
    _exit(0);
}

static void an_arena_that_cannot_be_locked_is_refused(void **state)
{
    (void)state;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        without_a_right_to_lock();
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void a_second_arena_is_refused_and_the_first_stays(void **state)
{
    (void)state;
    struct fault fault = {0};
    assert_false(secret_arena_open(ARENA, &fault));
    assert_int_equal(fault.code, FAULT_SECRET_MEMORY);
    CLEANUP(secret_freep) struct secret *secret = secret_new(16);
    assert_non_null(secret);
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_born_zero_and_of_its_size),
        cmocka_unit_test(of_no_size_or_too_much_is_handled),
        cmocka_unit_test(equal_means_same_size_and_bytes),
        cmocka_unit_test(from_file_takes_all_but_one_newline),
        cmocka_unit_test(from_file_takes_4096_bytes_and_no_more),
        cmocka_unit_test(from_file_refuses_what_holds_none),
#if !WATCHED_BY_SANITIZER
        cmocka_unit_test(lies_in_locked_memory_outside_core_files),
        cmocka_unit_test(is_wiped_when_freed),
        cmocka_unit_test(a_full_arena_gives_nothing),
        cmocka_unit_test(an_arena_that_cannot_be_locked_is_refused),
        cmocka_unit_test(a_second_arena_is_refused_and_the_first_stays),
#endif
    };
    return cmocka_run_group_tests(tests, open_arena, close_arena);
}
