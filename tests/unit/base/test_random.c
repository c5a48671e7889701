// Random numbers against the published answers of Philox 4x32-10, and against what seeds have meant since the first version.
#include "base/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void assert_near(double got, double expected) {
    if (!(fabs(got - expected) < 1e-12)) fail_msg("%.17g, expected %.17g", got, expected);
}

static void check_block(random_stream s, uint64_t block, const uint32_t words[4]) {
    for (int i = 0; i < 4; i++) assert_int_equal(random_bits(s, 4 * block + (uint64_t)i), words[i]);
}

// Random123's kat_vectors. A stream's parts are put such that they give the counter and the key of the vector.
static void published_answers(void **state) {
    (void)state;
    static const uint32_t of_zeros[] = {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
                          of_pi[] = {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1},
                          of_ones[] = {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd};
    check_block((random_stream){0}, 0, of_zeros);
    // Counter 243f6a88 85a308d3 13198a2e 03707344, key a4093822 299f31d0.
    check_block((random_stream){.seed = 0x299f31d0a4093822,
                    .step = 0x85a313198a2e,
                    .purpose = (random_purpose)0x037,
                    .layer = 0x07344},
        0x08d3243f6a88, of_pi);
    // All ones has the top bit of the counter: the block is that of a normal number.
    random_stream ones = {
        .seed = UINT64_MAX, .step = 0xffffffff, .purpose = (random_purpose)0x7ff, .layer = 0xfffff};
    double radius = ((uint64_t)of_ones[0] << 20 | of_ones[1] >> 12) + 0.5;
    double angle = ((uint64_t)of_ones[2] << 20 | of_ones[3] >> 12) + 0.5;
    assert_near(random_normal(ones, UINT64_MAX),
        sqrt(-2 * log(ldexp(radius, -52))) * cos(2 * M_PI * ldexp(angle, -52)));
}

// What a seed means: with other values here every recorded seed would mean something else.
static void each_purpose_keeps_its_stream(void **state) {
    (void)state;
    static const struct {
        random_purpose purpose;
        uint32_t bits;
    } streams[] = {{RANDOM_INIT, 0x47f1f407}, {RANDOM_DROPOUT_EMBED, 0x69eee1cd},
        {RANDOM_DROPOUT_ATTENTION, 0xbd009e71}, {RANDOM_DROPOUT_FF, 0x430a559c},
        {RANDOM_DROPOUT_FF_INNER, 0xc8fe6ffc}, {RANDOM_DROPOUT_FINAL, 0xcf823939},
        {RANDOM_EXPERT_DROPOUT, 0x37c0cd0c}, {RANDOM_ROUTER_NOISE, 0x4bda0ad8},
        {RANDOM_ROUTER_CHOICE, 0xeb738e6b}, {RANDOM_HASH_TABLE, 0x2c2ad9e0}, {RANDOM_DATA, 0x26186f90},
        {RANDOM_TEST, 0x5c352c5d}};
    for (size_t i = 0; i < sizeof streams / sizeof *streams; i++) {
        random_stream s = {.seed = 42, .step = 7, .layer = 3, .purpose = streams[i].purpose};
        assert_int_equal(random_bits(s, 5), streams[i].bits);
    }
}

static void each_distribution_keeps_its_values(void **state) {
    (void)state;
    static const double values[][3] = {{0.95103680295869708, -0.11064027618117593, 1.8825077039437443},
        {0.40496887057088315, -0.2477041846997636, -0.14153316983541264},
        {0.28497923072427511, 0.041350669033353903, 1.032080905060883}};
    random_stream s = {.seed = 1234567890123, .step = 5000000000, .layer = 17, .purpose = RANDOM_INIT};
    for (uint64_t i = 0; i < 3; i++) {
        assert_near(random_uniform(s, 1000000007 * i), values[i][0]);
        assert_near(random_normal(s, 1000000007 * i), values[i][1]);
        assert_near(random_truncated_normal(s, 1000000007 * i), values[i][2]);
    }
}

// A factor is that of its position, wherever a call begins.
static void dropout_goes_by_the_bits(void **state) {
    (void)state;
    enum { FIRST = 6, COUNT = 300 };
    random_stream s = {.seed = 5, .purpose = RANDOM_DROPOUT_FF};
    real factors[COUNT];
    for (int first = FIRST; first < FIRST + 5; first++) {
        random_dropout(s, (uint64_t)first, COUNT, 0.25, factors);
        for (int i = 0; i < COUNT; i++) {
            bool kept = random_bits(s, (uint64_t)(first + i)) >= 0x40000000;
            assert_true(factors[i] == (kept ? (real)(1 / 0.75) : 0));
        }
    }
    random_dropout(s, 0, COUNT, 0, factors);
    for (int i = 0; i < COUNT; i++) assert_true(factors[i] == 1);
    random_dropout(s, 0, COUNT, 1, factors);
    for (int i = 0; i < COUNT; i++) assert_true(factors[i] == 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_answers),
        cmocka_unit_test(each_purpose_keeps_its_stream),
        cmocka_unit_test(each_distribution_keeps_its_values),
        cmocka_unit_test(dropout_goes_by_the_bits),
    };
    return cmocka_run_group_tests_name("random", tests, NULL, NULL);
}
