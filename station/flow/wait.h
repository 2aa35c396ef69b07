/* wait.h -- a wait that a unit or a peer asked for, to its deadline and not beyond.
 *
 * Owner    values
 * Threads  any
 * Secrets  none
 * Layer    station/flow/
 */
#pragma once

#include "base/clock.h"

void wait_until(struct deadline deadline);
