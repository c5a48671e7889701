// Comparisons end to end: the table says what the runs' results say, stopped ones go on to the same table, and what cannot
// be compared is refused before anything is trained.
#include "train/fixture.h"

#include "compare/run.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/time.h>

static sigmoe_flag stop;

typedef struct notes {
    char text[4096];
    bool stop_at_first;
    const char *watched; // a report that grows; NULL: none is watched
    int results;
} notes;

static bool page_has(const char *path, const char *text) {
    char *page = read_text(path);
    bool has = strstr(page, text) != NULL;
    free(page);
    return has;
}

// When a run's result is told, the report says which runs were done before it.
static void watch_report(notes *n) {
    char said[64];
    snprintf(said, sizeof said, "%d of 4 runs done. The others are being trained", n->results++);
    assert_true(page_has(n->watched, said));
    assert_true(page_has(n->watched, "http-equiv=\"refresh\""));
    assert_true(page_has(n->watched, n->results > 1 ? "1 of 2 seeds trained" : "not trained yet"));
}

static void on_note(void *context, const char *line) {
    notes *n = context;
    size_t used = strlen(n->text);
    snprintf(n->text + used, sizeof n->text - used, "%s\n", line);
    if (!strstr(line, ": valid ")) return;
    if (n->watched) watch_report(n);
    if (n->stop_at_first) stop = 1; // at a run's result
}

static const char *const two[] = {"dense", "sigma-moe"};

typedef struct attempt {
    sigmoe_config base;
    sigmoe_compare_request request;
    notes notes;
    const char *table; // of the last run of all
} attempt;

static char *last_table;

static attempt prepare(const char *out) {
    static char data[PATH_CAPACITY];
    OK(path_format(data, "%s/data", root));
    attempt a = {.base = make_config(MOE)};
    sigmoe_compare_defaults(&a.base, &a.request);
    a.request.base_name = "small";
    a.request.data = data;
    a.request.out = out;
    a.request.variants = two;
    a.request.variant_count = 2;
    a.request.seeds = 2;
    a.request.settings = small_settings(6);
    a.request.settings.valid_every = 2;
    return a;
}

static sigmoe_status run(attempt *a) {
    sigmoe_observer observer = {
        .size = sizeof(sigmoe_observer), .note = on_note, .context = &a->notes, .stop = &stop, .threads = 1};
    stop = 0;
    a->request.base = &a->base;
    sigmoe_free(last_table);
    sigmoe_status status = sigmoe_compare(&a->request, &observer, &last_table);
    a->table = last_table;
    return status;
}

static json_t *read_json(const char *directory, const char *name) {
    char path[PATH_CAPACITY];
    json_t *object;
    OK(path_format(path, "%s/%s", directory, name));
    OK(json_read_object(path, &object));
    return object;
}

static double number_at(const json_t *object, const char *key, const char *inner) {
    const json_t *value = json_object_get(object, key);
    if (inner) value = json_object_get(value, inner);
    assert_true(json_is_number(value));
    return json_number_value(value);
}

// ---------------------------------------------------------------- the table

static void assert_row_is_its_results(const char *out, const json_t *row) {
    const char *variant = json_string_value(json_object_get(row, "variant"));
    static const char *const splits[] = {"valid", "test"};
    for (int i = 0; i < 2; i++) {
        double score[2], speed = 0;
        for (int seed = 0; seed < 2; seed++) {
            char name[128];
            snprintf(name, sizeof name, "runs/%s-seed%d/result.json", variant, 7 + seed);
            json_t *result = read_json(out, name);
            score[seed] = number_at(result, splits[i], "perplexity");
            speed += number_at(result, "tokens_per_s", NULL) / 2;
            json_decref(result);
        }
        double mean = (score[0] + score[1]) / 2, deviation = fabs(score[0] - score[1]) / sqrt(2);
        assert_true(score[0] != score[1]); // the seed matters
        assert_near(number_at(row, splits[i], "mean"), mean, 1e-12 * mean);
        assert_near(number_at(row, splits[i], "std"), deviation, 1e-9 * mean);
        assert_near(number_at(row, "tokens_per_s", NULL), speed, 1e-9 * speed);
    }
}

