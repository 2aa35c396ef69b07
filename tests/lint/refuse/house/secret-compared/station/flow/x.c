bool same(const struct secret *a, const struct secret *b)
{
    return memcmp(secret_read(a), secret_read(b), 8) == 0;
}
