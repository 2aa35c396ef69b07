/* fault.h -- what went wrong, carried up by value.
 *
 * A function that can fail returns bool and takes a `struct fault *` last. On false the fault is filled; on true it
 * is untouched. The module that notices a failure sets the fault; each caller may put its own step in front of it;
 * only station/ prints or records it.
 *
 * A fault never holds a secret: `struct secret` has no printf form, and the text is built from names and numbers.
 *
 * Owner    the caller owns the struct; nothing in it is allocated
 * Threads  any; there is no shared state
 * Secrets  none, by the rule above
 * Layer    base/, used by every room
 */
#pragma once

#include "base/compiler.h"

/* What the line does about a fault. */
enum fault_action {
    FAULT_ACTION_RETRY,        /* the same step may be tried again, once, by the program itself */
    FAULT_ACTION_REJECT_UNIT,  /* this unit leaves the line; the slot takes the next one */
    FAULT_ACTION_STOP_STATION, /* nothing more is provisioned until a person has mended it */
    FAULT_ACTION_CALL_SUPPORT, /* the program itself or its records are in doubt */
};

/* Process exit codes, the same for every command. */
enum fault_exit {
    FAULT_EXIT_OK = 0,
    FAULT_EXIT_CHECK_FAILED = 1,  /* integrity broken, a unit not good */
    FAULT_EXIT_USAGE = 2,         /* wrong arguments or a wrong configuration file */
    FAULT_EXIT_NOT_FOUND = 3,     /* the thing asked for does not exist */
    FAULT_EXIT_NOT_PERMITTED = 4, /* the role, the PIN or the order does not allow it */
    FAULT_EXIT_HARDWARE = 5,      /* token, unit, printer, scanner or port */
    FAULT_EXIT_RECORD = 6,        /* the record store */
    FAULT_EXIT_TRY_AGAIN = 75,    /* EX_TEMPFAIL of sysexits.h */
};

enum fault_language { FAULT_ENGLISH, FAULT_JAPANESE };

enum fault_code {
    FAULT_NONE = 0,
#define FAULT(name, number, action, exit, title_en, todo_en, title_ja, todo_ja) FAULT_##name = (number),
#include "base/fault.def"
#undef FAULT
};

struct fault {
    enum fault_code code;
    unsigned long native; /* the lower layer's own code: CK_RV, errno, libusb_error, SQLSTATE; 0 when there is none */
    const char *file;     /* where it was first set; static storage */
    int line;
    char text[256]; /* "bind unit: open token: C_Login: CKR 0xa0"; cut, never overrun; always printable UTF-8 */
};

/* Fills `fault`. The whole is false, so that a failing function ends in one line: return fault_set(...); */
#define fault_set(fault, code, native, ...)                                                                            \
    (fault_set_at(fault, __FILE_NAME__, __LINE__, code, native, __VA_ARGS__), false)

/* Puts "<step>: " in front of the text. The whole is false. */
#define fault_within(fault, ...) (fault_within_at(fault, __VA_ARGS__), false)

NONNULL(1, 2)
PRINTF(6, 7)
void fault_set_at(struct fault *fault, const char *file, int line, enum fault_code code, unsigned long native,
                  const char *format, ...);

NONNULL(1, 2)
PRINTF(2, 3)
void fault_within_at(struct fault *fault, const char *format, ...);

/* The table's entries for a code. Unknown codes, such as one read back from an old record, have safe answers. */
NODISCARD const char *fault_name(enum fault_code code);
NODISCARD enum fault_action fault_action(enum fault_code code);
NODISCARD enum fault_exit fault_exit(enum fault_code code);
/* What happened, in the operator's words; and what to do now. Both are one sentence. */
NODISCARD const char *fault_title(enum fault_code code, enum fault_language language);
NODISCARD const char *fault_todo(enum fault_code code, enum fault_language language);

/* Walks the table in its own order: false when `index` is past the end. For the manual, the seed rows and the lint. */
NODISCARD NONNULL(2) bool fault_at(size_t index, enum fault_code *ret_code);
