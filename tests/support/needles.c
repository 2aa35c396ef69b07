#include "tests/support/needles.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY_SIZE 8 /* no form is shorter */
#define PASSWORD_MAX 32
#define FORM_MAX (PASSWORD_MAX * 3)

struct needle {
    uint8_t bytes[FORM_MAX];
    size_t size;
};

/* A form is found by its first bytes, in an open table of twice its size at least. */
struct needles {
    struct needle *each;
    size_t count, room;
    size_t last_begin; /* of the password that was added last */
    uint32_t *table;   /* indices + 1; 0: free */
    size_t table_size; /* a power of two */
};

struct needles *needles_new(void)
{
    struct needles *needles = calloc(1, sizeof *needles);
    if (!needles)
        abort();
    return needles;
}

void needles_free(struct needles *needles)
{
    if (!needles)
        return;
    free(needles->each);
    free(needles->table);
    free(needles);
}

static size_t place_of(const struct needles *needles, const uint8_t *bytes)
{
    uint64_t key;
    memcpy(&key, bytes, sizeof key);
    return (size_t)(key * 0x9e3779b97f4a7c15u >> 32) & (needles->table_size - 1);
}

static void put(struct needles *needles, size_t index)
{
    size_t place = place_of(needles, needles->each[index].bytes);
    while (needles->table[place] != 0)
        place = (place + 1) & (needles->table_size - 1);
    needles->table[place] = (uint32_t)index + 1;
}

static void grow(struct needles *needles)
{
    needles->room = needles->room ? needles->room * 2 : 64;
    needles->each = realloc(needles->each, needles->room * sizeof needles->each[0]);
    free(needles->table);
    needles->table_size = needles->room * 4;
    needles->table = calloc(needles->table_size, sizeof needles->table[0]);
    if (!needles->each || !needles->table)
        abort();
    for (size_t i = 0; i < needles->count; i++)
        put(needles, i);
}

static void add_form(struct needles *needles, const void *bytes, size_t size)
{
    if (needles->count == needles->room)
        grow(needles);
    struct needle *needle = &needles->each[needles->count];
    if (size < KEY_SIZE || size > sizeof needle->bytes)
        abort();
    memcpy(needle->bytes, bytes, size);
    needle->size = size;
    put(needles, needles->count++);
}

static void add_grouped(struct needles *needles, const char *password, size_t group, const char *gap)
{
    char text[FORM_MAX + 8];
    size_t at = 0;
    for (size_t i = 0; password[i]; i++) {
        if (i > 0 && i % group == 0)
            for (const char *byte = gap; *byte; byte++)
                text[at++] = *byte;
        text[at++] = password[i];
    }
    add_form(needles, text, at);
}

static void add_hex(struct needles *needles, const char *password, const char *digits)
{
    char text[2 * PASSWORD_MAX];
    size_t at = 0;
    for (const char *letter = password; *letter; letter++) {
        text[at++] = digits[(unsigned char)*letter >> 4];
        text[at++] = digits[(unsigned char)*letter & 15];
    }
    add_form(needles, text, at);
}

/* Only the letters of base64 that no neighbour touches: those whose six bits lie inside the password. */
static void add_base64(struct needles *needles, const char *password, size_t skipped)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const size_t length = strlen(password), first = (skipped * 8 + 5) / 6, last = (skipped + length) * 8 / 6;
    char text[2 * PASSWORD_MAX];
    for (size_t i = first; i < last; i++) {
        unsigned value = 0;
        for (size_t bit = i * 6 - skipped * 8; bit < (i + 1) * 6 - skipped * 8; bit++)
            value = value << 1 | ((unsigned)(unsigned char)password[bit / 8] >> (7 - bit % 8) & 1u);
        text[i - first] = alphabet[value];
    }
    add_form(needles, text, last - first);
}

static void add_wide(struct needles *needles, const char *password, bool low_byte_first)
{
    char text[2 * PASSWORD_MAX] = {0};
    const size_t length = strlen(password);
    for (size_t i = 0; i < length; i++)
        text[2 * i + (low_byte_first ? 0 : 1)] = password[i];
    /* Without the zero at its end that may be another's. */
    add_form(needles, low_byte_first ? text : text + 1, 2 * length - 1);
}

