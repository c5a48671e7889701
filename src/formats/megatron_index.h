// Token data of Megatron-LM: PREFIX.bin holds the tokens of all sequences one after the other, PREFIX.idx says where each begins.
// Little-endian: "MMIDIDX\0\0", uint64 version 1, uint8 type of the tokens, uint64 number of sequences S, uint64 number of
// document borders D, int32 [S] lengths, int64 [S] byte offsets into the .bin, int64 [D] the sequences that documents begin with,
// the last of them S.
#pragma once

#include "base/arena.h"

typedef enum megatron_type { MEGATRON_I32 = 4, MEGATRON_U16 = 8 } megatron_type;

typedef struct megatron_index {
    megatron_type type;
    int64_t tokens;
    int64_t documents;
    int64_t *ends; // [documents] tokens up to the end of each
} megatron_index;

// Reads PREFIX.idx into the arena. Sequences must fill the .bin, whose size is checked, in order and without gaps.
sigmoe_status megatron_read_index(const char *prefix, arena *a, megatron_index *out);
// Writes PREFIX.idx for a .bin with one document of one sequence. SIGMOE_BAD_ARGUMENT: that has 2^31 tokens or more.
sigmoe_status megatron_write_index(const char *prefix, megatron_type type, int64_t tokens);
