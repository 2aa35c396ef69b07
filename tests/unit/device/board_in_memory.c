#include "tests/unit/device/board_in_memory.h"

#include <openssl/evp.h>
#include <string.h>

static uint32_t time_ms(void *context)
{
    return ((struct board_in_memory *)context)->now_ms;
}

static bool make_random(void *context, uint8_t *ret_bytes, size_t size)
{
    memset(ret_bytes, 0x5a, size);
    return ((struct board_in_memory *)context)->random_works;
}

static bool flash_read(void *context, unsigned bank, uint32_t offset, uint8_t *ret_bytes, size_t size)
{
    const struct board_in_memory *board = context;
    memcpy(ret_bytes, board->flash + bank * BANK_SIZE + offset, size);
    return true;
}

/* False when this call is the one that fails. */
static bool put(struct board_in_memory *board, size_t at, const uint8_t *bytes, uint8_t fill, size_t size)
{
    if (++board->flash_calls == board->broken_call)
        return board->silently;
    for (size_t i = 0; i < size && !board->power_gone; i++) {
        board->flash[at + i] = bytes ? bytes[i] : fill;
        board->power_gone = ++board->flash_bytes == board->power_cut_at;
        if (board->power_gone)
            board->flash[at + i] ^= 0x11;
    }
    return !board->power_gone;
}

static bool flash_write(void *context, unsigned bank, uint32_t offset, const uint8_t *bytes, size_t size)
{
    struct board_in_memory *board = context;
    if (offset % DEVICE_FLASH_UNIT != 0 || size % DEVICE_FLASH_UNIT != 0 || size > BANK_SIZE - offset)
        return false;
    return put(board, bank * BANK_SIZE + offset, bytes, 0, size);
}

static bool flash_erase(void *context, unsigned bank)
{
    return put(context, bank * BANK_SIZE, NULL, 0xff, BANK_SIZE);
}

static bool sha256(void *context, const uint8_t *bytes, size_t size, uint8_t ret_digest[32])
{
    (void)context;
    return EVP_Digest(bytes, size, ret_digest, NULL, EVP_sha256(), NULL) == 1;
}

static bool password_hash(void *context, const uint8_t salt[16], const uint8_t *password, size_t size,
                          uint8_t ret_hash[32])
{
    uint8_t bytes[16 + DEVICE_PASSWORD_MAX];
    memcpy(bytes, salt, 16);
    memcpy(bytes + 16, password, size);
    return sha256(context, bytes, 16 + size, ret_hash);
}

static bool key_make(void *context, struct unit_key *ret_key)
{
    struct board_in_memory *board = context;
    board->keys_made++;
    ret_key->size = 32;
    memset(ret_key->bytes, (int)board->keys_made, 32);
    return true;
}

static bool csr_make(void *context, const struct unit_key *key, const char *serial, uint8_t *ret_csr, size_t size,
                     size_t *ret_size)
{
    (void)context;
    *ret_size = 1 + strlen(serial);
    if (*ret_size > size)
        return false;
    ret_csr[0] = key->bytes[0];
    memcpy(ret_csr + 1, serial, strlen(serial));
    return true;
}

static bool certificate_check(void *context, const struct unit_key *key, const char *serial, const uint8_t *certificate,
                              size_t certificate_size, const uint8_t *issuing, size_t issuing_size)
{
    (void)key;
    (void)serial;
    (void)certificate;
    (void)certificate_size;
    (void)issuing;
    (void)issuing_size;
    return ((struct board_in_memory *)context)->certificate_fits;
}

static bool transport_make(void *context, struct unit_key *ret_key, uint8_t ret_point[DEVICE_POINT_SIZE])
{
    memset(ret_point, 0x77, DEVICE_POINT_SIZE);
    ret_point[0] = 0x04;
    return key_make(context, ret_key);
}

/* The wrapped key is the transport key's first byte, sixteen times, and then the key. */
static bool key_unwrap(void *context, const struct unit_key *transport, const uint8_t point[DEVICE_POINT_SIZE],
                       const uint8_t *wrapped, size_t size, struct unit_key *ret_key)
{
    (void)context;
    for (size_t i = 0; i < 16; i++)
        if (wrapped[i] != transport->bytes[0] || point[0] != 0x04)
            return false;
    ret_key->size = size - 16;
    memcpy(ret_key->bytes, wrapped + 16, ret_key->size);
    return true;
}

void board_give_keys(struct board_in_memory *board)
{
    board->platform.key_make = NULL;
    board->platform.csr_make = NULL;
    board->platform.transport_make = transport_make;
    board->platform.key_unwrap = key_unwrap;
}

void board_start(struct board_in_memory *board)
{
    static const char *const interfaces[] = {"tcp/443", NULL};
    memset(board, 0, sizeof *board);
    memset(board->flash, 0xff, sizeof board->flash);
    board->certificate_fits = true;
    board->random_works = true;
    board->platform = (struct unit_platform){.context = board,
                                             .time_ms = time_ms,
                                             .random = make_random,
                                             .bank_size = BANK_SIZE,
                                             .flash_read = flash_read,
                                             .flash_write = flash_write,
                                             .flash_erase = flash_erase,
                                             .sha256 = sha256,
                                             .password_hash = password_hash,
                                             .key_make = key_make,
                                             .csr_make = csr_make,
                                             .certificate_check = certificate_check};
    board->model = (struct unit_model){.model = "KR-1000",
                                       .firmware_version = "1.0",
                                       .hardware_id = {1, 2, 3},
                                       .hardware_id_size = 3,
                                       .has_login = true,
                                       .can_reopen = true,
                                       .login_delay_ms = 100,
                                       .interfaces = interfaces};
    device_start(&board->device, &board->platform, &board->model);
}

void board_restart(struct board_in_memory *board)
{
    device_stop(&board->device);
    board->power_cut_at = 0;
    board->power_gone = false;
    board->broken_call = 0;
    device_start(&board->device, &board->platform, &board->model);
}
