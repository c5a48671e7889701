// Experts that are spread over processes, which here are threads: outputs have the bits of one process that has all tokens and experts,
// and gradients agree, also where a part has no tokens, where all choose one expert, and with everything that depends on a token's
// place. What lies outside a part's range of a tensor is neither read nor written.
#include "model/feedforward_block.h"

#include "model/feedforward/statistics.h"

#include <pthread.h>

enum { MOST_PARTS = 4, D_MODEL = 12, MOST_TOKENS = 48, MOST_MESSAGES = 4096 };
static const double TOLERANCE = REAL_IS_FLOAT ? 2e-5 : 1e-12;

// ---------------------------------------------------------------- the exchange

// What a part has sent to another in its n-th call of begin.
typedef struct message {
    int from, to, call;
    size_t size;
    void *bytes;
} message;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t sent = PTHREAD_COND_INITIALIZER;
static message messages[MOST_MESSAGES];
static int message_count, mismatches;

typedef struct part_wave {
    int call;
    part_bytes bytes[MOST_PARTS];
} part_wave;

typedef struct part_link {
    int own, parts, calls, under_way;
} part_link;

static sigmoe_status begin(void *context, const part_bytes *bytes, void **out) {
    part_link *link = context;
    part_wave *wave = calloc(1, sizeof *wave);
    wave->call = link->calls++;
    memcpy(wave->bytes, bytes, (size_t)link->parts * sizeof *bytes);
    pthread_mutex_lock(&lock);
    for (int to = 0; to < link->parts; to++) {
        message *m = &messages[message_count++];
        *m = (message){link->own, to, wave->call, bytes[to].out_size, malloc(bytes[to].out_size + 1)};
        if (m->size > 0) memcpy(m->bytes, bytes[to].out, m->size);
    }
    pthread_cond_broadcast(&sent);
    pthread_mutex_unlock(&lock);
    link->under_way++;
    *out = wave;
    return SIGMOE_OK;
}

static sigmoe_status poll(void *context, void *wave) {
    (void)context;
    (void)wave;
    return SIGMOE_OK;
}

static const message *find(int from, int to, int call) {
    for (int i = 0; i < message_count; i++)
        if (messages[i].from == from && messages[i].to == to && messages[i].call == call) return &messages[i];
    return NULL;
}

static sigmoe_status finish(void *context, void *wave, sigmoe_status status) {
    part_link *link = context;
    part_wave *w = wave;
    if (!w) return status;
    pthread_mutex_lock(&lock);
    for (int from = 0; from < link->parts; from++) {
        const message *m;
        while (!(m = find(from, link->own, w->call))) pthread_cond_wait(&sent, &lock);
        mismatches += m->size != w->bytes[from].in_size;
        if (m->size > 0 && m->size == w->bytes[from].in_size) memcpy(w->bytes[from].in, m->bytes, m->size);
    }
    pthread_mutex_unlock(&lock);
    link->under_way--;
    free(w);
    return status;
}

static void forget_messages(void) {
    for (int i = 0; i < message_count; i++) free(messages[i].bytes);
    message_count = 0;
}

// ---------------------------------------------------------------- parts

typedef struct part_case {
    ff_options options;
    int parts;
    int64_t tokens[MOST_PARTS];
    bool alike;   // all tokens are
    bool watched; // with statistics
    bool bits;    // of outputs are equal
} part_case;

typedef struct part_run {
    pthread_t thread;
    const part_case *of;
    block b;
    part_link link;
    expert_exchange exchange;
    whole_batch whole;
    ff_statistics *statistics;
    sigmoe_status status;
} part_run;

static int64_t all_tokens(const part_case *c) {
    int64_t sum = 0;
    for (int i = 0; i < c->parts; i++) sum += c->tokens[i];
    return sum;
}

static block open_block(const part_case *c, int64_t tokens) {
    return block_open(&ff_variant_moe, c->options, block_around(D_MODEL, 0), tokens, 2);
}

static void watch(block *b, bool watched, ff_statistics **out) {
    if (!watched) return;
    must(ff_statistics_create(b->memory, &ff_variant_moe, &b->layer.options, 1, FF_TOTALS, out));
    (*out)->first_layer = 3;
    b->step.statistics = *out;
}

