#include "model/parameters.h"

#include "base/quantization.h"
#include "kernels/adam/adam.h"
#include "kernels/pointwise/pointwise.h"

#include <assert.h>
#include <string.h>

struct parameter_list {
    arena *memory;
    parameter **items;
    int length, capacity;
    int64_t elements; // of all tensors
    int first;        // number of the first tensor
    bool rounded;     // all copies are those of the values
    parameter_storage storage;
    arena *
        draft_memory; // while values can be written of which only rounded copies are stored: room for any of them
    real *draft;
};

sigmoe_status parameters_create(parameter_list **out) {
    arena *memory;
    TRY(arena_create("parameters", &memory));
    parameter_list *list = arena_take(memory, 1, sizeof *list);
    if (!list) {
        arena_destroy(memory);
        return SIGMOE_NO_MEMORY;
    }
    list->memory = memory;
    *out = list;
    return SIGMOE_OK;
}

void parameters_destroy(parameter_list *list) {
    if (!list) return;
    arena_destroy(list->draft_memory);
    arena_destroy(list->memory); // the list itself lies in it
}

static sigmoe_status grow(parameter_list *list) {
    int capacity = list->capacity ? 2 * list->capacity : 64;
    parameter **items;
    TRY(ARENA_NEW(list->memory, items, capacity));
    if (list->length) memcpy(items, list->items, (size_t)list->length * sizeof *items);
    list->items = items;
    list->capacity = capacity;
    return SIGMOE_OK;
}

sigmoe_status parameters_declare(parameter_list *list, const parameter_declaration *declaration, int *index) {
    if (list->length == list->capacity) TRY(grow(list));
    parameter *p;
    TRY(ARENA_NEW(list->memory, p, 1));
    p->count = 1;
    p->dims = declaration->dims;
    for (int i = 0; i < declaration->dims; i++) {
        p->shape[i] = declaration->shape[i];
        if (!size_product(&p->count, p->count, p->shape[i]))
            return fail(
                SIGMOE_BAD_ARGUMENT, "tensor %s would have more than 2^63 elements", declaration->name);
    }
    if (__builtin_add_overflow(list->elements, p->count, &list->elements))
        return fail(SIGMOE_BAD_ARGUMENT, "the model would have more than 2^63 elements in all");
    p->moments = (tensor_range){0, p->count};
    p->name = arena_text(list->memory, "%s", declaration->name);
    if (!p->name) return SIGMOE_NO_MEMORY;
    p->init = declaration->init;
    p->init_scale = declaration->init_scale;
    p->trainable = !declaration->is_table;
    p->product = declaration->product;
    p->exact = declaration->exact;
    p->large = declaration->large;
    p->by_expert = declaration->by_expert;
    p->held = (tensor_range){0, p->count};
    if (index) *index = list->length;
    list->items[list->length++] = p;
    return SIGMOE_OK;
}

void parameters_number_from(parameter_list *list, int first) {
    list->first = first;
}

void parameters_share_experts(parameter_list *list, int part, int parts) {
    for (int i = 0; i < list->length; i++) {
        parameter *p = list->items[i];
        if (!p->by_expert) continue;
        assert(p->shape[0] % parts == 0 && !p->value);
        p->held = p->moments = (tensor_range){p->count / parts * part, p->count / parts};
    }
}

int parameters_length(const parameter_list *list) {
    return list->length;
}

parameter *parameters_at(const parameter_list *list, int index) {
    return list->items[index];
}

int parameters_index(const parameter_list *list, const char *name) {
    for (int i = 0; i < list->length; i++)
        if (strcmp(list->items[i]->name, name) == 0) return i;
    return -1;
}

parameter *parameters_find(const parameter_list *list, const char *name) {
    int index = parameters_index(list, name);
    return index < 0 ? NULL : list->items[index];
}

int64_t parameters_count(const parameter_list *list) {
    int64_t count = 0;
    for (int i = 0; i < list->length; i++)
        if (list->items[i]->trainable) count += list->items[i]->count;
    return count;
}

