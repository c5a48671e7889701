// The threads of layers: the same bits for any number of them, whosever they are, in a child of a fork, and for several calls at
// once.
#include "api/layer_threads.h"

#include "api/expert_problem.h"
#include "sanitizers.h"

#include <dirent.h>
#include <sched.h>
#include <stdatomic.h>

enum { BLOCK_TOKENS = 150, BLOCK_WIDTH = 24 };

// A layer's work with all that it yields: experts of a form, and a block.
typedef struct work {
    problem p;
    sigmoe_block *block;
    float x[BLOCK_TOKENS * BLOCK_WIDTH], y[BLOCK_TOKENS * BLOCK_WIDTH], dx[BLOCK_TOKENS * BLOCK_WIDTH];
    sigmoe_parameter up;
    uint64_t bits; // a sum over the bytes of all results
} work;

static const form gated = {.T = 150,
    .K = 2,
    .E = 6,
    .d = 40,
    .G = 33,
    .v = 24,
    .activation = SIGMOE_SILU,
    .gate = SIGMOE_GATE_FIRST,
    .layout = SIGMOE_EXPERTS_EGD,
    .up_bias = true,
    .down_bias = true};

static sigmoe_block *new_block(void) {
    static const char *const keys[][2] = {{"d_model", "24"}, {"ff.type", "moe"}, {"ff.n_experts", "6"},
        {"ff.expert_size", "16"}, {"ff.k", "2"}, {"ff.router", "sigmoid"}, {"ff.regularizer", "entropy"},
        {"ff.regularizer_weight", "0.1"}, {"ff.expert_dropout", "0.1"}};
    sigmoe_config *config;
    sigmoe_block *block;
    OK(sigmoe_config_create(&config));
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        OK(sigmoe_config_set(config, keys[i][0], keys[i][1]));
    OK(sigmoe_block_create(config, 0, 5, SIGMOE_F32, &block));
    sigmoe_config_free(config);
    return block;
}

static work *work_new(void) {
    work *w = calloc(1, sizeof *w);
    assert_non_null(w);
    w->p = problem_new(gated);
    w->block = new_block();
    fill_normal(w->x, BLOCK_TOKENS * BLOCK_WIDTH, 1, 8);
    assert_true(sigmoe_block_parameter_named(w->block, "experts.up", &w->up));
    return w;
}

static void work_free(work *w) {
    problem_free(&w->p);
    sigmoe_block_free(w->block);
    free(w);
}

static void add_bits(work *w, const void *bytes, size_t size) {
    for (size_t i = 0; i < size; i++)
        w->bits = (w->bits ^ ((const unsigned char *)bytes)[i]) * 1099511628211u;
}

static void add_buffer(work *w, const buffer *b) {
    int64_t room = b->stride - b->cols;
    add_bits(w, b->data, (size_t)(b->rows * b->stride - room) * size_of(b->type));
}

static sigmoe_status run_block(work *w) {
    sigmoe_block_call call;
    sigmoe_block_call_defaults(&call);
    call.tokens = BLOCK_TOKENS;
    call.x = w->x;
    call.training = call.keep = true;
    sigmoe_block_clear_gradients(w->block);
    TRY(sigmoe_block_forward(w->block, &call, w->y));
    return sigmoe_block_backward(w->block, w->x, w->dx);
}

static sigmoe_status run_experts(problem *p) {
    TRY(sigmoe_experts_forward(p->experts, &p->call, p->y.data, p->y.stride));
    return sigmoe_experts_backward(p->experts, &p->call, &p->gradients);
}

static sigmoe_status run(work *w) {
    const buffer *const outputs[] = {
        &w->p.y, &w->p.dx, &w->p.dup, &w->p.ddown, &w->p.dup_bias, &w->p.ddown_bias};
    TRY(run_experts(&w->p));
    TRY(run_block(w));
    w->bits = 14695981039346656037u;
    for (size_t i = 0; i < sizeof outputs / sizeof *outputs; i++) add_buffer(w, outputs[i]);
    add_bits(w, w->p.dweight, (size_t)(w->p.f.T * w->p.f.K) * sizeof(float));
    add_bits(w, w->y, sizeof w->y);
    add_bits(w, w->dx, sizeof w->dx);
    add_bits(w, w->up.gradient, (size_t)w->up.count * sizeof(float));
    return SIGMOE_OK;
}

