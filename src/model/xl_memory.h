// The memory of the Transformer-XL.
#pragma once

#include "model/config.h"

// The layers' inputs of earlier segments: constants of the next one. Per layer [batch, capacity, d].
typedef struct xl_memory xl_memory;
sigmoe_status xl_memory_create(
    const model_config *config, int64_t batch, int64_t segments, int64_t unroll, xl_memory **out);
void xl_memory_destroy(xl_memory *memory);
void xl_memory_reset(xl_memory *memory);
int64_t xl_memory_length(const xl_memory *memory); // rows remembered per sequence
int64_t xl_memory_capacity(const xl_memory *memory);
// Forgets the newest `count` rows, then the oldest beyond `most`.
void xl_memory_trim(xl_memory *memory, int64_t count, int64_t most);
// Contiguous copy of layer's rows [batch, length, d] out of and into the memory, for checkpoints.
void xl_memory_export(const xl_memory *memory, int layer, real *rows);
void xl_memory_import(xl_memory *memory, int layer, const real *rows, int64_t length);

// ---------------------------------------------------------------- what the layers see of it, and how its rows move on

// Copies the remembered rows of `layer` [batch, length, d] in front of x [batch * T, d]: joined [batch * (length + T), d].
void xl_memory_join(const kernel_context *context, const xl_memory *memory, int layer, matrix x,
    int64_t segment, matrix joined);
// Takes x [batch * segment, d] as the newest rows of `layer`; the length changes with xl_memory_advance, once all layers have.
void xl_memory_remember(
    const kernel_context *context, xl_memory *memory, int layer, matrix x, int64_t segment);
void xl_memory_advance(xl_memory *memory, int64_t segment);