matrix parameter_matrix(const parameter *p, real *data) {
    int64_t last = p->dims ? p->shape[p->dims - 1] : 1;
    return matrix_of(data, last ? p->count / last : 0, last);
}

static matrix held_rows(const parameter *p, matrix m) {
    return m.cols ? matrix_part(m, p->held.first / m.cols, p->held.count / m.cols, 0, m.cols) : m;
}

matrix parameter_held(const parameter *p, real *data) {
    return held_rows(p, parameter_matrix(p, data));
}

matrix parameter_operand(const parameter *p, dtype type) {
    matrix m = parameter_matrix(p, p->value);
    if (type == TYPE_REAL && p->numbers) {
        m.data = p->numbers;
        m.type = TYPE_I8;
        m.scale = p->scale;
    }
    if (type == TYPE_REAL) return m;
    assert(p->rounded);
    m.data = p->rounded;
    m.type = TYPE_BF16;
    return m;
}

void parameters_changed(parameter_list *list) {
    list->rounded = false;
}

bool parameters_only_rounded(const parameter_list *list) {
    return list->storage == STORE_ROUNDED || list->storage == STORE_QUANTIZED;
}

// Whether some tensors have no value.
static bool has_copies_alone(const parameter_list *list) {
    return list->storage & (STORE_ROUNDED | STORE_QUANTIZED);
}

sigmoe_status parameters_open(parameter_list *list) {
    int64_t largest = 0;
    if (!has_copies_alone(list) || list->draft) return SIGMOE_OK;
    for (int i = 0; i < list->length; i++) {
        const parameter *p = list->items[i];
        if (p->rounded || p->numbers) largest = most(largest, p->count);
    }
    if (!list->draft_memory) TRY(arena_create("parameter", &list->draft_memory));
    return ARENA_NEW_RAW(list->draft_memory, list->draft, largest);
}

void parameter_begin(parameter_list *list, parameter *p) {
    assert(p->value || list->draft);
    if (!p->value) p->value = list->draft;
}

// A value that is needed beside the numbers is what they stand for.
static void quantize(parameter *p) {
    matrix m = parameter_matrix(p, p->value);
    quantize_rows(p->value, m.rows, m.cols, p->numbers, p->scale);
    if (p->exact) dequantize_rows(p->numbers, p->scale, m.rows, m.cols, p->value);
}

void parameter_end(const parameter_list *list, parameter *p) {
    if (!has_copies_alone(list) || (!p->numbers && !p->rounded)) return;
    if (p->numbers)
        quantize(p);
    else
        pointwise_chosen()->round(p->rounded + p->held.first, p->value + p->held.first, p->held.count);
    if (p->master)
        memcpy(p->master, p->value + p->moments.first, (size_t)p->moments.count * sizeof *p->master);
    if (!p->exact) p->value = NULL;
}

sigmoe_status parameters_round(const kernel_context *context, parameter_list *list) {
    arena_destroy(list->draft_memory);
    list->draft_memory = NULL;
    list->draft = NULL;
    if (list->rounded || parameters_only_rounded(list)) return SIGMOE_OK;
    THREADS_PART(context->threads, "rounding of weights");
    for (int i = 0; i < list->length; i++) {
        parameter *p = list->items[i];
        if (!p->product || !p->value)
            continue; // masters' copies are made where values are written and updated
        if (!p->rounded) TRY(ARENA_NEW_RAW(list->memory, p->rounded, p->count));
        copy_into(context, held_rows(p, parameter_operand(p, TYPE_BF16)), parameter_held(p, p->value));
    }
    list->rounded = true;
    return SIGMOE_OK;
}

static sigmoe_status take_copy(parameter_list *list, parameter *p, parameter_storage storage) {
    if (storage & STORE_ROUNDED) return ARENA_NEW_RAW(list->memory, p->rounded, p->count);
    TRY(ARENA_NEW_RAW(list->memory, p->numbers, p->count));
    return ARENA_NEW_RAW(list->memory, p->scale, parameter_matrix(p, NULL).rows);
}