static uint64_t bits_of_one_thread;

static int find_bits(void **state) {
    (void)state;
    work *w = work_new();
    OK(sigmoe_layer_threads(1));
    OK(run(w));
    bits_of_one_thread = w->bits;
    work_free(w);
    return 0;
}

static void assert_same_bits(void) {
    work *w = work_new();
    for (int again = 0; again < 3; again++) {
        OK(run(w));
        assert_true(w->bits == bits_of_one_thread);
    }
    work_free(w);
}

// Which threads a call gets.
static int threads_of_a_call(void) {
    layer_threads l;
    threads *pool;
    OK(layer_threads_open(&l));
    OK(layer_threads_begin(&l, &pool));
    int count = threads_count(pool);
    layer_threads_end(&l);
    layer_threads_close(&l);
    return count;
}

// ---------------------------------------------------------------- the library's own

static void any_number_of_threads(void **state) {
    (void)state;
    static const int counts[] = {2, 3, 7, 1, 0};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        OK(sigmoe_layer_threads(counts[i]));
        if (counts[i]) assert_int_equal(threads_of_a_call(), counts[i]);
        assert_same_bits();
    }
}

static void impossible_numbers_are_refused(void **state) {
    (void)state;
    OK(sigmoe_layer_threads(2));
    REFUSED(sigmoe_layer_threads(-1), "-1 threads for layers");
    REFUSED(sigmoe_layer_threads(1025), "1025 threads for layers");
    assert_int_equal(threads_of_a_call(), 2); // as before
}

// ---------------------------------------------------------------- a host's

typedef struct host {
    int count;
    atomic_int rounds, bodies;
} host;

static int count_of(void *context) {
    return ((host *)context)->count;
}

typedef struct body_call {
    void (*body)(void *argument, int64_t i);
    void *argument;
    int64_t i;
} body_call;

static void *run_body(void *context) {
    body_call *c = context;
    c->body(c->argument, c->i);
    return NULL;
}

static void with_new_threads(
    void *context, int64_t n, void (*body)(void *argument, int64_t i), void *argument) {
    host *h = context;
    pthread_t thread[16];
    body_call call[16];
    h->rounds++;
    h->bodies += (int)n;
    assert_true(n <= 16);
    for (int64_t i = 0; i < n; i++) {
        call[i] = (body_call){body, argument, i};
        assert_int_equal(pthread_create(&thread[i], NULL, run_body, &call[i]), 0);
    }
    for (int64_t i = 0; i < n; i++) pthread_join(thread[i], NULL);
}

static sigmoe_host_threads host_threads_of(host *h) {
    sigmoe_host_threads lent;
    sigmoe_host_threads_defaults(&lent);
    lent.context = h;
    lent.count = count_of;
    lent.parallel_for = with_new_threads;
    return lent;
}

static void hosts_threads(void **state) {
    (void)state;
    static const int counts[] = {1, 2, 3, 5};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        host h = {.count = counts[i]};
        sigmoe_host_threads lent = host_threads_of(&h);
        OK(sigmoe_layer_host_threads(&lent));
        assert_int_equal(threads_of_a_call(), counts[i]);
        assert_same_bits();
        assert_true(counts[i] == 1 ? h.rounds == 0 : h.rounds > 10 && h.bodies > h.rounds);
        h.count = 4; // asked at each call
        assert_int_equal(threads_of_a_call(), 4);
        h.count = -7;
        assert_int_equal(threads_of_a_call(), 1);
        h.count = 1 << 30; // at most as many as a pool can have
        assert_int_equal(threads_of_a_call(), 1024);
        OK(sigmoe_layer_host_threads(NULL));
        h.rounds = 0;
        assert_same_bits();
        assert_int_equal(h.rounds, 0);
    }
}

