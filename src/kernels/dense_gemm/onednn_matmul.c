#include "kernels/dense_gemm/onednn_matmul.h"
#include "base/cpu.h"

#include <oneapi/dnnl/dnnl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#if DNNL_VERSION_MAJOR == 2
#include "kernels/dense_gemm/onednn_2.h"
#elif DNNL_VERSION_MAJOR == 3
#include "kernels/dense_gemm/onednn_3.h"
#else
#error "sigmoe knows the C interfaces of oneDNN 2 and 3; another one needs a header beside onednn_3.h"
#endif

// From libgomp, oneDNN's runtime; declared here because nothing else of OpenMP is used. Both apply to the calling thread.
int omp_get_max_threads(void);
void omp_set_num_threads(int count);

// oneDNN reads its ISA limit once, at first use; a later cpu_limit has no effect on it.
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

int onednn_begin(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, limit_isa);
    int host_threads = omp_get_max_threads();
    if (host_threads != 1) omp_set_num_threads(1);
    return host_threads;
}

void onednn_end(int host_threads) {
    if (host_threads != 1) omp_set_num_threads(host_threads);
}

// ---- primitives, cached by the thread that created them ----

typedef struct product {
    onednn_matmul key;
    dnnl_primitive_t primitive; // NULL: a free entry
    dnnl_memory_t a, b, c, bias;
} product;

// A set-associative cache: the hash of the shape selects a set of WAYS entries, most recently used first.
enum { SETS = 64, WAYS = 4 };

typedef struct thread_state {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    product products[SETS][WAYS];
} thread_state;

static pthread_key_t state_of_thread;

static void drop_product(product *p) {
    dnnl_memory_t memories[] = {p->a, p->b, p->c, p->bias};
    for (int i = 0; i < 4; i++)
        if (memories[i]) dnnl_memory_destroy(memories[i]);
    if (p->primitive) dnnl_primitive_destroy(p->primitive);
    *p = (product){0};
}

static void drop_state(void *state) {
    thread_state *s = state;
    for (int i = 0; i < SETS * WAYS; i++) drop_product(&s->products[i / WAYS][i % WAYS]);
    if (s->stream) dnnl_stream_destroy(s->stream);
    if (s->engine) dnnl_engine_destroy(s->engine);
    free(s);
}

static void make_key(void) {
    if (pthread_key_create(&state_of_thread, drop_state) != 0) abort();
}

// NULL if out of memory.
static thread_state *thread_state_here(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_key);
    thread_state *s = pthread_getspecific(state_of_thread);
    if (s) return s;
    s = calloc(1, sizeof *s);
    if (!s) return NULL;
    if (dnnl_engine_create(&s->engine, dnnl_cpu, 0) == dnnl_success &&
        dnnl_stream_create(&s->stream, s->engine, dnnl_stream_default_flags) == dnnl_success &&
        pthread_setspecific(state_of_thread, s) == 0)
        return s;
    drop_state(s);
    return NULL;
}

static uint32_t set_of(const onednn_matmul *key) {
    const unsigned char *bytes = (const unsigned char *)key;
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < sizeof *key; i++) hash = (hash ^ bytes[i]) * 16777619u;
    return (hash ^ hash >> 16) % SETS;
}

// ---- creating a primitive ----

typedef struct matmul_layouts {
    layout a, b, c, bias;
} matmul_layouts;

// The layout of rows x cols elements with a row stride; if `transposed`, of the transpose of the stored matrix.
static bool make_layout(
    layout *out, int64_t rows, int64_t cols, dnnl_data_type_t type, int64_t stride, bool transposed) {
    dnnl_dims_t sizes = {rows, cols}, strides = {transposed ? 1 : stride, transposed ? stride : 1};
    return layout_make(out, 2, sizes, type, strides) == dnnl_success;
}

static bool make_layouts(matmul_layouts *out, const onednn_matmul *key) {
    dnnl_data_type_t operands = key->flags & MATMUL_BF16_OPERANDS ? dnnl_bf16 : dnnl_f32;
    dnnl_data_type_t result = key->flags & MATMUL_BF16_RESULT ? dnnl_bf16 : dnnl_f32;
    return make_layout(&out->a, key->m, key->k, operands, key->stride_a, key->flags & MATMUL_TRANSPOSE_A) &&
           make_layout(&out->b, key->k, key->n, operands, key->stride_b, key->flags & MATMUL_TRANSPOSE_B) &&
           make_layout(&out->c, key->m, key->n, result, key->stride_c, false) &&
           make_layout(&out->bias, 1, key->n, dnnl_f32, key->n, false);
}

