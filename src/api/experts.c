// Chapter 3: a mixture's experts on the caller's memory.
#include "api/layer_threads.h"
#include "api/request.h"
#include "base/cpu.h"
#include "model/feedforward/token_grouping.h"

#include <inttypes.h>

struct sigmoe_experts {
    arena *memory; // this struct
    sigmoe_experts_options options;
    expert_set set; // sizes and kind; weights are a call's
    layer_threads threads;
    arena *scratch;
    arena *packing; // holds the packed weights alone
    const void *packed_up, *packed_down;
    void *packed; // NULL: not packed, or the kernel reads weights where they are
};

// ---------------------------------------------------------------- options

void sigmoe_experts_defaults_sized(sigmoe_experts_options *options, size_t size) {
    sized_fill(options, size, &(sigmoe_experts_options){0}, sizeof *options);
}
void sigmoe_experts_call_defaults_sized(sigmoe_experts_call *call, size_t size) {
    sized_fill(call, size, &(sigmoe_experts_call){0}, sizeof *call);
}
void sigmoe_experts_gradients_defaults_sized(sigmoe_experts_gradients *gradients, size_t size) {
    sized_fill(gradients, size, &(sigmoe_experts_gradients){0}, sizeof *gradients);
}

static sigmoe_status check_size(const char *name, int64_t value, int64_t most) {
    if (value >= 1 && value <= most) return SIGMOE_OK;
    return fail(SIGMOE_BAD_ARGUMENT, "`%s` of the experts is %" PRId64 ": it can be 1 to %" PRId64, name,
        value, most);
}

static sigmoe_status check_kind(const char *name, int value, int last) {
    if (value >= 0 && value <= last) return SIGMOE_OK;
    return fail(SIGMOE_BAD_ARGUMENT, "`%s` of the experts is %d: it can be 0 to %d", name, value, last);
}

static sigmoe_status check_options(const sigmoe_experts_options *o) {
    enum { MOST_EXPERTS = 1 << 24, WIDEST = 1 << 30 };
    TRY(check_size("experts", o->experts, MOST_EXPERTS));
    TRY(check_size("width", o->width, WIDEST));
    TRY(check_size("expert_size", o->expert_size, WIDEST));
    TRY(check_size("out_width", o->out_width, WIDEST));
    TRY(check_kind("activation", (int)o->activation, SIGMOE_SILU));
    TRY(check_kind("gate", (int)o->gate, SIGMOE_GATE_INTERLEAVED));
    TRY(check_kind("layout", (int)o->layout, SIGMOE_EXPERTS_EGD));
    TRY(check_kind("dtype", (int)o->dtype, SIGMOE_BF16));
    TRY(check_kind("gradients", (int)o->gradients, SIGMOE_BF16));
    if (o->gradients == SIGMOE_BF16 && o->dtype != SIGMOE_BF16)
        return fail(SIGMOE_BAD_ARGUMENT, "`gradients` of the experts is SIGMOE_BF16, but `dtype` is "
                                         "SIGMOE_F32: gradients have less precision only "
                                         "where the weights do");
    return SIGMOE_OK;
}

// Whether a program can have as many weights: bytes are counted in 63 bits.
static sigmoe_status check_weights(const expert_set *set) {
    int64_t up, down, bytes;
    if (size_product(&up, set->experts * set->width, expert_channels(set)) &&
        size_product(&down, set->experts * set->expert_size, set->out_width) &&
        size_product(&bytes, up, sizeof(real)) && size_product(&bytes, down, sizeof(real)))
        return SIGMOE_OK;
    return fail(SIGMOE_BAD_ARGUMENT, "the experts would have more than 2^63 bytes of weights");
}

static matrix typed(const void *data, dtype type, int64_t rows, int64_t cols) {
    return (matrix){(void *)data, type, rows, cols, cols, NULL};
}

// Shapes of the weights, without their data.
static expert_set set_of(const sigmoe_experts_options *o) {
    dtype type = operand_type(o->dtype);
    int64_t H = o->gate == SIGMOE_GATE_NONE ? o->expert_size : 2 * o->expert_size;
    bool edg = o->layout == SIGMOE_EXPERTS_EDG;
    return (expert_set){.experts = o->experts,
        .width = o->width,
        .expert_size = o->expert_size,
        .out_width = o->out_width,
        .activation = o->activation,
        .gate = o->gate,
        .layout = o->layout,
        .up = typed(NULL, type, o->experts * (edg ? o->width : H), edg ? H : o->width),
        .down = typed(NULL, type, o->experts * (edg ? o->expert_size : o->out_width),
            edg ? o->out_width : o->expert_size),
        .up_bias = typed(NULL, type, o->experts, H),
        .down_bias = typed(NULL, type, o->experts, o->out_width)};
}