static void the_table_is_the_results(void **state) {
    (void)state;
    attempt a = prepare(in_root("whole"));
    OK(run(&a));
    json_t *table = read_json(in_root("whole"), "table.json"), *rows = json_object_get(table, "variants");
    assert_int_equal(json_array_size(rows), 2);
    assert_string_equal(json_string_value(json_object_get(table, "score")), "perplexity");
    for (size_t i = 0; i < 2; i++) assert_row_is_its_results(in_root("whole"), json_array_get(rows, i));

    // The same numbers for eyes.
    char cell[64];
    const json_t *dense = json_array_get(rows, 0);
    snprintf(
        cell, sizeof cell, "%.3f ± %.3f", number_at(dense, "test", "mean"), number_at(dense, "test", "std"));
    assert_non_null(strstr(a.table, cell));
    snprintf(cell, sizeof cell, "\norder-%lld n-gram ",
        json_integer_value(json_object_get(json_object_get(table, "ngram"), "order")));
    assert_non_null(strstr(a.table, cell));
    char *text = read_text(in_root("whole/table.txt"));
    assert_string_equal(text, a.table);
    free(text);
    json_decref(table);
}

// Six steps of which one took a minute: a mean of them would say nothing else.
static void one_slow_step_does_not_rule(void **state) {
    (void)state;
    attempt a = prepare(in_root("slow"));
    a.request.seeds = a.request.variant_count = 1;
    OK(run(&a));
    char text[4096] = "";
    for (int step = 0; step < 6; step++)
        snprintf(text + strlen(text), sizeof text - strlen(text),
            "{\"step\":%d,\"loss\":2,\"tokens_per_s\":%s}\n", step,
            step == 3  ? "0.1"
            : step % 2 ? "1000"
                       : "1010");
    forget_sums(in_root("slow/runs/dense-seed7/checkpoints/00000006")); // which tell that the log is another
    write_text(in_root("slow/runs/dense-seed7/metrics.jsonl"), text);
    assert_int_equal(remove(in_root("slow/runs/dense-seed7/result.json")), 0);
    a.request.resume = true;
    OK(run(&a));
    json_t *table = read_json(in_root("slow"), "table.json");
    const json_t *row = json_array_get(json_object_get(table, "variants"), 0);
    assert_near(number_at(row, "tokens_per_s", NULL), 1005, 1e-9);
    assert_near(number_at(row, "tokens_per_s_q1", NULL), 1000, 1e-9);
    assert_near(number_at(row, "tokens_per_s_q3", NULL), 1010, 1e-9);
    assert_non_null(strstr(a.table, "1,005 (1,000–1,010)"));
    json_decref(table);
}

static void one_seed_has_no_deviation(void **state) {
    (void)state;
    attempt a = prepare(in_root("single"));
    a.request.seeds = 1;
    OK(run(&a));
    assert_null(strstr(a.table, "±"));
    json_t *table = read_json(in_root("single"), "table.json");
    const json_t *row = json_array_get(json_object_get(table, "variants"), 0);
    assert_true(json_is_null(json_object_get(json_object_get(row, "valid"), "std")));
    json_decref(table);
}

static void every_file_is_there(void **state) {
    (void)state;
    static const char *const files[] = {"compare.json", "table.txt", "table.csv", "table.json", "report.html",
        "curves.svg", "curves.png", "curves-seconds.svg", "quality-flops.png", "training-loss.svg",
        "runs/dense-seed7/metrics.jsonl", "runs/dense-seed7/valid.jsonl", "runs/dense-seed7/train.json",
        "runs/sigma-moe-seed8/checkpoints/00000006/model.safetensors"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char path[PATH_CAPACITY];
        OK(path_format(path, "%s/%s", in_root("whole"), files[i]));
        struct stat about;
        if (stat(path, &about) != 0 || about.st_size == 0) fail_msg("%s is missing or empty", path);
    }
}

// ---------------------------------------------------------------- going on

