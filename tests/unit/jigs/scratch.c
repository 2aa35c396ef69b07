#include "tests/unit/jigs/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[SCRATCH_PATH_SIZE / 2];
static char written[64][SCRATCH_PATH_SIZE];
static size_t written_count;
static const char *const folders[] = {"products", "policies", "profiles", "labels"};

void scratch_path(const char *name, char ret_path[SCRATCH_PATH_SIZE])
{
    int length = snprintf(ret_path, SCRATCH_PATH_SIZE, "%s/%s", directory, name);
    assert_in_range(length, 1, SCRATCH_PATH_SIZE - 1);
}

void scratch_open(void)
{
    (void)snprintf(directory, sizeof directory, "/tmp/kokuin-jigs-XXXXXX");
    assert_non_null(mkdtemp(directory));
    for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
        char path[SCRATCH_PATH_SIZE];
        scratch_path(folders[i], path);
        assert_int_equal(mkdir(path, 0700), 0);
    }
}

void scratch_close(void)
{
    for (; written_count > 0; written_count--)
        (void)unlink(written[written_count - 1]);
    for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
        char path[SCRATCH_PATH_SIZE];
        scratch_path(folders[i], path);
        (void)rmdir(path);
    }
    assert_int_equal(rmdir(directory), 0);
}

static void remember(const char *path)
{
    for (size_t i = 0; i < written_count; i++)
        if (strcmp(written[i], path) == 0)
            return;
    assert_true(written_count < ARRAY_SIZE(written));
    (void)snprintf(written[written_count++], SCRATCH_PATH_SIZE, "%s", path);
}

void scratch_write(const char *name, const void *bytes, size_t size, char ret_path[SCRATCH_PATH_SIZE])
{
    scratch_path(name, ret_path);
    FILE *file = fopen(ret_path, "wb");
    assert_non_null(file);
    remember(ret_path);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

void scratch_write_text(const char *name, const char *text)
{
    char path[SCRATCH_PATH_SIZE];
    scratch_write(name, text, strlen(text), path);
}

void scratch_copy(const char *folder, const char *name)
{
    char from[512];
    (void)snprintf(from, sizeof from, "%s/%s", folder, name);
    FILE *file = fopen(from, "rb");
    if (!file)
        fail_msg("%s is missing", from);
    char bytes[SCRATCH_TEXT_MAX], path[SCRATCH_PATH_SIZE];
    size_t size = fread(bytes, 1, sizeof bytes, file);
    assert_in_range(size, 1, sizeof bytes - 1);
    assert_int_equal(fclose(file), 0);
    scratch_write(name, bytes, size, path);
}

void scratch_spoil(const char *good, const char *old, const char *new, char ret_text[SCRATCH_TEXT_MAX])
{
    const char *at = old ? strstr(good, old) : good;
    if (!at || (old && strstr(at + 1, old)))
        fail_msg("'%s' is not once in the good file", old);
    const char *rest = old ? at + strlen(old) : good + strlen(good);
    int length = snprintf(ret_text, SCRATCH_TEXT_MAX, "%.*s%s%s", (int)(at - good), good, new, rest);
    assert_in_range(length, 0, SCRATCH_TEXT_MAX - 1);
}

bool scratch_refuses(const struct bad *bad, const char *good, const char *name,
                     bool (*read)(const char *path, struct fault *fault))
{
    char text[SCRATCH_TEXT_MAX], path[SCRATCH_PATH_SIZE];
    scratch_spoil(good, bad->old, bad->new, text);
    scratch_write(name, text, strlen(text), path);

    struct fault fault = {0};
    bool accepted = read(path, &fault);
    bool right = !accepted && fault.code == bad->code && strncmp(fault.text, bad->start, strlen(bad->start)) == 0 &&
                 strstr(fault.text, bad->words);
    if (!right)
        print_error("'%s'\n  expected %d %s...%s\n  got      %d %s\n", bad->new, bad->code, bad->start, bad->words,
                    fault.code, accepted ? "(accepted)" : fault.text);
    return right;
}