static void drop_layouts(matmul_layouts *l) {
    layout_drop(&l->a);
    layout_drop(&l->b);
    layout_drop(&l->c);
    layout_drop(&l->bias);
}

static bool append_epilogue(const onednn_matmul *key, dnnl_primitive_attr_t attributes) {
    dnnl_post_ops_t operations;
    if (dnnl_post_ops_create(&operations) != dnnl_success) return false;
    bool good = (!(key->flags & MATMUL_ACCUMULATE) || append_sum(operations) == dnnl_success) &&
                (!(key->flags & MATMUL_RELU) || append_relu(operations) == dnnl_success) &&
                dnnl_primitive_attr_set_post_ops(attributes, operations) == dnnl_success;
    dnnl_post_ops_destroy(operations);
    return good;
}

static bool make_primitive(
    dnnl_primitive_t *out, const onednn_matmul *key, const matmul_layouts *l, dnnl_engine_t engine) {
    dnnl_primitive_attr_t attributes;
    dnnl_primitive_desc_t how;
    const layout *bias = key->flags & MATMUL_BIAS ? &l->bias : NULL;
    if (dnnl_primitive_attr_create(&attributes) != dnnl_success) return false;
    bool good = append_epilogue(key, attributes) &&
                describe_matmul(&how, &l->a, &l->b, bias, &l->c, attributes, engine) == dnnl_success;
    dnnl_primitive_attr_destroy(attributes);
    if (!good) return false;
    good = dnnl_primitive_create(out, how) == dnnl_success;
    dnnl_primitive_desc_destroy(how);
    return good;
}

static bool make_product(product *p, const onednn_matmul *key, dnnl_engine_t engine) {
    matmul_layouts l = {0};
    *p = (product){.key = *key};
    bool good = make_layouts(&l, key) && layout_memory(&p->a, &l.a, engine) == dnnl_success &&
                layout_memory(&p->b, &l.b, engine) == dnnl_success &&
                layout_memory(&p->c, &l.c, engine) == dnnl_success &&
                (!(key->flags & MATMUL_BIAS) || layout_memory(&p->bias, &l.bias, engine) == dnnl_success) &&
                make_primitive(&p->primitive, key, &l, engine);
    drop_layouts(&l);
    if (!good) drop_product(p);
    return good;
}

// ---- running a primitive ----

// The product, cached or created; NULL if oneDNN has none.
static product *find_product(thread_state *s, const onednn_matmul *key) {
    product *set = s->products[set_of(key)];
    int way = 0;
    while (way < WAYS - 1 && set[way].primitive && memcmp(&set[way].key, key, sizeof *key) != 0) way++;
    product found = set[way];
    if (!found.primitive || memcmp(&found.key, key, sizeof *key) != 0) {
        drop_product(&set[way]);
        if (!make_product(&found, key, s->engine)) return NULL;
    }
    memmove(set + 1, set, (size_t)way * sizeof *set);
    set[0] = found;
    return set;
}

static bool run(const onednn_matmul *what, const void *a, const void *b, const float *bias, void *c) {
    thread_state *s = thread_state_here();
    const product *p = s ? find_product(s, what) : NULL;
    if (!p) return false;
    dnnl_exec_arg_t arguments[] = {
        {DNNL_ARG_SRC, p->a}, {DNNL_ARG_WEIGHTS, p->b}, {DNNL_ARG_DST, p->c}, {DNNL_ARG_BIAS, p->bias}};
    return dnnl_memory_set_data_handle(p->a, (void *)a) == dnnl_success &&
           dnnl_memory_set_data_handle(p->b, (void *)b) == dnnl_success &&
           dnnl_memory_set_data_handle(p->c, c) == dnnl_success &&
           (!p->bias || dnnl_memory_set_data_handle(p->bias, (void *)bias) == dnnl_success) &&
           dnnl_primitive_execute(p->primitive, s->stream, p->bias ? 4 : 3, arguments) == dnnl_success &&
           dnnl_stream_wait(s->stream) == dnnl_success;
}

static bool is_spread_vector(const onednn_matmul *what) {
    bool row = what->m == 1 && what->flags & MATMUL_TRANSPOSE_A && what->stride_a > 1;
    bool column =
        what->n == 1 && (what->stride_c > 1 || (!(what->flags & MATMUL_TRANSPOSE_B) && what->stride_b > 1));
    return row || column;
}

bool onednn_matmul_run(const onednn_matmul *what, const void *a, const void *b, const float *bias, void *c) {
    if (!TAKES_SPREAD_VECTORS && is_spread_vector(what)) return false;
    int host_threads = onednn_begin();
    bool good = run(what, a, b, bias, c);
    onednn_end(host_threads);
    return good;
}
