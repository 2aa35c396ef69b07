/* read.h -- the strict reader of jig, product, profile, policy and ceremony files (YAML).
 *
 * Refused, each with the file, the line, the key and what was expected: unknown, doubled and missing keys, values out
 * of range, text after a number, anchors, several documents, control characters, files over 256 KiB, a policy whose
 * alphabet repeats a character or cannot reach its declared entropy, paths and lists longer than their room.
 * Relative paths inside a file are taken from that file's own directory.
 *
 * Owner    the caller frees what it gets
 * Threads  any
 * Secrets  none
 * Layer    jigs/ is the only user of libcyaml
 */
#pragma once

#include "jigs/ceremony.h"
#include "jigs/jig.h"
#include "jigs/profile.h"

/* Faults of all: CONFIG_SYNTAX, CONFIG_KEY, CONFIG_VALUE, POLICY_WEAK, FILE, NO_MEMORY. */
NODISCARD NONNULL(1, 2, 3) bool jig_read(const char *path, struct jig **ret_jig, struct fault *fault);
NODISCARD NONNULL(1, 2, 3) bool product_read(const char *path, struct product **ret_product, struct fault *fault);
NODISCARD NONNULL(1, 2, 3) bool policy_read(const char *path, struct password_policy *ret_policy, struct fault *fault);
NODISCARD NONNULL(1, 2, 3) bool profile_read(const char *path, struct profile *ret_profile, struct fault *fault);
NODISCARD NONNULL(1, 2, 3) bool ceremony_read(const char *path, struct ceremony **ret_ceremony, struct fault *fault);

/* The same from bytes in memory, at most JIG_FILE_MAX. `path` is what refusals call them and where relative paths
 * start; it need not exist. product_parse() still reads the profile, policies, known defaults and template that are
 * named inside. */
#define JIG_FILE_MAX (256 * 1024)
NODISCARD NONNULL(1, 3, 4, 5) bool jig_parse(const uint8_t *bytes, size_t size, const char *path, struct jig **ret_jig,
                                             struct fault *fault);
NODISCARD NONNULL(1, 3, 4, 5) bool product_parse(const uint8_t *bytes, size_t size, const char *path,
                                                 struct product **ret_product, struct fault *fault);
NODISCARD NONNULL(1, 3, 4, 5) bool policy_parse(const uint8_t *bytes, size_t size, const char *path,
                                                struct password_policy *ret_policy, struct fault *fault);
NODISCARD NONNULL(1, 3, 4, 5) bool profile_parse(const uint8_t *bytes, size_t size, const char *path,
                                                 struct profile *ret_profile, struct fault *fault);
NODISCARD NONNULL(1, 3, 4, 5) bool ceremony_parse(const uint8_t *bytes, size_t size, const char *path,
                                                  struct ceremony **ret_ceremony, struct fault *fault);

/* Whether the policy holds on a day, "2026-11-23". The first and the last day of its validity count. `ret_overdue`
 * tells that its review date has passed, which only warns.
 *
 * Faults: POLICY_EXPIRED outside its validity; USAGE when `today` is no date.
 */
NODISCARD NONNULL(1, 2, 3, 4) bool policy_check_date(const struct password_policy *policy, const char *today,
                                                     bool *ret_overdue, struct fault *fault);
