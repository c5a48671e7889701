#include "bench/cost_json.h"

#include "formats/json_objects.h"
#include "formats/json_options.h"

static sigmoe_status put_layer(json_t *point, const char *const keys[4], const layer_cost *cost) {
    TRY(json_put(point, keys[0], json_finite(cost->milliseconds)));
    TRY(json_put(point, keys[1], json_finite(cost->roofline)));
    TRY(json_put(point, keys[2], json_finite(cost->bytes)));
    return json_put(point, keys[3], json_finite(cost->gflops));
}

static sigmoe_status put_point(json_t *points, const cost_point *p) {
    static const char *const moe[] = {"moe_ms", "moe_roofline_ms", "moe_bytes", "moe_gflops"};
    static const char *const dense[] = {"dense_ms", "dense_roofline_ms", "dense_bytes", "dense_gflops"};
    json_t *point = json_object();
    if (json_array_append_new(points, point) != 0) return fail(SIGMOE_NO_MEMORY, "no memory for the costs");
    TRY(json_put(point, "d_model", json_integer(p->sizes.d_model)));
    TRY(json_put(point, "experts", json_integer(p->sizes.experts)));
    TRY(json_put(point, "expert_size", json_integer(p->sizes.expert_size)));
    TRY(json_put(point, "k", json_integer(p->sizes.k)));
    TRY(put_layer(point, moe, &p->moe));
    return put_layer(point, dense, &p->dense);
}

static sigmoe_status fill(json_t *root, const cost_measurement *m, const char *directory) {
    json_t *points;
    TRY(json_put(root, "figure", json_string(m->curve->name)));
    TRY(json_put(root, "out", json_string(directory)));
    TRY(json_put(root, "tokens", json_integer(m->tokens)));
    TRY(json_put(root, "threads", json_integer(m->threads)));
    TRY(json_put(root, "dtype", json_string("f32")));
    TRY(json_put(root, "isa", json_string(m->isa)));
    TRY(json_put(root, "peak_gflops", json_finite(m->peak_gflops)));
    TRY(json_put(root, "bandwidth_gb_per_s", json_finite(m->bandwidth)));
    TRY(json_put(root, "points", points = json_array()));
    for (int i = 0; i < m->curve->points; i++) TRY(put_point(points, &m->point[i]));
    return SIGMOE_OK;
}

sigmoe_status cost_json(const cost_measurement *m, const char *directory, char **out) {
    json_t *root = json_object();
    TRY(json_hand_out(fill(root, m, directory), root, &root));
    *out = json_text(root);
    json_decref(root);
    return *out ? SIGMOE_OK : fail(SIGMOE_NO_MEMORY, "no memory for the costs");
}
