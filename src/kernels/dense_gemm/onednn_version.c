#include "kernels/dense_gemm/onednn_version.h"

#include <oneapi/dnnl/dnnl.h>
#include <stdio.h>

static void write_version(char out[ONEDNN_VERSION_SIZE], int major, int minor, int patch) {
    snprintf(out, ONEDNN_VERSION_SIZE, "%d.%d.%d", major, minor, patch);
}

void onednn_versions(char compiled[ONEDNN_VERSION_SIZE], char loaded[ONEDNN_VERSION_SIZE]) {
    const dnnl_version_t *v = dnnl_version();
    write_version(compiled, DNNL_VERSION_MAJOR, DNNL_VERSION_MINOR, DNNL_VERSION_PATCH);
    write_version(loaded, v->major, v->minor, v->patch);
}
