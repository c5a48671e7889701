// Sweeps: what tables and files ask for, what overrides change, and that runs several at a time, stopped or not, give the
// table of runs one after another.
#include "train/fixture.h"

#include "compare/sweep_read.h"

#include <math.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

static arena *texts;

static sweep_plan plan_of(const char *table, const char *const *overrides, int count) {
    sweep_plan plan;
    OK(sweep_plan_make(table, overrides, count, texts, &plan));
    return plan;
}

static int variant_named(const sweep_plan *plan, const char *name) {
    for (int i = 0; i < plan->count; i++)
        if (strcmp(plan->variants[i], name) == 0) return i;
    fail_msg("%s has no %s", plan->name, name);
    return -1;
}

static void refused(const char *table, const char *part) {
    sweep_plan plan;
    assert_int_not_equal(sweep_plan_make(table, NULL, 0, texts, &plan), SIGMOE_OK);
    if (!strstr(sigmoe_message(), part)) fail_msg("\"%s\" lacks \"%s\"", sigmoe_message(), part);
}

// ---------------------------------------------------------------- tables

static void every_table_resolves(void **state) {
    (void)state;
    sigmoe_sweep_table table;
    int count = 0;
    for (; sigmoe_sweep_table_at(count, &table); count++) {
        sweep_plan plan = plan_of(table.name, NULL, 0);
        int published = 0;
        assert_string_equal(plan.name, table.name);
        assert_true(plan.count >= 2);
        assert_string_equal(plan.variants[0], "dense");
        for (int i = 0; i < plan.count; i++) published += !isnan(plan.published[i]);
        assert_true(published >= 2);
    }
    assert_int_equal(count, 25);
    assert_false(sigmoe_sweep_table_at(-1, &table));
}

static void tables_have_the_papers_rows(void **state) {
    (void)state;
    sweep_plan small = plan_of("tab10-wt-s", NULL, 0), big = plan_of("tab10-wt-b", NULL, 0);
    assert_int_equal(small.count, 20);
    assert_int_equal(big.count, 14); // the paper has no K=1, 2, 8, 2N_E, nor Switch's two small ones there
    assert_true(small.published[variant_named(&small, "sigma-moe")] == 11.59);
    assert_true(big.published[variant_named(&big, "s-base-k4")] == 10.50);
    assert_string_equal(small.published_unit, "perplexity");
    assert_string_equal(small.base_name, "wt-s-moe");

    sweep_plan third = plan_of("tab3-wt-s", NULL, 0), bytes = plan_of("tab3-e8", NULL, 0);
    assert_true(third.published[variant_named(&third, "sigma-moe")] == 11.71);
    assert_string_equal(bytes.published_unit, "bits/char");

    sweep_plan code = plan_of("tab10-wt-s@code", NULL, 0);
    assert_string_equal(code.base_name, "wt-s-moe@code");
    assert_true(code.base.model.ff.moe.expert_dropout == 0.05);
}

static void the_best_k_has_the_published_score(void **state) {
    (void)state;
    static const struct {
        const char *table, *variant;
        double score;
    } best[] = {{"tab1-wt-s", "topk:k=512", 11.68}, {"tab1-wt-b", "topk:k=128", 9.26},
        {"tab1-e8", "topk:k=128", 1.07}};
    for (size_t i = 0; i < sizeof best / sizeof *best; i++) {
        sweep_plan plan = plan_of(best[i].table, NULL, 0);
        int published = 0;
        for (int v = 0; v < plan.count; v++) published += !isnan(plan.published[v]);
        assert_int_equal(published, 2); // and dense
        assert_true(plan.published[variant_named(&plan, best[i].variant)] == best[i].score);
    }
}

static void tables_of_top_k_have_the_papers_k(void **state) {
    (void)state;
    sweep_plan small = plan_of("tab1-wt-s", NULL, 0), big = plan_of("tab1-wt-b", NULL, 0),
               bytes = plan_of("tab1-e8", NULL, 0);
    assert_int_equal(small.count, 5);
    assert_string_equal(small.variants[1], "topk:k=64");
    assert_int_equal(big.count, 4);
    assert_string_equal(big.variants[1], "topk:k=128");
    assert_string_equal(big.variants[3], "topk:k=512");
    assert_int_equal(bytes.count, 4);
    assert_string_equal(bytes.variants[1], "topk:k=128");
    assert_string_equal(bytes.variants[3], "topk:k=512");
}

