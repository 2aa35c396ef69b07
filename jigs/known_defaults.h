/* known_defaults.h -- the list of user names and passwords that no unit may accept, shared by products.
 *
 * Owner    values
 * Threads  any
 * Secrets  none: known defaults are public knowledge
 * Layer    jigs/, private
 */
#pragma once

#include "jigs/product.h"

/* Fills the product's list, its count and its hash, from a file or from its bytes. On false the count is left alone.
 *
 * Faults: CONFIG_SYNTAX, CONFIG_KEY, CONFIG_VALUE, FILE, NO_MEMORY.
 */
NODISCARD NONNULL(1, 3, 4, 5) bool known_defaults_parse(const uint8_t *bytes, size_t size, const char *path,
                                                        struct product *product, struct fault *fault);
NODISCARD NONNULL(1, 2, 3) bool known_defaults_read(const char *path, struct product *product, struct fault *fault);
