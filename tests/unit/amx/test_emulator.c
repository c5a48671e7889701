// What the emulator claims, bit by bit. On a processor with AMX the same is asked of the processor.
#include "amx/emulator.h"
#include "base/bf16.h"
#include "base/cpu.h"
#include "base/random.h"

#include <fenv.h>
#include <float.h>
#include <immintrin.h>
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define AMX __attribute__((target("amx-tile,amx-bf16")))

typedef struct config {
    uint8_t palette, start_row, reserved[14];
    uint16_t colsb[16];
    uint8_t rows[16];
} config;

// gcc's intrinsics do not say that they read memory: without this, what was written before may come too late.
static void finish_writes(void) {
    __asm__ volatile("" ::: "memory");
}

AMX static void configure(const config *c) {
    finish_writes();
    _tile_loadconfig(c);
}

// tmm0 [m, n] float, tmm1 [m, 2 k] bf16, tmm2 [k, 2 n] bf16.
static config product_shape(int m, int n, int k) {
    return (config){.palette = 1,
        .rows = {(uint8_t)m, (uint8_t)m, (uint8_t)k},
        .colsb = {(uint16_t)(4 * n), (uint16_t)(4 * k), (uint16_t)(4 * n)}};
}

// ---- Products ----

enum { PITCH = 19, FLOATS = 16 * PITCH, PITCH_BYTES = 4 * PITCH };

static float random_float(uint64_t key, uint64_t i) {
    return (float)random_uniform((random_stream){.seed = 11, .step = key, .purpose = RANDOM_TEST}, i) - 0.5f;
}

// `c` is a whole buffer of 16 rows: what lies beside the tile must stay.
static void plain_product(float *c, const bf16 *a, const bf16 *b, int m, int n, int k) {
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++) {
            float even = 0, odd = 0;
            for (int p = 0; p < k; p++) {
                const bf16 *x = a + 2 * (i * PITCH + p), *y = b + 2 * (p * PITCH + j);
                even = fmaf(bf16_value(x[0]), bf16_value(y[0]), even);
                odd = fmaf(bf16_value(x[1]), bf16_value(y[1]), odd);
            }
            c[i * PITCH + j] += even + odd;
        }
}

AMX static void tile_product(float *c, const bf16 *a, const bf16 *b, int m, int n, int k) {
    config shape = product_shape(m, n, k);
    configure(&shape);
    _tile_loadd(0, c, PITCH_BYTES);
    _tile_loadd(1, a, PITCH_BYTES);
    _tile_stream_loadd(2, b, PITCH_BYTES);
    _tile_dpbf16ps(0, 1, 2);
    _tile_stored(0, c, PITCH_BYTES);
    _tile_release();
}

static void test_products(void **state) {
    (void)state;
    amx_emulate();
    static const int shapes[][3] = {
        {16, 16, 16}, {1, 1, 1}, {7, 5, 3}, {16, 3, 16}, {2, 16, 9}, {15, 1, 16}, {16, 16, 1}};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        float expected[FLOATS], got[FLOATS];
        bf16 a[2 * FLOATS], b[2 * FLOATS];
        for (uint64_t i = 0; i < FLOATS; i++) expected[i] = got[i] = random_float(3 * s, i);
        for (uint64_t i = 0; i < 2 * FLOATS; i++) {
            a[i] = bf16_of(random_float(3 * s + 1, i));
            b[i] = bf16_of(random_float(3 * s + 2, i));
        }
        plain_product(expected, a, b, shapes[s][0], shapes[s][1], shapes[s][2]);
        tile_product(got, a, b, shapes[s][0], shapes[s][1], shapes[s][2]);
        assert_memory_equal(got, expected, sizeof got);
    }
}

// c + a row of up to four pairs times a column of as many.
AMX static float dot(float c, int pairs, const float *a, const float *b) {
    bf16 row[8], column[8];
    for (int i = 0; i < 2 * pairs; i++) {
        row[i] = bf16_of(a[i]);
        column[i] = bf16_of(b[i]);
    }
    config shape = product_shape(1, 1, pairs);
    configure(&shape);
    _tile_loadd(0, &c, 4);
    _tile_loadd(1, row, 16);
    _tile_loadd(2, column, 4);
    _tile_dpbf16ps(0, 1, 2);
    _tile_stored(0, &c, 4);
    _tile_release();
    return c;
}
#define DOT(c, pairs, ...)                                                                                   \
    dot(c, pairs, ((const float[2][8])__VA_ARGS__)[0], ((const float[2][8])__VA_ARGS__)[1])