static void unfinished_hosts_are_refused(void **state) {
    (void)state;
    host h = {.count = 3};
    sigmoe_host_threads lent = host_threads_of(&h);
    OK(sigmoe_layer_threads(2));
    lent.count = NULL;
    REFUSED(sigmoe_layer_host_threads(&lent), "`count` and `parallel_for`");
    lent.count = count_of;
    lent.parallel_for = NULL;
    REFUSED(sigmoe_layer_host_threads(&lent), "`count` and `parallel_for`");
    REFUSED(sigmoe_layer_host_threads(&(sigmoe_host_threads){0}), "sigmoe_host_threads_defaults");
    assert_int_equal(threads_of_a_call(), 2);
}

// ---------------------------------------------------------------- several calls at once

enum { CALLERS = 6, CALLS = 20 };

static void *call_again_and_again(void *context) {
    bool *right = context;
    work *w = work_new();
    *right = true;
    for (int i = 0; i < CALLS; i++) *right = *right && run(w) == SIGMOE_OK && w->bits == bits_of_one_thread;
    work_free(w);
    return NULL;
}

static void check_callers(void) {
    pthread_t thread[CALLERS];
    bool right[CALLERS];
    for (int i = 0; i < CALLERS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, call_again_and_again, &right[i]), 0);
    for (int i = 0; i < CALLERS; i++) {
        pthread_join(thread[i], NULL);
        assert_true(right[i]);
    }
}

static void several_callers_at_once(void **state) {
    (void)state;
    host h = {.count = 2};
    sigmoe_host_threads lent = host_threads_of(&h);
    OK(sigmoe_layer_threads(2));
    check_callers();
    OK(sigmoe_layer_host_threads(&lent));
    check_callers();
}

static void one_call_has_the_pool(void **state) {
    (void)state;
    layer_threads first, second;
    threads *pool, *other;
    host h = {.count = 5};
    sigmoe_host_threads lent = host_threads_of(&h);
    OK(layer_threads_open(&first));
    OK(layer_threads_open(&second));
    OK(sigmoe_layer_host_threads(&lent));
    OK(layer_threads_begin(&second, &other)); // a host's threads are for that call alone
    assert_int_equal(threads_count(other), 5);
    layer_threads_end(&second);
    OK(sigmoe_layer_threads(3));
    OK(layer_threads_begin(&first, &pool));
    OK(layer_threads_begin(&second, &other));
    assert_int_equal(threads_count(pool), 3);
    assert_int_equal(threads_count(other), 1);
    layer_threads_end(&second);
    assert_same_bits();          // alone
    OK(sigmoe_layer_threads(2)); // for those that come
    assert_int_equal(threads_count(pool), 3);
    layer_threads_end(&first);
    OK(layer_threads_begin(&second, &other));
    assert_int_equal(threads_count(other), 2);
    layer_threads_end(&second);
    layer_threads_close(&first);
    layer_threads_close(&second);
}

static int threads_of_the_process(void) {
    int count = 0;
    DIR *tasks = opendir("/proc/self/task");
    assert_non_null(tasks);
    for (struct dirent *entry; (entry = readdir(tasks));) count += entry->d_name[0] != '.';
    closedir(tasks);
    return count;
}

// A thread that has been joined is listed for a moment longer.
static void assert_threads_of_the_process(int expected) {
    for (int i = 0; i < 5000 && threads_of_the_process() != expected; i++) usleep(1000);
    assert_int_equal(threads_of_the_process(), expected);
}

static void a_pool_that_nobody_uses_ends(void **state) {
    (void)state;
    host h = {.count = 1};
    sigmoe_host_threads lent = host_threads_of(&h);
    OK(sigmoe_layer_threads(3));
    assert_int_equal(threads_of_a_call(), 3);
    usleep(100000); // threads of other tests are gone
    int with_pool = threads_of_the_process();
    OK(sigmoe_layer_host_threads(&lent));
    assert_threads_of_the_process(with_pool - 2);
    OK(sigmoe_layer_threads(3)); // made at its first use
    assert_int_equal(threads_of_the_process(), with_pool - 2);
    assert_int_equal(threads_of_a_call(), 3);
    assert_int_equal(threads_of_the_process(), with_pool);
}

