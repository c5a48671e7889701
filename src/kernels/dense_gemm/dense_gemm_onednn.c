// oneDNN's products, one thread a tile: it promises equal bits only at an equal thread count, so the split is ours. The one
// file that includes oneDNN.
#include "kernels/dense_gemm/dense_gemm.h"
#include "kernels/dense_gemm/dense_gemm_bf16.h"

#include <oneapi/dnnl/dnnl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

// Of libgomp, the runtime inside oneDNN; declared here because nothing else of OpenMP is used.
void omp_set_num_threads(int count);

extern const dense_gemm_kernel dense_gemm_ref;
extern const dense_gemm_bf16_kernel dense_gemm_bf16_ref;

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

// ---- bf16: primitives, made once a thread and shape and kept, since making one takes longer than a small product ----

// All that a primitive depends on; no padding, compared as bytes.
typedef struct product_key {
    int64_t m, n, k, stride_a, stride_b, stride_c;
    int32_t transpose_a, transpose_b;
    int32_t rounded, accumulate, bias, relu;
} product_key;

typedef struct product {
    product_key key;
    dnnl_primitive_t primitive; // NULL: the place is free
    dnnl_memory_t a, b, c, bias;
} product;

// Places of a shape's primitive: WAYS of them in the set that its hash names, the last used first.
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

// NULL without memory.
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

static product_key key_of(const bf16_gemm_tile *t) {
    return (product_key){t->c.rows, t->c.cols, t->k, t->stride_a, t->stride_b, t->c.stride, t->transpose_a,
        t->transpose_b, t->c.type == TYPE_BF16, t->accumulate, t->bias != NULL, t->relu};
}

static uint32_t set_of(const product_key *key) {
    const unsigned char *bytes = (const unsigned char *)key;
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < sizeof *key; i++) hash = (hash ^ bytes[i]) * 16777619u;
    return (hash ^ hash >> 16) % SETS;
}

// The descriptor of rows x cols elements at a row stride; with `transposed`, of the transpose of what lies there.
static bool describe(dnnl_memory_desc_t *out, int64_t rows, int64_t cols, dnnl_data_type_t type,
    int64_t stride, bool transposed) {
    dnnl_dims_t dims = {rows, cols}, strides = {transposed ? 1 : stride, transposed ? stride : 1};
    return dnnl_memory_desc_init_by_strides(out, 2, dims, type, strides) == dnnl_success;
}

static bool append_epilogue(const product_key *key, dnnl_primitive_attr_t attributes) {
    dnnl_post_ops_t operations;
    if (dnnl_post_ops_create(&operations) != dnnl_success) return false;
    bool good = (!key->accumulate || dnnl_post_ops_append_sum(operations, 1) == dnnl_success) &&
                (!key->relu ||
                    dnnl_post_ops_append_eltwise(operations, 1, dnnl_eltwise_relu, 0, 0) == dnnl_success) &&
                dnnl_primitive_attr_set_post_ops(attributes, operations) == dnnl_success;
    dnnl_post_ops_destroy(operations);
    return good;
}

static bool make_memory(dnnl_memory_t *out, const dnnl_memory_desc_t *descriptor, dnnl_engine_t engine) {
    return dnnl_memory_create(out, descriptor, engine, DNNL_MEMORY_NONE) == dnnl_success;
}

static bool make_primitive(
    dnnl_primitive_t *out, const product_key *key, const dnnl_matmul_desc_t *what, dnnl_engine_t engine) {
    dnnl_primitive_attr_t attributes;
    dnnl_primitive_desc_t how;
    if (dnnl_primitive_attr_create(&attributes) != dnnl_success) return false;
    bool good = append_epilogue(key, attributes) &&
                dnnl_primitive_desc_create(&how, what, attributes, engine, NULL) == dnnl_success;
    dnnl_primitive_attr_destroy(attributes);
    if (!good) return false;
    good = dnnl_primitive_create(out, how) == dnnl_success;
    dnnl_primitive_desc_destroy(how);
    return good;
}

static bool make_product(product *p, const product_key *key, dnnl_engine_t engine) {
    dnnl_memory_desc_t a, b, c, bias;
    dnnl_matmul_desc_t what;
    *p = (product){.key = *key};
    bool good = describe(&a, key->m, key->k, dnnl_bf16, key->stride_a, key->transpose_a) &&
                describe(&b, key->k, key->n, dnnl_bf16, key->stride_b, key->transpose_b) &&
                describe(&c, key->m, key->n, key->rounded ? dnnl_bf16 : dnnl_f32, key->stride_c, false) &&
                describe(&bias, 1, key->n, dnnl_f32, key->n, false) &&
                dnnl_matmul_desc_init(&what, &a, &b, key->bias ? &bias : NULL, &c) == dnnl_success &&
                make_memory(&p->a, &a, engine) && make_memory(&p->b, &b, engine) &&
                make_memory(&p->c, &c, engine) && (!key->bias || make_memory(&p->bias, &bias, engine)) &&
                make_primitive(&p->primitive, key, &what, engine);
    if (!good) drop_product(p);
    return good;
}

// The product kept or made; NULL where oneDNN has none.
static product *find_product(thread_state *s, const product_key *key) {
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

static bool run_product(const product *p, const bf16_gemm_tile *t, dnnl_stream_t stream) {
    dnnl_exec_arg_t arguments[] = {
        {DNNL_ARG_SRC, p->a}, {DNNL_ARG_WEIGHTS, p->b}, {DNNL_ARG_DST, p->c}, {DNNL_ARG_BIAS, p->bias}};
    return dnnl_memory_set_data_handle(p->a, (void *)t->a) == dnnl_success &&
           dnnl_memory_set_data_handle(p->b, (void *)t->b) == dnnl_success &&
           dnnl_memory_set_data_handle(p->c, t->c.data) == dnnl_success &&
           (!p->bias || dnnl_memory_set_data_handle(p->bias, (void *)t->bias) == dnnl_success) &&
           dnnl_primitive_execute(p->primitive, stream, p->bias ? 4 : 3, arguments) == dnnl_success &&
           dnnl_stream_wait(stream) == dnnl_success;
}

static void bf16_tile(const bf16_gemm_tile *t, real *scratch) {
    prepare_thread();
    product_key key = key_of(t);
    thread_state *s = thread_state_here();
    const product *p = s ? find_product(s, &key) : NULL;
    // It fails without memory alone, and then before it writes anything.
    if (!p || !run_product(p, t, s->stream)) dense_gemm_bf16_ref.tile(t, scratch);
}

extern const dense_gemm_bf16_kernel dense_gemm_bf16_onednn;
const dense_gemm_bf16_kernel dense_gemm_bf16_onednn = {{"onednn", CPU_AVX512BF16}, 0, bf16_tile};
