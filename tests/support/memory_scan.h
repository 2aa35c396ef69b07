/* memory_scan.h -- looks for a known text in all writable memory of this process.
 *
 * For tests that a secret leaves no copy behind. With AddressSanitizer freed memory is kept for a while, so a copy that
 * was freed without being wiped is found too.
 *
 * Owner    the caller owns the bytes
 * Threads  one
 * Secrets  test canaries only
 * Layer    tests/
 */
#pragma once

#include "base/compiler.h"

/* How often the bytes occur outside their own place. The needle itself must lie in memory that is not written out to
 * another place by the caller. Mappings of 1 GiB and more (a sanitizer's own) are left out. */
NODISCARD NONNULL(1) unsigned memory_scan(const void *needle, size_t size);
