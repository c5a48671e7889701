// Experts of any form with random weights and routing, their buffers, and what they must compute: plain loops in double precision.
#pragma once

#include "api/layer_checks.h"
#include "base/bf16.h"

typedef struct form {
    int64_t T, K, E, d, G, v;
    sigmoe_activation activation;
    sigmoe_gate gate;
    sigmoe_expert_layout layout;
    sigmoe_dtype type, gradients;
    bool up_bias, down_bias, unweighted;
} form;

static inline int64_t channels_of(const form *f) {
    return f->gate == SIGMOE_GATE_NONE ? f->G : 2 * f->G;
}

// A buffer [rows, cols] of the caller's. It begins one element behind an aligned address and ends with its last element; between
// the rows there is room that nobody may touch.
typedef struct buffer {
    void *memory, *data;
    sigmoe_dtype type;
    int64_t rows, cols, stride;
} buffer;

enum { ROOM = 3 };

static inline size_t size_of(sigmoe_dtype type) {
    return type == SIGMOE_BF16 ? sizeof(bf16) : sizeof(sigmoe_real);
}

static inline double get(const buffer *b, int64_t i) {
    int64_t at = i / b->cols * b->stride + i % b->cols;
    return b->type == SIGMOE_BF16 ? (double)bf16_value(((bf16 *)b->data)[at])
                                  : (double)((sigmoe_real *)b->data)[at];
}

static inline void put(const buffer *b, int64_t i, double value) {
    int64_t at = i / b->cols * b->stride + i % b->cols;
    if (b->type == SIGMOE_BF16)
        ((bf16 *)b->data)[at] = bf16_of((float)value);
    else
        ((sigmoe_real *)b->data)[at] = (sigmoe_real)value;
}

static inline void put_all(const buffer *b, double value) {
    for (int64_t i = 0; i < b->rows * b->cols; i++) put(b, i, value);
}

static inline buffer buffer_new(sigmoe_dtype type, int64_t rows, int64_t cols, int64_t room) {
    buffer b = {.type = type, .rows = rows, .cols = cols, .stride = cols + room};
    size_t size = size_of(type), bytes = (size_t)(rows * b.stride - (rows ? room : 0)) * size;
    b.memory = malloc(bytes + size);
    assert_non_null(b.memory);
    memset(b.memory, 0xff, bytes + size); // NaN in both types
    b.data = (char *)b.memory + size;
    return b;
}

static inline buffer buffer_normal(
    sigmoe_dtype type, int64_t rows, int64_t cols, int64_t room, double std, uint64_t key) {
    buffer b = buffer_new(type, rows, cols, room);
    random_stream stream = {.seed = 3, .step = key, .purpose = RANDOM_TEST};
    for (int64_t i = 0; i < rows * cols; i++) put(&b, i, std * random_normal(stream, (uint64_t)i));
    return b;
}

// Whether what lies between the rows is as buffer_new left it.
static inline bool room_is_untouched(const buffer *b) {
    size_t size = size_of(b->type);
    for (int64_t r = 0; r + 1 < b->rows; r++)
        for (size_t i = 0; i < (size_t)(b->stride - b->cols) * size; i++)
            if (((unsigned char *)b->data)[(size_t)(r * b->stride + b->cols) * size + i] != 0xff)
                return false;
    return true;
}

// Outputs, and inputs of the backward pass.
typedef struct problem {
    form f;
    sigmoe_experts *experts;
    int64_t *index;
    sigmoe_real *weight, *dweight;
    buffer x, up, down, up_bias, down_bias, y, dy, dx, dup, ddown, dup_bias, ddown_bias;
    void *saved;
    sigmoe_experts_call call;
    sigmoe_experts_gradients gradients;
    // What must come out; of the weights' and biases' gradients without what was there before.
    double *y_is, *dx_is, *dup_is, *ddown_is, *dup_bias_is, *ddown_bias_is, *dweight_is;
} problem;

// ---------------------------------------------------------------- what must come out