// Scores and costs that do not depend on time, of every run.
static void assert_same_scores(const char *one, const char *other) {
    json_t *a = read_json(one, "table.json"), *b = read_json(other, "table.json");
    for (size_t i = 0; i < 2; i++) {
        const json_t *x = json_array_get(json_object_get(a, "variants"), i);
        const json_t *y = json_array_get(json_object_get(b, "variants"), i);
        assert_true(json_equal(json_object_get(x, "runs"), json_object_get(y, "runs")));
        assert_true(json_equal(json_object_get(x, "test"), json_object_get(y, "test")));
        assert_true(json_equal(json_object_get(x, "parameters"), json_object_get(y, "parameters")));
    }
    json_decref(a);
    json_decref(b);
}

static ino_t file_identity(const char *name) {
    struct stat about;
    assert_int_equal(stat(in_root(name), &about), 0);
    return about.st_ino;
}

static void a_finished_comparison_is_not_trained_again(void **state) {
    (void)state;
    const char *const files[] = {"whole/runs/dense-seed7/result.json", "whole/ngram.json",
        "whole/runs/sigma-moe-seed8/checkpoints/00000006/model.safetensors"};
    ino_t before[3];
    for (int i = 0; i < 3; i++) before[i] = file_identity(files[i]);
    char *table = read_text(in_root("whole/table.json"));
    attempt a = prepare(in_root("whole"));
    a.request.resume = true;
    OK(run(&a));
    for (int i = 0; i < 3; i++) assert_int_equal(file_identity(files[i]), before[i]);
    char *again = read_text(in_root("whole/table.json"));
    assert_string_equal(table, again);
    free(table);
    free(again);
}

// As versions wrote it that knew no schedules.
static void an_older_record_is_of_a_cosine(void **state) {
    (void)state;
    char path[PATH_CAPACITY];
    OK(path_format(path, "%s/compare.json", in_root("whole")));
    json_t *record = read_json(in_root("whole"), "compare.json");
    assert_int_equal(json_object_del(json_object_get(record, "settings"), "schedule"), 0);
    OK(json_write(path, record));
    attempt a = prepare(in_root("whole"));
    a.request.resume = true;
    a.request.settings.schedule = SIGMOE_SCHEDULE_CONSTANT;
    FAILS(SIGMOE_BAD_ARGUMENT, run(&a));
    assert_message_has("settings.schedule cosine, not constant");
    a = prepare(in_root("whole"));
    a.request.resume = true;
    OK(run(&a));
    json_decref(record);
}

static void stopped_between_runs_it_goes_on(void **state) {
    (void)state;
    attempt a = prepare(in_root("stopped"));
    a.notes.stop_at_first = true;
    FAILS(SIGMOE_INTERRUPTED, run(&a));
    assert_true(path_exists(in_root("stopped/runs/dense-seed7/result.json")));
    assert_false(path_exists(in_root("stopped/runs/sigma-moe-seed7")));
    assert_false(path_exists(in_root("stopped/table.txt")));
    assert_true(page_has(in_root("stopped/report.html"), "1 of 4 runs done. The others were stopped"));
    assert_false(page_has(in_root("stopped/report.html"), "http-equiv"));
    attempt b = prepare(in_root("stopped"));
    b.request.resume = true;
    OK(run(&b));
    assert_same_scores(in_root("stopped"), in_root("whole"));
}

static void the_report_grows_with_its_runs(void **state) {
    (void)state;
    char report[PATH_CAPACITY];
    attempt a = prepare(in_root("growing"));
    OK(path_format(report, "%s/growing/report.html", root));
    a.notes.watched = report;
    OK(run(&a));
    assert_int_equal(a.notes.results, 4);
    assert_false(page_has(report, "http-equiv"));
    assert_false(page_has(report, "runs done."));
    assert_true(page_has(report, "href=\"runs/dense-seed7/report.html\""));
    assert_true(page_has(in_root("growing/runs/sigma-moe-seed8/report.html"), "sigma-moe, seed 8"));
}

