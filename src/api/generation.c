// Chapter 5: generation.
#include "api/models_state.h"
#include "api/request.h"
#include "generate/generate.h"

void sigmoe_generate_defaults_sized(sigmoe_generate_request *request, size_t size) {
    const sigmoe_generate_request own = {.max_tokens = 200,
        .temperature = 1,
        .top_p = 1,
        .repetition_penalty = 1,
        .context = -1,
        .batch = DECODER_TEXTS};
    sized_fill(request, size, &own, sizeof own);
}

sigmoe_status sigmoe_generate(sigmoe_model *model, const sigmoe_generate_request *request,
    const sigmoe_observer *observer, sigmoe_generation *results) {
    sigmoe_generate_request own;
    sigmoe_observer space;
    TRY(REQUEST_READ(own, request, "generate"));
    TRY(observer_read(observer, &space, &observer));
    TRY(model_open_codec(model));
    generator g = {model->transformer, &model->work, model->codec};
    return generate_texts(&g, &own, observer, results);
}