static void unknown_names_get_the_nearest(void **state) {
    (void)state;
    refused("tab10-wts", "tab10-wt-s");
    refused("tab2-wt-s-star", "tab"); // the paper has no product-key memory there
    refused("tab10-e8@cod", "did you mean");
    refused("e8-moe@code", "`sigmoe_sweep_table_at` lists all");
    refused("tab3-e8@code", "ask for tab3-e8, without @code");
    refused("", "no table");
}

// ---------------------------------------------------------------- overrides

static void overrides_come_before_the_rows(void **state) {
    (void)state;
    static const char *const smaller[] = {"d_model=64", "n_layers=2", "ff.n_experts=8"};
    sweep_plan plan = plan_of("tab1-e8", smaller, 3);
    assert_int_equal(plan.base.model.d_model, 64);
    assert_int_equal(plan.base.model.ff.moe.n_experts, 8);
    // K follows the channels: the paper's 128 of 2048 is 64 of 1024, and keeps its score.
    assert_true(plan.published[variant_named(&plan, "topk:k=64")] == 1.07);

    static const char *const wrong[] = {"d_modle=64"}, *const tiny[] = {"ff.expert_size=1"};
    assert_int_equal(sweep_plan_make("tab1-e8", wrong, 1, texts, &plan), SIGMOE_BAD_ARGUMENT);
    assert_non_null(strstr(sigmoe_message(), "d_model"));
    assert_int_equal(sweep_plan_make("tab1-wt-s", tiny, 1, texts, &plan), SIGMOE_BAD_ARGUMENT);
    assert_non_null(strstr(sigmoe_message(), "32"));
}

// ---------------------------------------------------------------- files

static const char *file_with(const char *text) {
    write_text(in_root("sweep.json"), text);
    return in_root("sweep.json");
}

static void a_file_says_all_of_it(void **state) {
    (void)state;
    sweep_plan plan =
        plan_of(file_with("{\"base\": \"wt-s-moe\", \"rows\": [\"dense\", \"topk:k=64\", \"wt-s-switch\"], "
                          "\"set\": {\"d_model\": 64, \"ff.router\": \"softmax\"}, \"seeds\": 3, "
                          "\"settings\": {\"steps\": 7, \"lr\": 0.5}}"),
            NULL, 0);
    assert_int_equal(plan.count, 3);
    assert_int_equal(plan.seeds, 3);
    assert_int_equal(plan.base.model.d_model, 64);
    assert_string_equal(plan.variants[2], "switch");
    assert_true(plan.published[0] == 11.81 && isnan(plan.published[1]) && plan.published[2] == 12.27);
    assert_int_equal(plan.base.settings.steps, 7);
    assert_true(plan.base.settings.lr == 0.5 && plan.base.settings.batch == 64); // the rest is the base's

    sigmoe_sweep_request request;
    OK(sigmoe_sweep_defaults(in_root("sweep.json"), &request));
    assert_int_equal(request.seeds, 3);
    assert_int_equal(request.settings.steps, 7);
}

// A preset as a row is the preset's model with its score, or is refused.
static void presets_as_rows(void **state) {
    (void)state;
    sweep_plan big = plan_of(
        file_with("{\"base\": \"wt-b-moe\", \"rows\": [\"wt-b-topk\", \"topk\", \"topk:k=128\"]}"), NULL, 0);
    assert_string_equal(big.variants[0], "topk:k=128");
    assert_true(big.published[0] == 9.26 && isnan(big.published[1]) && big.published[2] == 9.26);

    static const char *const halved[] = {"ff.n_experts=16"};
    sweep_plan smaller = plan_of(file_with("{\"base\": \"wt-b-moe\", \"rows\": [\"wt-b-topk\"]}"), halved, 1);
    assert_string_equal(smaller.variants[0], "topk:k=64");

    sweep_plan small =
        plan_of(file_with("{\"base\": \"wt-s-moe\", \"rows\": [\"sigma-moe\", \"wt-s-topk\"]}"), NULL, 0);
    assert_true(small.published[0] == 11.71); // the base is Tab. 3's
    assert_string_equal(small.variants[1], "topk");
    sweep_plan code = plan_of(
        file_with("{\"base\": \"wt-s-moe@code\", \"rows\": [\"wt-s-moe@code\", \"wt-s-2k@code\"]}"), NULL, 0);
    assert_true(code.published[0] == 11.59 && code.published[1] == 11.58);

    refused(file_with("{\"base\": \"wt-s-moe\", \"rows\": [\"wt-s-moe@code\"]}"), "other settings");
    refused(file_with("{\"base\": \"wt-s-moe\", \"rows\": [\"wt-s-switch-k4@code\"]}"), "other settings");
    refused(file_with("{\"base\": \"wt-s-moe@code\", \"rows\": [\"wt-s-dense@code\"]}"), "other settings");
}