// The choice changes while others compute.
static void *choose_again_and_again(void *context) {
    atomic_bool *stop = context;
    host h = {.count = 2};
    sigmoe_host_threads lent = host_threads_of(&h);
    for (int i = 0; !*stop; i++) {
        if (i % 3)
            sigmoe_layer_threads(i % 3 + 1);
        else
            sigmoe_layer_host_threads(&lent);
        sched_yield();
    }
    sigmoe_layer_threads(2); // nobody may ask this host any more
    return NULL;
}

static void the_choice_may_change_at_any_time(void **state) {
    (void)state;
    pthread_t chooser;
    atomic_bool stop = false;
    assert_int_equal(pthread_create(&chooser, NULL, choose_again_and_again, &stop), 0);
    for (int i = 0; i < 5; i++) assert_same_bits();
    stop = true;
    pthread_join(chooser, NULL);
}

// ---------------------------------------------------------------- forks

static bool works_and_is_right(void *context) {
    int expected = *(int *)context;
    work *w = work_new();
    bool right = threads_of_a_call() == expected && run(w) == SIGMOE_OK && w->bits == bits_of_one_thread;
    work_free(w);
    return right;
}

static bool child_and_grandchild_work(void *context) {
    return works_and_is_right(context) && holds_in_a_child(works_and_is_right, context);
}

static bool work_is_right(void *context) {
    work *w = context;
    return run(w) == SIGMOE_OK && w->bits == bits_of_one_thread;
}

static void children_work(void **state) {
    (void)state;
    if (!CHILDREN_MAY_HAVE_THREADS) skip();
    int two = 2;
    OK(sigmoe_layer_threads(2));
    assert_true(holds_in_a_child(child_and_grandchild_work, &two)); // before the pool's first use here
    assert_same_bits();
    assert_true(holds_in_a_child(child_and_grandchild_work, &two));
    assert_same_bits();
    host h = {.count = 2};
    sigmoe_host_threads lent = host_threads_of(&h);
    OK(sigmoe_layer_host_threads(&lent));
    assert_true(holds_in_a_child(child_and_grandchild_work, &two)); // the host's word counts
    work *w = work_new();
    assert_true(work_is_right(w));
    assert_true(holds_in_a_child(work_is_right, w)); // with layers of the parent's, too
    work_free(w);
}

static void *hold_the_pool(void *context) {
    pthread_barrier_t *barrier = context;
    layer_threads l;
    threads *pool;
    OK(layer_threads_open(&l));
    OK(layer_threads_begin(&l, &pool));
    assert_int_equal(threads_count(pool), 2);
    pthread_barrier_wait(barrier);
    pthread_barrier_wait(barrier);
    layer_threads_end(&l);
    layer_threads_close(&l);
    return NULL;
}

static void a_pool_held_at_the_fork_is_free_in_the_child(void **state) {
    (void)state;
    if (!CHILDREN_MAY_HAVE_THREADS) skip();
    pthread_t holder;
    pthread_barrier_t barrier;
    int two = 2;
    OK(sigmoe_layer_threads(2));
    assert_same_bits();
    pthread_barrier_init(&barrier, NULL, 2);
    assert_int_equal(pthread_create(&holder, NULL, hold_the_pool, &barrier), 0);
    pthread_barrier_wait(&barrier);
    assert_int_equal(threads_of_a_call(), 1); // here it is held
    bool works = holds_in_a_child(child_and_grandchild_work, &two);
    pthread_barrier_wait(&barrier);
    pthread_join(holder, NULL);
    pthread_barrier_destroy(&barrier);
    assert_true(works);
}

// Forks in the midst of rounds and of changes of the choice.
static void *compute_and_choose(void *context) {
    atomic_bool *stop = context;
    work *w = work_new();
    for (int i = 0; !*stop; i++) {
        sigmoe_layer_threads(2 + i % 2);
        run(w);
    }
    work_free(w);
    return NULL;
}