// Spoils what a part does not have.
static void hold_part(block *b, int part, int parts) {
    for (int i = 0; i < parameters_length(b->list); i++) {
        parameter *p = parameters_at(b->list, i);
        if (!p->by_expert) continue;
        p->held = (tensor_range){p->count / parts * part, p->count / parts};
        for (int64_t j = 0; j < p->count; j++)
            if (j < p->held.first || j >= p->held.first + p->held.count)
                p->value[j] = p->gradient[j] = (real)NAN;
    }
}

static void *run_part(void *context) {
    part_run *r = context;
    block *b = &r->b;
    r->status = b->layer.variant->forward(&b->layer, &b->step, b->x, b->y, &b->saved);
    if (r->status == SIGMOE_OK) {
        parameters_zero_gradients(&b->step.kernel, b->list);
        r->status = b->layer.variant->backward(&b->layer, &b->step, b->saved, b->x, b->dy, b->dx);
    }
    return NULL;
}

static void open_part(part_run *r, const part_case *c, int part, int64_t first, const block *whole) {
    r->of = c;
    r->b = open_block(c, c->tokens[part]);
    size_t bytes = (size_t)(c->tokens[part] * D_MODEL) * sizeof(real);
    memcpy(r->b.x.data, matrix_real(whole->x) + first * D_MODEL, bytes);
    memcpy(r->b.dy.data, matrix_real(whole->dy) + first * D_MODEL, bytes);
    r->link = (part_link){.own = part, .parts = c->parts};
    r->exchange = (expert_exchange){&r->link, part, c->parts, begin, poll, finish};
    r->whole = (whole_batch){.first = first, .tokens = all_tokens(c)};
    r->b.step.experts = &r->exchange;
    r->b.step.whole = &r->whole;
    watch(&r->b, c->watched, &r->statistics);
    hold_part(&r->b, part, c->parts);
}

static void near(double x, double expected) {
    if (!(fabs(x - expected) <= TOLERANCE * fmax(1, fabs(expected))))
        fail_msg("%.17g instead of %.17g", x, expected);
}

// A part's rows of what one process has.
static void compare_rows(matrix part, matrix whole, int64_t first, bool bits) {
    const real *a = matrix_real(part), *b = matrix_real(whole) + first * D_MODEL;
    for (int64_t i = 0; i < part.rows * D_MODEL; i++) {
        if (bits)
            assert_true(a[i] == b[i]);
        else
            near((double)a[i], (double)b[i]);
    }
}

static void compare_gradients(const part_run *runs, const part_case *c, const block *whole, int index) {
    const parameter *expected = parameters_at(whole->list, index);
    for (int64_t i = 0; i < expected->count && expected->trainable; i++) {
        double sum = 0;
        for (int part = 0; part < c->parts; part++) {
            const parameter *p = parameters_at(runs[part].b.list, index);
            bool held = i >= p->held.first && i < p->held.first + p->held.count;
            if (held)
                sum += (double)p->gradient[i];
            else
                assert_true(isnan(p->gradient[i]) && isnan(p->value[i]));
        }
        near(sum, (double)expected->gradient[i]);
    }
}

static void compare_statistics(const part_run *runs, const part_case *c, const ff_statistics *whole) {
    int64_t tokens = 0;
    double active = 0, squares = 0;
    for (int part = 0; part < c->parts; part++) {
        const ff_layer_statistics *s = runs[part].statistics->layer;
        tokens += s->tokens;
        active += s->active;
        squares += s->active_squares;
    }
    assert_true(tokens == whole->layer->tokens && active == whole->layer->active);
    assert_true(squares == whole->layer->active_squares && active > 0);
    for (int64_t i = 0; i < whole->channels; i++) {
        int64_t fired = 0;
        for (int part = 0; part < c->parts; part++) fired += runs[part].statistics->layer->fired[i];
        assert_int_equal(fired, whole->layer->fired[i]);
    }
}

static void run_threads(part_run *runs, int parts) {
    for (int i = 0; i < parts; i++)
        assert_int_equal(pthread_create(&runs[i].thread, NULL, run_part, &runs[i]), 0);
    for (int i = 0; i < parts; i++) pthread_join(runs[i].thread, NULL);
    for (int i = 0; i < parts; i++) {
        assert_int_equal(runs[i].status, SIGMOE_OK);
        assert_int_equal(runs[i].link.under_way, 0);
    }
    assert_int_equal(mismatches, 0);
}

