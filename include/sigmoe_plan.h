/* Chapter 13 of sigmoe.h, which includes this file and has the conventions: what training a model would cost on machines that one does
 * not have. */
#ifndef SIGMOE_PLAN_H
#define SIGMOE_PLAN_H

#ifndef SIGMOE_H
#error "include sigmoe.h"
#endif

/* One model under one way to share the training among nodes: "data parallel", "ZeRO-1", "expert parallel", "expert + ZeRO". All numbers
 * are NaN where it is not possible. */
typedef struct sigmoe_plan_row {
    const char *model; /* the kind of its feedforward blocks: "moe"; "dense" is that of as many parameters */
    const char *scheme;
    const char *problem;                   /* why it is not possible; NULL: it is */
    double seconds, communication_seconds; /* of a step; communication is a part of it */
    double tokens_per_s;
    double memory_bytes, traffic_bytes; /* of a node; that it sends in a step, and receives */
    double speedup,
        efficiency; /* over one node that computes the whole batch; the speedup's share of the nodes */
} sigmoe_plan_row;

typedef struct sigmoe_plan_request {
    size_t size; /* set by the defaults */
    const sigmoe_config *config;
    int64_t nodes;       /* each has one process; default 1 */
    int64_t batch;       /* sequences of all nodes, a multiple of them; 0: the configuration's */
    int cores;           /* of a node; default 1 */
    sigmoe_dtype dtype;  /* of the operands of products */
    const char *network; /* between nodes: "25gbit", "100gbit:2us"; NULL: messages as they were measured */
    double
        memory_gb_per_s; /* of a node; 0: what its cores move, at most 460.8, twelve channels of DDR5-4800 */
    const char *rates; /* a file of sigmoe_plan_calibrate; NULL: the library's own, which the summary names */
    const char *out;   /* directory to create, as in sigmoe_bench_figure_request; NULL: no files */
    bool force, figures;                                      /* as in sigmoe_compare_request */
    void (*visit)(void *context, const sigmoe_plan_row *row); /* or NULL */
    void *context;
} sigmoe_plan_request;
SIGMOE_API void sigmoe_plan_defaults_sized(sigmoe_plan_request *request, size_t size);
static inline void sigmoe_plan_defaults(sigmoe_plan_request *request) {
    sigmoe_plan_defaults_sized(request, sizeof *request);
}
/* Visits a row for each model and scheme, and leaves weak-scaling and strong-scaling as SVG and PNG, and scaling.csv, in `out`. *summary
 * is a few lines of text: whose rates these are, the fastest scheme, and up to how many nodes it pays. */
SIGMOE_API sigmoe_status sigmoe_plan(
    const sigmoe_plan_request *request, const sigmoe_observer *observer, char **summary);

typedef struct sigmoe_calibrate_request {
    size_t size;                 /* set by the defaults */
    const sigmoe_config *config; /* a mixture of experts, whose shapes are measured */
    const char *out;             /* a file to write */
} sigmoe_calibrate_request;
SIGMOE_API void sigmoe_calibrate_defaults_sized(sigmoe_calibrate_request *request, size_t size);
static inline void sigmoe_calibrate_defaults(sigmoe_calibrate_request *request) {
    sigmoe_calibrate_defaults_sized(request, sizeof *request);
}
/* Measures this machine for sigmoe_plan, with the observer's threads. Processes of one MPI launch that call it measure at the same time,
 * and messages between them, too; rank 0 writes (sigmoe_speaks). */
SIGMOE_API sigmoe_status sigmoe_calibrate(
    const sigmoe_calibrate_request *request, const sigmoe_observer *observer);

#endif