// AddressSanitizer's allocator may be locked at the fork, and stays so in the child.
enum { CHILDREN_MAY_ALLOCATE = !ADDRESS_SANITIZED };

static void forks_at_any_time(void **state) {
    (void)state;
    if (!CHILDREN_MAY_HAVE_THREADS || !CHILDREN_MAY_ALLOCATE) skip();
    pthread_t busy;
    atomic_bool stop = false;
    work *w = work_new();
    assert_int_equal(pthread_create(&busy, NULL, compute_and_choose, &stop), 0);
    int right = 0;
    for (int i = 0; i < 30; i++) right += holds_in_a_child(work_is_right, w);
    stop = true;
    pthread_join(busy, NULL);
    work_free(w);
    assert_int_equal(right, 30);
}

// ---------------------------------------------------------------- libtorch

// Stand in for libtorch's C interface (torch/csrc/stable/c/shim.h), where the library looks for it.
__attribute__((visibility("default"))) int32_t torch_parallel_for(int64_t begin, int64_t end,
    int64_t grain_size, void (*function)(int64_t begin, int64_t end, void *context), void *context);
__attribute__((visibility("default"))) int32_t torch_get_num_threads(uint32_t *count);

static uint32_t torch_count = 3;
static atomic_int torch_rounds;
static int32_t torch_error;
static bool in_child;

int32_t torch_get_num_threads(uint32_t *count) {
    *count = torch_count;
    return torch_error;
}

// In two parts, the later one first; in a child it would hang, as GNU's OpenMP does.
int32_t torch_parallel_for(int64_t begin, int64_t end, int64_t grain_size,
    void (*function)(int64_t begin, int64_t end, void *context), void *context) {
    int64_t middle = begin + (end - begin) / 2;
    assert_int_equal(grain_size, 1);
    assert_false(in_child);
    torch_rounds++;
    if (torch_error) return torch_error;
    function(middle, end, context);
    function(begin, middle, context);
    return 0;
}

static bool own_pool_with_torchs_count(void *context) {
    in_child = true;
    int rounds = torch_rounds;
    return works_and_is_right(context) && sigmoe_layer_torch_threads() && works_and_is_right(context) &&
           torch_rounds == rounds;
}

static void torchs_threads(void **state) {
    (void)state;
    int three = 3;
    OK(sigmoe_layer_threads(2));
    assert_true(sigmoe_layer_torch_threads());
    assert_int_equal(threads_of_a_call(), 3);
    assert_same_bits();
    assert_true(torch_rounds > 10);
    torch_count = 2; // as torch.set_num_threads says
    assert_int_equal(threads_of_a_call(), 2);
    torch_count = 3;
    if (CHILDREN_MAY_HAVE_THREADS) assert_true(holds_in_a_child(own_pool_with_torchs_count, &three));
    assert_same_bits();
    torch_error = 1; // the calling thread does the work
    assert_same_bits();
    torch_error = 0;
    OK(sigmoe_layer_threads(2));
    torch_rounds = 0;
    assert_same_bits();
    assert_int_equal(torch_rounds, 0);
}

// No test leaves a host behind.
static int choose_the_default(void **state) {
    (void)state;
    torch_error = 0;
    return sigmoe_layer_threads(0) != SIGMOE_OK;
}

#define TEST(name) cmocka_unit_test_teardown(name, choose_the_default)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(any_number_of_threads),
        TEST(impossible_numbers_are_refused),
        TEST(hosts_threads),
        TEST(unfinished_hosts_are_refused),
        TEST(several_callers_at_once),
        TEST(one_call_has_the_pool),
        TEST(a_pool_that_nobody_uses_ends),
        TEST(the_choice_may_change_at_any_time),
        TEST(children_work),
        TEST(a_pool_held_at_the_fork_is_free_in_the_child),
        TEST(forks_at_any_time),
        TEST(torchs_threads),
    };
    return cmocka_run_group_tests_name("layer threads", tests, find_bits, NULL);
}
