#include "system/trace.h"

#include "system/file.h"

// Row 0 is what the calling thread was at, row 1 + i what thread i computed; then come others. Names need no escapes.
static void print_row(FILE *out, int row, const char *name, int number) {
    fprintf(out, "%s{\"ph\":\"M\",\"pid\":1,\"tid\":%d,\"name\":\"thread_name\",\"args\":{\"name\":\"%s",
        row ? ",\n" : "", row, name);
    fprintf(out, number < 0 ? "\"}}" : " %d\"}}", number);
}

static void print_spans(FILE *out, int row, const timeline_span *spans, int64_t count, int64_t start) {
    for (int64_t i = 0; i < count; i++)
        fprintf(out, ",\n{\"ph\":\"X\",\"pid\":1,\"tid\":%d,\"ts\":%.3f,\"dur\":%.3f,\"name\":\"%s\"}", row,
            (double)(spans[i].begin - start) * 1e-3, (double)(spans[i].end - spans[i].begin) * 1e-3,
            spans[i].part);
}

typedef struct trace {
    const timeline *watched;
    const trace_row *more;
    int rows;
} trace;

static sigmoe_status print_trace(FILE *out, const void *context) {
    const trace *all = context;
    const timeline *t = all->watched;
    int64_t count;
    const timeline_span *parts = timeline_parts(t, &count);
    int64_t start = count > 0 ? parts[0].begin : 0;
    fputs("{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n", out);
    print_row(out, 0, "part", -1);
    print_spans(out, 0, parts, count, start);
    for (int i = 0; i < timeline_threads(t); i++) {
        const timeline_span *rounds = timeline_rounds(t, i, &count);
        print_row(out, 1 + i, "thread", i);
        print_spans(out, 1 + i, rounds, count, start);
    }
    for (int i = 0; i < all->rows; i++) {
        print_row(out, 1 + timeline_threads(t) + i, all->more[i].name, i);
        print_spans(out, 1 + timeline_threads(t) + i, all->more[i].spans, all->more[i].count, start);
    }
    fputs("\n]}\n", out);
    return SIGMOE_OK;
}

sigmoe_status trace_write(const timeline *t, const trace_row *more, int rows, const char *path) {
    const trace all = {t, more, rows};
    if (timeline_is_full(t)) return fail(SIGMOE_BAD_ARGUMENT, "there are too many parts to trace");
    return file_print(path, print_trace, &all);
}
