#include "station/label/label.h"

#include "station/label/plate.h"

#include <stdio.h>
#include <string.h>

bool label_render(const struct label_request *request, struct label_bitmap **ret_bitmap, struct fault *fault)
{
    CLEANUP(label_plate_freep) struct label_plate *plate = NULL;
    return label_plate_make(request, &plate, fault) &&
           label_plate_print(plate, request->fields, request->field_count, ret_bitmap, fault);
}

static bool has_sample(const struct label_sample *samples, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(samples[i].name, name) == 0)
            return true;
    return false;
}

static bool secret_of_sample(const char *text, struct secret **ret_secret, struct fault *fault)
{
    size_t size = strlen(text);
    struct secret *secret = secret_new(size);
    if (!secret)
        return fault_set(fault, FAULT_SECRET_MEMORY, 0, "no memory for a sample secret");
    memcpy(secret_write(secret), text, size);
    *ret_secret = secret;
    return true;
}

static void free_secrets(struct secret *(*secrets)[LABEL_FIELDS_MAX])
{
    for (size_t i = 0; i < LABEL_FIELDS_MAX; i++)
        secret_free((*secrets)[i]);
}

bool label_check(const struct label_child *child, const struct label_trial *trial, struct deadline deadline,
                 struct fault *fault)
{
    static const struct label_sample made_up[] = {
        {"gtin", "04912345678904", false}, {"serial", NULL, false}, {"label", "WWWWWWWWWWWWW", false}};
    CLEANUP(free_secrets) struct secret *secrets[LABEL_FIELDS_MAX] = {0};
    struct label_field fields[LABEL_FIELDS_MAX + ARRAY_SIZE(made_up)] = {0};
    size_t count = 0;
    if (trial->sample_count > LABEL_FIELDS_MAX)
        return fault_set(fault, FAULT_LABEL_VALUE, 0, "%zu samples: at most %d", trial->sample_count, LABEL_FIELDS_MAX);
    for (size_t i = 0; i < trial->sample_count; i++) {
        const struct label_sample *sample = &trial->samples[i];
        fields[count] = (struct label_field){.name = sample->name};
        if (!sample->secret)
            fields[count].value = sample->widest;
        else if (!secret_of_sample(sample->widest, &secrets[i], fault))
            return false;
        fields[count++].secret = secrets[i];
    }
    char serial[SERIAL_SIZE];
    (void)snprintf(serial, sizeof serial, "WW000000WWW%c", serial_check_character("WW000000WWW", SERIAL_LENGTH - 1));
    for (size_t i = 0; i < ARRAY_SIZE(made_up); i++)
        if (!has_sample(trial->samples, trial->sample_count, made_up[i].name))
            fields[count++] =
                (struct label_field){.name = made_up[i].name, .value = made_up[i].widest ? made_up[i].widest : serial};
    CLEANUP(label_bitmap_freep) struct label_bitmap *bitmap = NULL;
    const struct label_request request = {.template_path = trial->template_path,
                                          .width_mm = trial->width_mm,
                                          .height_mm = trial->height_mm,
                                          .dpi = trial->dpi,
                                          .twice = true,
                                          .fields = fields,
                                          .field_count = count};
    return child ? label_render_in_child(child, &request, deadline, &bitmap, fault)
                 : label_render(&request, &bitmap, fault);
}
