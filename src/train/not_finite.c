#include "train/not_finite.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---------------------------------------------------------------- the policy

static const char rewind_to[] = "rewind:";

sigmoe_status not_finite_policy_read(const char *text, not_finite_policy *out) {
    char *end;
    *out = (not_finite_policy){NOT_FINITE_STOP, 1};
    if (!text || strcmp(text, "stop") == 0) return SIGMOE_OK;
    out->action = strcmp(text, "skip") == 0 ? NOT_FINITE_SKIP : NOT_FINITE_REWIND;
    if (out->action == NOT_FINITE_SKIP || strcmp(text, "rewind") == 0) return SIGMOE_OK;
    size_t length = sizeof rewind_to - 1;
    if (strncmp(text, rewind_to, length) == 0 && strlen(text) < ON_NONFINITE) {
        out->lr_factor = strtod(text + length, &end);
        if (!*end && end > text + length && out->lr_factor > 0 && out->lr_factor < 1) return SIGMOE_OK;
    }
    return fail(SIGMOE_BAD_ARGUMENT,
        "`on_nonfinite` is \"%s\": choose stop, skip, rewind, or rewind:F with a factor F between 0 and 1",
        text);
}

// ---------------------------------------------------------------- the sentence

static void describe_place(
    const parameter *bad, const step_report *report, model_place place, char text[160]) {
    switch (place.part) {
    case PART_EMBEDDING:
        snprintf(text, 160, "the loss is not finite, first the output of the embedding");
        return;
    case PART_ATTENTION:
        snprintf(text, 160, "the loss is not finite, first the output of layers.%d, attention", place.layer);
        return;
    case PART_FEEDFORWARD:
        snprintf(text, 160, "the loss is not finite, first the output of layers.%d, feedforward block",
            place.layer);
        return;
    case PART_NONE:
        if (!isfinite(report->loss))
            snprintf(text, 160, "the loss is not finite, first the logits");
        else if (!isfinite(report->regularizer))
            snprintf(text, 160, "the regularizer is not finite");
        else if (bad)
            snprintf(text, 160, "the gradient is not finite, first that of %s", bad->name);
        else
            snprintf(text, 160, "the gradient's norm is not finite");
    }
}

sigmoe_status step_not_finite(
    const parameter *bad, double clip, const step_report *report, model_place place) {
    char what[160];
    describe_place(bad, report, place, what);
    return fail(SIGMOE_NOT_FINITE,
        "step %lld: %s; try a lower learning rate (it is %g), a clip (it is %g), a longer warm-up, or "
        "`on_nonfinite`",
        (long long)report->step, what, report->lr, clip);
}
