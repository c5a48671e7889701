// What an open file holds, for the functions that open it. Private to safetensors*.c.
#pragma once

#include "formats/safetensors.h"

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
