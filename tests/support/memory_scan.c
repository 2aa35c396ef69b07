#include "tests/support/memory_scan.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAPPING_MAX ((uintptr_t)1 << 30)
#define PIECE ((size_t)1 << 16)

static uint8_t piece[PIECE]; /* its own copies are not counted */

static bool is_own(uintptr_t at, const void *needle, size_t size)
{
    uintptr_t own = (uintptr_t)needle, buffer = (uintptr_t)piece;
    return (at + size > own && at < own + size) || (at + size > buffer && at < buffer + sizeof piece);
}

/* Pieces overlap by the needle's length, so that none is cut in two; what lies in both is counted once. */
static unsigned scan_mapping(int memory, uintptr_t start, uintptr_t end, const void *needle, size_t size)
{
    unsigned found = 0;
    for (uintptr_t at = start; at < end; at += sizeof piece - size) {
        size_t wanted = end - at < sizeof piece ? (size_t)(end - at) : sizeof piece;
        ssize_t count = pread(memory, piece, wanted, (off_t)at);
        if (count <= 0)
            break;
        const uint8_t *from = piece, *last = piece + count;
        while ((from = memmem(from, (size_t)(last - from), needle, size))) {
            if (from - piece < (ssize_t)(sizeof piece - size) && !is_own(at + (uintptr_t)(from - piece), needle, size))
                found++;
            from++;
        }
    }
    explicit_bzero(piece, sizeof piece);
    return found;
}

unsigned memory_scan(const void *needle, size_t size)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    if (!maps || memory < 0)
        abort();
    char line[512];
    unsigned found = 0;
    while (fgets(line, sizeof line, maps)) {
        uintptr_t start, end;
        char rights[5];
        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s", &start, &end, rights) == 3 && rights[0] == 'r' &&
            rights[1] == 'w' && end - start < MAPPING_MAX)
            found += scan_mapping(memory, start, end, needle, size);
    }
    (void)fclose(maps);
    (void)close(memory);
    return found;
}
