#include "jigs/conninfo.h"

#include <string.h>

/* Behind the value at `at`, plain or in single quotes with backslash escapes; NULL when a quote is not closed. */
static const char *skip_value(const char *at)
{
    bool quoted = *at == '\'';
    if (quoted)
        at++;
    for (; *at != '\0' && *at != (quoted ? '\'' : ' '); at++)
        if (*at == '\\' && *++at == '\0')
            return NULL;
    if (!quoted)
        return at;
    if (*at == '\0' || (at[1] != ' ' && at[1] != '\0'))
        return NULL;
    return at + 1;
}

static bool is_forbidden(const char *keyword, size_t length)
{
    static const char *const secrets[] = {"password", "sslpassword"};
    for (size_t i = 0; i < ARRAY_SIZE(secrets); i++)
        if (strlen(secrets[i]) == length && strncmp(keyword, secrets[i], length) == 0)
            return true;
    return false;
}

bool conninfo_read(const struct spot *spot, const char *key, const char *text, char *ret_conninfo, size_t size)
{
    if (strlen(text) >= size)
        return document_refuse(spot, key, FAULT_CONFIG_VALUE, "expected at most %zu characters", size - 1);
    const char *at = text;
    size_t count = 0;
    for (at += strspn(at, " "); at && *at; at += strspn(at, " "), count++) {
        size_t length = strspn(at, "abcdefghijklmnopqrstuvwxyz_");
        if (is_forbidden(at, length))
            return document_refuse(spot, key, FAULT_CONFIG_VALUE,
                                   "expected no password here; use peer authentication or passfile=PATH");
        const char *equals = at + length + strspn(at + length, " ");
        at = length > 0 && *equals == '=' ? skip_value(equals + 1 + strspn(equals + 1, " ")) : NULL;
        if (!at)
            break;
    }
    if (!at || count == 0)
        return document_refuse(spot, key, FAULT_CONFIG_VALUE,
                               "expected keyword=value pairs as \"host=/run/postgresql dbname=kokuin\"");
    memcpy(ret_conninfo, text, strlen(text) + 1);
    return true;
}