// Already the n-grams, which take seconds of a large text, listen to the request.
static void stopped_before_its_runs_it_goes_on(void **state) {
    (void)state;
    attempt a = prepare(in_root("early"));
    sigmoe_observer observer = {.size = sizeof(sigmoe_observer), .stop = &stop, .threads = 1};
    stop = 1;
    a.request.base = &a.base;
    char *table;
    FAILS(SIGMOE_INTERRUPTED, sigmoe_compare(&a.request, &observer, &table));
    assert_null(table);
    assert_message_has("stopped; `resume` goes on from here");
    assert_false(path_exists(in_root("early/ngram.json")));
    a.request.resume = true;
    OK(run(&a));
    assert_same_file(in_root("early/ngram.json"), in_root("whole/ngram.json"));
}

// As if killed in the middle of a run: the newest thing on disk is a checkpoint, or not even that.
static void a_killed_run_goes_on_from_its_checkpoint(void **state) {
    (void)state;
    attempt a = prepare(in_root("killed"));
    a.request.settings.checkpoint_every = 4;
    OK(run(&a));
    OK(directory_remove(in_root("killed/runs/dense-seed8/result.json")));
    OK(directory_remove(in_root("killed/runs/dense-seed8/checkpoints/00000006")));
    OK(directory_remove(in_root("killed/runs/sigma-moe-seed8/result.json")));
    OK(directory_remove(in_root("killed/runs/sigma-moe-seed8/checkpoints")));
    attempt b = prepare(in_root("killed"));
    b.request.settings.checkpoint_every = 4;
    b.request.resume = true;
    OK(run(&b));
    assert_same_scores(in_root("killed"), in_root("whole"));
}

// A disk that is not there today must not cost the run its training.
static void a_run_whose_checkpoints_cannot_be_read_is_kept(void **state) {
    (void)state;
    attempt a = prepare(in_root("unread"));
    a.request.seeds = 1;
    OK(run(&a));
    a = prepare(in_root("unread"));
    a.request.seeds = 1;
    a.request.resume = true;
    char checkpoints[PATH_CAPACITY], aside[PATH_CAPACITY];
    OK(path_format(checkpoints, "%s/unread/runs/dense-seed7/checkpoints", root));
    OK(path_format(aside, "%s/aside", root));
    OK(directory_remove(in_root("unread/runs/dense-seed7/result.json")));
    assert_int_equal(rename(checkpoints, aside), 0);
    assert_int_equal(symlink(in_root("unmounted"), checkpoints), 0);
    FAILS(SIGMOE_IO, run(&a));
    assert_message_has("runs/dense-seed7/checkpoints");
    assert_true(path_exists(in_root("unread/runs/dense-seed7/metrics.jsonl")));

    assert_int_equal(unlink(checkpoints), 0);
    assert_int_equal(rename(aside, checkpoints), 0);
    a = prepare(in_root("unread"));
    a.request.seeds = 1;
    a.request.resume = true;
    ino_t before = file_identity("unread/runs/dense-seed7/checkpoints/00000006/model.safetensors");
    OK(run(&a));
    assert_int_equal(file_identity("unread/runs/dense-seed7/checkpoints/00000006/model.safetensors"), before);
}

static void begun_runs_go_on_with_moved_data(void **state) {
    (void)state;
    attempt a = prepare(in_root("elsewhere"));
    a.request.settings.checkpoint_every = 4;
    OK(run(&a));
    OK(directory_remove(in_root("elsewhere/runs/dense-seed8/result.json")));
    OK(directory_remove(in_root("elsewhere/runs/dense-seed8/checkpoints/00000006")));
    assert_int_equal(rename(in_root("data"), in_root("moved")), 0);
    attempt b = prepare(in_root("elsewhere"));
    b.request.settings.checkpoint_every = 4;
    b.request.resume = true;
    b.request.data = in_root("moved");
    sigmoe_status status = run(&b);
    assert_int_equal(rename(in_root("moved"), in_root("data")), 0);
    OK(status);
    assert_same_scores(in_root("elsewhere"), in_root("whole"));
}

static void on_alarm(int signal) {
    (void)signal;
    stop = 1;
}

