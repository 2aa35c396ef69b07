/* A text as a QR code for paper: read back by a reader that is not the maker's, and what cannot be one. */
#include "station/label/text_code.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[] = "/tmp/kokuin-text-XXXXXX";
static struct fault fault;

static int make(void **state)
{
    (void)state;
    return mkdtemp(directory) ? 0 : -1;
}

static int leave(void **state)
{
    (void)state;
    return rmdir(directory);
}

static void path_of(const char *name, char ret_path[128])
{
    (void)snprintf(ret_path, 128, "%s/%s", directory, name);
}

static void forget(const char *name)
{
    char path[128];
    path_of(name, path);
    assert_int_equal(unlink(path), 0);
}

/* What zbarimg reads, byte for byte. */
static void expect_read(const char *name, const char *text)
{
    char command[256];
    char read[2048] = "";
    (void)snprintf(command, sizeof command, "zbarimg --quiet --raw --oneshot -Sbinary %s/%s", directory, name);
    FILE *reader = popen(command, "re");
    assert_non_null(reader);
    size_t size = fread(read, 1, sizeof read - 1, reader);
    assert_int_equal(pclose(reader), 0);
    assert_int_equal(size, strlen(text));
    assert_memory_equal(read, text, size);
}

static void test_texts_are_read_back(void **state)
{
    (void)state;
    char longest[1501];
    memset(longest, 'k', 1500);
    longest[1500] = '\0';
    const char *const texts[] = {"1", "two\nlines\n", "\xe2\x80\x94 kokuin-log/x \xe5\x88\xbb\xe5\x8d\xb0\n", longest};
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        if (!text_code_write(texts[i], directory, "code.png", &fault))
            fail_msg("text %zu: %s", i, fault.text);
        expect_read("code.png", texts[i]);
        forget("code.png");
    }
}

static void test_what_cannot_be_one(void **state)
{
    (void)state;
    char large[1502];
    memset(large, 'k', 1501);
    large[1501] = '\0';
    assert_false(text_code_write("", directory, "code.png", &fault));
    assert_int_equal(fault.code, FAULT_LABEL_VALUE);
    assert_false(text_code_write(large, directory, "code.png", &fault));
    assert_int_equal(fault.code, FAULT_LABEL_VALUE);
    assert_false(text_code_write("1", "/nowhere", "code.png", &fault));
    assert_int_equal(fault.code, FAULT_FILE);
}

static void test_one_that_exists_stays(void **state)
{
    (void)state;
    assert_true(text_code_write("first", directory, "code.png", &fault));
    assert_false(text_code_write("second", directory, "code.png", &fault));
    assert_int_equal(fault.code, FAULT_FILE);
    expect_read("code.png", "first");
    forget("code.png");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts_are_read_back),
        cmocka_unit_test(test_what_cannot_be_one),
        cmocka_unit_test(test_one_that_exists_stays),
    };
    return cmocka_run_group_tests(tests, make, leave);
}
