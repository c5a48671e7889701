// ngram.json of a comparison that goes on.
#include "fuzz.h"

#include "compare/ngram_scores.h"

static void read_scores(const char *path) {
    enum { STEPS = 20 };
    static sigmoe_compare_request request = {.settings = {.steps = STEPS}};
    static comparison_plan plan = {.request = &request, .data = {.directory = "/nowhere", .vocab_size = 3}};
    ngram_scores scores;
    request.out = input_directory();
    name_input(path, "ngram.json");
    if (ngram_score_data(&plan, NULL, &scores) != SIGMOE_OK)
        return; // also where they would have to be made again
    if (!scores.known || scores.order < 1 || scores.steps != STEPS || scores.counted < 1) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    read_twice(read_scores, bytes, size);
    return 0;
}
