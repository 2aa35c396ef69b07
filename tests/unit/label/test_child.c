/* Is a label with secrets made in a process that tells nobody and leaves nothing? */
#include "base/bytes.h"
#include "base/process.h"
#include "station/label/wire.h"
#include "tests/unit/label/desk.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define ENOUGH_MS 60000
#define ADMIN "7KQ4MX2WRT93HVPC"
#define WIFI "M4T8XW3K7QRZ52HVNCJP"

static struct desk desk;

static void expect_no_children(void)
{
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

static bool render_with(const char *path, const char *const *argv, const struct label_request *request,
                        unsigned milliseconds, struct label_bitmap **ret_bitmap, struct fault *fault)
{
    const struct label_child child = {.path = path, .argv = argv};
    bool rendered = label_render_in_child(&child, request, deadline_in_ms(milliseconds), ret_bitmap, fault);
    expect_no_children();
    return rendered;
}

static const char *const render_argv[] = {"test", "--render", NULL};

static void makes_the_same_label(void **state)
{
    (void)state;
    struct fault fault = {0};
    const struct label_request request = desk_router(&desk, 300);
    CLEANUP(label_bitmap_freep) struct label_bitmap *here = NULL;
    CLEANUP(label_bitmap_freep) struct label_bitmap *there = NULL;
    assert_true(label_render(&request, &here, &fault));
    if (!render_with(NULL, render_argv, &request, ENOUGH_MS, &there, &fault))
        fail_msg("%s: %s", fault_name(fault.code), fault.text);
    assert_int_equal(here->width, there->width);
    assert_int_equal(here->height, there->height);
    assert_memory_equal(here->rows, there->rows, label_bitmap_size(here));
}

static void hands_faults_back(void **state)
{
    (void)state;
    struct fault fault = {0};
    struct label_bitmap *bitmap = NULL;
    struct label_request request = desk_router(&desk, 300);
    const uint8_t another[LABEL_SHA256_SIZE] = {1};
    request.template_sha256 = another;
    assert_false(render_with(NULL, render_argv, &request, ENOUGH_MS, &bitmap, &fault));
    assert_int_equal(fault.code, FAULT_LABEL_TEMPLATE);
    assert_string_equal(fault.text, "router.svg: the file has changed since the product was read");
    request = desk_router(&desk, 300);
    request.template_path = "/nonexistent/label.svg";
    assert_false(render_with(NULL, render_argv, &request, ENOUGH_MS, &bitmap, &fault));
    assert_int_equal(fault.code, FAULT_FILE);
    assert_int_equal(fault.native, ENOENT);
    assert_null(bitmap);
}

/* The child looks at itself, with the request already in its hands. */
static void keeps_secrets_out_of_argv_and_environment(void **state)
{
    (void)state;
    struct fault fault = {0};
    struct label_bitmap *bitmap = NULL;
    const struct label_request request = desk_router(&desk, 203);
    const char *const argv[] = {"test", "--inspect", NULL};
    assert_false(render_with(NULL, argv, &request, ENOUGH_MS, &bitmap, &fault));
    assert_string_equal(fault.text, "has both secrets in the request, none in argv or environment");
}

static bool render_from(struct label_draft **draft, const char *const *argv, const struct label_request *request,
                        struct label_bitmap **ret_bitmap, struct fault *fault)
{
    const struct label_child child = {.argv = argv, .draft = draft};
    return label_render_in_child(&child, request, deadline_in_ms(ENOUGH_MS), ret_bitmap, fault);
}

/* Started before the values are known, used for one label, and gone with it. */
static void takes_the_draft(void **state)
{
    (void)state;
    struct fault fault = {0};
    const struct label_child child = {.argv = render_argv};
    const struct label_request request = desk_router(&desk, 300);
    CLEANUP(label_bitmap_freep) struct label_bitmap *here = NULL;
    CLEANUP(label_bitmap_freep) struct label_bitmap *there = NULL;
    CLEANUP(label_draft_freep) struct label_draft *draft = NULL;
    assert_true(label_render(&request, &here, &fault));
    assert_true(label_draft_start(&child, &request, &draft, &fault));
    if (!label_draft_ready(draft, deadline_in_ms(ENOUGH_MS), &fault))
        fail_msg("%s: %s", fault_name(fault.code), fault.text);
    /* No child can be started from here: it is the draft that draws. */
    const char *const none[] = {"test", "--none", NULL};
    if (!render_from(&draft, none, &request, &there, &fault))
        fail_msg("%s: %s", fault_name(fault.code), fault.text);
    assert_memory_equal(here->rows, there->rows, label_bitmap_size(here));
    assert_null(draft);
    expect_no_children();
}

static void leaves_a_draft_of_another_label(void **state)
{
    (void)state;
    struct fault fault = {0};
    const struct label_child child = {.argv = render_argv};
    const struct label_request coarse = desk_router(&desk, 203), fine = desk_router(&desk, 300);
    CLEANUP(label_bitmap_freep) struct label_bitmap *bitmap = NULL;
    struct label_draft *draft = NULL;
    assert_true(label_draft_start(&child, &coarse, &draft, &fault));
    assert_true(render_from(&draft, render_argv, &fine, &bitmap, &fault));
    assert_int_equal(bitmap->width, 827);
    assert_non_null(draft);
    label_draft_free(draft);
    expect_no_children();
}

static void replaces_a_draft_that_is_no_good(void **state)
{
    (void)state;
    struct fault fault = {0};
    struct label_request request = desk_router(&desk, 203);
    const struct label_child dying = {.argv = (const char *const[]){"test", "--none", NULL}};
    CLEANUP(label_bitmap_freep) struct label_bitmap *bitmap = NULL;
    struct label_draft *draft = NULL;
    assert_true(label_draft_start(&dying, &request, &draft, &fault));
    assert_true(render_from(&draft, render_argv, &request, &bitmap, &fault));
    assert_null(draft);
    expect_no_children();

    const struct label_child child = {.argv = render_argv};
    request.template_path = "/nonexistent/label.svg";
    assert_true(label_draft_start(&child, &request, &draft, &fault));
    assert_false(label_draft_ready(draft, deadline_in_ms(ENOUGH_MS), &fault));
    assert_int_equal(fault.code, FAULT_FILE);
    label_draft_free(draft);
    expect_no_children();
}

static void survives_children_that_fail(void **state)
{
    (void)state;
    struct fault fault = {0};
    struct label_bitmap *bitmap = NULL;
    const struct label_request request = desk_router(&desk, 203);
    assert_false(render_with("/bin/true", (const char *const[]){"true", NULL}, &request, ENOUGH_MS, &bitmap, &fault));
    assert_int_equal(fault.code, FAULT_WORKER_DIED);
    assert_false(
        render_with("/bin/sleep", (const char *const[]){"sleep", "600", NULL}, &request, 200, &bitmap, &fault));
    assert_int_equal(fault.code, FAULT_TIMED_OUT);
    assert_false(render_with("/nonexistent", (const char *const[]){"x", NULL}, &request, ENOUGH_MS, &bitmap, &fault));
    assert_int_equal(fault.code, FAULT_SYSTEM);
    assert_false(
        render_with(NULL, (const char *const[]){"test", "--huge", NULL}, &request, ENOUGH_MS, &bitmap, &fault));
    assert_int_equal(fault.code, FAULT_LABEL_VALUE);
    assert_null(bitmap);
}

static void writes_no_file(void **state)
{
    (void)state;
    char path[DESK_PATH_SIZE];
    (void)snprintf(path, sizeof path, "%s/written", desk.directory);
    const char *const argv[] = {"test", "--write", path, NULL};
    const struct process_options options = {.argv = argv};
    struct fault fault;
    pid_t child;
    int status;
    assert_true(process_start(&options, &child, &fault));
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static size_t size_of(const uint8_t *bytes)
{
    struct reader head = reader_over(bytes, 4);
    return reader_u32(&head);
}

static void packs_and_unpacks_forms(void **state)
{
    (void)state;
    struct fault fault = {0};
    uint8_t bytes[WIRE_FORM_MAX];
    size_t size = 0;
    const uint8_t hash[LABEL_SHA256_SIZE] = {1, 2, 3};
    struct label_request request = desk_router(&desk, 300);
    request.template_sha256 = hash;
    request.twice = true;
    assert_true(wire_pack_form(&request, false, bytes, &size, &fault));
    assert_int_equal(size_of(bytes) + 4, size);
    CLEANUP(wire_form_freep) struct wire_form *form = NULL;
    assert_true(wire_unpack_form(bytes + 4, size - 4, &form, &fault));
    assert_string_equal(form->request.template_path, request.template_path);
    assert_memory_equal(form->request.template_sha256, hash, sizeof hash);
    assert_int_equal(form->request.dpi, 300);
    assert_true(form->request.twice && !form->ahead);
    assert_true(form->request.width_mm == 70 && form->request.height_mm == 40);
    struct wire_form *none = NULL;
    for (size_t shorter = 0; shorter < size - 4; shorter++)
        assert_false(wire_unpack_form(bytes + 4, shorter, &none, &fault));
    assert_false(wire_unpack_form(bytes + 4, size - 3, &none, &fault));
    bytes[20] = 4;
    assert_false(wire_unpack_form(bytes + 4, size - 4, &none, &fault));
    assert_int_equal(fault.code, FAULT_BAD_BYTES);
    char path[LABEL_PATH_SIZE + 1];
    memset(path, 'x', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    request.template_path = path;
    assert_false(wire_pack_form(&request, false, bytes, &size, &fault));
    assert_int_equal(fault.code, FAULT_LABEL_TEMPLATE);
    assert_null(none);
}

static void packs_and_unpacks_values(void **state)
{
    (void)state;
    struct fault fault = {0};
    CLEANUP(secret_freep) struct secret *packed = NULL;
    const struct label_request request = desk_router(&desk, 300);
    assert_true(wire_pack_values(&request, &packed, &fault));
    const size_t size = size_of(secret_read(packed));
    const uint8_t *bytes = secret_read(packed) + 4;
    CLEANUP(wire_values_freep) struct wire_values *values = NULL;
    assert_true(wire_unpack_values(bytes, size, &values, &fault));
    assert_int_equal(values->field_count, DESK_FIELDS);
    for (size_t i = 0; i < DESK_FIELDS; i++) {
        assert_string_equal(values->fields[i].name, desk.fields[i].name);
        if (desk.fields[i].secret)
            assert_true(secret_equal(values->fields[i].secret, desk.fields[i].secret));
        else
            assert_string_equal(values->fields[i].value, desk.fields[i].value);
    }
    struct wire_values *none = NULL;
    for (size_t shorter = 0; shorter < size; shorter++)
        assert_false(wire_unpack_values(bytes, shorter, &none, &fault));
    assert_false(wire_unpack_values(bytes, size + 1, &none, &fault));
    assert_int_equal(fault.code, FAULT_BAD_BYTES);
    assert_null(none);
}

static void refuses_values_that_do_not_fit(void **state)
{
    (void)state;
    struct fault fault;
    struct secret *packed = NULL;
    char value[LABEL_VALUE_MAX + 2];
    memset(value, 'x', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    struct desk before = desk;
    desk_set(&desk, "model", value);
    struct label_request request = desk_router(&desk, 300);
    assert_false(wire_pack_values(&request, &packed, &fault));
    assert_int_equal(fault.code, FAULT_LABEL_VALUE);
    desk = before;
    request.field_count = LABEL_FIELDS_MAX + 1;
    assert_false(wire_pack_values(&request, &packed, &fault));
    assert_int_equal(fault.code, FAULT_LABEL_VALUE);
    assert_null(packed);
}

/* ---- this program as a child ---- */

static bool file_has(const char *path, const char *text)
{
    char content[65536];
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = file < 0 ? -1 : read(file, content, sizeof content);
    return size < 0 || memmem(content, (size_t)size, text, strlen(text));
}

static void answer(uint32_t code, const char *text)
{
    uint8_t bytes[256];
    struct writer writer = writer_over(bytes, sizeof bytes);
    writer_u32(&writer, code);
    writer_u64(&writer, 0);
    writer_u16(&writer, (uint16_t)strlen(text));
    writer_bytes(&writer, text, strlen(text));
    if (write(STDOUT_FILENO, bytes, writer.at) != (ssize_t)writer.at)
        _exit(1);
}

static void say_ready(void)
{
    const uint8_t ready[4] = {0};
    if (write(STDOUT_FILENO, ready, sizeof ready) != (ssize_t)sizeof ready)
        _exit(1);
}

static int inspect(void)
{
    char request[WIRE_FORM_MAX + WIRE_VALUES_MAX] = {0};
    size_t at = 0;
    say_ready();
    while (!memmem(request, at, WIFI, strlen(WIFI)) || !memmem(request, at, ADMIN, strlen(ADMIN))) {
        ssize_t count = read(STDIN_FILENO, request + at, sizeof request - at);
        if (count <= 0)
            return 1;
        at += (size_t)count;
    }
    bool leaks = file_has("/proc/self/cmdline", ADMIN) || file_has("/proc/self/cmdline", WIFI) ||
                 file_has("/proc/self/environ", ADMIN) || file_has("/proc/self/environ", WIFI);
    answer(FAULT_INTERNAL, leaks ? "leaks" : "has both secrets in the request, none in argv or environment");
    return 0;
}

/* 0 when the rendering child, which got nothing to render, can no longer write a byte to a file. */
static int try_to_write(const char *path)
{
    if (label_render_main(STDIN_FILENO, STDOUT_FILENO) == 0)
        return 2;
    int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0)
        return 3;
    return write(file, "x", 1) == -1 && errno == EFBIG ? 0 : 4;
}

static int claim_a_huge_label(void)
{
    uint8_t bytes[12];
    struct writer writer = writer_over(bytes, sizeof bytes);
    say_ready();
    writer_u32(&writer, 0);
    writer_u32(&writer, 0xffffffff);
    writer_u32(&writer, 0xffffffff);
    return write(STDOUT_FILENO, bytes, sizeof bytes) == (ssize_t)sizeof bytes ? 0 : 1;
}

static int be_child(int count, char **words)
{
    struct fault fault;
    if (!secret_arena_open(65536, &fault))
        return 9;
    if (strcmp(words[1], "--render") == 0)
        return label_render_main(STDIN_FILENO, STDOUT_FILENO);
    if (strcmp(words[1], "--inspect") == 0)
        return inspect();
    if (strcmp(words[1], "--huge") == 0)
        return claim_a_huge_label();
    return count == 3 && strcmp(words[1], "--write") == 0 ? try_to_write(words[2]) : 9;
}

static int open_desk(void **state)
{
    (void)state;
    struct fault fault;
    desk_open(&desk);
    return process_harden(&fault) ? 0 : 1;
}

static int close_desk(void **state)
{
    (void)state;
    desk_close(&desk);
    return 0;
}

int main(int count, char **words)
{
    if (count > 1)
        return be_child(count, words);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makes_the_same_label),
        cmocka_unit_test(hands_faults_back),
        cmocka_unit_test(keeps_secrets_out_of_argv_and_environment),
        cmocka_unit_test(survives_children_that_fail),
        cmocka_unit_test(writes_no_file),
        cmocka_unit_test(takes_the_draft),
        cmocka_unit_test(leaves_a_draft_of_another_label),
        cmocka_unit_test(replaces_a_draft_that_is_no_good),
        cmocka_unit_test(packs_and_unpacks_forms),
        cmocka_unit_test(packs_and_unpacks_values),
        cmocka_unit_test(refuses_values_that_do_not_fit),
    };
    return cmocka_run_group_tests(tests, open_desk, close_desk);
}
