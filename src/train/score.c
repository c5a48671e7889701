#include "train/score.h"

#include "config/model_directory.h"
#include "model/workspace.h"
#include "train/banner.h"
#include "train/checkpoint.h"
#include "train/evaluate.h"

#include <stdio.h>

static sigmoe_status check_request(const sigmoe_eval_request *r) {
    if (!r->model || !r->data || !r->split)
        return fail(SIGMOE_BAD_ARGUMENT, "model, data and split are needed");
    if (r->batch < 1)
        return fail(SIGMOE_BAD_ARGUMENT, "batch is %lld; it must be 1 or more", (long long)r->batch);
    if (r->memory_segments < -1)
        return fail(SIGMOE_BAD_ARGUMENT, "memory segments are %lld; they must be 0 or more",
            (long long)r->memory_segments);
    if (r->stride < 0)
        return fail(SIGMOE_BAD_ARGUMENT, "the stride is %lld; it must be 0 (a whole window) or more",
            (long long)r->stride);
    if (r->limit_tokens < 0)
        return fail(SIGMOE_BAD_ARGUMENT, "the limit is %lld tokens; it must be 0 (all) or more",
            (long long)r->limit_tokens);
    return SIGMOE_OK;
}

static void tell(const sigmoe_eval_request *r, const char *directory, const sigmoe_config *config,
    const dataset *data, const sigmoe_observer *observer) {
    char name[PATH_CAPACITY + 2], streams[64];
    snprintf(name, sizeof name, "%s, ", directory);
    snprintf(streams, sizeof streams, "%lld stream%s, ", (long long)r->batch, plural(r->batch));
    banner_model(observer, "model", name, &config->model);
    banner_data(observer, data, r->split);
    banner_compute(observer, streams, r->dtype);
}

static sigmoe_status score_split(const sigmoe_eval_request *r, const sigmoe_config *config,
    transformer *model, const dataset *data, const sigmoe_observer *observer, sigmoe_scores *scores) {
    char task[64];
    if (r->stride > config->model.unroll)
        return fail(SIGMOE_BAD_ARGUMENT,
            "the stride is %lld, but the model's windows have %lld token%s: those between would not be "
            "scored",
            (long long)r->stride, (long long)config->model.unroll, plural(config->model.unroll));
    snprintf(task, sizeof task, "eval %.40s", r->split);
    workspace w;
    token_split *tokens;
    TRY(dataset_open_split(data, r->split, &tokens));
    sigmoe_status status = workspace_open(observer ? observer->threads : 0, &w);
    if (status == SIGMOE_OK) {
        evaluation e = {.model = model,
            .kernel = w.kernel,
            .activations = w.activations,
            .tokens = tokens,
            .data = data,
            .split = r->split,
            .batch = r->batch,
            .memory_segments = r->memory_segments < 0 ? config->model.memory_eval : r->memory_segments,
            .stride = r->stride,
            .limit_tokens = r->limit_tokens,
            .task = task,
            .observer = observer};
        status = evaluate(&e, scores);
        workspace_close(&w);
    }
    token_split_close(tokens);
    return status;
}

sigmoe_status score_model(
    const sigmoe_eval_request *request, const sigmoe_observer *observer, sigmoe_scores *scores) {
    char directory[PATH_CAPACITY];
    dataset data;
    sigmoe_config config;
    transformer *model;
    TRY(check_request(request));
    TRY(dataset_open(request->data, &data));
    if (request->verify) TRY(dataset_verify(&data, observer));
    if (!dataset_split(&data, request->split))
        return fail(
            SIGMOE_BAD_ARGUMENT, "there is no split \"%.40s\": use train, valid or test", request->split);
    TRY(model_locate(request->model, directory));
    TRY(model_read(directory, STORE_VALUES, &config, &model));
    transformer_set_operands(model, operand_type(request->dtype));
    sigmoe_status status = config_agrees_with_data(&config, &data);
    if (status == SIGMOE_OK) tell(request, directory, &config, &data, observer);
    if (status == SIGMOE_OK) status = score_split(request, &config, model, &data, observer, scores);
    transformer_destroy(model);
    return status;
}