static sigmoe_status fill_experts(sigmoe_experts *experts) {
    TRY(layer_threads_open(&experts->threads));
    TRY(arena_create("scratch", &experts->scratch));
    return arena_create("packed weights", &experts->packing);
}

sigmoe_status sigmoe_experts_create(const sigmoe_experts_options *given, sigmoe_experts **out) {
    sigmoe_experts_options options;
    arena *memory;
    sigmoe_experts *experts;
    TRY(cpu_init());
    TRY(sized_read(&options, sizeof options, given, "options struct", "sigmoe_experts_defaults"));
    if (options.out_width == 0) options.out_width = options.width;
    TRY(check_options(&options));
    expert_set set = set_of(&options);
    TRY(check_weights(&set));
    TRY(ARENA_AROUND("experts", memory, experts));
    experts->memory = memory;
    experts->options = options;
    experts->set = set;
    sigmoe_status status = fill_experts(experts);
    if (status == SIGMOE_OK)
        *out = experts;
    else
        sigmoe_experts_free(experts);
    return status;
}

void sigmoe_experts_free(sigmoe_experts *experts) {
    if (!experts) return;
    layer_threads_close(&experts->threads);
    arena_destroy(experts->scratch);
    arena_destroy(experts->packing);
    arena_destroy(experts->memory); // the object itself lies in it
}

// ---------------------------------------------------------------- calls

// Elements that a call saves: hidden [pairs, G], then, where the backward needs them, the sums before the activation [pairs, H].
static bool saved_elements(const expert_set *set, int64_t pairs, int64_t *hidden, int64_t *all) {
    int64_t columns = set->expert_size + (experts_need_before(set) ? expert_channels(set) : 0);
    return size_product(hidden, pairs, set->expert_size) && size_product(all, pairs, columns);
}

static bool possible_pairs(int64_t tokens, int64_t slots, int64_t *pairs) {
    return tokens >= 0 && slots >= 1 && size_product(pairs, tokens, slots) && *pairs <= INT32_MAX;
}

size_t sigmoe_experts_saved_bytes(const sigmoe_experts *experts, int64_t tokens, int64_t slots) {
    int64_t pairs, hidden, all, bytes;
    if (!possible_pairs(tokens, slots, &pairs) || !saved_elements(&experts->set, pairs, &hidden, &all) ||
        !size_product(&bytes, all, (int64_t)dtype_size(experts->set.up.type)))
        return 0;
    return (size_t)bytes;
}

static sigmoe_status check_pairs(const sigmoe_experts *experts, const sigmoe_experts_call *call) {
    int64_t pairs;
    if (call->tokens < 0 || call->slots < 1)
        return fail(SIGMOE_BAD_ARGUMENT,
            "`tokens` is %" PRId64 " and `slots` is %" PRId64 ": there must be 0 or more and 1 or more",
            call->tokens, call->slots);
    if (!possible_pairs(call->tokens, call->slots, &pairs) ||
        (pairs > 0 && sigmoe_experts_saved_bytes(experts, call->tokens, call->slots) == 0))
        return fail(SIGMOE_BAD_ARGUMENT,
            "%" PRId64 " `tokens` in %" PRId64
            " `slots` each are too many for one call: fewer than 2^31 pairs fit, and "
            "their channels must fit in memory",
            call->tokens, call->slots);
    return SIGMOE_OK;
}

// `name` is missing although there are `rows` of it.
static sigmoe_status check_given(const char *name, const void *pointer, int64_t rows) {
    return pointer || rows == 0 ? SIGMOE_OK
                                : fail(SIGMOE_BAD_ARGUMENT, "`%s` is NULL: the experts need it", name);
}

// A stride of 0 becomes `width`.
static sigmoe_status check_stride(const char *name, int64_t rows, int64_t width, int64_t *stride) {
    int64_t bytes;
    if (*stride == 0) *stride = width;
    if (*stride >= width && size_product(&bytes, rows, *stride) && size_product(&bytes, bytes, sizeof(real)))
        return SIGMOE_OK;
    return fail(SIGMOE_BAD_ARGUMENT,
        "`%s` is %" PRId64 " elements, but a row has %" PRId64
        ": rows follow each other without overlap, within the memory",
        name, *stride, width);
}

