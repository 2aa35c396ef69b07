/* nss_module.h -- what the module and the test that loads it agree on.
 *
 * Owner    nobody
 * Threads  any
 * Secrets  none
 * Layer    tests/
 */
#pragma once

#define NSS_DIRECTORY_VARIABLE "KOKUIN_TEST_NSS_DIRECTORY"
#define NSS_LABEL "nss" /* softokn takes a token's label from its configuration */