static void test_order_of_sums(void **state) {
    (void)state;
    amx_emulate();
    // The odd elements' 1 + 1 reaches 2^24, where one after the other would be lost.
    assert_true(DOT(0, 2, {{0x1p24f, 1, 0, 1}, {1, 1, 0, 1}}) == 0x1p24f + 2);
    // c comes last: by then the odd 1 is lost.
    assert_true(DOT(-0x1p24f, 1, {{0x1p24f, 1}, {1, 1}}) == 0);
    // A tie goes to the even neighbour, upwards too.
    assert_true(DOT(0x1p24f + 2, 1, {{1, 0}, {1, 0}}) == 0x1p24f + 4);
    // A product that overflows alone does not within a fused sum.
    assert_true(DOT(0, 2, {{-0x1p127f, 0, 0x1p127f, 0}, {1, 0, 2, 0}}) == 0x1p127f);
}

static void test_special_values(void **state) {
    (void)state;
    amx_emulate();
    assert_true(DOT(5, 1, {{0x1p-130f, 0}, {0x1p120f, 0}}) == 5); // a denormal operand is zero
    assert_true(DOT(0, 1, {{0x1p-130f, 0}, {0x1p127f, 0}}) == 0);
    assert_true(DOT(0, 1, {{0x1p-100f, 0}, {0x1p-40f, 0}}) == 0); // so is a denormal result
    assert_true(DOT(0x1p-130f, 1, {{0, 0}, {0, 0}}) == 0);        // and a denormal c
    assert_true(DOT(0x1.8p-126f, 1, {{0x1p-100f, 0}, {-0x1p-26f, 0}}) == 0);
    assert_true(DOT(0, 1, {{0x1p-100f, 0}, {0x1p-26f, 0}}) == 0x1p-126f);
    assert_true(DOT(1, 1, {{INFINITY, 0}, {2, 0}}) == INFINITY);
    assert_true(isnan(DOT(1, 1, {{INFINITY, 0}, {0, 0}})));
    assert_true(isnan(DOT(1, 1, {{INFINITY, -INFINITY}, {1, 1}})));
}

static void test_rounding_mode_is_not_consulted(void **state) {
    (void)state;
    amx_emulate();
    fesetround(FE_UPWARD);
    float sum = DOT(0x1p24f, 1, {{1, 0}, {1, 0}});
    int mode = fegetround();
    fesetround(FE_TONEAREST);
    assert_true(sum == 0x1p24f);
    assert_int_equal(mode, FE_UPWARD);
}

// ---- Loads and stores ----

// Numbers that tell where they come from.
static int32_t numbers[4096];

static void number(void) {
    for (int32_t i = 0; i < 4096; i++) numbers[i] = i;
}

static const config two_rows = {.palette = 1, .rows = {2, 2}, .colsb = {8, 8}};

// tmm0 has two rows of 8 bytes: those at `at` and `stride` bytes further on.
AMX static void assert_loaded(const int32_t *at, int64_t stride) {
    int32_t got[2][2];
    _tile_stored(0, got, 8);
    assert_memory_equal(got[0], at, 8);
    assert_memory_equal(got[1], (const char *)at + stride, 8);
}

AMX static void test_strides(void **state) {
    (void)state;
    amx_emulate();
    number();
    configure(&two_rows);
    static const int64_t strides[] = {8, 0, -8, 100, -1000};
    for (size_t i = 0; i < sizeof strides / sizeof *strides; i++) {
        _tile_loadd(0, numbers + 2048, strides[i]);
        assert_loaded(numbers + 2048, strides[i]);
    }
    _tile_loadd(0, numbers + 100, 400);
    int32_t places[16];
    memset(places, -1, sizeof places);
    _tile_stored(0, places + 12, -32);
    for (int i = 0; i < 16; i++) {
        int expected = i == 12 || i == 13 ? 100 + i - 12 : i == 4 || i == 5 ? 200 + i - 4 : -1;
        assert_int_equal(places[i], expected);
    }
    _tile_release();
}

// Loads tmm0 from `operand`, in which register B holds `base` and register I `index`.
#define LOAD(B, base, I, index, operand)                                                                     \
    __asm__ volatile("mov %0, %%" B "\n\tmov %1, %%" I "\n\ttileloadd " operand ", %%tmm0" ::"r"(base),      \
        "r"((int64_t)(index))                                                                                \
        : B, I, "memory")

