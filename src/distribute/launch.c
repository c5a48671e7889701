#include "distribute/launch.h"

#include "system/path.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

static const char MODULE[] = "sigmoe-mpi.so";

// Variables that count the processes of a job: Open MPI's, those of MPICH and of what is made from it, and of a step of Slurm.
static const char *const counts[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"};

const char *launch_variable(void) {
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        const char *value = getenv(counts[i]);
        if (value && atoi(value) > 1) return counts[i];
    }
    return NULL;
}

// Beside the library that this function is in, wherever that was installed.
static sigmoe_status module_path(char path[PATH_CAPACITY]) {
    Dl_info info;
    bool known = dladdr((const void *)(uintptr_t)launch_variable, &info) && info.dli_fname;
    const char *slash = known ? strrchr(info.dli_fname, '/') : NULL;
    return path_format(
        path, "%.*s%s", slash ? (int)(slash + 1 - info.dli_fname) : 0, known ? info.dli_fname : "", MODULE);
}

sigmoe_status launch_transport(const char *variable, const transport **out) {
    char path[PATH_CAPACITY], problem[256];
    TRY(module_path(path));
    if (!path_exists(path))
        return fail(SIGMOE_BAD_ARGUMENT,
            "%s says that this is one of several processes, but sigmoe was built without MPI (there is no "
            "%s): build it where MPI is installed, or start it without a launcher",
            variable, path);
    // Others that MPI loads look for its symbols everywhere.
    void *module = dlopen(path, RTLD_NOW | RTLD_GLOBAL);
    if (!module) return fail(SIGMOE_IO, "the module for MPI cannot be loaded: %s", dlerror());
    transport_open *open;
    *(void **)&open = dlsym(module, TRANSPORT_SYMBOL);
    *out = open ? open(problem, sizeof problem) : NULL;
    if (!open) return fail(SIGMOE_IO, "%s is not a module of sigmoe", path);
    return *out ? SIGMOE_OK : fail(SIGMOE_IO, "%s", problem);
}
