// Times: what they consist of, and how they change with machines and nodes.
#include "small_models.h"

static planned_training training_on(const machine_rates *rates, const network *between, int64_t batch) {
    return (planned_training){.cluster = {.rates = rates, .cores = 1, .memory = 1e15, .network = between},
        .models = {small_mixture()},
        .model_count = 1,
        .nodes = 1,
        .batch = batch,
        .operands = TYPE_REAL};
}

static scaling_point point_of(const planned_training *t, scheme s, int64_t ranks, int64_t batch) {
    scaling_point p;
    OK(scaling_at(t, 0, s, ranks, batch, batch, &p));
    return p;
}

// At 1e9 operations and bytes in a second.
static void one_node_takes_the_sum_of_its_parts(void **state) {
    (void)state;
    machine_rates rates = even_rates();
    planned_training t = training_on(&rates, NULL, 4);
    step_work w = work_of(&t.models[0], 4);
    double sum = w.stream_bytes + UPDATE_PASSES * 4 * (w.shared + w.experts);
    for (work_part part = 0; part < WORK_PARTS; part++) sum += w.operations[part];
    for (scheme s = 0; s < SCHEMES; s++) {
        scaling_point p = point_of(&t, s, 1, 4);
        assert_float_equal(p.estimate.seconds, sum * 1e-9, 1e-15);
        assert_true(p.estimate.communication == 0 && p.estimate.traffic_bytes == 0);
        assert_float_equal(p.speedup, 1, 1e-12);
    }
}

static void cores_divide_what_memory_does_not_limit(void **state) {
    (void)state;
    machine_rates rates = even_rates();
    planned_training t = training_on(&rates, NULL, 4);
    double one = point_of(&t, SCHEME_DATA, 1, 4).estimate.seconds;
    t.cluster.cores = 10;
    assert_float_equal(point_of(&t, SCHEME_DATA, 1, 4).estimate.seconds, one / 10, 1e-15);
    // Ten cores that move no more bytes than one: only products gain.
    t.cluster.memory = 1e9;
    step_work w = work_of(&t.models[0], 4);
    step_estimate e = point_of(&t, SCHEME_DATA, 1, 4).estimate;
    assert_float_equal(e.update, UPDATE_PASSES * 4 * (w.shared + w.experts) * 1e-9, 1e-15);
    // With hardly any memory, products wait for their weights.
    t.cluster.memory = 1;
    e = point_of(&t, SCHEME_DATA, 1, 4).estimate;
    double weights = 0;
    for (work_part part = 0; part < WORK_PARTS; part++) weights += w.weight_bytes[part];
    assert_true(e.compute > weights);
}

static void a_network_bounds_messages(void **state) {
    (void)state;
    machine_rates rates = even_rates();
    network slow = {0.5e9, 1e-3}, fast = {1e12, 1e-3};
    planned_training t = training_on(&rates, NULL, 4);
    step_work w = work_of(&t.models[0], 2);
    step_traffic traffic = scheme_traffic(SCHEME_DATA, &w, 2);
    double bytes = traffic.summed + traffic.small, counted = traffic.messages * 1e-9;
    assert_float_equal(point_of(&t, SCHEME_DATA, 2, 4).estimate.communication, bytes * 1e-9 + counted, 1e-15);
    t.cluster.network = &slow;
    assert_float_equal(point_of(&t, SCHEME_DATA, 2, 4).estimate.communication,
        bytes * 2e-9 + counted + 1e-3 * traffic.rounds, 1e-12);
    t.cluster.network = &fast; // no faster than messages were when nothing but memory was between
    assert_float_equal(point_of(&t, SCHEME_DATA, 2, 4).estimate.communication,
        bytes * 1e-9 + counted + 1e-3 * traffic.rounds, 1e-12);
}

static void more_nodes_compute_less_and_talk_more(void **state) {
    (void)state;
    machine_rates rates = even_rates();
    network n = {1e9, 1e-6};
    planned_training t = training_on(&rates, &n, 4096);
    scaling all;
    OK(scaling_compute(&t, &all));
    for (scaling_kind kind = 0; kind < SCALING_KINDS; kind++)
        for (scheme s = 0; s < SCHEMES; s++)
            for (int i = 0; i < SCALING_POINTS; i++) {
                const scaling_point *p = &all.points[kind][0][s][i];
                assert_int_equal(p->ranks, 1 << i);
                assert_string_equal(p->problem, "");
                assert_true(p->efficiency > 0);
                // Nodes that divide the optimizer's work do less than one, which has all of it.
                assert_true(s != SCHEME_DATA || p->efficiency <= 1 + 1e-9);
                if (i && kind == SCALING_STRONG)
                    assert_true(p->estimate.compute < all.points[kind][0][s][i - 1].estimate.compute);
                if (i && kind == SCALING_STRONG)
                    assert_true(
                        p->estimate.memory_bytes < all.points[kind][0][s][i - 1].estimate.memory_bytes);
                if (i) assert_true(p->estimate.communication > 0 && p->estimate.traffic_bytes > 0);
            }
}

static void curves_end_where_sequences_do(void **state) {
    (void)state;
    machine_rates rates = even_rates();
    planned_training t = training_on(&rates, NULL, 16);
    scaling all;
    OK(scaling_compute(&t, &all));
    const scaling_point *points = all.points[SCALING_STRONG][0][SCHEME_DATA];
    assert_string_equal(points[4].problem, "");
    assert_string_equal(points[5].problem, "16 sequences are too few for 32 ranks");
    assert_true(isnan(points[5].estimate.seconds) && isnan(points[5].speedup));
    assert_string_equal(all.points[SCALING_WEAK][0][SCHEME_DATA][12].problem, "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_node_takes_the_sum_of_its_parts),
        cmocka_unit_test(cores_divide_what_memory_does_not_limit),
        cmocka_unit_test(a_network_bounds_messages),
        cmocka_unit_test(more_nodes_compute_less_and_talk_more),
        cmocka_unit_test(curves_end_where_sequences_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