AMX static void test_addresses_of_rows(void **state) {
    (void)state;
    amx_emulate();
    number();
    configure(&two_rows);
    const int32_t *middle = numbers + 2048;
    LOAD("rax", middle, "rcx", 40, "(%%rax,%%rcx,1)");
    assert_loaded(middle, 40);
    LOAD("rdx", middle, "rbx", 40, "64(%%rdx,%%rbx,2)");
    assert_loaded(middle + 16, 80);
    LOAD("rsi", middle, "rdi", 40, "-128(%%rsi,%%rdi,4)");
    assert_loaded(middle - 32, 160);
    LOAD("r8", middle, "r9", -40, "4096(%%r8,%%r9,8)");
    assert_loaded(middle + 1024, -320);
    LOAD("r10", middle, "r11", 40, "-4096(%%r10,%%r11,1)");
    assert_loaded(middle - 1024, 40);
    LOAD("r12", middle, "r13", 40, "(%%r12,%%r13,1)");
    assert_loaded(middle, 40);
    LOAD("r13", middle, "r14", 40, "(%%r13,%%r14,1)");
    assert_loaded(middle, 40);
    LOAD("r14", middle, "r15", 40, "8(%%r14,%%r15,1)");
    assert_loaded(middle + 2, 40);
    LOAD("r15", middle, "r12", 40, "(%%r15,%%r12,1)");
    assert_loaded(middle, 40);
    // Without an index both rows are the same: tileloadd (%rax), tmm0.
    LOAD(
        "rax", middle, "rcx", 40, "(%%rax,%%rcx,1), %%tmm1\n\t.byte 0xc4, 0xe2, 0x7b, 0x4b, 0x04, 0x20\n\t#");
    assert_loaded(middle, 0);
    _tile_release();
}

// The registers of the stack and of the frame.
AMX static void test_addresses_on_the_stack(void **state) {
    (void)state;
    amx_emulate();
    number();
    configure(&two_rows);
    LOAD("rax", numbers + 300, "rcx", 40, "(%%rax,%%rcx,1)");
    int64_t first, second, expected;
    // Below what the compiler may keep there.
    __asm__ volatile("lea -256(%%rsp), %%rsp\n\ttilestored %%tmm0, 16(%%rsp,%2,1)\n\t"
                     "mov 16(%%rsp), %0\n\tmov 24(%%rsp), %1\n\tlea 256(%%rsp), %%rsp"
        : "=&r"(first), "=&r"(second)
        : "r"((int64_t)8)
        : "memory");
    memcpy(&expected, numbers + 300, sizeof expected);
    assert_true(first == expected);
    memcpy(&expected, numbers + 310, sizeof expected);
    assert_true(second == expected);

    int32_t *base = numbers + 500;
    __asm__ volatile("xchg %%rbp, %0\n\ttileloadd (%%rbp,%1,1), %%tmm0\n\txchg %%rbp, %0"
        : "+r"(base)
        : "r"((int64_t)16)
        : "memory");
    assert_loaded(numbers + 500, 16);
    _tile_release();
}

