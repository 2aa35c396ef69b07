/* console_dialogue.h -- from a product's data to what fixtures/ speaks by; the two rooms do not see one another.
 *
 * Owner    texts stay the product's
 * Threads  any
 * Secrets  none
 * Layer    station/flow/ may include jigs/ and fixtures/
 */
#pragma once

#include "fixtures/console.h"
#include "jigs/product.h"

/* Of a product with the driver console. Lives as long as the product. */
NONNULL(1, 2)
void console_dialogue_from(const struct product_console *console, struct console_dialogue *ret_dialogue);
