/* simulated.h -- kokuin-unit as a process, on a socket pair, with a small station on the other end.
 *
 * Every function ends the test when it fails.
 */
#pragma once

#include "tests/unit/device/station_side.h"

#include <sys/types.h>

#define SERIAL "KR00000018"
#define PASSWORD "correct-horse-7"
#define WAIT_MS 20000

struct simulated {
    pid_t pid;
    struct station_side station;
};

/* The factory that units are born into; set by the test's main(). */
extern struct pki pki;

void flash_path(const char *board, char ret_path[64]);

/* Starts a unit on the flash of this board; `extra` are more arguments, ending with NULL, or NULL. */
void unit_start(struct simulated *unit, const char *board, const char *model, const char *const *extra);
void unit_start_misbehaving(struct simulated *unit, const char *board, const char *model, const char *name);
/* Hangs up, waits for the program's end and gives its exit code. */
int unit_stop(struct simulated *unit);

void connect_unit(struct simulated *unit);
void restart_unit(struct simulated *unit);
/* TRY_LOGIN's outcome. */
uint64_t outcome(struct simulated *unit, const char *user, const char *password);