// The activation and its derivative.
static inline double activation_of(sigmoe_activation a, double x, double *slope) {
    double phi = exp(-x * x / 2) / sqrt(2 * M_PI), Phi = erfc(-x / sqrt(2)) / 2, sigmoid = 1 / (1 + exp(-x));
    double inner = sqrt(2 / M_PI) * (x + 0.044715 * x * x * x), t = tanh(inner);
    switch (a) {
    case SIGMOE_RELU:
        *slope = x > 0;
        return x > 0 ? x : 0;
    case SIGMOE_RELU2:
        *slope = x > 0 ? 2 * x : 0;
        return x > 0 ? x * x : 0;
    case SIGMOE_GELU:
        *slope = Phi + x * phi;
        return x * Phi;
    case SIGMOE_GELU_TANH:
        *slope = (1 + t) / 2 + x / 2 * (1 - t * t) * sqrt(2 / M_PI) * (1 + 3 * 0.044715 * x * x);
        return x * (1 + t) / 2;
    case SIGMOE_SILU:
        *slope = sigmoid * (1 + x * (1 - sigmoid));
        return x * sigmoid;
    }
    *slope = NAN;
    return NAN;
}

// Where the weight of expert e from input i to output o lies, with so many inputs and outputs.
static inline int64_t at(const form *f, int64_t e, int64_t i, int64_t o, int64_t inputs, int64_t outputs) {
    return f->layout == SIGMOE_EXPERTS_EDG ? (e * inputs + i) * outputs + o : (e * outputs + o) * inputs + i;
}

// One pair: the hidden channels with their slopes, then everything that comes of them.
static inline void expect_pair(problem *p, int64_t t, int64_t pair, int64_t e) {
    const form *f = &p->f;
    enum { MOST = 256 };
    int64_t H = channels_of(f), G = f->G, d = f->d, v = f->v;
    double before[2 * MOST], by_gate[MOST], by_value[MOST], hidden[MOST], w = p->weight[pair], dw = 0;
    assert_true(G <= MOST);
    for (int64_t h = 0; h < H; h++) {
        before[h] = f->up_bias ? get(&p->up_bias, e * H + h) : 0;
        for (int64_t i = 0; i < d; i++)
            before[h] += get(&p->x, t * d + i) * get(&p->up, at(f, e, i, h, d, H));
    }
    int64_t step = f->gate == SIGMOE_GATE_INTERLEAVED ? 2 : 1, value = f->gate == SIGMOE_GATE_FIRST ? G : 1;
    for (int64_t g = 0; g < G; g++) {
        double slope, act = activation_of(f->activation, before[g * step], &slope);
        double factor = f->gate == SIGMOE_GATE_NONE ? 1 : before[g * step + value];
        hidden[g] = act * factor;
        by_gate[g] = slope * factor;
        by_value[g] = act;
    }
    for (int64_t o = 0; o < v; o++) {
        double out = f->down_bias ? get(&p->down_bias, e * v + o) : 0, dout = get(&p->dy, t * v + o);
        for (int64_t g = 0; g < G; g++) {
            out += hidden[g] * get(&p->down, at(f, e, g, o, G, v));
            p->ddown_is[at(f, e, g, o, G, v)] += w * hidden[g] * dout;
        }
        p->y_is[t * v + o] += w * out;
        p->ddown_bias_is[e * v + o] += w * dout;
        dw += out * dout;
    }
    p->dweight_is[pair] = dw;
    for (int64_t g = 0; g < G; g++) {
        double dhidden = 0;
        for (int64_t o = 0; o < v; o++)
            dhidden += w * get(&p->dy, t * v + o) * get(&p->down, at(f, e, g, o, G, v));
        for (int64_t part = 0; part < H / G; part++) {
            int64_t h = g * step + part * value;
            double dbefore = dhidden * (part ? by_value[g] : by_gate[g]);
            p->dup_bias_is[e * H + h] += dbefore;
            for (int64_t i = 0; i < d; i++) {
                p->dup_is[at(f, e, i, h, d, H)] += dbefore * get(&p->x, t * d + i);
                p->dx_is[t * d + i] += dbefore * get(&p->up, at(f, e, i, h, d, H));
            }
        }
    }
}

