// Instructions as in Intel's Software Developer's Manual, volume 2, "Intel AMX instruction set reference", palette 1.
//
// The handler runs on the stack of the code that it interrupts: that is code which a compiler made, and what it keeps below
// the stack pointer the system leaves alone. The signal is synchronous, so no lock of the C library is held.
#include "amx/emulator.h"

#include <immintrin.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

enum { TILES = 8, ROWS = 16, ROW_BYTES = 64, COLUMNS = ROW_BYTES / 4 };

// The operand of LDTILECFG; all zero while the tiles are not configured.
typedef struct tile_config {
    uint8_t palette, start_row, reserved[14];
    uint16_t colsb[TILES], no_colsb[TILES];
    uint8_t rows[TILES], no_rows[TILES];
} tile_config;
_Static_assert(sizeof(tile_config) == 64, "64 bytes, as in the manual");

// A thread's registers. What lies in `data` beyond its tile's shape never comes out.
static _Thread_local struct {
    tile_config config;
    _Alignas(64) uint32_t data[TILES][ROWS][COLUMNS];
} state;

static _Atomic int64_t emulated;

// ---- Decoding ----

typedef enum prefix { PREFIX_NONE, PREFIX_66, PREFIX_F3, PREFIX_F2 } prefix;

// Every AMX instruction is VEX.128.prefix.0F38.W0 opcode. Its operands are numbers of tiles, or one place in memory.
typedef struct instruction {
    int opcode, prefix;
    int reg, rm, third; // ModRM.reg, ModRM.rm, VEX.vvvv, each with its extension bit
    bool memory, sib;
    uint64_t base, index; // of the memory operand: base + displacement, and index · scale
    const uint8_t *end;
} instruction;

static uint64_t general_register(const greg_t *registers, int number) {
    static const int places[] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
        REG_R8, REG_R9, REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};
    return (uint64_t)registers[places[number]];
}

// `p` is behind the ModRM byte; returns what is behind the displacement.
static const uint8_t *decode_memory(
    const uint8_t *p, int mod, int extend_index, int extend_base, const greg_t *registers, instruction *i) {
    int base = i->rm & 7;
    i->sib = base == 4;
    if (i->sib) {
        int scale = *p >> 6, index = (*p >> 3 & 7) | extend_index;
        base = *p++ & 7;
        if (index != 4) i->index = general_register(registers, index) << scale;
    }
    bool without_base = mod == 0 && base == 5;
    int64_t displacement = 0;
    if (mod == 1) displacement = (int8_t)*p++;
    if (mod == 2 || without_base) {
        int32_t wide;
        memcpy(&wide, p, sizeof wide);
        displacement = wide;
        p += sizeof wide;
    }
    if (!without_base)
        i->base = general_register(registers, base | extend_base);
    else if (!i->sib)
        i->base = (uint64_t)(uintptr_t)p; // relative to the next instruction
    i->base += (uint64_t)displacement;
    return p;
}

static bool decode(const uint8_t *code, const greg_t *registers, instruction *i) {
    enum { VEX3 = 0xc4, MAP_0F38 = 2, W_OR_L = 0x84 };
    if (code[0] != VEX3 || (code[1] & 31) != MAP_0F38 || (code[2] & W_OR_L)) return false;
    int extend_reg = code[1] & 0x80 ? 0 : 8, extend_index = code[1] & 0x40 ? 0 : 8,
        extend_base = code[1] & 0x20 ? 0 : 8;
    int mod = code[4] >> 6;
    *i = (instruction){.opcode = code[3],
        .prefix = code[2] & 3,
        .reg = (code[4] >> 3 & 7) | extend_reg,
        .rm = (code[4] & 7) | extend_base,
        .third = ~code[2] >> 3 & 15,
        .memory = mod != 3,
        .end = code + 5};
    if (i->memory) i->end = decode_memory(i->end, mod, extend_index, extend_base, registers, i);
    return true;
}

// ---- What a processor refuses ----

__attribute__((format(printf, 1, 2))) static bool refuse(const char *format, ...) {
    char text[256] = "AMX: ";
    int length = (int)strlen(text);
    va_list arguments;
    va_start(arguments, format);
    length += vsnprintf(text + length, sizeof text - (size_t)length - 1, format, arguments);
    va_end(arguments);
    if (length > (int)sizeof text - 2) length = (int)sizeof text - 2;
    text[length++] = '\n';
    return write(STDERR_FILENO, text, (size_t)length) == 0; // false: there is text
}

