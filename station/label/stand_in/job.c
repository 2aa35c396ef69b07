#include "station/label/stand_in/job.h"

#include "station/label/wiped.h"

#include <string.h>

/* The picture in a job, before its dots are known. */
struct graphic {
    uint32_t total, stride;
    const char *text;
    size_t text_size;
    unsigned crc;
};

void job_clear(struct job *job)
{
    label_bitmap_free(job->bitmap);
    *job = (struct job){0};
}

/* The parameters of a command in the job: from behind its name to the next ^. NULL when it is not there. */
static const char *find_command(const char *job, size_t size, const char *name, size_t *ret_length)
{
    const char *found = memmem(job, size, name, strlen(name));
    if (!found)
        return NULL;
    const char *begin = found + strlen(name);
    const char *end = memchr(begin, '^', size - (size_t)(begin - job));
    *ret_length = (size_t)((end ? end : job + size) - begin);
    return begin;
}

static bool read_number(const char **at, const char *end, char after, uint32_t most, uint32_t *ret_number)
{
    uint32_t number = 0;
    const char *begin = *at;
    for (; *at < end && **at >= '0' && **at <= '9' && number <= most; (*at)++)
        number = number * 10 + (uint32_t)(**at - '0');
    if (*at == begin || number > most || (after && (*at == end || **at != after)))
        return false;
    *at += after ? 1 : 0;
    *ret_number = number;
    return true;
}

static bool read_dots(const char *job, size_t size, const char *name, uint32_t *ret_dots, struct fault *fault)
{
    size_t length = 0;
    const char *at = find_command(job, size, name, &length);
    if (!at || !read_number(&at, at + length, '\0', LABEL_DOTS_MAX, ret_dots))
        return fault_set(fault, FAULT_BAD_BYTES, 0, "job: no %s that can be", name);
    return true;
}

static bool read_graphic(const char *job, size_t size, struct graphic *ret_graphic, struct fault *fault)
{
    size_t length = 0;
    uint32_t bytes = 0;
    struct graphic graphic = {0};
    const char *at = find_command(job, size, "^GFA,", &length);
    const char *end = at ? at + length : NULL;
    const uint32_t most = LABEL_DOTS_MAX / 8 * LABEL_DOTS_MAX;
    if (!at || !read_number(&at, end, ',', most, &bytes) || !read_number(&at, end, ',', most, &graphic.total) ||
        !read_number(&at, end, ',', LABEL_DOTS_MAX / 8, &graphic.stride) || end - at < 5 || memcmp(at, ":Z64:", 5) != 0)
        return fault_set(fault, FAULT_BAD_BYTES, 0, "job: no ^GFA picture in Z64");
    graphic.text = at + 5;
    const char *colon = memchr(graphic.text, ':', (size_t)(end - graphic.text));
    if (!colon || end - colon != 5)
        return fault_set(fault, FAULT_BAD_BYTES, 0, "job: the picture has no CRC");
    graphic.text_size = (size_t)(colon - graphic.text);
    for (const char *digit = colon + 1; digit < end; digit++) {
        const char *place = *digit ? strchr("0123456789ABCDEF0123456789abcdef", *digit) : NULL;
        if (!place)
            return fault_set(fault, FAULT_BAD_BYTES, 0, "job: the picture's CRC is no number");
        graphic.crc = graphic.crc << 4 | (unsigned)(place - "0123456789ABCDEF0123456789abcdef") % 16;
    }
    *ret_graphic = graphic;
    return true;
}

/* CRC-16/XMODEM by the table of four bits, unlike the sender's. */
static unsigned crc_of(const char *text, size_t size)
{
    static const uint16_t table[16] = {0x0000, 0x1021, 0x2042, 0x3063, 0x4084, 0x50a5, 0x60c6, 0x70e7,
                                       0x8108, 0x9129, 0xa14a, 0xb16b, 0xc18c, 0xd1ad, 0xe1ce, 0xf1ef};
    uint16_t crc = 0;
    for (size_t i = 0; i < size; i++) {
        uint8_t byte = (uint8_t)text[i];
        crc = (uint16_t)(crc << 4 ^ table[(crc >> 12 ^ byte >> 4) & 15]);
        crc = (uint16_t)(crc << 4 ^ table[(crc >> 12 ^ (byte & 15)) & 15]);
    }
    return crc;
}

