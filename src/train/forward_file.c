#include "train/forward_file.h"

#include "base/memory_limit.h"
#include "config/model_directory.h"
#include "formats/npy.h"
#include "formats/safetensors.h"
#include "model/size.h"
#include "model/workspace.h"
#include "train/checkpoint.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { MOST_TENSORS = 1 << 16 }; // of an earlier result

typedef struct forward_pass {
    const sigmoe_forward_request *request;
    transformer *model;
    workspace work;
    arena *a;
    xl_memory *memory;   // what the next segment sees
    xl_memory *snapshot; // its copy, which the last segment's loss advances
    int64_t batch, length, unroll;
    int32_t *tokens;                  // [B, n + 1]
    int32_t *inputs;                  // [B, T], of the current segment
    int32_t *targets;                 // likewise
    real *segment;                    // [B, T, V], its logits
    float *logits;                    // [B, n, V]
    double *nats;                     // [B * T]
    float cross_entropy, regularizer; // of the last segment
} forward_pass;

static sigmoe_status check_request(const sigmoe_forward_request *r) {
    if (!r->model || !r->tokens || !r->out)
        return fail(SIGMOE_BAD_ARGUMENT, "a model directory, a tokens file and an output file are needed");
    if (r->unroll < 0)
        return fail(SIGMOE_BAD_ARGUMENT, "unroll is %lld; it must be 1 or more", (long long)r->unroll);
    if (r->memory_segments < -1)
        return fail(SIGMOE_BAD_ARGUMENT, "memory segments are %lld; they must be 0 or more",
            (long long)r->memory_segments);
    return SIGMOE_OK;
}

// Whether the file has logits and losses, like the result of a forward pass.
static bool is_result(const char *path) {
    safetensors_file *file;
    if (safetensors_open(path, MOST_TENSORS, &file) != SIGMOE_OK) return false;
    bool found = safetensors_find(file, "logits") && safetensors_find(file, "loss.ce") &&
                 safetensors_find(file, "loss.reg");
    safetensors_close(file);
    return found;
}

// Only an earlier result or an empty file may be replaced.
static sigmoe_status check_replaced(const char *path) {
    struct stat about;
    TRY(file_replaceable(path));
    if (stat(path, &about) != 0 || about.st_size == 0 || is_result(path)) return SIGMOE_OK;
    return fail(SIGMOE_BAD_ARGUMENT,
        "%s exists already, and is not a result of sigmoe forward, which alone it replaces: choose another "
        "name, or remove it",
        path);
}

// The output must not overwrite an input; in a model directory, each file name is reserved for its purpose.
static sigmoe_status check_output(const sigmoe_forward_request *r) {
    char parent[PATH_CAPACITY];
    TRY(path_parent(r->out, parent));
    if (path_inside(parent, r->model))
        return fail(
            SIGMOE_BAD_ARGUMENT, "the output %s lies in the model's directory: choose another place", r->out);
    if (path_inside(r->out, r->tokens))
        return fail(SIGMOE_BAD_ARGUMENT, "the output %s is the tokens' file: choose another name", r->out);
    return check_replaced(r->out);
}

static sigmoe_status read_tokens(forward_pass *f, int64_t vocab_size) {
    const char *path = f->request->tokens;
    int64_t shape[2];
    TRY(npy_read_i32(path, f->a, 2, shape, &f->tokens));
    if (shape[0] < 1 || shape[1] < 2)
        return fail(SIGMOE_BAD_FORMAT,
            "%s has shape [%lld, %lld]; [B, n + 1] with B and n of 1 or more is needed", path,
            (long long)shape[0], (long long)shape[1]);
    for (int64_t i = 0; i < shape[0] * shape[1]; i++)
        if (f->tokens[i] < 0 || f->tokens[i] >= vocab_size)
            return fail(SIGMOE_BAD_FORMAT, "%s has token %d at [%lld, %lld]; the model knows 0 to %lld", path,
                f->tokens[i], (long long)(i / shape[1]), (long long)(i % shape[1]),
                (long long)(vocab_size - 1));
    f->batch = shape[0];
    f->length = shape[1] - 1;
    return SIGMOE_OK;
}