static bool all_zero(const void *bytes, size_t count) {
    const uint8_t *b = bytes;
    for (size_t i = 0; i < count; i++)
        if (b[i]) return false;
    return true;
}

static bool check_config(const tile_config *c) {
    if (c->palette != 1) return refuse("ldtilecfg: there is no palette %d", c->palette);
    if (c->start_row)
        return refuse("ldtilecfg: start row %d; only an interrupted instruction has one", c->start_row);
    if (!all_zero(c->reserved, sizeof c->reserved) || !all_zero(c->no_colsb, sizeof c->no_colsb) ||
        !all_zero(c->no_rows, sizeof c->no_rows))
        return refuse("ldtilecfg: reserved bytes are not zero");
    for (int t = 0; t < TILES; t++) {
        if (c->rows[t] > ROWS || c->colsb[t] > ROW_BYTES)
            return refuse(
                "ldtilecfg: tmm%d has %d rows of %d bytes, more than 16 of 64", t, c->rows[t], c->colsb[t]);
        if (!c->rows[t] != !c->colsb[t])
            return refuse("ldtilecfg: tmm%d has %d rows of %d bytes; both or neither are zero", t, c->rows[t],
                c->colsb[t]);
    }
    return true;
}

static bool check_tile(const char *name, int tile) {
    if (!state.config.palette) return refuse("%s: the tiles are not configured", name);
    if (tile >= TILES) return refuse("%s: there is no tmm%d", name, tile);
    if (!state.config.rows[tile]) return refuse("%s: tmm%d is not configured", name, tile);
    return true;
}

// c [M, N] += a [M, K] b [K, N]; K in pairs, so each of an a row's 4-byte elements meets a row of b.
static bool check_product(int c, int a, int b) {
    static const char name[] = "tdpbf16ps";
    if (!check_tile(name, c) || !check_tile(name, a) || !check_tile(name, b)) return false;
    if (c == a || a == b || c == b)
        return refuse("%s: tmm%d, tmm%d, tmm%d must be three tiles", name, c, a, b);
    const uint8_t *rows = state.config.rows;
    const uint16_t *colsb = state.config.colsb;
    if (colsb[c] % 4 || colsb[a] % 4 || colsb[b] % 4)
        return refuse(
            "%s: rows of %d, %d, %d bytes; each must be a multiple of 4", name, colsb[c], colsb[a], colsb[b]);
    if (rows[c] != rows[a])
        return refuse(
            "%s: the sum tmm%d has %d rows, its left factor tmm%d %d", name, c, rows[c], a, rows[a]);
    if (colsb[c] != colsb[b])
        return refuse("%s: the sum tmm%d has rows of %d bytes, its right factor tmm%d of %d", name, c,
            colsb[c], b, colsb[b]);
    if (colsb[a] / 4 != rows[b])
        return refuse("%s: the left factor tmm%d has %d pairs in a row, but the right one tmm%d %d rows",
            name, a, colsb[a] / 4, b, rows[b]);
    return true;
}

// ---- Execution ----

static void *pointer(uint64_t address) {
    return (void *)(uintptr_t)address;
}

static bool load_config(uint64_t address) {
    tile_config config;
    memcpy(&config, pointer(address), sizeof config);
    if (!config.palette)
        config = (tile_config){0}; // the tiles are released
    else if (!check_config(&config))
        return false;
    memset(&state, 0, sizeof state);
    state.config = config;
    return true;
}

static bool store_config(uint64_t address) {
    memcpy(pointer(address), &state.config, sizeof state.config);
    return true;
}

static bool release(void) {
    memset(&state, 0, sizeof state);
    return true;
}

static bool zero(int tile) {
    if (!check_tile("tilezero", tile)) return false;
    memset(state.data[tile], 0, sizeof state.data[tile]);
    return true;
}

static bool load(int tile, uint64_t address, uint64_t stride) {
    if (!check_tile("tileloadd", tile)) return false;
    for (int r = 0; r < state.config.rows[tile]; r++)
        memcpy(state.data[tile][r], pointer(address + (uint64_t)r * stride), state.config.colsb[tile]);
    return true;
}

static bool store(int tile, uint64_t address, uint64_t stride) {
    if (!check_tile("tilestored", tile)) return false;
    for (int r = 0; r < state.config.rows[tile]; r++)
        memcpy(pointer(address + (uint64_t)r * stride), state.data[tile][r], state.config.colsb[tile]);
    return true;
}

