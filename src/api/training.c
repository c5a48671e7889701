// Chapter 5: training, evaluation, forward.
#include "config/train_settings.h"
#include "train/forward_file.h"
#include "train/run.h"
#include "train/score.h"

void sigmoe_train_defaults(sigmoe_train_request *request) {
    *request = (sigmoe_train_request){
        .settings = train_settings_default(), .checkpoint_seconds = CHECKPOINT_SECONDS};
}

sigmoe_status sigmoe_train(
    const sigmoe_train_request *request, const sigmoe_observer *observer, sigmoe_train_result *result) {
    return run_train(request, observer, result);
}

void sigmoe_eval_defaults(sigmoe_eval_request *request) {
    *request = (sigmoe_eval_request){.split = "test", .batch = 4, .memory_segments = -1};
}

sigmoe_status sigmoe_evaluate(
    const sigmoe_eval_request *request, const sigmoe_observer *observer, sigmoe_scores *scores) {
    return score_model(request, observer, scores);
}

void sigmoe_forward_defaults(sigmoe_forward_request *request) {
    *request = (sigmoe_forward_request){.memory_segments = -1};
}

sigmoe_status sigmoe_forward(const sigmoe_forward_request *request, const sigmoe_observer *observer) {
    return forward_file(request, observer);
}