// The copies of operands, and room for the values of any of them while they are written.
static sigmoe_status allocate_copies(parameter_list *list, parameter_storage storage) {
    for (int i = 0; i < list->length; i++) {
        parameter *p = list->items[i];
        if (!p->product || (storage == STORE_QUANTIZED && !p->large)) continue;
        TRY(take_copy(list, p, storage));
    }
    return parameters_open(list);
}

parameter_storage parameter_storage_of(sigmoe_dtype operands) {
    return operands == SIGMOE_BF16 ? STORE_ROUNDED : operands == SIGMOE_INT8 ? STORE_QUANTIZED : STORE_VALUES;
}

// Whole tensors are reserved, and only what is held is written, so that the rest takes no memory.
static sigmoe_status take_values(parameter_list *list, const parameter *p, real **out) {
    TRY(ARENA_NEW_RAW(list->memory, *out, p->count));
    memset(*out + p->held.first, 0, (size_t)p->held.count * sizeof **out);
    return SIGMOE_OK;
}

sigmoe_status parameters_allocate_moments(parameter_list *list) {
    for (int i = 0; i < list->length; i++) {
        parameter *p = list->items[i];
        if (!p->trainable) continue;
        TRY(ARENA_NEW(list->memory, p->moment1, p->moments.count));
        TRY(ARENA_NEW(list->memory, p->moment2, p->moments.count));
        if (!p->value) TRY(ARENA_NEW(list->memory, p->master, p->moments.count));
    }
    return SIGMOE_OK;
}

sigmoe_status parameters_allocate(parameter_list *list, parameter_storage storage) {
    list->storage = storage;
    if (has_copies_alone(list)) TRY(allocate_copies(list, storage));
    for (int i = 0; i < list->length; i++) {
        parameter *p = list->items[i];
        if (!p->trainable) {
            TRY(ARENA_NEW(list->memory, p->table, p->count));
            continue;
        }
        bool copy_alone = (p->rounded || p->numbers) && !p->exact;
        if (!copy_alone) TRY(take_values(list, p, &p->value));
        if (storage & STORE_GRADIENTS) TRY(take_values(list, p, &p->gradient));
    }
    return storage == STORE_MOMENTS ? parameters_allocate_moments(list) : SIGMOE_OK;
}

// ---------------------------------------------------------------- initialization

enum { INIT_BLOCK = 1 << 14 };

typedef struct draw {
    parameter *p;
    random_stream stream;
} draw;

static void draw_block(void *context, int64_t block, int thread) {
    (void)thread;
    const draw *d = context;
    const parameter *p = d->p;
    int64_t first = p->held.first + block * INIT_BLOCK,
            end = least(first + INIT_BLOCK, p->held.first + p->held.count);
    for (int64_t i = first; i < end; i++) {
        uint64_t position = (uint64_t)i;
        switch (p->init) {
        case INIT_ZERO:
            p->value[i] = 0;
            break;
        case INIT_ONE:
            p->value[i] = 1;
            break;
        case INIT_CONSTANT:
            p->value[i] = (real)p->init_scale;
            break;
        case INIT_NORMAL:
        case INIT_EQUAL_ROWS:
            p->value[i] = (real)(p->init_scale * random_normal(d->stream, position));
            break;
        case INIT_UNIFORM:
            p->value[i] = (real)(p->init_scale * (2 * random_uniform(d->stream, position) - 1));
            break;
        case INIT_TRUNCATED:
            p->value[i] = (real)random_truncated_normal(d->stream, position);
            break;
        case INIT_DISTINCT_CHOICES:
            break; // a table: draw_choices
        }
    }
}

// Sample standard deviation, n - 1 in the denominator.
static double sample_std(const real *x, int64_t n) {
    if (n < 2) return 0;
    double mean = 0, squares = 0;
    for (int64_t i = 0; i < n; i++) mean += x[i];
    mean /= (double)n;
    for (int64_t i = 0; i < n; i++) squares += (x[i] - mean) * (x[i] - mean);
    return sqrt(squares / (double)(n - 1));
}

