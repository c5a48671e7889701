// Chapter 5: likelihoods.
#include "generate/likelihood.h"
#include "api/models_state.h"
#include "api/request.h"
#include "generate/passages.h"

void sigmoe_likelihood_defaults_sized(sigmoe_likelihood_request *request, size_t size) {
    const sigmoe_likelihood_request own = {0};
    sized_fill(request, size, &own, sizeof own);
}

sigmoe_status sigmoe_likelihoods(sigmoe_model *model, const sigmoe_likelihood_request *request,
    const sigmoe_observer *observer, sigmoe_likelihood *results) {
    sigmoe_likelihood_request own;
    sigmoe_observer space;
    TRY(REQUEST_READ(own, request, "likelihood"));
    TRY(observer_read(observer, &space, &observer));
    TRY(model_open_codec(model));
    likelihood_judge judge = {model->transformer, &model->work, model->codec};
    return likelihoods_of(&judge, &own, observer, results);
}

sigmoe_status sigmoe_passages_read(const char *file, const char *text, size_t size, sigmoe_passages **out) {
    if (!file || !text || !out)
        return fail(SIGMOE_BAD_ARGUMENT, "passages need a text, its name, and a place for them");
    return passages_read(file, text, size, out);
}

const sigmoe_passage *sigmoe_passages_list(const sigmoe_passages *passages, int64_t *count) {
    return passages_list(passages, count);
}

void sigmoe_passages_free(sigmoe_passages *passages) {
    passages_free(passages);
}
