#include "hsm/backup.h"

#include "base/bytes.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TITLE "kokuin-fingerprint-backup 1\n"

bool backup_make(const struct carried *key, const uint8_t recovery[POINT_SIZE], struct backup *ret_backup,
                 struct fault *fault)
{
    struct backup backup;
    memcpy(backup.recovery, recovery, sizeof backup.recovery);
    if (!carry_check(key, KEY_FINGERPRINT, backup.check, fault) || !carry_seal(key, recovery, &backup.parcel, fault))
        return fault_within(fault, "back up '%s'", KEY_FINGERPRINT);
    *ret_backup = backup;
    return true;
}

bool backup_write(const struct backup *backup, char **ret_text, struct fault *fault)
{
    char check[2 * MAKE_CHECK_SIZE + 1], recovery[2 * POINT_SIZE + 1], point[2 * POINT_SIZE + 1];
    char wrapped[2 * CARRY_WRAPPED_SIZE + 1], *text;
    hex_write(backup->check, sizeof backup->check, check);
    hex_write(backup->recovery, sizeof backup->recovery, recovery);
    hex_write(backup->parcel.point, sizeof backup->parcel.point, point);
    hex_write(backup->parcel.wrapped, sizeof backup->parcel.wrapped, wrapped);
    if (asprintf(&text, TITLE "check %s\nrecovery %s\npoint %s\nwrapped %s\n", check, recovery, point, wrapped) < 0)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "write the fingerprint key's backup");
    *ret_text = text;
    return true;
}

bool backup_write_check(const uint8_t check[MAKE_CHECK_SIZE], char **ret_text, struct fault *fault)
{
    char hex[2 * MAKE_CHECK_SIZE + 1], *text;
    hex_write(check, MAKE_CHECK_SIZE, hex);
    if (asprintf(&text, "%s\n", hex) < 0)
        return fault_set(fault, FAULT_NO_MEMORY, 0, "write the fingerprint key's check value");
    *ret_text = text;
    return true;
}

/* "name " and exactly so many bytes in hex, and the end of the line. */
static bool read_line(struct reader *reader, const char *name, uint8_t *ret_bytes, size_t size)
{
    char hex[2 * POINT_SIZE + 1];
    size_t length = strlen(name);
    struct fault ignored;
    const uint8_t *head = reader_take(reader, length + 1);
    if (!head || memcmp(head, name, length) != 0 || head[length] != ' ')
        return false;
    reader_copy(reader, hex, 2 * size);
    hex[2 * size] = '\0';
    /* hex_read() takes capitals too; this program writes none. */
    return reader_u8(reader) == '\n' && !reader->failed && strspn(hex, "0123456789abcdef") == 2 * size &&
           hex_read(hex, ret_bytes, size, &ignored);
}

bool backup_read(const char *text, size_t size, struct backup *ret_backup, struct fault *fault)
{
    struct reader reader = reader_over(text, size);
    struct backup backup;
    const uint8_t *title = reader_take(&reader, sizeof TITLE - 1);
    if (!title || memcmp(title, TITLE, sizeof TITLE - 1) != 0 ||
        !read_line(&reader, "check", backup.check, sizeof backup.check) ||
        !read_line(&reader, "recovery", backup.recovery, sizeof backup.recovery) ||
        !read_line(&reader, "point", backup.parcel.point, sizeof backup.parcel.point) ||
        !read_line(&reader, "wrapped", backup.parcel.wrapped, sizeof backup.parcel.wrapped))
        return fault_set(fault, FAULT_BAD_BYTES, 0, "%s is cut or not as this program writes it", BACKUP_FILE);
    if (!reader_end(&reader, BACKUP_FILE, fault))
        return false;
    *ret_backup = backup;
    return true;
}

bool backup_open(struct token *recovery, const struct backup *backup, struct carried *ret_key, struct fault *fault)
{
    CLEANUP(carry_drop) struct carried opened = {0};
    struct key key;
    uint8_t check[MAKE_CHECK_SIZE];
    if (!key_find(recovery, KEY_RECOVERY, &key, fault))
        return fault_within(fault, "open the fingerprint key's backup");
    if (memcmp(key.point, backup->recovery, sizeof key.point) != 0)
        return fault_set(fault, FAULT_HSM_KEY_WRONG, 0, "%s is sealed to another recovery key than that of token '%s'",
                         BACKUP_FILE, recovery->label);
    if (!carry_open(recovery, &key, &backup->parcel, &opened, fault) ||
        !carry_check(&opened, KEY_FINGERPRINT, check, fault))
        return fault_within(fault, "open the fingerprint key's backup");
    if (CRYPTO_memcmp(check, backup->check, sizeof check) != 0)
        return fault_set(fault, FAULT_HSM_KEY_WRONG, 0, "%s opens to another value than its check value says",
                         BACKUP_FILE);
    *ret_key = opened;
    opened.handle = CK_INVALID_HANDLE;
    return true;
}
