#include "hsm/manifest.h"

#include "base/bytes.h"
#include "hsm/crypto.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static void text_free(char **text)
{
    free(*text);
}

static void directory_close(DIR **directory)
{
    if (*directory)
        (void)closedir(*directory);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

static bool list(const char *directory, struct manifest *manifest, struct fault *fault)
{
    CLEANUP(directory_close) DIR *open = opendir(directory);
    if (!open)
        return fault_set(fault, FAULT_FILE, (unsigned long)errno, "open directory '%s': %s", directory,
                         strerror(errno));
    for (struct dirent *entry; (entry = readdir(open));) {
        struct stat status;
        if (entry->d_name[0] == '.')
            continue;
        if (fstatat(dirfd(open), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(status.st_mode))
            return fault_set(fault, FAULT_FILE, 0, "'%s' in '%s' is not a plain file", entry->d_name, directory);
        if (manifest->count == MANIFEST_FILES_MAX || strlen(entry->d_name) >= MANIFEST_NAME_SIZE ||
            strchr(entry->d_name, '\n') || strchr(entry->d_name, '\\'))
            return fault_set(fault, FAULT_FILE, 0, "'%s' holds other files than those of a ceremony: '%.60s'",
                             directory, entry->d_name);
        (void)snprintf(manifest->names[manifest->count++], MANIFEST_NAME_SIZE, "%.*s", MANIFEST_NAME_SIZE - 1,
                       entry->d_name);
    }
    qsort(manifest->names, manifest->count, sizeof manifest->names[0], by_name);
    return true;
}

/* A file that is not there is told as such by the text NULL. */
static bool digest_file(const char *directory, const char *name, uint8_t ret_digest[32], bool *ret_there,
                        struct fault *fault)
{
    CLEANUP(text_free) char *text = NULL;
    size_t size;
    if (!output_read(directory, name, &text, &size, fault))
        return false;
    *ret_there = text != NULL;
    return !text || crypto_sha256(text, size, ret_digest, fault);
}

bool manifest_of(const char *directory, struct manifest *ret_manifest, struct fault *fault)
{
    *ret_manifest = (struct manifest){0};
    if (!list(directory, ret_manifest, fault))
        return false;
    for (size_t i = 0; i < ret_manifest->count; i++) {
        bool there;
        if (!digest_file(directory, ret_manifest->names[i], ret_manifest->digests[i], &there, fault))
            return false;
        if (!there)
            return fault_set(fault, FAULT_FILE, 0, "'%s' went away", ret_manifest->names[i]);
    }
    return true;
}

bool manifest_write(const struct manifest *manifest, char **ret_text, struct fault *fault)
{
    char *text = NULL, hex[65];
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "manifest");
    for (size_t i = 0; i < manifest->count; i++) {
        hex_write(manifest->digests[i], 32, hex);
        (void)fprintf(out, "%s  %s\n", hex, manifest->names[i]);
    }
    if (fclose(out) != 0) {
        free(text);
        return fault_set(fault, FAULT_NO_MEMORY, 0, "manifest");
    }
    *ret_text = text;
    return true;
}

static bool verify_line(const char *directory, const char *line, struct fault *fault)
{
    char hex[65], name[MANIFEST_NAME_SIZE];
    uint8_t wanted[32], found[32];
    struct fault ignored;
    bool there = false;
    int end = -1;
    if (sscanf(line, "%64[0-9a-f]  %63[a-zA-Z0-9._-]%n", hex, name, &end) != 2 || end < 0 || line[end] != '\0' ||
        name[0] == '.' || !hex_read(hex, wanted, sizeof wanted, &ignored))
        return fault_set(fault, FAULT_BACKUP_DAMAGED, 0, "a line of the manifest in '%s' is damaged", directory);
    if (!digest_file(directory, name, found, &there, fault))
        return false;
    if (!there)
        return fault_set(fault, FAULT_BACKUP_DAMAGED, 0, "'%s' is missing from '%s'", name, directory);
    return memcmp(wanted, found, sizeof wanted) == 0 ||
           fault_set(fault, FAULT_BACKUP_DAMAGED, 0, "'%s' in '%s' is not as its manifest says", name, directory);
}

bool manifest_verify(const char *directory, const char *file, struct fault *fault)
{
    CLEANUP(text_free) char *text = NULL;
    size_t size, lines = 0;
    if (!output_read(directory, file, &text, &size, fault))
        return false;
    if (!text)
        return fault_set(fault, FAULT_BACKUP_DAMAGED, 0, "'%s' is missing from '%s'", file, directory);
    char *line = text;
    for (char *end; (end = strchr(line, '\n')); line = end + 1) {
        *end = '\0';
        if (++lines > MANIFEST_FILES_MAX || !verify_line(directory, line, fault))
            return lines <= MANIFEST_FILES_MAX ? false
                                               : fault_set(fault, FAULT_BACKUP_DAMAGED, 0, "the manifest is too long");
    }
    return (lines > 0 && *line == '\0') ||
           fault_set(fault, FAULT_BACKUP_DAMAGED, 0, "the manifest in '%s' is cut", directory);
}