static void stopped_anywhere_it_goes_on(void **state) {
    (void)state;
    struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART}, former;
    assert_int_equal(sigaction(SIGALRM, &action, &former), 0);
    sigmoe_status status = SIGMOE_INTERRUPTED;
    for (int i = 0; i < 200 && status == SIGMOE_INTERRUPTED; i++) {
        attempt a = prepare(in_root("anywhere"));
        a.request.resume = true;   // the first time there is nothing, and it begins
        a.request.figures = false; // drawing what is done takes longer than the training
        struct itimerval when = {.it_value = {.tv_usec = 5000 + 1700 * i}};
        setitimer(ITIMER_REAL, &when, NULL);
        status = run(&a);
    }
    struct itimerval never = {0};
    setitimer(ITIMER_REAL, &never, NULL);
    sigaction(SIGALRM, &former, NULL);
    OK(status);
    assert_same_scores(in_root("anywhere"), in_root("whole"));
}

// ---------------------------------------------------------------- what is refused

static void other_settings_are_refused(void **state) {
    (void)state;
    static const char *const other[] = {"dense", "switch:expert_size=6"};
    attempt a = prepare(in_root("whole"));
    a.request.resume = true;
    a.request.settings.batch = 3;
    FAILS(SIGMOE_BAD_ARGUMENT, run(&a));
    assert_message_has("settings.batch 2, not 3");
    a = prepare(in_root("whole"));
    a.request.resume = true;
    a.request.variants = other;
    FAILS(SIGMOE_BAD_ARGUMENT, run(&a));
    assert_message_has("has the row sigma-moe, too");
    a = prepare(in_root("whole"));
    a.request.resume = true;
    a.request.seeds = 1;
    FAILS(SIGMOE_BAD_ARGUMENT, run(&a));
    assert_message_has("has 2 seeds");
    a = prepare(in_root("whole"));
    a.request.resume = true;
    a.base.model.ff.moe.regularizer_weight = 0.5;
    FAILS(SIGMOE_BAD_ARGUMENT, run(&a));
    assert_message_has("base.ff.regularizer_weight");
    a = prepare(in_root("whole"));
    FAILS(SIGMOE_BAD_ARGUMENT, run(&a)); // neither resume nor force
    a = prepare(in_root("data"));
    a.request.resume = true;
    FAILS(SIGMOE_BAD_ARGUMENT, run(&a));
    assert_message_has("no comparison");
}

static void replace_in(const char *path, const char *former, const char *later) {
    char *text = read_text(path), *at = strstr(text, former), changed[8192];
    assert_non_null(at);
    snprintf(changed, sizeof changed, "%.*s%s%s", (int)(at - text), text, later, at + strlen(former));
    write_text(path, changed);
    free(text);
}

// A record that was changed by hand lets settings pass that the runs before were not trained with.
static void edited_records_do_not_mix_trainings(void **state) {
    (void)state;
    char out[PATH_CAPACITY];
    OK(path_format(out, "%s/edited", root));
    attempt a = prepare(out);
    a.request.settings.checkpoint_every = 4;
    OK(run(&a));
    a = prepare(out);
    a.request.settings.checkpoint_every = 4;
    a.request.resume = true;
    replace_in(in_root("edited/compare.json"), "\"lr\": 0.01", "\"lr\": 0.02");
    a.request.settings.lr = 0.02;
    FAILS(SIGMOE_BAD_FORMAT, run(&a));
    assert_message_has("another value of lr");
    OK(directory_remove(in_root("edited/runs/dense-seed7")));
    FAILS(SIGMOE_BAD_FORMAT, run(&a)); // the next is in the way, and nothing is trained before that is said
    assert_message_has("runs/sigma-moe-seed7 ");

    replace_in(in_root("edited/compare.json"), "\"lr\": 0.02", "\"lr\": 0.01");
    replace_in(in_root("edited/compare.json"), "\"dropout\": 0.1", "\"dropout\": 0.2");
    a.request.settings.lr = 0.01;
    a.base.model.dropout = 0.2;
    FAILS(SIGMOE_BAD_FORMAT, run(&a));
    assert_message_has("runs/sigma-moe-seed7 was trained with another model");
    OK(directory_remove(in_root("edited/runs")));
    OK(run(&a));
}

