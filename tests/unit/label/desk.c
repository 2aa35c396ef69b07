#include "tests/unit/label/desk.h"

#include "base/bytes.h"
#include "base/serial.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Pango keeps its fonts until the process ends, out of sight of the leak check. test_label_font proves that
 * font_check(), our own use of fontconfig, keeps nothing. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libfontconfig\nleak:libpango\nleak:librsvg\n";
}

struct secret *desk_secret(const char *text)
{
    struct secret *secret = secret_new(strlen(text));
    assert_non_null(secret);
    memcpy(secret_write(secret), text, strlen(text));
    return secret;
}

void desk_open(struct desk *desk)
{
    struct fault fault;
    assert_true(secret_arena_open(65536, &fault));
    *desk = (struct desk){.directory = "/tmp/kokuin-label-XXXXXX"};
    assert_non_null(mkdtemp(desk->directory));
    (void)snprintf(desk->serial, sizeof desk->serial, "KR000000012%c", serial_check_character("KR000000012", 11));
    desk->admin = desk_secret("7KQ4MX2WRT93HVPC");
    desk->wifi = desk_secret("M4T8XW3K7QRZ52HVNCJP");
    const struct label_field fields[DESK_FIELDS] = {
        {.name = "gtin", .value = DESK_GTIN},
        {.name = "serial", .value = desk->serial},
        {.name = "label", .value = DESK_LABEL},
        {.name = "model", .value = "KR-1000"},
        {.name = "name", .value = "Kokuin router"},
        {.name = "mac", .value = "02:4b:00:00:00:10"},
        {.name = "ssid", .value = "kokuin-00012X"},
        {.name = "admin_user", .value = "admin"},
        {.name = "admin", .secret = desk->admin},
        {.name = "wifi", .secret = desk->wifi},
        {.name = "copy", .value = ""},
    };
    memcpy(desk->fields, fields, sizeof fields);
}

void desk_close(struct desk *desk)
{
    secret_free(desk->admin);
    secret_free(desk->wifi);
    DIR *directory = opendir(desk->directory);
    assert_non_null(directory);
    for (struct dirent *entry; (entry = readdir(directory));)
        if (entry->d_name[0] != '.' || strlen(entry->d_name) > 2)
            (void)unlinkat(dirfd(directory), entry->d_name, 0);
    (void)closedir(directory);
    assert_int_equal(rmdir(desk->directory), 0);
    secret_arena_close();
}

void desk_set(struct desk *desk, const char *name, const char *value)
{
    for (size_t i = 0; i < DESK_FIELDS; i++) {
        if (strcmp(desk->fields[i].name, name) != 0)
            continue;
        desk->fields[i].secret = NULL;
        desk->fields[i].value = value;
        if (!value) /* a name that no template uses */
            desk->fields[i] = (struct label_field){.name = "left_out", .value = ""};
        return;
    }
    fail_msg("no field %s", name);
}

const char *desk_path(const struct desk *desk, const char *name)
{
    static char path[DESK_PATH_SIZE];
    (void)snprintf(path, sizeof path, "%s/%s", desk->directory, name);
    return path;
}

void desk_write_file(const struct desk *desk, const char *text)
{
    FILE *file = fopen(desk_path(desk, "label.svg"), "w");
    assert_non_null(file);
    assert_int_equal(fputs(text, file) >= 0, 1);
    assert_int_equal(fclose(file), 0);
}

void desk_write_template(const struct desk *desk, const char *body)
{
    static char text[16384];
    (void)snprintf(
        text, sizeof text,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" xmlns:xlink=\"http://www.w3.org/1999/xlink\" width=\"70mm\" "
        "height=\"40mm\" viewBox=\"0 0 70 40\" font-family=\"Noto Sans CJK JP\">"
        "<rect id=\"unit\" x=\"54\" y=\"2\" width=\"12\" height=\"12\"><desc>barcode=gs1dm quiet=1 "
        "value=[01]{{gtin}}[21]{{serial}}[91]{{label}}</desc></rect>"
        "<text id=\"admin\" x=\"3\" y=\"32\" font-family=\"JetBrains Mono\" font-size=\"3.4\">{{admin|group4}}</text>"
        "<text id=\"wifi\" x=\"3\" y=\"37\" font-family=\"JetBrains Mono\" font-size=\"3.4\">{{wifi|group5}}</text>"
        "%s</svg>",
        body);
    desk_write_file(desk, text);
}

struct label_request desk_request(const struct desk *desk)
{
    static char path[DESK_PATH_SIZE];
    (void)snprintf(path, sizeof path, "%s/label.svg", desk->directory);
    return (struct label_request){.template_path = path,
                                  .width_mm = 70,
                                  .height_mm = 40,
                                  .dpi = 203,
                                  .fields = desk->fields,
                                  .field_count = DESK_FIELDS};
}

struct label_request desk_router(const struct desk *desk, unsigned dpi)
{
    struct label_request request = desk_request(desk);
    request.template_path = DEMO_LABELS "/router.svg";
    request.dpi = dpi;
    return request;
}

void desk_run(const char *const *argv, char *ret_output, size_t size)
{
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        int nothing = open("/dev/null", O_RDWR);
        if (nothing < 0 || dup2(ends[1], STDOUT_FILENO) < 0 || dup2(nothing, STDERR_FILENO) < 0)
            _exit(126);
        (void)execvp(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    (void)close(ends[1]);
    size_t at = 0;
    for (;;) {
        char rest[512];
        ssize_t count =
            at < size - 1 ? read(ends[0], ret_output + at, size - 1 - at) : read(ends[0], rest, sizeof rest);
        if (count <= 0)
            break;
        at += at < size - 1 ? (size_t)count : 0;
    }
    ret_output[at] = '\0';
    (void)close(ends[0]);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fail_msg("%s ended with status %d", argv[0], status);
}
