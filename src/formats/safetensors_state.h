// What an open file holds, for the functions that open it, and what reading and writing know alike. Private to safetensors*.c.
#pragma once

#include "formats/safetensors.h"

enum { SAFETENSORS_PREFIX = 8 };            // bytes, of the header's length
#define SAFETENSORS_METADATA "__metadata__" // the key of what is no tensor

typedef struct tensor_type_facts {
    const char *name;
    int64_t size; // of a value, in bytes
} tensor_type_facts;
extern const tensor_type_facts safetensors_types[]; // by tensor_type

struct safetensors_file {
    arena *memory; // holds this struct, too
    const char *path;
    int descriptor; // -1: its bytes are in shards
    int64_t size;   // when it was opened
    int count;
    stored_tensor *tensors; // in the order of their bytes
    // Of one in several files: those that hold the bytes. `tensors` are theirs, shard by shard.
    safetensors_file **shards;
    int shard_count;
};