static inline void expect_all(problem *p) {
    const form *f = &p->f;
    const struct {
        double **values;
        int64_t count;
    } all[] = {{&p->y_is, f->T * f->v}, {&p->dx_is, f->T * f->d}, {&p->dup_is, p->up.rows * p->up.cols},
        {&p->ddown_is, p->down.rows * p->down.cols}, {&p->dup_bias_is, f->E * channels_of(f)},
        {&p->ddown_bias_is, f->E * f->v}, {&p->dweight_is, f->T * f->K}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        free(*all[i].values);
        *all[i].values = calloc((size_t)all[i].count + 1, sizeof(double));
        assert_non_null(*all[i].values);
    }
    for (int64_t pair = 0; pair < f->T * f->K; pair++)
        if (p->index[pair] >= 0 && p->index[pair] < f->E) expect_pair(p, pair / f->K, pair, p->index[pair]);
}

// ---------------------------------------------------------------- making a problem

// Experts of a token in any order, repeated ones among them, and pairs that others serve. Expert 1 has no pairs.
static inline void draw_routing(problem *p) {
    static const int64_t elsewhere[] = {-1, INT64_MIN, INT64_MAX, 1LL << 32};
    const form *f = &p->f;
    random_stream stream = {.seed = 4, .purpose = RANDOM_TEST};
    for (int64_t i = 0; i < f->T * f->K; i++) {
        uint32_t bits = random_bits(stream, (uint64_t)i);
        p->index[i] = bits % 7 == 0 ? (bits % 5 == 0 ? f->E : elsewhere[bits / 7 % 4]) : bits / 64 % f->E;
        if (p->index[i] == 1 || i / f->K == 2) p->index[i] = -1;
        p->weight[i] =
            f->unweighted ? 1 : (sigmoe_real)(0.5 + random_uniform(stream, (uint64_t)i) - (bits % 3 == 0));
    }
}

static inline sigmoe_experts_options options_of(const form *f) {
    sigmoe_experts_options o;
    sigmoe_experts_defaults(&o);
    o.experts = f->E;
    o.width = f->d;
    o.expert_size = f->G;
    o.out_width = f->v;
    o.activation = f->activation;
    o.gate = f->gate;
    o.layout = f->layout;
    o.dtype = f->type;
    o.gradients = f->gradients;
    return o;
}

static inline void fill_call(problem *p) {
    const form *f = &p->f;
    sigmoe_experts_call_defaults(&p->call);
    p->call.tokens = f->T;
    p->call.slots = f->K;
    p->call.index = p->index;
    p->call.weight = f->unweighted ? NULL : p->weight;
    p->call.x = p->x.data;
    p->call.x_stride = p->x.stride;
    p->call.up = p->up.data;
    p->call.down = p->down.data;
    p->call.up_bias = f->up_bias ? p->up_bias.data : NULL;
    p->call.down_bias = f->down_bias ? p->down_bias.data : NULL;
    p->call.saved = p->saved;
    sigmoe_experts_gradients_defaults(&p->gradients);
    p->gradients.dy = p->dy.data;
    p->gradients.dy_stride = p->dy.stride;
    p->gradients.dx = p->dx.data;
    p->gradients.dx_stride = p->dx.stride;
    p->gradients.dup = p->dup.data;
    p->gradients.ddown = p->ddown.data;
    p->gradients.dup_bias = p->dup_bias.data;
    p->gradients.ddown_bias = p->ddown_bias.data;
    p->gradients.dweight = p->dweight;
}

