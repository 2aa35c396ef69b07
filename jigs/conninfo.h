/* conninfo.h -- the record store's connection string: keywords and values, never a password.
 *
 * Owner    values
 * Threads  any
 * Secrets  none is accepted, and the text is never shown in a refusal, because one may have been written into it
 * Layer    jigs/, private
 * Spec     PostgreSQL 15, 34.1.1.1 Keyword/Value Connection Strings
 */
#pragma once

#include "jigs/document.h"

/* Faults: CONFIG_VALUE. */
NODISCARD bool conninfo_read(const struct spot *spot, const char *key, const char *text, char *ret_conninfo,
                             size_t size);
