/* plant_of_four.h -- four empty SoftHSM tokens and the ceremony that is to be held on them, as often as a test likes.
 *
 * Owner    plant_of_four_begin() and plant_of_four_end() are a test group's; whoever opens a plant closes it
 * Threads  one
 * Secrets  test PINs only
 * Layer    tests/
 */
#pragma once

#include "hsm/make.h"
#include "tests/support/softhsm.h"

enum { FOUR_ROOT, FOUR_FIRST, FOUR_SECOND, FOUR_RECOVERY, FOUR_TOKENS };

struct plant_of_four {
    struct token *tokens[FOUR_TOKENS];
    struct secret *pin;
    struct ceremony_tokens all;
    struct ceremony_names names;
    char output[128]; /* "<private directory>/ca" */
};

/* For cmocka_run_group_tests(). */
int plant_of_four_begin(void **state);
int plant_of_four_end(void **state);

/* The same empty tokens each time, and an empty directory. No token may be open. */
void plant_of_four_start_afresh(void);

/* `ret_plant` must stay where it is. */
NODISCARD NONNULL(1, 2) bool plant_of_four_open(struct plant_of_four *ret_plant, struct fault *fault);
void plant_of_four_close(struct plant_of_four *plant);

/* Each key once, by its certificate, and nothing else on any token or in the directory. Faults: INTERNAL says what is
 * missing or too much; those of key_find_for().
 */
NODISCARD NONNULL(1, 2) bool plant_of_four_is_whole(const struct plant_of_four *plant, struct fault *fault);

/* The objects of a token, whatever they are; 64 when there are more, or when it does not say. */
NODISCARD NONNULL(1) size_t plant_of_four_count(struct token *token);

/* "<private directory>/<name>", in a buffer that the next call but three writes over. */
NODISCARD NONNULL(1) const char *plant_of_four_path(const char *name);