static inline problem problem_new(form f) {
    problem p = {.f = f};
    int64_t H = channels_of(&f), d = f.d, G = f.G, v = f.v, pairs = f.T * f.K;
    bool edg = f.layout == SIGMOE_EXPERTS_EDG;
    sigmoe_experts_options options = options_of(&f);
    OK(sigmoe_experts_create(&options, &p.experts));
    p.x = buffer_normal(f.type, f.T, d, ROOM, 1, 1);
    p.up = buffer_normal(f.type, f.E * (edg ? d : H), edg ? H : d, 0, 1 / sqrt((double)d), 2);
    p.down = buffer_normal(f.type, f.E * (edg ? G : v), edg ? v : G, 0, 1 / sqrt((double)G), 3);
    p.up_bias = buffer_normal(f.type, f.E, H, 0, 0.5, 4);
    p.down_bias = buffer_normal(f.type, f.E, v, 0, 0.5, 5);
    p.dy = buffer_normal(f.type, f.T, v, ROOM, 1, 6);
    p.y = buffer_new(f.type, f.T, v, ROOM);
    p.dx = buffer_new(f.type, f.T, d, ROOM);
    p.dup = buffer_new(f.gradients, p.up.rows, p.up.cols, 0);
    p.ddown = buffer_new(f.gradients, p.down.rows, p.down.cols, 0);
    p.dup_bias = buffer_new(f.gradients, f.E, H, 0);
    p.ddown_bias = buffer_new(f.gradients, f.E, v, 0);
    p.index = malloc((size_t)pairs * sizeof *p.index + 1);
    p.weight = malloc((size_t)pairs * sizeof *p.weight + 1);
    p.dweight = malloc((size_t)pairs * sizeof *p.dweight + 1);
    p.saved = malloc(sigmoe_experts_saved_bytes(p.experts, f.T, f.K) + 1);
    draw_routing(&p);
    fill_call(&p);
    return p;
}

static inline void problem_free(problem *p) {
    void *const all[] = {p->index, p->weight, p->dweight, p->saved, p->x.memory, p->up.memory, p->down.memory,
        p->up_bias.memory, p->down_bias.memory, p->y.memory, p->dy.memory, p->dx.memory, p->dup.memory,
        p->ddown.memory, p->dup_bias.memory, p->ddown_bias.memory, p->y_is, p->dx_is, p->dup_is, p->ddown_is,
        p->dup_bias_is, p->ddown_bias_is, p->dweight_is};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
    sigmoe_experts_free(p->experts);
}

static inline void run_problem(problem *p) {
    OK(sigmoe_experts_forward(p->experts, &p->call, p->y.data, p->y.stride));
    OK(sigmoe_experts_backward(p->experts, &p->call, &p->gradients));
}

// ---------------------------------------------------------------- comparing

// Sums are in f32 (or double), and operands of products and outputs are rounded to their type: errors are compared with the usual size of a
// value, a single one, which may come of the largest hidden channels, less strictly than all.
static inline void assert_buffer(
    const char *what, const buffer *got, const double *expected, const double *before, double tolerance) {
    double squares = 0, errors = 0;
    int64_t count = got->rows * got->cols;
    for (int64_t i = 0; i < count; i++) squares += expected[i] * expected[i];
    double usual = 0.1 + (count ? sqrt(squares / (double)count) : 0); // a few values may all be small
    for (int64_t i = 0; i < count; i++) {
        double value = get(got, i), right = expected[i] + (before ? before[i] : 0), error = value - right;
        errors += error * error;
        if (!(fabs(error) <= 12 * tolerance * (usual + fabs(right))))
            fail_msg("%s[%lld, %lld] is %.9g, expected %.9g", what, (long long)(i / got->cols),
                (long long)(i % got->cols), value, right);
    }
    double mean_before = before ? 1 : 0; // what was there is rounded, too, and of size 1
    if (count && !(sqrt(errors / (double)count) <= tolerance * (usual + mean_before)))
        fail_msg("%s is off by %.3g, with values of %.3g", what, sqrt(errors / (double)count), usual);
    if (!room_is_untouched(got)) fail_msg("%s: something was written between its rows", what);
}

static inline double tolerance_of(const form *f) {
    return f->type == SIGMOE_BF16 ? 1e-2 : sizeof(sigmoe_real) == sizeof(double) ? 1e-14 : 2e-6;
}
