/* messages.h -- everything the processes of a station say to one another.
 *
 * SOCK_SEQPACKET, one struct per message, each direction one type, all sizes fixed. The supervisor sits in the middle:
 * workers talk to it only. No message carries a secret; a password travels through the private conduit that a slot
 * worker hands to its printer worker as a descriptor (MESSAGE_PRINT), which the supervisor passes on unread.
 *
 * Layer    station/line/, and station/flow/ for the slot's words
 */
#pragma once

#include "base/fault.h"
#include "base/serial.h"

#define MESSAGE_VERSION 3

/* What a slot shows. Later screens draw exactly this. */
enum slot_view {
    SLOT_EMPTY,   /* waiting for a unit */
    SLOT_WORKING, /* step `step` of `steps` */
    SLOT_LABEL,   /* the label is out: apply it and scan it */
    SLOT_OK,      /* closed: take the unit out */
    SLOT_NG,      /* failed: take the unit out; the fault says why */
    SLOT_HOLD,    /* the station stopped: a person must mend it */
};

/* How a slot worker's production tokens stand; the larger, the worse. */
enum slot_token {
    SLOT_TOKEN_UNKNOWN, /* it has not opened any yet */
    SLOT_TOKEN_UP,
    SLOT_TOKEN_DEGRADED, /* on a spare */
    SLOT_TOKEN_DOWN,
};

/* slot worker -> supervisor */
enum slot_message_kind {
    SLOT_SAYS_STATE = 1, /* the slot's view changed; the first one says that the worker is ready, or cannot be */
    SLOT_SAYS_PRINT,     /* a conduit to the printer rides along */
    SLOT_SAYS_SCAN,      /* the answer to a scan: `fault` is 0 or why not */
};

/* What a scan is for; the cards say so. */
enum slot_wish {
    SLOT_WISH_CLOSE, /* the label sits on the unit */
    SLOT_WISH_VOID,  /* the label in hand is spoilt: void it and print it again */
    SLOT_WISH_REKEY, /* the label is missing: a new password */
};

struct slot_message {
    uint32_t version;
    uint32_t kind;
    uint32_t slot;
    uint32_t view;
    uint32_t step, steps;
    uint32_t fault;       /* stable number; 0: none */
    uint32_t printer;     /* with PRINT: index in the jig */
    uint32_t attempt;     /* with STATE: more than 1 is rework; 0: none yet */
    uint32_t token;       /* with STATE: enum slot_token */
    uint32_t wish;        /* with SCAN: enum slot_wish, as it was ordered */
    char token_label[33]; /* with STATE: of the token in use, or of the last one; "" before the first */
    char step_name[32];
    char serial[SERIAL_SIZE];
    char label[17]; /* with PRINT, and with LABEL */
    char model[33];
    char text[256]; /* the fault's engineer text; never a secret */
};

/* supervisor -> slot worker */
enum slot_order_kind {
    SLOT_ORDER_SCAN = 1, /* a complete, checked label scan for this slot; no label with SLOT_WISH_REKEY */
    SLOT_ORDER_PAUSE,    /* finish the unit in the slot, start none */
    SLOT_ORDER_RESUME,   /* a slot on hold, or on a spare token once it is empty, ends here and is started afresh, with
                            every room opened anew */
    SLOT_ORDER_STOP,     /* finish the unit in the slot, then end; a unit that waits for its scan is left as it is */
    SLOT_ORDER_OPERATOR, /* another badge: it counts from the next unit on */
};

struct slot_order {
    uint32_t version;
    uint32_t kind;
    uint32_t wish; /* with SCAN: enum slot_wish */
    char gtin[15];
    char serial[SERIAL_SIZE];
    char label[17];
    char badge[33];
};

/* supervisor -> printer worker: a conduit rides along. Over the conduit the slot worker sends one print_job and the
 * packed bitmap in pieces of PRINT_PIECE bytes (the last one is shorter), and gets one print_outcome. */
struct printer_order {
    uint32_t version;
    uint32_t slot;
    char label[17];
};

#define PRINT_PIECE 16384

struct print_job {
    uint32_t version;
    uint32_t width, height; /* dots */
    uint32_t stride;        /* bytes per row; a set bit is ink, most significant first */
    char label[17];         /* the label's id, used as the job's name */
};

struct print_outcome {
    uint32_t version;
    uint32_t level; /* enum store_print_level */
    uint32_t fault; /* 0: printed as far as `level` can tell */
    char text[256];
};

/* scanner reader -> supervisor */
enum scan_kind {
    SCAN_LABEL = 1, /* GS1 DataMatrix of one of our labels */
    SCAN_SLOT_TAG,  /* the tag painted at a slot: "KOKUIN-SLOT-3" */
    SCAN_BADGE,     /* operator's badge: "KOKUIN-BADGE-xxxx" */
    SCAN_PAUSE,     /* the card "KOKUIN-PAUSE": no slot starts another unit */
    SCAN_RESUME,    /* the card "KOKUIN-RESUME" */
    SCAN_REPRINT,   /* the card "KOKUIN-REPRINT": the label scanned next is spoilt */
    SCAN_REKEY,     /* the card "KOKUIN-REKEY": the label of the slot whose tag is scanned next is missing */
    SCAN_REFUSED,   /* not ours, truncated, or bad check character: `fault` says which; the content is dropped */
};

struct scan_message {
    uint32_t version;
    uint32_t kind;
    uint32_t scanner; /* index in the jig */
    uint32_t slot;    /* with SLOT_TAG */
    uint32_t fault;   /* with REFUSED */
    char gtin[15], serial[SERIAL_SIZE], label[17];
    char badge[33];
};
