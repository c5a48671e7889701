// The memory of the Transformer-XL.
#pragma once

#include "model/config.h"

// The inputs of each layer in earlier segments; constants to the next segment. [batch, capacity, d] per layer.
typedef struct xl_memory xl_memory;
sigmoe_status xl_memory_create(
    const model_config *config, int64_t batch, int64_t segments, int64_t unroll, xl_memory **out);
void xl_memory_destroy(xl_memory *memory);
// The memory of sequences [first, first + count), which shares its rows and its length with `memory`; in the arena. It advances when
// `memory` does, and not by itself.
sigmoe_status xl_memory_part(xl_memory *memory, int64_t first, int64_t count, arena *a, xl_memory **out);
void xl_memory_reset(xl_memory *memory);
int64_t xl_memory_length(const xl_memory *memory); // rows remembered per sequence
int64_t xl_memory_capacity(const xl_memory *memory);
// Forgets the newest `count` rows, then the oldest ones beyond `most`.
void xl_memory_trim(xl_memory *memory, int64_t count, int64_t most);
// Copies a layer's rows [batch, length, d] out of or into the memory, contiguously, for checkpoints.
void xl_memory_export(const xl_memory *memory, int layer, real *rows);
void xl_memory_import(xl_memory *memory, int layer, const real *rows, int64_t length);

// ---------------------------------------------------------------- for the layers: reading rows and advancing them

// Copies the remembered rows of `layer` [batch, length, d] before x [batch * T, d]: joined [batch * (length + T), d].
void xl_memory_join(const kernel_context *context, const xl_memory *memory, int layer, matrix x,
    int64_t segment, matrix joined);
// Stores x [batch * segment, d] as the newest rows of `layer`. The length changes in xl_memory_advance, once all layers are
// done.
void xl_memory_remember(
    const kernel_context *context, xl_memory *memory, int layer, matrix x, int64_t segment);
void xl_memory_advance(xl_memory *memory, int64_t segment);
