/* profiles.h -- the shipped certificate profiles as hsm/ takes them, for tests that have no jigs/ at hand.
 *
 * tests/unit/station holds them against the files in jigs/demo/profiles.
 *
 * Owner    static
 * Threads  any
 * Secrets  none
 * Layer    tests/
 */
#pragma once

#include "hsm/certificate.h"

extern const struct certificate_profile profile_idevid_8021ar;
extern const struct certificate_profile profile_idevid_brski;
extern const struct certificate_profile profile_matter_dac;