static void wrong_files_are_refused(void **state) {
    (void)state;
    refused(in_root("absent.json"), "absent.json");
    refused(file_with("["), "sweep.json");
    refused(file_with("{\"rows\": [\"dense\"]}"), "base");
    refused(file_with("{\"base\": \"wt-s-moe\"}"), "rows");
    refused(file_with("{\"base\": \"wt-s-moe\", \"rows\": []}"), "rows");
    refused(file_with("{\"base\": \"wt-s-moe\", \"rows\": [1]}"), "rows");
    refused(file_with("{\"base\": \"wt-s-moe\", \"rows\": \"dense\"}"), "rows");
    refused(file_with("{\"base\": \"wt-s-dense\", \"rows\": [\"dense\"]}"), "wt-s-moe");
    refused(file_with("{\"base\": \"wt-s-mo\", \"rows\": [\"dense\"]}"), "wt-s-moe");
    refused(file_with("{\"base\": \"wt-s-moe\", \"rows\": [\"e8-dense\"]}"), "e8-dense");
    refused(file_with("{\"base\": \"wt-s-moe\", \"rows\": [\"dense\"], \"seed\": 3}"), "\"seeds\"");
    refused(file_with("{\"base\": \"wt-s-moe\", \"rows\": [\"dense\"], \"seeds\": 0}"), "seeds");
    refused(file_with("{\"base\": \"wt-s-moe\", \"rows\": [\"dense\"], \"set\": [1]}"), "set");
    refused(file_with("{\"base\": \"wt-s-moe\", \"rows\": [\"dense\"], \"set\": {\"ff.kk\": 1}}"), "ff.k");
    refused(file_with("{\"base\": \"wt-s-moe\", \"rows\": [\"dense\"], \"settings\": {\"step\": 1}}"),
        "settings.step");
    refused(file_with("{\"base\": \"wt-s-moe\", \"rows\": [\"dense\"], \"settings\": 1}"), "settings");
}

// ---------------------------------------------------------------- runs

static const char *const small[] = {
    "d_model=8", "n_layers=1", "n_heads=2", "d_head=4", "unroll=6", "ff.expert_size=4"};
static sigmoe_flag stop;
static int notes;

// Of a run, or of a row that is left out; not of what is told before it begins.
static bool is_outcome(const char *line) {
    return strstr(line, ": valid ") || strstr(line, ": left out");
}

static void on_note(void *context, const char *line) {
    if (!is_outcome(line)) return;
    notes++;
    if (context) stop = 1;
}

static sigmoe_sweep_request small_request(const char *out, int seeds, int jobs) {
    sigmoe_sweep_request request;
    OK(sigmoe_sweep_defaults("tab3-wt-s", &request));
    request.data = in_root("data");
    request.out = out;
    request.overrides = small;
    request.override_count = sizeof small / sizeof *small;
    request.seeds = seeds;
    request.jobs = jobs;
    request.settings.steps = 3;
    request.settings.batch = 2;
    return request;
}

static char *last_table;

// *table is there until the next run.
static sigmoe_status run(const sigmoe_sweep_request *request, bool stop_at_first, const char **table) {
    sigmoe_observer observer = {.size = sizeof(sigmoe_observer),
        .note = on_note,
        .context = stop_at_first ? (void *)request : NULL,
        .stop = &stop,
        .threads = 1};
    stop = notes = 0;
    sigmoe_free(last_table);
    sigmoe_status status = sigmoe_sweep(request, &observer, &last_table);
    *table = last_table;
    return status;
}