static int base64_value(char letter)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *place = letter ? strchr(alphabet, letter) : NULL;
    return place ? (int)(place - alphabet) : -1;
}

static bool open_base64(const char *text, size_t size, struct wiped *result, struct fault *fault)
{
    size_t padding = 0;
    while (padding < 2 && padding < size && text[size - 1 - padding] == '=')
        padding++;
    uint32_t group = 0;
    for (size_t i = 0; size % 4 == 0 && i < size; i++) {
        int value = i < size - padding ? base64_value(text[i]) : 0;
        if (value < 0)
            break;
        group = group << 6 | (uint32_t)value;
        if (i % 4 != 3)
            continue;
        const uint8_t bytes[3] = {(uint8_t)(group >> 16), (uint8_t)(group >> 8), (uint8_t)group};
        if (!wiped_append(result, bytes, i == size - 1 ? 3 - padding : 3, fault))
            return false;
    }
    if (size == 0 || size % 4 != 0 || result->size != size / 4 * 3 - padding)
        return fault_set(fault, FAULT_BAD_BYTES, 0, "job: the picture is not base64");
    return true;
}

static bool read_picture(const char *job, size_t size, struct label_bitmap **ret_bitmap, struct fault *fault)
{
    CLEANUP(label_bitmap_freep) struct label_bitmap *bitmap = NULL;
    CLEANUP(wiped_clear) struct wiped stream = {0};
    struct graphic graphic = {0};
    uint32_t width = 0, height = 0;
    if (!read_dots(job, size, "^PW", &width, fault) || !read_dots(job, size, "^LL", &height, fault) ||
        !read_graphic(job, size, &graphic, fault) || !label_bitmap_new(width, height, &bitmap, fault))
        return false;
    if (graphic.crc != crc_of(graphic.text, graphic.text_size))
        return fault_set(fault, FAULT_BAD_BYTES, 0, "job: the picture's CRC is wrong: the download is given up");
    if (graphic.stride != bitmap->stride || graphic.total != label_bitmap_size(bitmap))
        return fault_set(fault, FAULT_BAD_BYTES, 0, "job: the picture has not the size of the label");
    if (!open_base64(graphic.text, graphic.text_size, &stream, fault) ||
        !wiped_inflate(stream.bytes, stream.size, bitmap->rows, graphic.total, fault))
        return false;
    label_bitmap_trim(bitmap);
    *ret_bitmap = TAKE(bitmap);
    return true;
}

static bool read_copies(const char *job, size_t size, unsigned *ret_copies, struct fault *fault)
{
    size_t length = 0;
    uint32_t copies = 1;
    const char *at = find_command(job, size, "^PQ", &length);
    if (at && (!read_number(&at, at + length, '\0', JOB_COPIES_MAX, &copies) || copies == 0))
        return fault_set(fault, FAULT_BAD_BYTES, 0, "job: ^PQ is 1 to %d", JOB_COPIES_MAX);
    *ret_copies = copies;
    return true;
}

static bool read_mode(const char *job, size_t size, char *ret_mode, struct fault *fault)
{
    size_t length = 0;
    const char *at = find_command(job, size, "^MM", &length);
    if (at && (length == 0 || !memchr("TPC", *at, 3)))
        return fault_set(fault, FAULT_BAD_BYTES, 0, "job: this printer tears, peels and cuts");
    *ret_mode = at ? *at : 'T';
    return true;
}

bool job_read(const uint8_t *bytes, size_t size, struct job *ret_job, struct fault *fault)
{
    const char *text = (const char *)bytes;
    CLEANUP(job_clear) struct job job = {0};
    size_t length = 0;
    const char *name = find_command(text, size, "^FX", &length);
    if (name && length < sizeof job.name && !memchr(name, '\0', length))
        memcpy(job.name, name, length);
    const char *reprint = find_command(text, size, "^JZ", &length);
    job.may_reprint = !reprint || length == 0 || *reprint != 'N';
    if (strspn(job.name, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") != strlen(job.name))
        return fault_set(fault, FAULT_BAD_BYTES, 0, "job: its name is not 0-9 and A-Z");
    if (!read_mode(text, size, &job.mode, fault) || !read_copies(text, size, &job.copies, fault) ||
        !read_picture(text, size, &job.bitmap, fault))
        return false;
    *ret_job = job;
    job = (struct job){0};
    return true;
}
