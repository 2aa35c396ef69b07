/* board_in_memory.h -- a board for the reference unit inside the test's own process: flash that can be cut or broken at
 * any byte, and crypto that is simple enough to be foretold.
 */
#pragma once

#include "fixtures/unit/unit.h"

#define BANK_SIZE DEVICE_BANK_MIN

struct board_in_memory {
    struct unit_platform platform;
    struct unit_model model;
    struct device device;
    uint8_t flash[2 * BANK_SIZE];
    uint32_t now_ms;
    uint32_t keys_made;
    bool certificate_fits;
    bool random_works;

    uint64_t flash_bytes;  /* written or erased so far */
    uint64_t power_cut_at; /* the byte with this number, from 1, is the last, and is spoilt; 0: never */
    bool power_gone;       /* it happened: nothing is written any more */
    unsigned flash_calls;  /* writes and erasures so far */
    unsigned broken_call;  /* the call with this number, from 1, fails; 0: none */
    bool silently;         /* it says that it worked */
};

/* A blank board, started. */
void board_start(struct board_in_memory *board);
/* It does not make its key any more: it is given one. */
void board_give_keys(struct board_in_memory *board);
/* Power off and on. */
void board_restart(struct board_in_memory *board);
