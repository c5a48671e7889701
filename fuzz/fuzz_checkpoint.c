// What a checkpoint has besides the model: the input is trainer.json if it begins with a brace, otherwise trainer.safetensors.
#include "fuzz.h"

#include "config/train_settings.h"
#include "train/trainer_file.h"
#include "train/trainer_state.h"

#include <sys/stat.h>

enum { VOCABULARY = 3, STEP = 2, TOKENS = 60 };
static const char config_text[] =
    "{\"model_type\": \"sigmoe\", \"version\": 1, \"vocab_size\": 3, \"d_model\": 2, \"n_layers\": 1, "
    "\"n_heads\": 1, \"d_head\": 2, \"dropout\": 0, \"unroll\": 3, \"memory_segments\": {\"train\": 1, "
    "\"eval\": 1}, \"tokenizer\": {\"type\": \"none\"}, \"ff\": {\"type\": \"dense\", \"d_ff\": 2}}";
static const char meta[] = "{\"vocab_size\": 3, \"tokenizer\": {\"type\": \"none\"}}";
static char counters[256], checkpoint[FUZZ_PATH];

static void make_data(const char *directory) {
    token_writer *w;
    int32_t tokens[TOKENS];
    for (int i = 0; i < TOKENS; i++) tokens[i] = i % VOCABULARY;
    if (mkdir(directory, 0777) != 0) abort();
    input_write("data/meta.json", meta, sizeof meta - 1);
    if (token_writer_open(directory, "train", VOCABULARY, 0, &w) != SIGMOE_OK ||
        token_writer_add(w, tokens, TOKENS) != SIGMOE_OK || token_writer_commit(w) != SIGMOE_OK)
        abort();
}

static trainer *make_trainer(void) {
    char data[FUZZ_PATH];
    dataset d;
    trainer *t;
    sigmoe_config *config;
    sigmoe_train_settings settings = train_settings_default();
    settings.batch = 1;
    settings.steps = settings.warmup = 4;
    make_data(input_path(data, "data"));
    if (sigmoe_config_from_json(config_text, &config) != SIGMOE_OK || dataset_open(data, &d) != SIGMOE_OK)
        abort();
    trainer_request request = {.config = config, .data = &d, .settings = &settings, .threads = 1};
    if (trainer_create(&request, &t) != SIGMOE_OK) abort();
    sigmoe_config_free(config);
    if (mkdir(input_path(checkpoint, "checkpoint"), 0777) != 0) abort();
    snprintf(counters, sizeof counters,
        "{\"version\": 1, \"step\": %d, \"seed\": %llu, \"cursor\": {\"epoch\": 0, \"position\": %d}, "
        "\"memory_rows\": 3}",
        STEP, (unsigned long long)settings.seed, STEP * 3);
    return t;
}

static void read_checkpoint(trainer *t) {
    if (trainer_file_read(t, checkpoint, STEP) != SIGMOE_OK) return;
    if (t->step != STEP || xl_memory_length(t->memory) > xl_memory_capacity(t->memory)) abort();
}

static void write_files(const uint8_t *bytes, size_t size) {
    bool is_json = size > 0 && bytes[0] == '{';
    input_write("checkpoint/trainer.json", is_json ? (const void *)bytes : counters,
        is_json ? size : strlen(counters));
    input_write("checkpoint/trainer.safetensors", bytes, is_json ? 0 : size);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    static trainer *t;
    if (!t) t = make_trainer();
    write_files(bytes, size);
    read_checkpoint(t);
    fail_an_allocation(bytes, size);
    read_checkpoint(t);
    fail_no_allocation();
    return 0;
}