static void assert_same_run(const char *a, const char *b, const char *name) {
    char first[PATH_CAPACITY], second[PATH_CAPACITY];
    OK(path_format(first, "%s/runs/%s/checkpoints/00000003/model.safetensors", a, name));
    OK(path_format(second, "%s/runs/%s/checkpoints/00000003/model.safetensors", b, name));
    assert_same_file(first, second);
}

static void one_seed_gives_plain_names_and_no_verdict(void **state) {
    (void)state;
    const char *table;
    sigmoe_sweep_request request = small_request(in_root("one"), 1, 1);
    OK(run(&request, false, &table));
    assert_true(path_exists(in_root("one/runs/sigma-moe/checkpoints/00000003/config.json")));
    assert_non_null(strstr(table, "needs 3 seeds"));
    assert_non_null(strstr(table, "11.71"));
    assert_true(path_exists(in_root("one/claims.csv")));
}

static void several_at_a_time_are_the_same_runs(void **state) {
    (void)state;
    const char *table;
    sigmoe_sweep_request in_turn = small_request(in_root("turn"), 3, 1),
                         at_once = small_request(in_root("once"), 3, 3);
    OK(run(&in_turn, false, &table));
    OK(run(&at_once, false, &table));
    for (int seed = 1; seed <= 3; seed++) {
        char name[32];
        snprintf(name, sizeof name, "sigma-moe-seed%d", seed);
        assert_same_run(in_root("turn"), in_root("once"), name);
    }
    assert_same_file(in_root("turn/claims.csv"), in_root("once/claims.csv"));
    assert_null(strstr(table, "needs 3 seeds"));
}

// In the process of a run, which has bound its thread by then.
static void on_note_place(void *context, const char *line) {
    volatile bool *used = context;
    int here = sched_getcpu();
    if (!is_outcome(line)) return;
    if (here >= 0 && here < CPU_SETSIZE) used[here] = true;
}

static void pinned_jobs_have_processors_of_their_own(void **state) {
    (void)state;
    cpu_set_t allowed;
    OK(sched_getaffinity(0, sizeof allowed, &allowed));
    if (CPU_COUNT(&allowed) < 2) skip();
    bool *used = mmap(NULL, CPU_SETSIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(used != MAP_FAILED);
    sigmoe_sweep_request request = small_request(in_root("pinned"), 1, 2);
    pid_t process = fork(); // pinning lasts
    if (process == 0) {
        char *table;
        sigmoe_observer observer = {
            .size = sizeof(sigmoe_observer), .note = on_note_place, .context = used, .threads = 2};
        sigmoe_pin_threads();
        _exit(sigmoe_sweep(&request, &observer, &table));
    }
    int ended = -1;
    assert_int_equal(waitpid(process, &ended, 0), process);
    assert_int_equal(ended, 0);
    int processors = 0;
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) processors += used[cpu];
    munmap(used, CPU_SETSIZE);
    assert_int_equal(processors, 2);
}

static void a_stopped_sweep_goes_on(void **state) {
    (void)state;
    const char *table;
    sigmoe_sweep_request request = small_request(in_root("stopped"), 3, 1);
    assert_int_equal(run(&request, true, &table), SIGMOE_INTERRUPTED);
    assert_int_equal(notes, 1);
    request.resume = true;
    request.jobs = 2;
    OK(run(&request, false, &table));
    assert_same_file(in_root("turn/claims.csv"), in_root("stopped/claims.csv"));
    // Finished runs are read, not trained: a weight file that is gone stays gone.
    OK(directory_remove(in_root("stopped/runs/dense-seed1/checkpoints")));
    OK(run(&request, false, &table));
    assert_false(path_exists(in_root("stopped/runs/dense-seed1/checkpoints")));
}

// A run says what came out of it in its own process, which then waits until the test lets it go on; never for ever.
static void on_note_wait(void *context, const char *line) {
    if (!is_outcome(line)) return;
    write_text(context, "");
    for (int i = 0; i < 6000 && !path_exists(in_root("go")); i++) usleep(10000);
}