void needles_add(struct needles *needles, const char *password)
{
    const size_t length = strlen(password);
    char reversed[PASSWORD_MAX];
    if (length < KEY_SIZE || length > PASSWORD_MAX ||
        strspn(password, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") != length)
        abort();
    needles->last_begin = needles->count;
    for (size_t i = 0; i < length; i++)
        reversed[i] = password[length - 1 - i];
    add_form(needles, password, length);
    add_form(needles, reversed, length);
    for (size_t group = 4; group <= 5; group++) {
        add_grouped(needles, password, group, " ");
        add_grouped(needles, password, group, "\u2002");
    }
    add_hex(needles, password, "0123456789abcdef");
    add_hex(needles, password, "0123456789ABCDEF");
    for (size_t skipped = 0; skipped < 3; skipped++)
        add_base64(needles, password, skipped);
    add_wide(needles, password, true);
    add_wide(needles, password, false);
}

size_t needles_forms(const struct needles *needles)
{
    return needles->count - needles->last_begin;
}

const uint8_t *needles_form(const struct needles *needles, size_t form, size_t *ret_size)
{
    const struct needle *needle = &needles->each[needles->last_begin + form];
    *ret_size = needle->size;
    return needle->bytes;
}

static bool begins_here(const struct needles *needles, const uint8_t *bytes, size_t size)
{
    for (size_t place = place_of(needles, bytes); needles->table[place] != 0;
         place = (place + 1) & (needles->table_size - 1)) {
        const struct needle *needle = &needles->each[needles->table[place] - 1];
        if (needle->size <= size && memcmp(needle->bytes, bytes, needle->size) == 0)
            return true;
    }
    return false;
}

size_t needles_count(const struct needles *needles, const uint8_t *bytes, size_t size)
{
    size_t found = 0;
    for (size_t at = 0; needles->count > 0 && size >= KEY_SIZE && at <= size - KEY_SIZE; at++)
        found += begins_here(needles, bytes + at, size - at);
    return found;
}

static bool is_picture(const uint8_t *bytes, size_t size)
{
    static const char *const beginnings[] = {"\x89PNG\r\n", "RaS2PwgRaster", "^GFA,", ":Z64:"};
    for (size_t i = 0; i < sizeof beginnings / sizeof beginnings[0]; i++)
        if (memmem(bytes, size, beginnings[i], strlen(beginnings[i])))
            return true;
    return false;
}

static uint8_t *read_whole(const char *path, size_t size, size_t *ret_size)
{
    uint8_t *bytes = malloc(size + 1);
    const int file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    size_t at = 0;
    ssize_t count = 0;
    if (!bytes || file < 0)
        abort();
    while (at < size && (count = read(file, bytes + at, size - at)) > 0)
        at += (size_t)count;
    (void)close(file);
    if (count < 0)
        abort();
    *ret_size = at;
    return bytes;
}

static void note(struct needles_sum *sum, const char *path, size_t found, bool picture)
{
    if (found > 0 || (picture && sum->found == 0))
        (void)snprintf(sum->where, sizeof sum->where, "%s", path);
    sum->found += found;
    sum->pictures += picture;
}

static void search_file(const struct needles *needles, const char *path, size_t size, struct needles_sum *sum)
{
    uint8_t *bytes = read_whole(path, size, &size);
    note(sum, path, needles_count(needles, bytes, size), is_picture(bytes, size));
    free(bytes);
    sum->files++;
    sum->bytes += size;
}

static void search_folder(const struct needles *needles, const char *directory, const char *left_out,
                          struct needles_sum *sum)
{
    DIR *folder = opendir(directory);
    if (!folder)
        abort();
    for (struct dirent *entry; (entry = readdir(folder));) {
        struct stat info;
        char path[4096];
        const char *name = entry->d_name;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || (left_out && strcmp(name, left_out) == 0))
            continue;
        (void)snprintf(path, sizeof path, "%s/%s", directory, name);
        note(sum, path, needles_count(needles, (const uint8_t *)name, strlen(name)), false);
        if (lstat(path, &info) != 0)
            abort();
        if (S_ISREG(info.st_mode))
            search_file(needles, path, (size_t)info.st_size, sum);
        if (S_ISDIR(info.st_mode))
            search_folder(needles, path, NULL, sum);
    }
    (void)closedir(folder);
}

void needles_search(const struct needles *needles, const char *directory, const char *left_out,
                    struct needles_sum *ret_sum)
{
    *ret_sum = (struct needles_sum){0};
    search_folder(needles, directory, left_out, ret_sum);
}
