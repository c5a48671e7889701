/* Chapter 11 of sigmoe.h, which includes this file and has the conventions: runs of sigmoe_train while they train and afterwards.
 * Logs are read as they grow, each line once; nothing in a run is changed. */
#ifndef SIGMOE_WATCH_H
#define SIGMOE_WATCH_H

#ifndef SIGMOE_H
#error "include sigmoe.h"
#endif

typedef struct sigmoe_watch sigmoe_watch;
/* `run`: a directory that sigmoe_train made. */
SIGMOE_API sigmoe_status sigmoe_watch_open(const char *run, sigmoe_watch **out);
SIGMOE_API void sigmoe_watch_free(sigmoe_watch *watch);

typedef struct sigmoe_watch_request {
    size_t size; /* set by the defaults */
    int columns; /* of the text; default 80 */
    int lines;   /* at most, if no fewer than about 16; 0: as many as it takes */
    bool color;  /* with ANSI escape sequences */
} sigmoe_watch_request;
SIGMOE_API void sigmoe_watch_defaults_sized(sigmoe_watch_request *request, size_t size);
static inline void sigmoe_watch_defaults(sigmoe_watch_request *request) {
    sigmoe_watch_defaults_sized(request, sizeof *request);
}
/* The run as it is now, for a terminal: its state, newest values, curves, expert load and newest sample. Free *text with
 * sigmoe_free. *training: a process holds the run's lock. */
SIGMOE_API sigmoe_status sigmoe_watch_look(
    sigmoe_watch *watch, const sigmoe_watch_request *request, char **text, bool *training);

/* Curves of loss and validation. */
typedef struct sigmoe_plot_request {
    size_t size;             /* set by the defaults */
    const char *const *runs; /* [run_count] runs, or comparisons or sweeps, of which all runs count */
    int run_count;           /* at least 1; at most 64 runs in all */
    /* A picture to make, by its ending .png or .svg; "-": *text has the curves, in characters; NULL: none. */
    const char *out;
    const char
        *csv; /* a file for all numbers, a line for each step of each run; "-": *text has them; NULL: none */
    bool force;         /* replace files that exist */
    int columns, lines; /* of curves in *text; default 80 and 24 */
    bool color;         /* there, with ANSI escape sequences */
} sigmoe_plot_request;
SIGMOE_API void sigmoe_plot_defaults_sized(sigmoe_plot_request *request, size_t size);
static inline void sigmoe_plot_defaults(sigmoe_plot_request *request) {
    sigmoe_plot_defaults_sized(request, sizeof *request);
}
/* *text: what `out` or `csv` asked for as text, else NULL; free it with sigmoe_free. */
SIGMOE_API sigmoe_status sigmoe_plot(const sigmoe_plot_request *request, char **text);

#endif