AMX static void test_low_addresses(void **state) {
    (void)state;
    amx_emulate();
    number();
    int32_t *low = mmap((void *)0x20000000, sizeof numbers, PROT_READ | PROT_WRITE,
        MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    assert_ptr_equal(low, (void *)0x20000000);
    memcpy(low, numbers, sizeof numbers);
    configure(&two_rows);
    __asm__ volatile("tileloadd 0x20000100(,%0,2), %%tmm0" ::"r"((int64_t)40) : "memory");
    assert_loaded(low + 64, 80);
    _tile_loadd(0, low + 4092, 8); // to the page's last byte and no further
    assert_loaded(low + 4092, 8);
    _tile_release();
    munmap(low, sizeof numbers);
}

// ---- The configuration ----

AMX static void assert_configured(const config *expected) {
    config got;
    memset(&got, 1, sizeof got);
    _tile_storeconfig(&got);
    finish_writes();
    assert_memory_equal(&got, expected, sizeof got);
}

AMX static void test_configuration(void **state) {
    (void)state;
    amx_emulate();
    static const config none,
        all = {.palette = 1, .rows = {1, 2, 3, 4, 5, 6, 16, 8}, .colsb = {64, 63, 1, 4, 8, 12, 16, 20}};
    _tile_release();
    assert_configured(&none);
    configure(&all);
    assert_configured(&all);
    configure(&none);
    assert_configured(&none);

    // However its place is given.
    char room[256] = {0};
    memcpy(room + 40, &all, sizeof all);
    finish_writes();
    __asm__ volatile("ldtilecfg 8(%0,%1,8)" ::"r"(room), "r"((int64_t)4) : "memory");
    assert_configured(&all);
    __asm__ volatile("sttilecfg 8(%0,%1,4)" ::"r"(room), "r"((int64_t)32) : "memory");
    assert_memory_equal(room + 136, &all, sizeof all);
    _tile_release();
    __asm__ volatile("mov %0, %%r13\n\tldtilecfg (%%r13)" ::"r"(room + 40) : "r13", "memory");
    assert_configured(&all);
    _tile_release();
    __asm__ volatile("ldtilecfg %0" ::"m"(all)); // relative to the instruction
    assert_configured(&all);
    _tile_release();
}

AMX static void assert_zero(void) {
    int32_t got[2][2], zero[2][2] = {{0}};
    memset(got, 1, sizeof got);
    _tile_stored(1, got, 8);
    assert_memory_equal(got, zero, sizeof got);
}

AMX static void test_zeros(void **state) {
    (void)state;
    amx_emulate();
    number();
    configure(&two_rows);
    assert_zero();
    _tile_loadd(1, numbers + 5, 8);
    _tile_loadd(0, numbers + 7, 8);
    _tile_zero(1);
    assert_zero();
    assert_loaded(numbers + 7, 8); // the other tile is as it was
    _tile_loadd(1, numbers + 5, 8);
    configure(&two_rows);
    assert_zero();
    _tile_release();
}

// ---- Threads ----

typedef struct tile_user {
    pthread_barrier_t *barrier;
    int32_t first;
    bool kept;
} tile_user;

AMX static void *use_tiles(void *argument) {
    tile_user *user = argument;
    config own = two_rows;
    own.rows[0] = (uint8_t)(1 + user->first % 2);
    int32_t in[4] = {user->first, 1, 2, 3}, out[4] = {0};
    configure(&own);
    _tile_loadd(0, in, 8);
    pthread_barrier_wait(user->barrier);
    _tile_stored(0, out, 8);
    user->kept = memcmp(in, out, 8 * own.rows[0]) == 0 && (own.rows[0] == 2 || out[3] == 0);
    pthread_barrier_wait(user->barrier);
    _tile_release();
    return NULL;
}

static void test_threads(void **state) {
    (void)state;
    amx_emulate();
    enum { THREADS = 4 };
    pthread_barrier_t barrier;
    pthread_t threads[THREADS];
    tile_user users[THREADS];
    assert_int_equal(pthread_barrier_init(&barrier, NULL, THREADS), 0);
    for (int i = 0; i < THREADS; i++) {
        users[i] = (tile_user){&barrier, i + 10, false};
        assert_int_equal(pthread_create(&threads[i], NULL, use_tiles, &users[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    for (int i = 0; i < THREADS; i++) assert_true(users[i].kept);
    pthread_barrier_destroy(&barrier);
}

// ---- What is refused ----

static float floats[256];

AMX static void unconfigured(void) {
    _tile_release();
    _tile_loadd(0, floats, 64);
}
static void other_palette(void) {
    configure(&(config){.palette = 2, .rows = {1}, .colsb = {4}});
}
static void reserved_bytes(void) {
    configure(&(config){.palette = 1, .reserved = {[13] = 1}, .rows = {1}, .colsb = {4}});
}
static void a_ninth_width(void) {
    configure(&(config){.palette = 1, .rows = {1}, .colsb = {[0] = 4, [8] = 4}});
}
static void a_ninth_height(void) {
    configure(&(config){.palette = 1, .rows = {[0] = 1, [8] = 1}, .colsb = {4}});
}
static void a_ninth_tile(void) {
    configure(&(config){.palette = 1, .rows = {1}, .colsb = {4}});
    // tilezero tmm8, which the assembler does not know.
    __asm__ volatile(".byte 0xc4, 0x62, 0x7b, 0x49, 0xc0");
}
static void many_rows(void) {
    configure(&(config){.palette = 1, .rows = {17}, .colsb = {4}});
}
static void wide_rows(void) {
    configure(&(config){.palette = 1, .rows = {1}, .colsb = {68}});
}
static void rows_without_bytes(void) {
    configure(&(config){.palette = 1, .rows = {1, 4}, .colsb = {4}});
}
AMX static void missing_tile(void) {
    configure(&two_rows);
    _tile_zero(2);
}
AMX static void multiply_as(config c) {
    configure(&c);
    _tile_dpbf16ps(0, 1, 2);
}
static void other_rows(void) {
    multiply_as((config){.palette = 1, .rows = {3, 4, 5}, .colsb = {24, 20, 24}});
}
static void other_columns(void) {
    multiply_as((config){.palette = 1, .rows = {4, 4, 5}, .colsb = {20, 20, 24}});
}
static void other_pairs(void) {
    multiply_as((config){.palette = 1, .rows = {4, 4, 5}, .colsb = {24, 24, 24}});
}
static void half_pairs(void) {
    multiply_as((config){.palette = 1, .rows = {4, 4, 5}, .colsb = {24, 22, 24}});
}
static void one_tile_twice(void) {
    configure(&(config){.palette = 1, .rows = {4, 4}, .colsb = {16, 16}});
    // tdpbf16ps tmm1, tmm1, tmm0, which the assembler refuses.
    __asm__ volatile(".byte 0xc4, 0xe2, 0x72, 0x5c, 0xc1");
}
static void not_amx(void) {
    __builtin_trap();
}

// Runs it in a child, which dies of it; `text` gets what the child said.
static void die_of(void (*misuse)(void), char *text, size_t room) {
    int ends[2], status;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        signal(SIGSEGV, SIG_DFL);
        dup2(ends[1], STDERR_FILENO);
        amx_emulate();
        misuse();
        _exit(0);
    }
    close(ends[1]);
    size_t length = 0;
    for (ssize_t n; (n = read(ends[0], text + length, room - 1 - length)) > 0;) length += (size_t)n;
    text[length] = 0;
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && (WTERMSIG(status) == SIGILL || WTERMSIG(status) == SIGSEGV));
}

static void test_misuse(void **state) {
    (void)state;
    amx_emulate();
    static const struct {
        void (*misuse)(void);
        const char *sentence;
    } cases[] = {{unconfigured, "tileloadd: the tiles are not configured"},
        {other_palette, "there is no palette 2"}, {reserved_bytes, "reserved bytes"},
        {a_ninth_width, "reserved bytes"}, {a_ninth_height, "reserved bytes"},
        {a_ninth_tile, "there is no tmm8"}, {many_rows, "tmm0 has 17 rows of 4 bytes"},
        {wide_rows, "tmm0 has 1 rows of 68 bytes"}, {rows_without_bytes, "tmm1 has 4 rows of 0 bytes"},
        {missing_tile, "tilezero: tmm2 is not configured"},
        {other_rows, "the sum tmm0 has 3 rows, its left factor tmm1 4"},
        {other_columns, "the sum tmm0 has rows of 20 bytes, its right factor tmm2 of 24"},
        {other_pairs, "the left factor tmm1 has 6 pairs in a row, but the right one tmm2 5 rows"},
        {half_pairs, "rows of 24, 22, 24 bytes"}, {one_tile_twice, "must be three tiles"}, {not_amx, ""}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[512];
        die_of(cases[i].misuse, text, sizeof text);
        if (cpu_hardware() == CPU_AMX) continue; // the processor says nothing
        if (!strstr(text, cases[i].sentence) || !*text != !*cases[i].sentence)
            fail_msg("case %zu says \"%s\", not \"%s\"", i, text, cases[i].sentence);
    }
}

AMX static void test_count(void **state) {
    (void)state;
    amx_emulate();
    int64_t before = amx_emulated();
    configure(&two_rows);
    _tile_zero(0);
    _tile_release();
    assert_int_equal(amx_emulated() - before, cpu_hardware() == CPU_AMX ? 0 : 3);
}

int main(void) {
    if (cpu_init() != SIGMOE_OK || cpu_hardware() < CPU_AVX2) {
        puts("the emulator needs a processor with AVX2");
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_products),
        cmocka_unit_test(test_order_of_sums),
        cmocka_unit_test(test_special_values),
        cmocka_unit_test(test_rounding_mode_is_not_consulted),
        cmocka_unit_test(test_strides),
        cmocka_unit_test(test_addresses_of_rows),
        cmocka_unit_test(test_addresses_on_the_stack),
        cmocka_unit_test(test_low_addresses),
        cmocka_unit_test(test_configuration),
        cmocka_unit_test(test_zeros),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_misuse),
        cmocka_unit_test(test_count),
    };
    return cmocka_run_group_tests_name("AMX emulator", tests, NULL, NULL);
}