static void scale_to_std(parameter *p, double target) {
    double std = sample_std(p->value, p->count);
    if (std <= 0) return; // a single element or none has no spread to set
    for (int64_t i = 0; i < p->count; i++) p->value[i] = (real)(p->value[i] * (target / std));
}

static void equalize_rows(parameter *p) {
    double before = sample_std(p->value, p->count);
    int64_t width = p->shape[p->dims - 1];
    for (int64_t r = 0; r < p->count / width; r++) {
        real *row = p->value + r * width;
        double norm = 0;
        for (int64_t i = 0; i < width; i++) norm += (double)row[i] * row[i];
        norm = sqrt(norm);
        if (norm > 0)
            for (int64_t i = 0; i < width; i++) row[i] = (real)(row[i] / norm);
    }
    scale_to_std(p, before);
}

// Row r of the table [rows, K]: the first K entries of a Fisher-Yates shuffle of 0 ... experts-1, without storing the shuffle.
static void draw_choices(parameter *p, random_stream stream) {
    int64_t chosen = p->shape[1], experts = (int64_t)p->init_scale;
    for (int64_t r = 0; r < p->shape[0]; r++) {
        int32_t *row = p->table + r * chosen;
        for (int64_t i = 0; i < chosen; i++) {
            // The i-th draw is the rank of the pick among the experts - i values that the row does not contain yet.
            uint64_t position = (uint64_t)(r * experts + i);
            int64_t rank = (int64_t)(random_uniform(stream, position) * (double)(experts - i));
            int64_t value = 0;
            for (;; value++) {
                bool taken = false;
                for (int64_t j = 0; j < i; j++) taken |= row[j] == value;
                if (!taken && rank-- == 0) break;
            }
            row[i] = (int32_t)value;
        }
    }
}

void parameters_initialize(const kernel_context *context, parameter_list *list, uint64_t seed) {
    parameters_changed(list);
    for (int i = 0; i < list->length; i++) {
        parameter *p = list->items[i];
        draw d = {p, {.seed = seed, .layer = (uint32_t)(list->first + i), .purpose = RANDOM_INIT}};
        if (!p->trainable) {
            d.stream.purpose = RANDOM_HASH_TABLE;
            draw_choices(p, d.stream);
            continue;
        }
        parameter_begin(list, p);
        parallel_for(context->threads, divide_up(p->held.count, INIT_BLOCK), draw_block, &d);
        // Experts' weights are of neither kind, which would need all of the tensor.
        assert(!parameter_is_shared(p) || (p->init != INIT_TRUNCATED && p->init != INIT_EQUAL_ROWS));
        if (p->init == INIT_TRUNCATED) scale_to_std(p, p->init_scale);
        if (p->init == INIT_EQUAL_ROWS) equalize_rows(p);
        parameter_end(list, p);
    }
}

// ---------------------------------------------------------------- gradients

void parameters_zero_gradients(const kernel_context *context, parameter_list *list) {
    THREADS_PART(context->threads, "gradients: zeroing");
    for (int i = 0; i < list->length; i++) {
        parameter *p = list->items[i];
        if (p->trainable) fill(context, parameter_held(p, p->gradient), 0);
    }
}

static bool copy_is_finite(const parameter *p) {
    if (p->numbers) {
        for (int64_t r = 0; r < parameter_matrix(p, NULL).rows; r++)
            if (!isfinite(127 * p->scale[r])) return false;
        return true;
    }
    for (int64_t i = 0; i < p->count; i++)
        if (!isfinite(bf16_value(p->rounded[i]))) return false;
    return true;
}

const parameter *parameters_not_finite(const parameter_list *list) {
    for (int i = 0; i < list->length; i++) {
        const parameter *p = list->items[i];
        if (!p->trainable) continue;
        bool finite = p->value || p->master ? all_finite(parameter_kept_values(p), parameter_kept(p).count)
                                            : copy_is_finite(p);
        if (!finite) return p;
    }
    return NULL;
}
