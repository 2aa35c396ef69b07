/* check.h -- a plant's keys held against the records of their making.
 *
 * Of each key: it is there, once, with the CKA_ID and on the token of the record; its attributes are those recorded; it
 * cannot be wrapped out; it does its work; its certificate is its own and the root's; and the fingerprint key has the
 * recorded check value, to which its backup opens in the recovery token. A production token that is in the records but
 * not in the plan is not looked at: it was lost or retired.
 *
 * Owner    the caller owns the tokens and the PIN
 * Threads  one
 * Secrets  none leave the tokens; the root's PIN passes through
 * Layer    hsm/
 */
#pragma once

#include "hsm/ceremony.h"

/* Called for each thing looked at: "issuing-1", "fingerprint.backup". `difference` NULL: it is as recorded. */
typedef void check_report(void *context, const char *name, const char *token, const struct fault *difference);

/* Looks at everything, whatever is found. False, with the first difference, when there was one; each has the fault of
 * its kind: HSM_KEY_NOT_FOUND, HSM_AMBIGUOUS, HSM_KEY_EXISTS for another key of the label, HSM_KEY_WRONG,
 * HSM_KEY_LEAVES, CERTIFICATE_REFUSED, HSM_CALL, HSM_CANNOT, HSM_PIN, BAD_BYTES, FILE when there is no record.
 */
NODISCARD NONNULL(1, 2, 3, 5) bool ceremony_check(const struct ceremony_tokens *tokens,
                                                  const struct ceremony_names *names, check_report *report,
                                                  void *context, struct fault *fault);