static void compare_case(const part_case *c, const part_run *runs, const block *whole) {
    int64_t first = 0;
    for (int i = 0; i < c->parts; i++) {
        compare_rows(runs[i].b.y, whole->y, first, c->bits);
        compare_rows(runs[i].b.dx, whole->dx, first, false);
        first += c->tokens[i];
    }
    for (int i = 0; i < parameters_length(whole->list); i++) compare_gradients(runs, c, whole, i);
}

static void check_once(const part_case *c) {
    part_run runs[MOST_PARTS] = {0};
    ff_statistics *statistics = NULL;
    int64_t first = 0;
    block whole = open_block(c, all_tokens(c));
    for (int64_t t = 1; c->alike && t < whole.x.rows; t++)
        memcpy(matrix_row(whole.x, t), whole.x.data, D_MODEL * sizeof(real));
    watch(&whole, c->watched, &statistics);
    block_forward(&whole);
    block_backward(&whole);
    for (int i = 0; i < c->parts; i++) {
        open_part(&runs[i], c, i, first, &whole);
        first += c->tokens[i];
    }
    run_threads(runs, c->parts);
    compare_case(c, runs, &whole);
    if (c->watched) compare_statistics(runs, c, statistics);
    for (int i = 0; i < c->parts; i++) {
        block_release(&runs[i].b);
        block_close(&runs[i].b);
    }
    block_release(&whole);
    block_close(&whole);
    forget_messages();
}

// The bits of a product of matrices may depend on how many rows it has, and so a router's weights may: not with the reference, and not
// with a router that has none.
static void check_case(const part_case *c) {
    part_case again = *c;
    again.bits = c->options.moe.router == moe_router_named("random");
    check_once(&again);
    again.bits = true;
    kernel_force("ref");
    check_once(&again);
    kernel_force(NULL);
}

// ---------------------------------------------------------------- tests

// Of 20 experts, a part has 10: two or three in each chunk.
static void test_tokens_of_all(void **state) {
    (void)state;
    part_case c = {moe_block("sigmoid", 20, 5, 3), 2, {19, 9}, false, false, false};
    check_case(&c);
    c = (part_case){moe_block("softmax_topk", 12, 7, 4), 4, {9, 17, 3, 12}, false, true, false};
    check_case(&c);
    c = (part_case){moe_block("random", 24, 40, 4), 4, {9, 17, 3, 12}, false, true, false};
    check_case(&c);
    c = (part_case){moe_block("sigmoid", 4, 3, 1), 4, {5, 6, 7, 8}, false, false, false}; // an expert each
    check_case(&c);
}

// A part without tokens has experts all the same, and one whose experts nobody chooses has tokens.
static void test_parts_without_work(void **state) {
    (void)state;
    part_case c = {moe_block("sigmoid", 8, 5, 2), 4, {7, 0, 11, 0}, false, true, false};
    check_case(&c);
    c = (part_case){moe_block("sigmoid", 8, 5, 1), 4, {7, 4, 11, 2}, true, false, false};
    check_case(&c);
    c = (part_case){moe_block("sigmoid", 8, 5, 2), 2, {0, 0}, false, false, false};
    check_case(&c);
}

static void test_masks(void **state) {
    (void)state;
    part_case c = {moe_block("sigmoid", 20, 5, 3), 2, {19, 23}, false, true, false};
    c.options.moe.dropout = 0.3;
    c.options.moe.expert_dropout = 0.2;
    check_case(&c);
    c.options.moe.channels_kept = 6;
    check_case(&c);
    c.options.moe.dropout = 0;
    c.watched = false;
    check_case(&c);
}

// Whatever fails, nothing that is under way comes into memory that is given back.
static void test_out_of_memory(void **state) {
    (void)state;
    part_run r = {0};
    part_case c = {moe_block("sigmoid", 8, 5, 3), 1, {9}, false, true, false};
    c.options.moe.dropout = 0.3;
    block whole = open_block(&c, 9);
    open_part(&r, &c, 0, 0, &whole);
    int64_t successes = 0;
    for (r.status = SIGMOE_NO_MEMORY; r.status != SIGMOE_OK; successes++) {
        arena_fail_after(successes);
        run_part(&r);
        arena_fail_after(-1);
        assert_true(r.status == SIGMOE_OK || r.status == SIGMOE_NO_MEMORY);
        assert_int_equal(r.link.under_way, 0);
        block_release(&r.b);
        forget_messages();
    }
    assert_true(successes > 40);
    block_close(&r.b);
    block_close(&whole);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tokens_of_all),
        cmocka_unit_test(test_parts_without_work),
        cmocka_unit_test(test_masks),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
