/* serial.h -- the form of a unit's serial number and of a GTIN, and their check characters.
 *
 * A serial is 12 characters of 0-9 A-Z: a two-character product code, nine base-32 letters, and one check character
 * (ISO 7064, MOD 37,36), which catches every single wrong character and all but one in 630 swaps of two neighbours.
 * The record store computes the same in SQL (schema/migrations); both are tested with the same vectors.
 *
 * Owner    values
 * Threads  any
 * Secrets  none
 * Layer    base/
 */
#pragma once

#include "base/fault.h"

#define SERIAL_LENGTH 12
#define SERIAL_SIZE (SERIAL_LENGTH + 1)

/* The check character of a text of 0-9 A-Z; '\0' when another character is in it. */
NODISCARD NONNULL(1) char serial_check_character(const char *body, size_t length);

/* True for a whole serial with the right check character. */
NODISCARD NONNULL(1) bool serial_is_valid(const char *text);

/* True for 14 digits whose last is the GS1 check digit of the others. */
NODISCARD NONNULL(1) bool gtin14_is_valid(const char *text);

#define MAC_TEXT_SIZE 18

/* "02:4b:00:00:00:10", lower case (IEEE 802 with colons). */
void mac_text(uint64_t mac, char ret_text[MAC_TEXT_SIZE]);
