/* Trains a mixture of experts by gradient descent, in a program that does all else itself. Each token belongs to one of eight
 * groups, and group g is to turn over the channels g and g + 8. Against an installed library:
 *   cc examples/layer.c $(pkg-config --cflags --libs sigmoe) */
#include <sigmoe.h>
#include <stdio.h>
#include <stdlib.h>

enum { WIDTH = 16, TOKENS = 512, STEPS = 1000 };

static const char *const keys[][2] = {{"d_model", "16"}, {"ff.type", "moe"}, {"ff.n_experts", "8"},
    {"ff.expert_size", "32"}, {"ff.k", "2"}, {"ff.regularizer", "entropy"},
    {"ff.regularizer_weight", "0.01"}};

static void check(sigmoe_status status) {
    if (status == SIGMOE_OK) return;
    fprintf(stderr, "layer: %s\n", sigmoe_message());
    exit(1);
}

static void draw_tokens(float *x, float *target) {
    for (int t = 0; t < TOKENS; t++, x += WIDTH, target += WIDTH) {
        int group = rand() % 8;
        for (int i = 0; i < WIDTH; i++) x[i] = 2.0f * (float)rand() / (float)RAND_MAX - 1;
        x[group] = x[group] < 0 ? -2 : 2;
        for (int i = 0; i < WIDTH; i++) target[i] = i % 8 == group ? -x[i] : x[i];
    }
}

/* The mean squared error; dy is its gradient. */
static double error_of(const float *y, const float *target, float *dy) {
    double sum = 0;
    for (int i = 0; i < TOKENS * WIDTH; i++) {
        dy[i] = 2 * (y[i] - target[i]) / TOKENS;
        sum += (y[i] - target[i]) * (y[i] - target[i]);
    }
    return sum / (TOKENS * WIDTH);
}

int main(void) {
    static float x[TOKENS * WIDTH], target[TOKENS * WIDTH], y[TOKENS * WIDTH], dy[TOKENS * WIDTH],
        dx[TOKENS * WIDTH];
    sigmoe_config *config;
    sigmoe_block *block;
    sigmoe_block_call call;
    sigmoe_parameter p;
    check(sigmoe_config_create(&config));
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        check(sigmoe_config_set(config, keys[i][0], keys[i][1]));
    check(sigmoe_block_create(config, 0, 1, SIGMOE_F32, &block));
    sigmoe_block_call_defaults(&call);
    call.tokens = TOKENS, call.x = x, call.training = call.keep = true;
    for (call.step = 0; call.step <= STEPS; call.step++) {
        draw_tokens(x, target);
        check(sigmoe_block_forward(block, &call, y));
        double error = error_of(y, target, dy);
        if (call.step % 250 == 0) printf("step %4d: error %.3f\n", (int)call.step, error);
        check(sigmoe_block_backward(block, dy, dx));
        for (int i = 0; sigmoe_block_parameter(block, i, &p); i++)
            for (int64_t j = 0; j < p.count; j++) p.value[j] -= 0.3f * p.gradient[j];
        sigmoe_block_clear_gradients(block);
    }
    sigmoe_block_free(block);
    sigmoe_config_free(config);
    return 0;
}
