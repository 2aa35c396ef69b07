/* certificate_profile.h -- from a product's data to what hsm/ issues by; the two rooms do not see one another.
 *
 * Owner    values; texts stay the product's
 * Threads  any
 * Secrets  none
 * Layer    station/flow/ may include jigs/ and hsm/
 */
#pragma once

#include "hsm/certificate.h"
#include "jigs/product.h"

NONNULL(1, 2)
void certificate_profile_from(const struct profile *profile, struct certificate_profile *ret_profile);

/* Lives as long as product, profile and serial. */
NODISCARD NONNULL(1, 2, 3) struct certificate_subject
    certificate_subject_from(const struct product *product, const struct certificate_profile *profile,
                             const char *serial);