static sigmoe_status read_call(
    const sigmoe_experts *experts, const sigmoe_experts_call *given, sigmoe_experts_call *call) {
    TRY(sized_read(call, sizeof *call, given, "call struct", "sigmoe_experts_call_defaults"));
    TRY(check_pairs(experts, call));
    TRY(check_given("index", call->index, call->tokens));
    TRY(check_given("x", call->x, call->tokens));
    TRY(check_given("up", call->up, 1));
    TRY(check_given("down", call->down, 1));
    return check_stride("x_stride", call->tokens, experts->options.width, &call->x_stride);
}

// An operand or a gradient [T, cols] of the caller's.
static matrix rows_of(const sigmoe_experts *experts, const sigmoe_experts_call *call, const void *data,
    int64_t cols, int64_t stride) {
    return (matrix){(void *)data, experts->set.up.type, call->tokens, cols, stride, NULL};
}

// ---------------------------------------------------------------- from a call to the kernel's

// Everything in scratch memory, which the caller releases.
typedef struct expert_work {
    kernel_context kernel;
    expert_grouping grouping;
    expert_ffn_call call;
} expert_work;

static sigmoe_status group_pairs(
    const sigmoe_experts *experts, const sigmoe_experts_call *call, expert_work *w) {
    int64_t pairs = call->tokens * call->slots, E = experts->set.experts;
    int32_t *key;
    TRY(ARENA_NEW_RAW(w->kernel.scratch, key, pairs));
    for (int64_t p = 0; p < pairs; p++)
        key[p] = call->index[p] >= 0 && call->index[p] < E ? (int32_t)call->index[p] : -1;
    return group_tokens(w->kernel.scratch, key, call->tokens, call->slots, E, &w->grouping);
}

static sigmoe_status take_weights(const sigmoe_experts_call *call, expert_work *w) {
    int64_t pairs = call->tokens * call->slots;
    real *ones;
    w->call.weight = call->weight;
    if (call->weight) return SIGMOE_OK;
    TRY(ARENA_NEW_RAW(w->kernel.scratch, ones, pairs));
    for (int64_t p = 0; p < pairs; p++) ones[p] = 1;
    w->call.weight = ones;
    return SIGMOE_OK;
}

static void lay_out_saved(const sigmoe_experts *experts, void *saved, expert_work *w) {
    const expert_set *set = &experts->set;
    int64_t pairs = w->grouping.tokens * w->grouping.slots, hidden, all;
    dtype type = set->up.type;
    saved_elements(set, pairs, &hidden, &all);
    w->call.hidden = typed(saved, type, pairs, set->expert_size);
    if (all > hidden)
        w->call.before =
            typed((char *)saved + (size_t)hidden * dtype_size(type), type, pairs, expert_channels(set));
}

static sigmoe_status prepare(
    sigmoe_experts *experts, const sigmoe_experts_call *call, threads *pool, expert_work *w) {
    *w = (expert_work){.kernel = {pool, experts->scratch}};
    TRY(group_pairs(experts, call, w));
    w->call.grouping = &w->grouping;
    w->call.set = experts->set;
    w->call.set.up.data = (void *)call->up;
    w->call.set.down.data = (void *)call->down;
    w->call.set.up_bias.data = (void *)call->up_bias;
    w->call.set.down_bias.data = (void *)call->down_bias;
    w->call.x = rows_of(experts, call, call->x, experts->set.width, call->x_stride);
    TRY(take_weights(call, w));
    if (call->saved)
        lay_out_saved(experts, call->saved, w);
    else
        TRY(matrix_new(experts->scratch, experts->set.up.type, w->grouping.offset[experts->set.experts],
            experts->set.expert_size, &w->call.hidden));
    return SIGMOE_OK;
}

static sigmoe_status run_forward(
    sigmoe_experts *experts, const sigmoe_experts_call *call, threads *pool, matrix y) {
    expert_work w;
    TRY(prepare(experts, call, pool, &w));
    if (call->up == experts->packed_up && call->down == experts->packed_down) w.call.packed = experts->packed;
    TRY(expert_ffn_up(&w.kernel, &w.call));
    return expert_ffn_down(&w.kernel, &w.call, y);
}

