/* secret_read() in a comment is no call, nor is "secret_read" in a string. */
void show(const struct secret *secret)
{
    puts("secret_read");
    printf("%s\n", (const char *)secret_read(secret));
    const uint8_t *(*door)(const struct secret *) = secret_read;
}
