#include "commands.h"

#include "json_output.h"
#include "progress.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct train_values {
    config_source source;
    sigmoe_train_request request;
    const char *checkpoint_every, *exit_before;
    output_options output;
    int threads;
    bool pin, no_keep_best;
} train_values;

#define AT(member) offsetof(train_values, member)

static const argument arguments[] = {
    {"preset", ARGUMENT_TEXT, AT(source.preset), "NAME",
        .help = "fresh weights, configured as `sigmoe presets` lists", .values = &known_presets},
    {"config", ARGUMENT_TEXT, AT(source.config), "FILE",
        .help = "fresh weights, configured by a config.json"},
    {"init", ARGUMENT_TEXT, AT(request.init), "DIR",
        .help = "start from the weights of a model directory, or of a RUN's newest checkpoint"},
    {"resume", ARGUMENT_FLAG, AT(request.resume),
        .help = "go on with RUN's newest whole checkpoint and settings, of which --steps, --lr, --clip and "
                "--schedule can change; --data is needed only where the data have moved"},
    {"data", ARGUMENT_TEXT, AT(request.data), "DIR", .help = "what `sigmoe data prepare` made"},
    {"out", ARGUMENT_TEXT, AT(request.out), "RUN", .required = true,
        .help = "directory for metrics.jsonl, train.json and checkpoints/"},
    {"force", ARGUMENT_FLAG, AT(request.force), .help = "replace RUN when it exists, if sigmoe made it"},
    {"set", ARGUMENT_REPEATED, AT(source.set), "KEY=VALUE",
        .help = "change the configuration, see `sigmoe help config`; may be repeated",
        .values = &known_config_keys},
    {"unroll", ARGUMENT_INTEGER, AT(request.unroll), "T", .low = 1, .high = 1 << 20,
        .preset = "default: the configuration's", .help = "tokens of a segment"},
    {"sample-prompt", ARGUMENT_TEXT, AT(request.sample_prompt), "TEXT", .may_be_empty = true,
        .values = &none_known,
        .help = "have the model continue this at each validation, for people to see; kept in samples.jsonl"},
    {"tensorboard", ARGUMENT_FLAG, AT(request.tensorboard),
        .help = "also write event files for TensorBoard, in RUN"},
    {"keep", ARGUMENT_INTEGER, AT(request.keep), "N", .low = 1, .high = 1e9,
        .help = "keep the newest N checkpoints; on --resume, this and the next three can change"},
    {"keep-every", ARGUMENT_INTEGER, AT(request.keep_every), "M", .low = 0, .high = 1e9,
        .help = "also keep one of every M steps, as a model, 0: none"},
    {"keep-best", ARGUMENT_FLAG, AT(request.keep_best),
        .help = "also keep one of the best validation, as a model"},
    {"no-keep-best", ARGUMENT_FLAG, AT(no_keep_best), .help = "on --resume, end what --keep-best began"},
    {"on-nonfinite", ARGUMENT_TEXT, AT(request.on_nonfinite), "stop|skip|rewind[:F]",
        .preset = "default stop", .values = &none_known,
        .help = "when the loss or a gradient is NaN or infinite: end; leave the step out; or go back to the "
                "newest checkpoint, from there with the batches behind, or with F times the learning rate"},
    {"verify", ARGUMENT_FLAG, AT(request.verify),
        .help = "read all data first and compare them with their sums, also what was read before"},
    {"recompute", ARGUMENT_CHOICE, AT(request.recompute), "WHAT", .choices = recompute_names,
        .help =
            "compute feedforward activations, or all but layers' inputs, twice instead of keeping them: less "
            "memory, equal bits"},
    {"accumulate", ARGUMENT_INTEGER, AT(request.accumulate), "N", .low = 1, .high = 1 << 20,
        .preset = "default 1",
        .help =
            "compute each batch in N parts, one after the other: less memory, and the same but for rounding"},
    {"zero", ARGUMENT_INTEGER, AT(request.zero), "0|1", .low = 0, .high = 1,
        .help = "under mpirun or srun, 1: each rank has the optimizer's state of its share of the weights "
                "alone; the same results"},
    {"wire", ARGUMENT_CHOICE, AT(request.wire), "TYPE", .choices = dtype_names,
        .help = "under mpirun or srun: what gradients travel as, f32 or, for half the traffic, bf16"},
    {"trace", ARGUMENT_TEXT, AT(request.trace), "FILE",
        .help = "write what the last step did when, for chrome://tracing or Perfetto"},
    {"expert-parallel", ARGUMENT_INTEGER, AT(request.expert_parallel), "E", .low = 1, .high = 1 << 16,
        .preset = "default 1",
        .help = "under mpirun or srun: spread the experts of each layer over E ranks, to which tokens then "
                "travel"},
    {"collective-timeout", ARGUMENT_NUMBER, AT(request.collective_timeout), "SECONDS", .low = 0, .high = 1e9,
        .preset = "default 600",
        .help = "under mpirun or srun: how long ranks wait for one that does not answer"},
    {"exit-before", ARGUMENT_TEXT, AT(exit_before), "TIME", .values = &none_known,
        .help =
            "stop with a checkpoint so that all is done when this time (23h50m) has passed since the start"},
    {"threads", ARGUMENT_INT, AT(threads), "N", .low = 1, .high = 1024,
        .preset = "default: all that it may use",
        .help = "threads to compute with; the result does not depend on it"},
    {"pin", ARGUMENT_FLAG, AT(pin),
        .help = "bind each thread to a processor of its own; give two processes different ones with taskset"},
};