// `all`: of the logits.
static sigmoe_status check_memory(
    const forward_pass *f, const model_config *config, int64_t segments, int64_t all) {
    bool grad = f->request->grad;
    dtype operands = transformer_operands(f->model);
    char what[96];
    int64_t seen;
    memory_need need = {.what = what, .saves = "a file of fewer `tokens`"};
    if (!size_product(&seen, segments, f->unroll)) return SIGMOE_OK; // refused where it is created
    TRY(model_weight_bytes(config, grad ? STORE_GRADIENTS : STORE_VALUES, operands, &need.bytes));
    model_memory step =
        model_training_memory(config, f->batch, f->unroll, seen, SIGMOE_RECOMPUTE_NONE, operands);
    need.bytes += grad ? step.activations + step.scratch
                       : model_inference_memory(config, f->batch, f->unroll, seen, operands);
    need.bytes += 2 * model_xl_memory_bytes(config, f->batch, seen);
    need.bytes += (double)all * (1 + (double)f->unroll / (double)f->length) * sizeof(real);
    snprintf(what, sizeof what, "a pass over %lld x %lld tokens, with all of their logits,",
        (long long)f->batch, (long long)f->length);
    return memory_check(&need);
}

static sigmoe_status take_buffers(forward_pass *f, const model_config *config) {
    bool train = f->request->training;
    int64_t segments = f->request->memory_segments, rows, all;
    if (segments < 0) segments = train ? config->memory_train : config->memory_eval;
    f->unroll = f->request->unroll ? f->request->unroll : config->unroll;
    if (f->unroll > f->length) f->unroll = f->length; // one segment
    if (!size_product(&rows, f->batch, f->length) || !size_product(&all, rows, config->vocab_size))
        return fail(SIGMOE_BAD_ARGUMENT, "%s has too many tokens to keep their logits", f->request->tokens);
    TRY(check_memory(f, config, segments, all));
    rows = f->batch * f->unroll;
    TRY(ARENA_NEW(f->a, f->inputs, rows));
    TRY(ARENA_NEW(f->a, f->targets, rows));
    TRY(ARENA_NEW(f->a, f->nats, rows));
    TRY(ARENA_NEW_RAW(f->a, f->segment, rows * config->vocab_size));
    TRY(ARENA_NEW_RAW(f->a, f->logits, all));
    TRY(xl_memory_create(config, f->batch, segments, f->unroll, &f->memory));
    return xl_memory_create(config, f->batch, segments, f->unroll, &f->snapshot);
}

static void cut_segment(forward_pass *f, int64_t first, int64_t length) {
    for (int64_t b = 0; b < f->batch; b++) {
        const int32_t *row = f->tokens + b * (f->length + 1) + first;
        memcpy(f->inputs + b * length, row, (size_t)length * sizeof *row);
        memcpy(f->targets + b * length, row + 1, (size_t)length * sizeof *row);
    }
}

static step_context segment_step(const forward_pass *f, int64_t index, int64_t length) {
    return (step_context){.kernel = f->work.kernel,
        .activations = f->work.activations,
        .training = f->request->training,
        .seed = f->request->seed,
        .step = (uint64_t)index,
        .tokens = f->inputs,
        .batch = f->batch,
        .length = length};
}

static sigmoe_status copy_memory(forward_pass *f, const model_config *config) {
    real *rows;
    int64_t length = xl_memory_length(f->memory);
    if (length == 0) return SIGMOE_OK;
    arena_mark mark = arena_here(f->a);
    TRY(ARENA_NEW_RAW(f->a, rows, f->batch * length * config->d_model));
    for (int i = 0; i < config->n_layers; i++) {
        xl_memory_export(f->memory, i, rows);
        xl_memory_import(f->snapshot, i, rows, length);
    }
    arena_release(f->a, mark);
    return SIGMOE_OK;
}

// Loss and gradients, computed with the same memory and random numbers as the segment's logits.
static sigmoe_status segment_loss(forward_pass *f, int64_t index, int64_t length) {
    step_context step = segment_step(f, index, length);
    step.keep = f->request->grad;
    TRY(copy_memory(f, transformer_config(f->model)));
    if (step.keep) parameters_zero_gradients(&step.kernel, transformer_parameters(f->model));
    TRY(transformer_loss(f->model, &step, f->snapshot, f->targets, f->nats));
    double sum = 0;
    for (int64_t i = 0; i < f->batch * length; i++) sum += f->nats[i];
    f->cross_entropy = (float)(sum / (double)(f->batch * length));
    f->regularizer = (float)step.regularizer;
    return SIGMOE_OK;
}

static sigmoe_status segment_logits(forward_pass *f, int64_t index, int64_t first, int64_t length) {
    int64_t vocab = transformer_config(f->model)->vocab_size;
    step_context step = segment_step(f, index, length);
    TRY(transformer_logits(f->model, &step, f->memory, matrix_of(f->segment, f->batch * length, vocab)));
    for (int64_t b = 0; b < f->batch; b++)
        memcpy(f->logits + (b * f->length + first) * vocab, f->segment + b * length * vocab,
            (size_t)(length * vocab) * sizeof(float));
    return SIGMOE_OK;
}

