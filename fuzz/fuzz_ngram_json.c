// ngram.json of a comparison that goes on.
#include "fuzz_data.h"

#include "compare/ngram_scores.h"

static void read_scores(const char *path) {
    enum { STEPS = 20 };
    static const sigmoe_compare_request request = {.out = named_directory, .settings = {.steps = STEPS}};
    static comparison_plan plan = {.request = &request, .data = {.directory = "/nowhere", .vocab_size = 3}};
    ngram_scores scores;
    name_input(path, "ngram.json");
    if (ngram_score_data(&plan, NULL, &scores) != SIGMOE_OK)
        return; // also where they would have to be made again
    if (!scores.known || scores.order < 1 || scores.steps != STEPS || scores.counted < 1) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    char path[FUZZ_NAME];
    named_path(path, "");
    read_twice(read_scores, bytes, size);
    return 0;
}
