// The right operand of a product with an expert's weights, in either layout, and how it is packed. Included after operands and
// micro-kernels.
#pragma once

#include "kernels/expert_ffn/expert_ffn.h"
#include "kernels/packed/pack.h"

// A matrix [terms, columns] of each expert. Its columns are packed as `segments` equal parts, each padded to whole panels:
// where gates precede their values, both of a hidden channel are then at the same place of their part.
typedef struct factor {
    const operand *data;
    int64_t terms, columns, segments;
    bool transposed; // [columns, terms] in memory
} factor;

// A part of one expert's factor: terms [term, term + terms) of columns [column, column + columns) of a segment.
typedef struct factor_part {
    int64_t expert, segment, column, columns, term, terms;
} factor_part;

static inline factor up_factor(const expert_set *set) {
    return (factor){.data = operands(set->up),
        .terms = set->width,
        .columns = expert_channels(set),
        .segments = set->gate == SIGMOE_GATE_FIRST ? 2 : 1,
        .transposed = set->layout == SIGMOE_EXPERTS_EGD};
}
static inline factor down_factor(const expert_set *set) {
    return (factor){.data = operands(set->down),
        .terms = set->expert_size,
        .columns = set->out_width,
        .segments = 1,
        .transposed = set->layout == SIGMOE_EXPERTS_EGD};
}
static inline factor transposed(factor f) {
    return (factor){
        f.data, .terms = f.columns, .columns = f.terms, .segments = 1, .transposed = !f.transposed};
}

static inline int64_t segment_columns(const factor *f) {
    return f->columns / f->segments;
}
// Of a segment, with its padding.
static inline int64_t segment_width(const factor *f) {
    return round_up(segment_columns(f), NR);
}
static inline int64_t factor_width(const factor *f) {
    return f->segments * segment_width(f);
}
// The words of one expert's packed factor: [segments][panels][depth][NR].
static inline int64_t factor_words(const factor *f) {
    return depth_of(f->terms) * factor_width(f);
}

static inline const operand *factor_start(const factor *f, int64_t expert) {
    return f->data + expert * f->terms * f->columns;
}

static inline const operand *part_start(const factor *f, const factor_part *part) {
    int64_t column = part->segment * segment_columns(f) + part->column;
    int64_t offset = f->transposed ? column * f->terms + part->term : part->term * f->columns + column;
    return factor_start(f, part->expert) + offset;
}

static inline void pack_part(const factor *f, const factor_part *part, word *packed) {
    const operand *start = part_start(f, part);
    if (f->transposed)
        pack_transposed(start, f->terms, part->terms, part->columns, packed);
    else
        pack_columns(start, f->columns, part->terms, part->columns, packed);
}

static inline void pack_factor(const factor *f, int64_t expert, word *packed) {
    for (int64_t segment = 0; segment < f->segments;
        segment++, packed += depth_of(f->terms) * segment_width(f))
        pack_part(f, &(factor_part){expert, segment, 0, segment_columns(f), 0, f->terms}, packed);
}

// Queues what pack_part reads.
static inline void queue_part(const factor *f, const factor_part *part, prefetch_queue *queue) {
    const operand *start = part_start(f, part);
    int64_t size = sizeof *start;
    if (part->columns <= 0) return;
    if (f->transposed)
        for (int64_t j = 0; j < part->columns; j++)
            prefetch_queue_add(queue, start + j * f->terms, part->terms * size);
    else
        prefetch_queue_add_rows(queue, start, part->columns * size, part->terms, f->columns * size);
}
