// oneDNN's sgemm, one thread a tile: it promises equal bits only at an equal thread count, so the split is ours. The one
// file that includes oneDNN.
#include "kernels/dense_gemm/dense_gemm.h"

#include <oneapi/dnnl/dnnl.h>
#include <pthread.h>

// Of libgomp, the runtime inside oneDNN; declared here because nothing else of OpenMP is used.
void omp_set_num_threads(int count);

extern const dense_gemm_kernel dense_gemm_ref;

// oneDNN reads its limit once, at its first use; a later cpu_limit no longer reaches it.
static void limit_isa(void) {
    switch (cpu_current()) {
    case CPU_SCALAR:
    case CPU_AVX2:
        dnnl_set_max_cpu_isa(dnnl_cpu_isa_avx2);
        break;
    case CPU_AVX512:
        dnnl_set_max_cpu_isa(dnnl_cpu_isa_avx512_core);
        break;
    case CPU_AVX512BF16:
        dnnl_set_max_cpu_isa(dnnl_cpu_isa_avx512_core_bf16);
        break;
    case CPU_AMX:
        break;
    }
}

static void prepare_thread(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    static _Thread_local bool single;
    if (single) return;
    pthread_once(&once, limit_isa);
    omp_set_num_threads(1);
    single = true;
}

static void tile(const gemm_tile *t) {
    prepare_thread();
    dnnl_status_t status = dnnl_sgemm(t->transpose_a ? 'T' : 'N', t->transpose_b ? 'T' : 'N', t->m, t->n,
        t->k, t->alpha, t->a, t->stride_a, t->b, t->stride_b, t->beta, t->c, t->stride_c);
    // It refuses only leading dimensions it cannot take and, before it writes anything, missing memory.
    if (status != dnnl_success) dense_gemm_ref.tile(t);
}

extern const dense_gemm_kernel dense_gemm_onednn;
const dense_gemm_kernel dense_gemm_onednn = {{"onednn", CPU_AVX2}, tile};
