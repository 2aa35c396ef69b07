#include "station/line/stand_in/eye.h"

#include "station/flow/wait.h"

#include <dirent.h>
#include <dmtx.h>
#include <errno.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define READING_MS 5000
#define LOOK_AGAIN_MS 50
#define DOTS_MAX (4096u * 4096u)

struct picture {
    uint8_t *grey;
    size_t size;
    int width, height;
};

static void picture_clear(struct picture *picture)
{
    if (picture->grey)
        explicit_bzero(picture->grey, picture->size);
    free(picture->grey);
}

/* False for a file that is no whole picture yet. */
static bool read_picture(const char *path, struct picture *picture)
{
    png_image image = {.version = PNG_IMAGE_VERSION};
    if (!png_image_begin_read_from_file(&image, path))
        return false;
    image.format = PNG_FORMAT_GRAY;
    picture->width = (int)image.width;
    picture->height = (int)image.height;
    picture->size = (size_t)image.width * image.height;
    bool fits = picture->size > 0 && picture->size <= DOTS_MAX;
    picture->grey = fits ? calloc(1, picture->size) : NULL;
    bool good = picture->grey && png_image_finish_read(&image, NULL, picture->grey, (png_int_32)image.width, NULL);
    png_image_free(&image);
    return good;
}

static bool take_text(const DmtxMessage *message, struct eye_paper *paper)
{
    const unsigned char *text = message->output;
    size_t size = (size_t)message->outputIdx;
    /* FNC1 in first position: a scanner says it with "]d2" and drops the character. */
    if (size > 0 && text[0] == 0x1d) {
        text++;
        size--;
    }
    struct fault why;
    if (size >= sizeof paper->text || !label_code_parse((const char *)text, size, &paper->code, &why))
        return false;
    memcpy(paper->text, text, size);
    paper->text[size] = '\0';
    return true;
}

static bool decode(const struct picture *picture, struct eye_paper *paper)
{
    bool found = false;
    DmtxImage *image = dmtxImageCreate(picture->grey, picture->width, picture->height, DmtxPack8bppK);
    DmtxDecode *decoder = image ? dmtxDecodeCreate(image, 1) : NULL;
    if (decoder && dmtxDecodeSetProp(decoder, DmtxPropFnc1, 0x1d) == DmtxPass) {
        DmtxTime until = dmtxTimeAdd(dmtxTimeNow(), READING_MS);
        DmtxRegion *region;
        while (!found && (region = dmtxRegionFindNext(decoder, &until))) {
            DmtxMessage *message = dmtxDecodeMatrixRegion(decoder, region, DmtxUndefined);
            found = message && take_text(message, paper);
            if (message)
                (void)dmtxMessageDestroy(&message);
            (void)dmtxRegionDestroy(&region);
        }
    }
    if (decoder)
        (void)dmtxDecodeDestroy(&decoder);
    if (image)
        (void)dmtxImageDestroy(&image);
    return found;
}

static bool read_paper(const char *path, struct eye_paper *paper)
{
    CLEANUP(picture_clear) struct picture picture = {0};
    *paper = (struct eye_paper){0};
    (void)snprintf(paper->path, sizeof paper->path, "%s", path);
    return read_picture(path, &picture) && decode(&picture, paper);
}

static int is_unread(const struct dirent *entry)
{
    return strncmp(entry->d_name, "label-", 6) == 0 && strlen(entry->d_name) > 10 &&
           strcmp(entry->d_name + strlen(entry->d_name) - 4, ".png") == 0;
}

static bool look_once(const char *directory, const char *serial, const char *label, struct eye_paper *ret_paper)
{
    struct dirent **entries = NULL;
    int count = scandir(directory, &entries, is_unread, alphasort);
    bool found = false;
    for (int i = count - 1; i >= 0; i--) {
        char path[EYE_PATH_SIZE];
        (void)snprintf(path, sizeof path, "%.200s/%.255s", directory, entries[i]->d_name);
        found = found || (read_paper(path, ret_paper) && strcmp(ret_paper->code.serial, serial) == 0 &&
                          strcmp(ret_paper->code.label, label) == 0);
        free(entries[i]);
    }
    free(entries);
    return found;
}

bool eye_find(const char *directory, const char *serial, const char *label, struct deadline deadline,
              struct eye_paper *ret_paper, struct fault *fault)
{
    while (!look_once(directory, serial, label, ret_paper)) {
        if (deadline_passed(deadline))
            return fault_set(fault, FAULT_TIMED_OUT, 0, "no paper in %s carries %s", directory, serial);
        wait_until(deadline_sooner(deadline, deadline_in_ms(LOOK_AGAIN_MS)));
    }
    return true;
}

bool eye_put_away(const struct eye_paper *paper, const char *directory, const char *name, struct fault *fault)
{
    char path[EYE_PATH_SIZE];
    (void)snprintf(path, sizeof path, "%.200s/%.64s.png", directory, name);
    if (mkdir(directory, 0700) != 0 && errno != EEXIST)
        return fault_set(fault, FAULT_FILE, (unsigned long)errno, "make '%s': %s", directory, strerror(errno));
    if (rename(paper->path, path) != 0)
        return fault_set(fault, FAULT_FILE, (unsigned long)errno, "put away '%s': %s", paper->path, strerror(errno));
    return true;
}
