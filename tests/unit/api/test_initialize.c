// Nobody needs to call sigmoe_initialize: kernels and bits are the same without it, and an unknown SIGMOE_CPU is told by
// whatever computes first. Each case is a process of its own, since the processor is looked at once in a process.
#include "train/fixture.h"

#include <sys/mman.h>
#include <sys/wait.h>

// What a process finds out, in memory that it shares with its parent.
typedef struct findings {
    sigmoe_status status;
    char message[256], level[32], kernels[1024];
    float logits[3 * VOCABULARY];
} findings;

static void compute(findings *f) {
    static const int32_t tokens[] = {1, 2, 3};
    sigmoe_config config = make_config(MOE);
    sigmoe_model *model = NULL;
    const char *operation, *implementation;
    f->status = sigmoe_model_create(&config, 5, 1, &model);
    if (f->status == SIGMOE_OK) f->status = sigmoe_model_logits(model, tokens, 1, 3, f->logits);
    snprintf(f->message, sizeof f->message, "%s", sigmoe_message());
    snprintf(f->level, sizeof f->level, "%s", sigmoe_cpu_name());
    for (int i = 0; sigmoe_cpu_kernel(i, &operation, &implementation); i++)
        snprintf(f->kernels + strlen(f->kernels), sizeof f->kernels - strlen(f->kernels), "%s %s\n",
            operation, implementation);
    sigmoe_model_free(model);
}

// `cpu` is SIGMOE_CPU, or NULL.
static void in_a_process(const char *cpu, bool initialize, findings *f) {
    findings *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(shared != MAP_FAILED);
    pid_t child = fork();
    if (child == 0) {
        if (cpu) setenv("SIGMOE_CPU", cpu, 1);
        if (initialize && sigmoe_initialize() != SIGMOE_OK) _exit(1);
        compute(shared);
        _exit(0);
    }
    int how = -1;
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_int_equal(how, 0);
    *f = *shared;
    munmap(shared, sizeof *shared);
}

static void kernels_and_bits_are_the_same(void **state) {
    (void)state;
    findings told, untold;
    in_a_process(NULL, true, &told);
    in_a_process(NULL, false, &untold);
    OK(told.status);
    OK(untold.status);
    assert_string_equal(untold.level, told.level);
    assert_string_equal(untold.kernels, told.kernels);
    assert_memory_equal(untold.logits, told.logits, sizeof told.logits);
}

static void a_limit_counts(void **state) {
    (void)state;
    findings limited;
    in_a_process("scalar", false, &limited);
    OK(limited.status);
    assert_string_equal(limited.level, "scalar");
    assert_null(strstr(limited.kernels, "avx"));
}

static void an_unknown_limit_is_told(void **state) {
    (void)state;
    findings refused;
    in_a_process("sse9", false, &refused);
    assert_int_equal(refused.status, SIGMOE_BAD_ARGUMENT);
    assert_string_equal(refused.message,
        "SIGMOE_CPU=sse9: use one of scalar, avx2, avx512, avx512bf16, amx, or leave it unset");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kernels_and_bits_are_the_same),
        cmocka_unit_test(a_limit_counts),
        cmocka_unit_test(an_unknown_limit_is_told),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