static void defaults(void *values) {
    train_values *v = values;
    sigmoe_train_defaults(&v->request);
}

static int check_origin(const train_values *v) {
    int origins = !!v->source.preset + !!v->source.config + !!v->request.init;
    if (v->request.resume && v->request.force)
        return complain(
            EXIT_USAGE, "--resume goes on with what is there and --force throws it away: choose one");
    if (v->request.resume && origins == 0) return EXIT_FINE;
    if (origins != 1)
        return complain(EXIT_USAGE,
            "train needs %s of --preset NAME, --config FILE and --init DIR, or --resume",
            origins ? "only one" : "one");
    if (!v->request.data && !v->request.resume)
        return complain(EXIT_USAGE, "train needs --data DIR (what `sigmoe data prepare` made)");
    return EXIT_FINE;
}

static void print_result(const sigmoe_train_request *request, const sigmoe_train_result *result) {
    long long steps = (long long)result->steps;
    if (!isnan(result->loss))
        printf("%lld step%s, loss %.4f nats per token, %.0f tokens/s\n", steps, plural(steps), result->loss,
            result->tokens_per_second);
    else if (request->resume && steps > 0)
        printf("of %lld step%s none is left to do\n", steps, plural(steps));
    else
        puts("0 steps: nothing was trained, the weights are as they were at the start");
    if (result->checkpoint) puts(result->checkpoint);
}

static void print_json(const sigmoe_train_request *request, const sigmoe_train_result *result) {
    json_output j = {0};
    emit_open(&j, NULL, '{');
    emit_string(&j, "out", request->out);
    emit_string(&j, "checkpoint", result->checkpoint);
    emit_number(&j, "steps", (double)result->steps);
    emit_number(&j, "loss", result->loss);
    emit_number(&j, "tokens_per_s", result->tokens_per_second);
    emit_number(&j, "seconds", result->seconds);
    emit_close(&j, '}');
}

static int train(train_values *v) {
    progress_display display;
    sigmoe_observer observer = progress_observer(&display, v->threads, v->output.quiet);
    sigmoe_train_result result;
    if (v->pin) sigmoe_pin_threads();
    sigmoe_status status = sigmoe_train(&v->request, &observer, &result);
    progress_close(&display);
    bool tells = status == SIGMOE_OK && sigmoe_speaks();
    if (tells && v->output.json)
        print_json(&v->request, &result);
    else if (tells)
        print_result(&v->request, &result);
    sigmoe_free(result.checkpoint);
    return report(status);
}

