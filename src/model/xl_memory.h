// What the layers see of the memory: its rows, and how they move on.
#pragma once

#include "model/transformer_xl.h"

// Copies the remembered rows of `layer` [batch, length, d] in front of x [batch * T, d]: joined [batch * (length + T), d].
void xl_memory_join(const kernel_context *context, const xl_memory *memory, int layer, matrix x,
    int64_t segment, matrix joined);
// Takes x [batch * segment, d] as the newest rows of `layer`; the length changes with xl_memory_advance, once all layers have.
void xl_memory_remember(
    const kernel_context *context, xl_memory *memory, int layer, matrix x, int64_t segment);
void xl_memory_advance(xl_memory *memory, int64_t segment);
