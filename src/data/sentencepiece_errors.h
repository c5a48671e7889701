// Turns failures of SentencePiece calls into statuses for C: no exception gets through. C++ only.
#pragma once

#include <exception>
#include <new>
#include <sentencepiece_processor.h>
#include <string>

extern "C" {
#include "base/status.h"
}

// Runs `body`; an exception becomes a failure.
template <class Body> sigmoe_status guarded(const char *what, Body body) noexcept {
    try {
        return body();
    } catch (const std::bad_alloc &) {
        return fail(SIGMOE_NO_MEMORY, "no memory to %s", what);
    } catch (const std::exception &e) {
        return fail(SIGMOE_BAD_FORMAT, "cannot %s: %s", what, e.what());
    } catch (...) {
        return fail(SIGMOE_BAD_FORMAT, "cannot %s", what);
    }
}

// "Internal: src/trainer_interface.cc(590) [condition] reason" -> "reason"
inline std::string reason_of(const ::sentencepiece::util::Status &status) {
    std::string text = status.error_message();
    size_t bracket = text.rfind("] ");
    if (bracket == std::string::npos) return "SentencePiece refuses it";
    text = text.substr(bracket + 2);
    while (!text.empty() && (text.back() == '.' || text.back() == ' ')) text.pop_back();
    return text.empty() ? "SentencePiece refuses it" : text;
}