sigmoe_status sigmoe_experts_forward(
    sigmoe_experts *experts, const sigmoe_experts_call *given, void *y, int64_t y_stride) {
    sigmoe_experts_call call;
    threads *pool;
    int64_t v = experts->options.out_width;
    TRY(read_call(experts, given, &call));
    TRY(check_given("y", y, call.tokens));
    TRY(check_stride("y_stride", call.tokens, v, &y_stride));
    TRY(layer_threads_begin(&experts->threads, &pool));
    sigmoe_status status = run_forward(experts, &call, pool, rows_of(experts, &call, y, v, y_stride));
    arena_release(experts->scratch, (arena_mark){0});
    layer_threads_end(&experts->threads);
    return status;
}

// ---------------------------------------------------------------- backward

static matrix gradient_of(const sigmoe_experts *experts, matrix weights, void *data) {
    weights.data = data;
    weights.type = operand_type(experts->options.gradients);
    return weights;
}

static sigmoe_status run_backward(sigmoe_experts *experts, const sigmoe_experts_call *call,
    const sigmoe_experts_gradients *g, threads *pool) {
    const expert_set *set = &experts->set;
    expert_work w;
    TRY(prepare(experts, call, pool, &w));
    expert_ffn_gradients gradients = {
        .dy = rows_of(experts, call, g->dy, set->out_width, g->dy_stride),
        .dx = rows_of(experts, call, g->dx, set->width, g->dx_stride),
        .dup = gradient_of(experts, set->up, g->dup),
        .ddown = gradient_of(experts, set->down, g->ddown),
        .dup_bias = gradient_of(experts, set->up_bias, g->dup_bias),
        .ddown_bias = gradient_of(experts, set->down_bias, g->ddown_bias),
        .dweight = g->dweight,
        .overwrite = !g->accumulate,
    };
    return expert_ffn_backward(&w.kernel, &w.call, &gradients);
}

sigmoe_status sigmoe_experts_backward(
    sigmoe_experts *experts, const sigmoe_experts_call *given, const sigmoe_experts_gradients *wanted) {
    sigmoe_experts_call call;
    sigmoe_experts_gradients gradients;
    threads *pool;
    TRY(read_call(experts, given, &call));
    TRY(sized_read(
        &gradients, sizeof gradients, wanted, "gradients struct", "sigmoe_experts_gradients_defaults"));
    TRY(check_given("dy", gradients.dy, call.tokens));
    TRY(check_given("saved", call.saved, call.tokens));
    TRY(check_stride("dy_stride", call.tokens, experts->options.out_width, &gradients.dy_stride));
    TRY(check_stride("dx_stride", call.tokens, experts->options.width, &gradients.dx_stride));
    TRY(layer_threads_begin(&experts->threads, &pool));
    sigmoe_status status = run_backward(experts, &call, &gradients, pool);
    arena_release(experts->scratch, (arena_mark){0});
    layer_threads_end(&experts->threads);
    return status;
}

// ---------------------------------------------------------------- packed weights

static void drop_packed(sigmoe_experts *experts) {
    experts->packed_up = experts->packed_down = experts->packed = NULL;
    arena_release(experts->packing, (arena_mark){0});
}

static sigmoe_status pack(sigmoe_experts *experts, const void *up, const void *down, threads *pool) {
    kernel_context kernel = {pool, experts->scratch};
    expert_set set = experts->set;
    set.up.data = (void *)up;
    set.down.data = (void *)down;
    int64_t bytes = expert_ffn_packed_bytes(&set);
    if (bytes == 0) return SIGMOE_OK;
    unsigned char *packed;
    TRY(ARENA_NEW_RAW(experts->packing, packed, bytes));
    expert_ffn_pack(&kernel, &set, packed);
    experts->packed = packed;
    experts->packed_up = up;
    experts->packed_down = down;
    return SIGMOE_OK;
}

sigmoe_status sigmoe_experts_pack(sigmoe_experts *experts, const void *up, const void *down) {
    threads *pool;
    drop_packed(experts);
    if (!up && !down) return SIGMOE_OK;
    TRY(check_given("up", up, 1));
    TRY(check_given("down", down, 1));
    TRY(layer_threads_begin(&experts->threads, &pool));
    sigmoe_status status = pack(experts, up, down, pool);
    layer_threads_end(&experts->threads);
    return status;
}
