// The large files of a checkpoint, which ranks write together: rank 0 makes them, and each rank writes its part of the values that
// it has. Where a rank has no access to the directory, rank 0 writes the files alone: it collects what it has not, one tensor at a
// time. Either way they have the bytes that one process writes.
#pragma once

#include "distribute/communicator.h"
#include "formats/safetensors.h"

typedef struct team_file {
    const char *name;         // in the directory
    tensor_to_write *tensors; // [count], of values of four bytes; `bytes` are those that this process has
    tensor_range *held;       // [count]: which ones
    int count;
} team_file;

// Called by all ranks alike, with `directory` as each of them names it, which rank 0 has made: one that is to be renamed when it is
// whole. When it returns SIGMOE_OK at rank 0, all is on the disk. `alone` [alone_size]: "", or why rank 0 has written alone.
sigmoe_status team_files_write(communicator *link, const char *directory, const team_file *files, int count,
    char *alone, size_t alone_size);
