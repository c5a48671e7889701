#include "train/validate.h"

#include "train/evaluate.h"
#include "train/saving.h"
#include "train/trainer_state.h"

#include <stdlib.h>

// Saving is safe here: scoring changes nothing that a checkpoint holds.
static sigmoe_status save_if_asked(void *context) {
    trainer *t = context;
    TRY(team_agree(&t->team, false, false));
    return trainer_save_if_asked(t);
}

sigmoe_status trainer_score(trainer *t, const char *split, int64_t batch, int64_t limit_tokens,
    const sigmoe_observer *observer, sigmoe_scores *scores) {
    token_split *tokens = NULL;
    TRY(trainer_split(t, split, &tokens));
    evaluation e = {.model = t->model,
        .between = save_if_asked,
        .between_context = t,
        .kernel = t->work.kernel,
        .activations = t->work.activations,
        .tokens = tokens,
        .data = &t->data,
        .split = split,
        .batch = batch,
        .rank = communicator_rank(t->team.link),
        .exchange = team_exchange(&t->team),
        .memory_segments = t->config.model.memory_eval,
        .limit_tokens = limit_tokens,
        .task = split,
        .observer = observer};
    return evaluate(&e, scores);
}

sigmoe_status trainer_sample(trainer *t, const char *prompt, arena *a, const char **text) {
    sampler *s;
    char *continuation;
    size_t size;
    TRY(sampler_open(&t->config, prompt, &s));
    sigmoe_status status = sampler_continue(s, t->model, &t->work, &continuation, &size);
    sampler_close(s);
    TRY(status);
    *text = arena_text(a, "%s", continuation);
    free(continuation);
    return *text ? SIGMOE_OK : SIGMOE_NO_MEMORY;
}
