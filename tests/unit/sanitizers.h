// Which sanitizers this is built with, as gcc and clang each say it: some of what tests do is not possible under them.
#pragma once

#if defined(__has_feature)
#define CLANG_FEATURE(name) __has_feature(name)
#else
#define CLANG_FEATURE(name) 0
#endif

#if defined(__SANITIZE_ADDRESS__) || CLANG_FEATURE(address_sanitizer)
enum { ADDRESS_SANITIZED = 1 };
#else
enum { ADDRESS_SANITIZED = 0 };
#endif

#if defined(__SANITIZE_THREAD__) || CLANG_FEATURE(thread_sanitizer)
enum { THREAD_SANITIZED = 1 };
#else
enum { THREAD_SANITIZED = 0 };
#endif

#undef CLANG_FEATURE