static sigmoe_status run_segments(forward_pass *f) {
    for (int64_t first = 0, index = 0; first < f->length; first += f->unroll, index++) {
        int64_t left = f->length - first, length = left < f->unroll ? left : f->unroll;
        cut_segment(f, first, length);
        if (left == length) TRY(segment_loss(f, index, length));
        TRY(segment_logits(f, index, first, length));
    }
    return SIGMOE_OK;
}

// The first row that is not finite is named; a file of such numbers is written nowhere.
static sigmoe_status check_finite(const forward_pass *f) {
    const parameter_list *list = transformer_parameters(f->model);
    int64_t vocab = transformer_config(f->model)->vocab_size;
    for (int64_t row = 0; row < f->batch * f->length; row++)
        if (!all_finite(f->logits + row * vocab, vocab))
            return fail(SIGMOE_NOT_FINITE,
                "the logits at [%lld, %lld] are not finite, so %s was not written: the model's weights "
                "overflow",
                (long long)(row / f->length), (long long)(row % f->length), f->request->out);
    if (!isfinite(f->cross_entropy + f->regularizer))
        return fail(SIGMOE_NOT_FINITE, "the loss is not finite, so %s was not written", f->request->out);
    for (int i = 0; f->request->grad && i < parameters_length(list); i++) {
        const parameter *p = parameters_at(list, i);
        if (p->trainable && !all_finite(p->gradient, p->count))
            return fail(SIGMOE_NOT_FINITE, "the gradient of %s is not finite, so %s was not written", p->name,
                f->request->out);
    }
    return SIGMOE_OK;
}

static tensor_to_write number_to_write(const char *name, const float *number) {
    return (tensor_to_write){.name = name, .type = TENSOR_F32, .dims = 1, .shape = {1}, .bytes = number};
}

static sigmoe_status write_results(const forward_pass *f) {
    const parameter_list *list = transformer_parameters(f->model);
    int64_t vocab = transformer_config(f->model)->vocab_size;
    tensor_to_write *tensors;
    int count = 0;
    TRY(ARENA_NEW(f->a, tensors, 3 + parameters_length(list)));
    tensors[count++] = (tensor_to_write){.name = "logits",
        .type = TENSOR_F32,
        .dims = 3,
        .shape = {f->batch, f->length, vocab},
        .bytes = f->logits};
    tensors[count++] = number_to_write("loss.ce", &f->cross_entropy);
    tensors[count++] = number_to_write("loss.reg", &f->regularizer);
    for (int i = 0; f->request->grad && i < parameters_length(list); i++) {
        const parameter *p = parameters_at(list, i);
        if (!p->trainable) continue;
        tensor_to_write *tensor = &tensors[count++];
        *tensor = (tensor_to_write){.type = TENSOR_F32, .dims = p->dims, .bytes = p->gradient};
        memcpy(tensor->shape, p->shape, sizeof p->shape);
        tensor->name = arena_text(f->a, "grad.%s", p->name);
        if (!tensor->name) return SIGMOE_NO_MEMORY;
    }
    return safetensors_write(f->request->out, tensors, count);
}

static void hand_out(const forward_pass *f) {
    if (!f->request->result) return;
    *f->request->result = (sigmoe_forward_result){.batch = f->batch,
        .length = f->length,
        .cross_entropy = f->cross_entropy,
        .regularizer = f->regularizer};
}

static sigmoe_status forward(forward_pass *f, int thread_count) {
    const model_config *config = transformer_config(f->model);
    transformer_set_operands(f->model, operand_type(f->request->dtype));
    TRY(arena_create("forward", &f->a));
    TRY(read_tokens(f, config->vocab_size));
    TRY(take_buffers(f, config));
    TRY(workspace_open(thread_count, &f->work));
    TRY(run_segments(f));
    TRY(check_finite(f));
    hand_out(f);
    return write_results(f);
}

sigmoe_status forward_file(const sigmoe_forward_request *request, const sigmoe_observer *observer) {
    char directory[PATH_CAPACITY], out[PATH_CAPACITY];
    sigmoe_config config;
    sigmoe_forward_request r = *request;
    forward_pass f = {.request = &r};
    TRY(check_request(request));
    TRY(path_of_output(out, request->out));
    r.out = out;
    TRY(model_locate(request->model, directory));
    TRY(check_output(&r));
    TRY(model_read(directory, request->grad ? STORE_GRADIENTS : STORE_VALUES, &config, &f.model));
    sigmoe_status status = forward(&f, observer ? observer->threads : 0);
    xl_memory_destroy(f.memory);
    xl_memory_destroy(f.snapshot);
    workspace_close(&f.work);
    arena_destroy(f.a);
    transformer_destroy(f.model);
    return status;
}
