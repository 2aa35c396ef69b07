const uint8_t *secret_read(const struct secret *secret)
