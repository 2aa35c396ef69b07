/* compiler.h -- the few language extensions the house uses, named once. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NODISCARD __attribute__((warn_unused_result))
#define NONNULL(...) __attribute__((nonnull(__VA_ARGS__)))
#define PRINTF(format_at, first_at) __attribute__((__format__(__printf__, format_at, first_at)))
#define UNUSED __attribute__((unused))

/* 1 in a build with AddressSanitizer. Secrets then lie on the ordinary heap, where an overrun is seen, and the process
 * stays dumpable, because LeakSanitizer looks at it with ptrace(2). Nothing else may differ between builds. */
#if defined(__SANITIZE_ADDRESS__)
#define WATCHED_BY_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WATCHED_BY_SANITIZER 1
#endif
#endif
#ifndef WATCHED_BY_SANITIZER
#define WATCHED_BY_SANITIZER 0
#endif

#define ARRAY_SIZE(array) (sizeof(array) / sizeof *(array))

/* CLEANUP(token_freep) struct token *token = NULL;  -- freed on every way out of the scope, newest first. */
#define CLEANUP(function) __attribute__((cleanup(function)))

/* Defines name##p for CLEANUP() from a name that takes NULL and returns nothing. */
#define DEFINE_CLEANUP(type, function)                                                                                 \
    static inline void function##p(type *slot)                                                                         \
    {                                                                                                                  \
        function(*slot);                                                                                               \
    }

/* Hands a CLEANUP() pointer to the caller: yields its value and leaves NULL behind. */
#define TAKE(pointer)                                                                                                  \
    ({                                                                                                                 \
        typeof(pointer) taken_ = (pointer);                                                                            \
        (pointer) = NULL;                                                                                              \
        taken_;                                                                                                        \
    })
