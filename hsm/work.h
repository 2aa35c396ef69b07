/* work.h -- the steps that a ceremony and a restoration share: keys made one after another under a journal, so that
 * whoever is interrupted goes on where the journal ends.
 *
 * Owner    work_end() closes the journal and frees the certificates
 * Threads  one
 * Secrets  the root's PIN passes through
 * Layer    hsm/, inside the room only
 */
#pragma once

#include "hsm/backup.h"
#include "hsm/journal.h"
#include "hsm/output.h"
#include "hsm/record.h"

#define WORK_FILES_MAX (PLACES_MAX + 4)

struct work {
    const struct ceremony_names *names; /* names->output is the directory */
    const struct secret *root_pin;
    const char *journal_file;
    struct places places;
    struct journal journal;

    struct token *root; /* who certifies, as soon as its key and certificate are known */
    struct key root_key;
    X509 *root_certificate; /* belongs to its place, or to the caller */

    const char *files[WORK_FILES_MAX]; /* all that this work writes; the record is the last */
    size_t file_count;
    bool may_undo; /* what is there is known to be ours, and as we left it: else a person must look first */
    bool done;
};

/* Refuses when a key or a file of this work is there, though no journal says that it is ours. Faults: HSM_KEY_EXISTS,
 * HSM_CALL, FILE.
 */
NODISCARD NONNULL(1, 2) bool work_check_free(const struct work *work, struct fault *fault);

/* Compares what an interrupted run left with its journal: a finished key must be there, once, as it was, and do its
 * work; a half-made one is destroyed, with its file. A key of one of our labels that the journal does not know is
 * refused. Faults: HSM_KEY_EXISTS, HSM_KEY_NOT_FOUND, HSM_KEY_WRONG and those of make_examine().
 */
NODISCARD NONNULL(1, 2) bool work_settle(struct work *work, struct fault *fault);

/* Makes one key, unless it was found finished. Faults: as make_key(), FILE. */
NODISCARD NONNULL(1, 2, 3) bool work_make(struct work *work, struct place *place, struct fault *fault);

/* Announces it in the journal with a new CKA_ID; and, when it was made and looked at, says so there. */
NODISCARD NONNULL(1, 2, 3) bool work_announce(struct work *work, struct place *place, struct fault *fault);
NODISCARD NONNULL(1, 2, 3) bool work_finish(struct work *work, struct place *place, struct fault *fault);

/* Destroys a key and forgets in the journal that it was made. Faults: HSM_CALL, FILE. */
NODISCARD NONNULL(1, 2, 3) bool work_take_back(struct work *work, struct place *place, struct fault *fault);

/* Keeps the certificate that is there and verifies it, or makes it and writes its file. Faults: CERTIFICATE_REFUSED,
 * HSM_PIN, HSM_CALL, CRYPTO, FILE.
 */
NODISCARD NONNULL(1, 2, 3) bool work_certify(struct work *work, struct place *place, struct fault *fault);

/* The certificate of a key that is known, from its file; it must be the key's and the root's, which is read first.
 * Faults: FILE when there is none, CERTIFICATE_REFUSED, CRYPTO.
 */
NODISCARD NONNULL(1, 2, 3) bool work_read_certificate(struct work *work, struct place *place, struct fault *fault);

/* The record and, before it, the page with its digest; then the journal is done. `facts` but its file are gathered
 * here. Faults: HSM_CALL, FILE, CRYPTO, NO_MEMORY.
 */
NODISCARD NONNULL(1, 2, 3, 4) bool work_record(struct work *work, struct record_facts *facts, const char *page_file,
                                               struct fault *fault);

/* One file, whole or not at all. `text` may be there already only to the letter. Faults: FILE. */
NODISCARD NONNULL(1, 2, 3, 4) bool work_write(struct work *work, const char *name, const char *text,
                                              struct fault *fault);

NODISCARD NONNULL(1, 2) bool work_is_finished(const struct work *work, const struct place *place);

/* Ends: work that failed is undone as far as the tokens let it (keys, files, and last the journal). What cannot be
 * undone stays in the journal. */
void work_end(struct work *work);
