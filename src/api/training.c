// Chapter 7: training, evaluation, forward.
#include "api/request.h"
#include "base/cpu.h"
#include "config/train_settings.h"
#include "distribute/communicator.h"
#include "train/checkpoint_keep.h"
#include "train/forward_file.h"
#include "train/run.h"
#include "train/score.h"

#include <math.h>

void sigmoe_train_defaults_sized(sigmoe_train_request *request, size_t size) {
    const sigmoe_train_request own = {.settings = train_settings_default(),
        .checkpoint_seconds = CHECKPOINT_SECONDS,
        .keep = checkpoint_keep_default.newest};
    sized_fill(request, size, &own, sizeof own);
}

sigmoe_status sigmoe_train(
    const sigmoe_train_request *request, const sigmoe_observer *observer, sigmoe_train_result *result) {
    if (result) *result = (sigmoe_train_result){.loss = NAN, .tokens_per_second = NAN};
    sigmoe_train_request own;
    sigmoe_observer space;
    TRY(REQUEST_READ(own, request, "train"));
    TRY(cpu_init());
    TRY(observer_read(observer, &space, &observer));
    return run_train(&own, observer, result);
}

bool sigmoe_speaks(void) {
    return communicator_process_speaks();
}

void sigmoe_eval_defaults_sized(sigmoe_eval_request *request, size_t size) {
    const sigmoe_eval_request own = {.split = "test", .batch = 4, .memory_segments = -1};
    sized_fill(request, size, &own, sizeof own);
}

sigmoe_status sigmoe_evaluate(
    const sigmoe_eval_request *request, const sigmoe_observer *observer, sigmoe_scores *scores) {
    sigmoe_eval_request own;
    sigmoe_observer space;
    TRY(REQUEST_READ(own, request, "eval"));
    TRY(cpu_init());
    TRY(observer_read(observer, &space, &observer));
    return score_model(&own, observer, scores);
}

void sigmoe_forward_defaults_sized(sigmoe_forward_request *request, size_t size) {
    const sigmoe_forward_request own = {.memory_segments = -1};
    sized_fill(request, size, &own, sizeof own);
}

sigmoe_status sigmoe_forward(const sigmoe_forward_request *request, const sigmoe_observer *observer) {
    sigmoe_forward_request own;
    sigmoe_observer space;
    TRY(REQUEST_READ(own, request, "forward"));
    TRY(cpu_init());
    TRY(observer_read(observer, &space, &observer));
    return forward_file(&own, observer);
}