static inline float float_of(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

// A row's even and odd elements of the pairs are summed apart, by fused multiply-add in the order of k; the two sums are
// added, and that to c.
__attribute__((noinline, target("avx2,fma"))) static void multiply(uint32_t c[ROWS][COLUMNS],
    const uint32_t a[ROWS][COLUMNS], const uint32_t b[ROWS][COLUMNS], int rows, int pairs) {
    for (int m = 0; m < rows; m++) {
        float even[COLUMNS] = {0}, odd[COLUMNS] = {0};
        for (int k = 0; k < pairs; k++) {
            float first = float_of(a[m][k] << 16), second = float_of(a[m][k] & 0xffff0000);
            for (int n = 0; n < COLUMNS; n++) {
                even[n] = __builtin_fmaf(first, float_of(b[k][n] << 16), even[n]);
                odd[n] = __builtin_fmaf(second, float_of(b[k][n] & 0xffff0000), odd[n]);
            }
        }
        for (int n = 0; n < COLUMNS; n++) {
            float pair = even[n] + odd[n], sum = float_of(c[m][n]) + pair;
            memcpy(&c[m][n], &sum, sizeof sum);
        }
    }
}

// Whatever MXCSR the thread has: rounding to nearest even, denormals are zero as operands and as results. The interrupted
// code's MXCSR comes back when the handler returns.
static bool product(int c, int a, int b) {
    if (!check_product(c, a, b)) return false;
    enum { EXCEPTIONS_MASKED = 0x1f80, DENORMAL_OPERANDS_ZERO = 0x40, DENORMAL_RESULTS_ZERO = 0x8000 };
    _mm_setcsr(EXCEPTIONS_MASKED | DENORMAL_OPERANDS_ZERO | DENORMAL_RESULTS_ZERO);
    multiply(state.data[c], state.data[a], state.data[b], state.config.rows[c], state.config.rows[b]);
    return true;
}

// True when done; false when refused.
static bool execute(const instruction *i) {
    enum { CONFIGURE = 0x49, TRANSFER = 0x4b, MULTIPLY = 0x5c };
    bool whole = i->memory && i->reg == 0 && i->third == 0; // ldtilecfg, sttilecfg
    bool rows = i->memory && i->sib && i->third == 0;       // tileloadd, tilestored
    bool tile = !i->memory && i->rm == 0 && i->third == 0;  // tilezero; tilerelease with tile 0
    switch (i->opcode << 2 | i->prefix) {
    case CONFIGURE << 2 | PREFIX_NONE:
        if (whole) return load_config(i->base + i->index);
        if (tile && i->reg == 0) return release();
        break;
    case CONFIGURE << 2 | PREFIX_66:
        if (whole) return store_config(i->base + i->index);
        break;
    case CONFIGURE << 2 | PREFIX_F2:
        if (tile) return zero(i->reg);
        break;
    case TRANSFER << 2 | PREFIX_F2:
    case TRANSFER << 2 | PREFIX_66: // tileloaddt1, with a hint to the caches
        if (rows) return load(i->reg, i->base, i->index);
        break;
    case TRANSFER << 2 | PREFIX_F3:
        if (rows) return store(i->reg, i->base, i->index);
        break;
    case MULTIPLY << 2 | PREFIX_F3:
        if (!i->memory) return product(i->reg, i->rm, i->third);
        break;
    }
    return refuse("the instruction with opcode %02x and prefix %d is not one of AMX-TILE or AMX-BF16",
        (unsigned)i->opcode, i->prefix);
}

static void on_illegal_instruction(int number, siginfo_t *information, void *context) {
    (void)information;
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    const uint8_t *code = pointer((uint64_t)registers[REG_RIP]);
    instruction i;
    if (decode(code, registers, &i) && execute(&i)) {
        registers[REG_RIP] = (greg_t)(uintptr_t)i.end;
        atomic_fetch_add_explicit(&emulated, 1, memory_order_relaxed);
        return;
    }
    signal(number, SIG_DFL); // it is tried again, and ends the process
}

void amx_emulate(void) {
    struct sigaction action = {.sa_sigaction = on_illegal_instruction, .sa_flags = SA_SIGINFO};
    sigemptyset(&action.sa_mask);
    sigaction(SIGILL, &action, NULL);
}

int64_t amx_emulated(void) {
    return atomic_load(&emulated);
}
