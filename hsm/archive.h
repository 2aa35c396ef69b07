/* archive.h -- a copy of a ceremony's files with the digest of each, and a lost production token restored from it.
 *
 * The copy holds no secret in the clear: certificates, records, and the fingerprint key sealed to the recovery key. It
 * belongs to another building than the tokens. manifest.sha256 has the form that `sha256sum -c` reads. The digests show
 * damage, not forgery: what speaks against forgery is that the root token proves the root certificate, and that the
 * backup opens in the recovery token to the recorded check value.
 *
 * Owner    the caller owns the tokens and the PIN
 * Threads  one
 * Secrets  none in the clear; the root's PIN passes through
 * Layer    hsm/
 */
#pragma once

#include "hsm/check.h"

#define ARCHIVE_MANIFEST "manifest.sha256"

/* Checks everything as ceremony_check() does, then copies names->output to `directory`, which must be empty or not be
 * there: it appears whole or not at all.
 *
 * Faults: those of ceremony_check(); FILE, also when the directory is not empty.
 */
NODISCARD NONNULL(1, 2, 3, 4, 6) bool archive_make(const struct ceremony_tokens *tokens,
                                                   const struct ceremony_names *names, const char *directory,
                                                   check_report *report, void *context, struct fault *fault);

/* One production token of the plan is new: no record has it. It gets an issuing CA, a station and a checkpoint key,
 * certified by the root, under the next number that no record ever gave, and the fingerprint key from the copy. Its
 * files (issuing-N.pem, ..., restore-N.json, restore-N.html) come into names->output, which must be there. It can be
 * interrupted and begun again as a ceremony can.
 *
 * Faults: BACKUP_DAMAGED when a file of the copy is missing or is not as its manifest says; CONFIG_VALUE when not
 * exactly one token of the plan is new; HSM_KEY_WRONG when the copy's root is not the root token's key, or the
 * fingerprint key another than the check value's; HSM_CANNOT; and those of ceremony_perform().
 */
NODISCARD NONNULL(1, 2, 3, 4, 5) bool archive_restore(const struct ceremony_tokens *tokens,
                                                      const struct ceremony_names *names, const char *directory,
                                                      unsigned *ret_number, struct fault *fault);