// The names of the three that decide what is kept; request.keep_best is false unless --keep-best is given.
static int keep_given(const parsed_arguments *given, const train_values *v, given_settings *settings) {
    if (v->request.keep_best && v->no_keep_best)
        return complain(EXIT_USAGE, "--keep-best and --no-keep-best contradict each other: choose one");
    if (arguments_given(given, "keep")) settings->names[settings->count++] = "keep";
    if (arguments_given(given, "keep-every")) settings->names[settings->count++] = "keep_every";
    if (v->request.keep_best || v->no_keep_best) settings->names[settings->count++] = "keep_best";
    return EXIT_FINE;
}

static int read_exit_before(train_values *v) {
    if (!v->exit_before) return EXIT_FINE;
    v->request.exit_before = duration_seconds(v->exit_before);
    if (!isnan(v->request.exit_before)) return EXIT_FINE;
    return complain(EXIT_USAGE, "--exit-before is `%s`: give a time (90s, 45m, 23h50m, 1d)", v->exit_before);
}

// A new run has the preset's settings where none are given; one that is resumed has its own.
static int run(const parsed_arguments *given, void *values) {
    train_values *v = values;
    given_settings settings;
    int status = check_origin(v);
    if (status != EXIT_FINE) return status;
    sigmoe_config *config = NULL;
    if (v->source.preset || v->source.config) {
        status = config_build(&v->source, &config);
        if (status != EXIT_FINE) return status;
        sigmoe_config_settings(config, &v->request.settings);
        arguments_fill(given, v); // arguments override the preset
        v->request.config = config;
        v->request.config_name = v->source.config;
    } else {
        v->request.overrides = v->source.set.items;
        v->request.override_count = v->source.set.count;
    }
    training_given(given, &settings);
    status = keep_given(given, v, &settings);
    v->request.given = settings.names;
    v->request.given_count = settings.count;
    if (status == EXIT_FINE)
        status = checkpoint_cadence(
            v->checkpoint_every, &v->request.settings.checkpoint_every, &v->request.checkpoint_seconds);
    if (status == EXIT_FINE) status = read_exit_before(v);
    if (status == EXIT_FINE) status = train(v);
    sigmoe_config_free(config);
    return status;
}

static const help_entry files[] = {
    {"RUN/checkpoints/STEP", "a model directory for each checkpoint"},
    {"RUN/metrics.jsonl", "a line for each step: loss, speed; valid.jsonl: one for each validation"},
    {"RUN/samples.jsonl", "with --sample-prompt, the text at each validation"},
    {"RUN/events.out.tfevents.*", "with --tensorboard, the same for TensorBoard"},
    {"RUN/train.json", "settings and data of the run"},
    {NULL, NULL},
};

static const help_entry examples[] = {
    {"train --preset demo --data data --out run --steps 1000", "A small model on prepared data:"},
    {"train --resume --out run", "On from the newest checkpoint, after Ctrl-C:"},
    {"train --preset demo --set ff.type=dense --set ff.d_ff=512 --data data --out dense",
        "With a dense block:"},
    {NULL, NULL},
};

const command command_train = {
    .name = "train",
    .summary = "train a model; Ctrl-C saves a checkpoint and stops",
    .usage = "(--preset NAME | --config FILE | --init DIR | --resume)",
    .details = "With --resume the run goes on from its newest checkpoint as if it had never stopped, to the "
               "bit; a larger --steps extends it, and any other setting that is given must be the run's. The "
               "defaults of the training settings are those of --config and --init; a preset brings its own.",
    .groups = {{arguments, ARGUMENT_COUNT(arguments), 0},
        {training_arguments, TRAINING_ARGUMENTS, AT(request.settings)},
        {cadence_arguments, CADENCE_ARGUMENTS, AT(checkpoint_every)},
        {output_arguments, OUTPUT_ARGUMENTS, AT(output)}, {memory_arguments, MEMORY_ARGUMENTS, 0}},
    .files = files,
    .examples = examples,
    .leaves_files = true,
    .values_size = sizeof(train_values),
    .defaults = defaults,
    .run = run,
};
