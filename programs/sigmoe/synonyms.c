#include "synonyms.h"

#include <string.h>

typedef struct synonyms {
    const char *ours, *words; // separated by spaces
} synonyms;

// Names that other programs and libraries of the field use for our options. A word may stand for several options: the first one
// that the command has is meant.
static const synonyms options[] = {
    {"lr", "learning-rate max-lr step-size"},
    {"batch", "batch-size bs bsz micro-batch-size train-batch-size eval-batch-size"},
    {"steps", "epoch epochs num-epochs iters iterations max-iters max-steps num-steps train-steps updates"},
    {"warmup", "lr-warmup warmup-iters warmup-steps"},
    {"weight-decay", "wd l2"},
    {"clip", "grad-clip clip-grad clip-norm clip-grad-norm gradient-clip gradient-clipping max-grad-norm"},
    {"seed", "random-seed rng-seed"},
    {"unroll",
        "block-size bptt context context-len context-length context-size ctx-len max-length max-seq-len "
        "segment-length seq-len seq-length sequence-length"},
    {"queries", "seq-len seq-length sequence-length"},
    {"memory-segments", "mem-len memory memory-length"},
    {"limit-tokens", "max-tokens num-tokens"},
    {"checkpoint-every", "save-every save-interval save-steps checkpoint-interval checkpoint-steps"},
    {"valid-every", "eval-every eval-interval eval-steps val-every val-interval validate-every "
                    "validation-interval"},
    {"valid-tokens", "eval-tokens val-tokens"},
    {"data", "corpus data-dir data-path dataset train-data input"},
    {"tokens", "input input-file"},
    {"out", "o output output-dir output-file output-path out-dir outdir checkpoint-dir log-dir run-dir save "
            "save-dir dest"},
    {"split", "subset"},
    {"resume", "continue restart resume-from"},
    {"model", "checkpoint ckpt load model-dir model-path pretrained run weights"},
    {"init", "checkpoint ckpt finetune from init-from load model model-dir model-path pretrained weights"},
    {"force", "overwrite replace yes"},
    {"preset", "arch model model-name name"},
    {"config", "config-file"},
    {"set", "override option"},
    {"base", "base-model model preset config"},
    {"variants", "models baselines methods"},
    {"seeds", "num-seeds"},
    {"jobs", "parallel workers"},
    {"dtype", "amp bf16 fp16 fp32 precision mixed-precision type"},
    {"accumulate", "accumulation gradient-accumulation accum micro-batches microbatch"},
    {"zero", "zero-stage sharding fsdp zero1"},
    {"wire", "communication-dtype comm-dtype grad-dtype"},
    {"trace", "profile timeline"},
    {"expert-parallel", "ep ep-size expert-model-parallel-size expert-parallel-size expert-parallelism"},
    {"recompute", "activation-checkpointing gradient-checkpointing checkpoint-activations remat"},
    {"exit-before", "time-limit max-time max-hours deadline exit-duration-in-mins exit-interval"},
    {"threads", "cpus cores jobs num-threads num-workers workers"},
    {"max-memory", "memory memory-limit mem max-mem ram"},
    {"pin", "affinity"},
    {"vocab-size", "vocab vocabulary-size n-vocab"},
    {"repetitions", "runs repeat repeats"},
    {"d-model", "hidden-size width"},
    {"experts", "num-experts n-experts"},
    {"k", "top-k"},
};

static const synonyms commands[] = {
    {"data prepare", "prepare preprocess tokenize download"},
    {"train", "fit finetune pretrain resume"},
    {"eval", "evaluate score test validate perplexity"},
    {"forward", "logits"},
    {"compare", "ablate"},
    {"analyze", "analyse inspect visualize"},
    {"presets", "list models configs"},
    {"quantize", "quantise quant compress int8"},
    {"info", "show summary"},
    {"bench step", "benchmark time"},
    {"--version", "version"},
};

static char folded(char c) {
    return c == '_' ? '-' : c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool lists(const char *words, const char *word) {
    size_t length = strlen(word);
    for (const char *w = words; *w; w += strcspn(w, " "), w += *w == ' ') {
        if (strcspn(w, " ") != length) continue;
        size_t same = 0;
        while (same < length && folded(word[same]) == w[same]) same++;
        if (same == length) return true;
    }
    return false;
}

static const char *next(const synonyms *table, int count, const char *word, int *at) {
    while (*at < count) {
        const synonyms *s = &table[(*at)++];
        if (lists(s->words, word)) return s->ours;
    }
    return NULL;
}

const char *next_synonym_of_option(const char *word, int *at) {
    return next(options, sizeof options / sizeof *options, word, at);
}

const char *synonym_of_command(const char *word) {
    int at = 0;
    return next(commands, sizeof commands / sizeof *commands, word, &at);
}