static pid_t sweep_that_waits(const sigmoe_sweep_request *request, const char *waits) {
    pid_t process = fork();
    if (process == 0) {
        char *table;
        sigmoe_observer observer = {
            .size = sizeof(sigmoe_observer), .note = on_note_wait, .context = (void *)waits, .threads = 1};
        (void)sigmoe_sweep(request, &observer, &table);
        _exit(0);
    }
    assert_true(process > 0);
    while (!path_exists(waits)) usleep(10000);
    return process;
}

static void runs_that_outlive_a_killed_sweep_keep_its_place(void **state) {
    (void)state;
    const char *table;
    char out[PATH_CAPACITY], waits[PATH_CAPACITY];
    OK(path_format(out, "%s/outlived", root));
    OK(path_format(waits, "%s/waits", root));
    sigmoe_sweep_request request = small_request(out, 3, 2);
    pid_t sweep = sweep_that_waits(&request, waits);
    assert_int_equal(kill(sweep, SIGKILL), 0);
    assert_int_equal(waitpid(sweep, NULL, 0), sweep);

    request.resume = true;
    FAILS(SIGMOE_IO, run(&request, false, &table));
    assert_message_has("outlived is in use");
    request.resume = false;
    request.force = true;
    FAILS(SIGMOE_IO, run(&request, false, &table));
    assert_message_has("outlived is in use");
    request.force = false;
    request.resume = true;
    write_text(in_root("go"), "");
    OK(run(&request, false, &table));
    assert_same_file(in_root("once/claims.csv"), in_root("outlived/claims.csv"));
}

static void a_run_that_cannot_be_written_stops_all(void **state) {
    (void)state;
    const char *table;
    sigmoe_sweep_request request = small_request(in_root("blocked"), 3, 2);
    OK(run(&request, false, &table));
    write_text(in_root("blocked/runs/dense-seed2/result.json"), "{");
    request.resume = true;
    assert_int_equal(run(&request, false, &table), SIGMOE_BAD_FORMAT);
    assert_non_null(strstr(sigmoe_message(), "dense-seed2/result.json"));
}

static void rows_made_equal_are_trained_once(void **state) {
    (void)state;
    const char *table;
    write_text(in_root("twins.json"),
        "{\"base\": \"wt-s-moe\", \"rows\": [\"switch\", \"switch-no-dropout\"], "
        "\"set\": {\"dropout\": 0}}");
    sigmoe_sweep_request request = small_request(in_root("twins"), 1, 1);
    request.table = in_root("twins.json");
    OK(run(&request, false, &table));
    assert_true(path_exists(in_root("twins/runs/switch")));
    assert_false(path_exists(in_root("twins/runs/switch-no-dropout")));
    assert_int_equal(notes, 2); // that one was left out, and what the other gave
}

static int begin(void **state) {
    return make_root(state) != 0 || arena_create("plans", &texts) != SIGMOE_OK ? -1 : 0;
}
static int finish(void **state) {
    arena_destroy(texts);
    return remove_root(state);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_table_resolves),
        cmocka_unit_test(tables_have_the_papers_rows),
        cmocka_unit_test(the_best_k_has_the_published_score),
        cmocka_unit_test(tables_of_top_k_have_the_papers_k),
        cmocka_unit_test(unknown_names_get_the_nearest),
        cmocka_unit_test(overrides_come_before_the_rows),
        cmocka_unit_test(a_file_says_all_of_it),
        cmocka_unit_test(presets_as_rows),
        cmocka_unit_test(wrong_files_are_refused),
        cmocka_unit_test(one_seed_gives_plain_names_and_no_verdict),
        cmocka_unit_test(several_at_a_time_are_the_same_runs),
        cmocka_unit_test(pinned_jobs_have_processors_of_their_own),
        cmocka_unit_test(a_stopped_sweep_goes_on),
        cmocka_unit_test(runs_that_outlive_a_killed_sweep_keep_its_place),
        cmocka_unit_test(a_run_that_cannot_be_written_stops_all),
        cmocka_unit_test(rows_made_equal_are_trained_once),
    };
    int failed = cmocka_run_group_tests(tests, begin, finish);
    sigmoe_free(last_table);
    return failed;
}