static void resume_with_clip(const char *directory, double clip) {
    static const char *const given[] = {"clip"};
    sigmoe_train_request request;
    sigmoe_train_defaults(&request);
    request.out = directory;
    request.resume = true;
    request.settings.clip = clip;
    request.given = given;
    request.given_count = 1;
    OK(sigmoe_train(&request, NULL, NULL));
}

// By `train`, and back again: its settings are the comparison's, but it was not trained by these from its first step.
static void a_run_whose_settings_were_changed_is_refused(void **state) {
    (void)state;
    attempt a = prepare(in_root("changed"));
    OK(run(&a));
    double clip = a.request.settings.clip;
    resume_with_clip(in_root("changed/runs/dense-seed7"), 2 * clip);
    a = prepare(in_root("changed"));
    a.request.resume = true;
    FAILS(SIGMOE_BAD_FORMAT, run(&a));
    assert_message_has("another value of clip");
    resume_with_clip(in_root("changed/runs/dense-seed7"), clip);
    FAILS(SIGMOE_BAD_FORMAT, run(&a));
    assert_message_has(
        "runs/dense-seed7 was trained with other settings at first than the comparison asks for");
    OK(directory_remove(in_root("changed/runs/dense-seed7")));
    OK(run(&a));
}

static void refused_early(attempt *a, const char *part) {
    FAILS(SIGMOE_BAD_ARGUMENT, run(a));
    assert_message_has(part);
    assert_false(path_exists(a->request.out));
}

static void mistakes_leave_nothing_behind(void **state) {
    (void)state;
    static const char *const same[] = {"dense", "sigma-moe", "dense"};
    static const char *const alike[] = {"topk", "topk:k=6"}; // K·G of the base
    static const char *const unknown[] = {"dense", "dence"};
    static const char *const indivisible[] = {"dense", "half-k-2g:k=9"};
    attempt a = prepare(in_root("nothing"));
    a.request.variants = same;
    a.request.variant_count = 3;
    refused_early(&a, "name each once");
    a = prepare(in_root("nothing"));
    a.request.variants = alike;
    refused_early(&a, "topk:k=6");
    a = prepare(in_root("nothing"));
    a.request.variants = unknown;
    refused_early(&a, "did you mean \"dense\"");
    a = prepare(in_root("nothing"));
    a.request.variants = indivisible;
    refused_early(&a, "half-k-2g");
    a = prepare(in_root("nothing"));
    a.request.settings.batch = 40;
    refused_early(&a, "split train");
    a = prepare(in_root("nothing"));
    a.request.seeds = 0;
    refused_early(&a, "seeds");
    a = prepare(in_root("nothing"));
    a.request.settings.valid_tokens = 2; // fewer than there are streams
    refused_early(&a, "valid_tokens is 2");
    a = prepare(in_root("nothing"));
    a.request.test_tokens = 3;
    refused_early(&a, "test_tokens is 3");
    a = prepare(in_root("data")); // replacing the data that it reads
    a.request.force = true;
    FAILS(SIGMOE_BAD_ARGUMENT, run(&a));
    assert_message_has("holds the data");
}

static void without_gnuplot_all_but_the_figures_is_there(void **state) {
    (void)state;
    char *path = strdup(getenv("PATH"));
    attempt a = prepare(in_root("undrawn"));
    a.request.seeds = 1;
    a.request.command = "host <of> mine";
    setenv("PATH", "/nowhere", 1);
    sigmoe_status status = run(&a);
    setenv("PATH", path, 1);
    free(path);
    OK(status);
    assert_non_null(
        strstr(a.notes.text, "no figures: gnuplot is not installed (Debian: apt-get install gnuplot-nox)"));
    assert_null(strstr(strstr(a.notes.text, "no figures") + 1, "no figures")); // once
    assert_true(path_exists(in_root("undrawn/table.json")));
    char *page = read_text(in_root("undrawn/report.html"));
    assert_null(strstr(page, "<figure"));
    assert_non_null(strstr(page, "<pre class=\"wrap\">host &lt;of&gt; mine</pre>"));
    free(page);
}

static void figures_can_be_left_out(void **state) {
    (void)state;
    attempt a = prepare(in_root("undrawn"));
    a.request.seeds = 1;
    a.request.resume = true;
    a.request.figures = false;
    OK(run(&a));
    assert_null(strstr(a.notes.text, "no figures")); // nobody wants to hear it
    char *page = read_text(in_root("undrawn/report.html"));
    assert_null(strstr(page, "<figure"));
    assert_null(strstr(page, "class=\"wrap\"")); // no command was told
    free(page);
    a.request.figures = true;
    OK(run(&a));
    page = read_text(in_root("undrawn/report.html"));
    assert_non_null(strstr(page, "<figure"));
    free(page);
}

static void a_damaged_result_is_named(void **state) {
    (void)state;
    attempt a = prepare(in_root("single"));
    a.request.seeds = 1;
    a.request.resume = true;
    write_text(in_root("single/runs/dense-seed7/result.json"), "{\"steps\": 6, \"failure\": null}");
    FAILS(SIGMOE_BAD_FORMAT, run(&a));
    assert_message_has("result.json");
    assert_message_has("valid");
}

// A result whose training met infinity: the table goes on without its score, and says why.
static void a_failed_run_has_no_score(void **state) {
    (void)state;
    attempt a = prepare(in_root("stopped"));
    a.request.resume = true;
    write_text(in_root("stopped/runs/dense-seed8/result.json"),
        "{\"steps\": 3, \"failure\": \"step 3: the loss is not finite\", \"valid\": {\"tokens\": 0, "
        "\"nats_per_token\": null, \"perplexity\": null, \"bits_per_token\": null, \"bits_per_char\": null, "
        "\"bits_per_byte\": null, \"word_perplexity\": null}, \"test\": {\"tokens\": 0, \"nats_per_token\": "
        "null, \"perplexity\": null, \"bits_per_token\": null, \"bits_per_char\": null, \"bits_per_byte\": "
        "null, \"word_perplexity\": null}, \"seconds\": 1, \"tokens_per_s\": 24, "
        "\"feedforward_seconds_per_step\": null, \"peak_activation_bytes\": null}");
    OK(run(&a));
    assert_non_null(strstr(a.table, "dense, seed 8: no score; step 3: the loss is not finite"));
    json_t *table = read_json(in_root("stopped"), "table.json"),
           *whole = read_json(in_root("whole"), "table.json");
    const json_t *row = json_array_get(json_object_get(table, "variants"), 0);
    const json_t *full = json_array_get(json_object_get(whole, "variants"), 0);
    const json_t *first = json_array_get(json_object_get(full, "runs"), 0);
    assert_near(
        number_at(row, "test", "mean"), number_at(json_object_get(first, "test"), "perplexity", NULL), 0);
    json_decref(table);
    json_decref(whole);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_is_the_results),
        cmocka_unit_test(one_slow_step_does_not_rule),
        cmocka_unit_test(one_seed_has_no_deviation),
        cmocka_unit_test(every_file_is_there),
        cmocka_unit_test(a_finished_comparison_is_not_trained_again),
        cmocka_unit_test(an_older_record_is_of_a_cosine),
        cmocka_unit_test(stopped_between_runs_it_goes_on),
        cmocka_unit_test(the_report_grows_with_its_runs),
        cmocka_unit_test(stopped_before_its_runs_it_goes_on),
        cmocka_unit_test(a_killed_run_goes_on_from_its_checkpoint),
        cmocka_unit_test(a_run_whose_checkpoints_cannot_be_read_is_kept),
        cmocka_unit_test(begun_runs_go_on_with_moved_data),
        cmocka_unit_test(stopped_anywhere_it_goes_on),
        cmocka_unit_test(other_settings_are_refused),
        cmocka_unit_test(edited_records_do_not_mix_trainings),
        cmocka_unit_test(a_run_whose_settings_were_changed_is_refused),
        cmocka_unit_test(mistakes_leave_nothing_behind),
        cmocka_unit_test(without_gnuplot_all_but_the_figures_is_there),
        cmocka_unit_test(figures_can_be_left_out),
        cmocka_unit_test(a_damaged_result_is_named),
        cmocka_unit_test(a_failed_run_has_no_score),
    };
    int failed = cmocka_run_group_tests(tests, make_root, remove_root);
    sigmoe_free(last_table);
    return failed;
}
