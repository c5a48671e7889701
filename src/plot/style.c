#include "plot/style.h"

#include "plot/colors.h"

#include <stdbool.h>

static void print_properties(FILE *out, bool dark) {
    fputs(":root{", out);
    for (int i = 0; i < FIGURE_COLORS; i++)
        fprintf(out, "%s:#%06x;", figure_colors[i].property,
            dark ? figure_colors[i].dark : figure_colors[i].light);
    fputs("}\n", out);
}

static const char rules[] =
    "*{box-sizing:border-box}\n"
    "html{-webkit-text-size-adjust:100%}\n"
    "body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,sans-serif}\n"
    "main{max-width:1280px;margin:0 auto;padding:28px 16px 56px}\n"
    "h1{font-size:1.7rem;line-height:1.25;margin:0 0 .5rem;text-wrap:balance}\n"
    "h2{font-size:1.2rem;margin:2.6rem 0 .8rem}\n"
    "p,li{max-width:46rem}\n"
    "p{margin:.5rem 0}\n"
    ".small,figcaption{color:var(--axis);font-size:.875rem}\n"
    ".scroll{overflow-x:auto;border-block:1px solid var(--grid)}\n"
    "table{border-collapse:collapse;font-size:.84rem;font-variant-numeric:tabular-nums;white-space:nowrap}\n"
    ".results{width:100%}\n"
    "th,td{padding:.4rem .45rem;text-align:right;vertical-align:bottom}\n"
    "th:first-child,td:first-child{text-align:left;padding-left:.2rem}\n"
    ".results th:first-child{position:sticky;left:0;background:var(--paper)}\n"
    "thead th{font-weight:600;color:var(--axis);line-height:1.3}\n"
    "tbody th{font-weight:600}\n"
    "tbody tr{border-top:1px solid var(--grid)}\n"
    ".results tbody th,.results td{vertical-align:baseline}\n"
    ".spread{color:var(--axis);font-size:.75rem}\n"
    "td.best{font-weight:600}\n"
    ".swatch{display:inline-block;width:.7em;height:.7em;border-radius:50%;margin-right:.5em}\n"
    ".figures{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,480px),1fr));gap:2rem "
    "2.5rem}\n"
    "figure{margin:0;min-width:0}\n"
    "figure h3{font-size:1rem;margin:0 0 .4rem}\n"
    "figure svg{display:block;width:100%;height:auto}\n"
    "figcaption{margin-top:.4rem}\n"
    "dl{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:.35rem 1.2rem;margin:0}\n"
    "dt{color:var(--axis)}\n"
    "dd{margin:0;overflow-wrap:anywhere}\n"
    "pre{margin:.4rem 0;padding:.7rem .9rem;overflow-x:auto;border:1px solid var(--grid);border-radius:6px;"
    "font:.8125rem/1.5 ui-monospace,monospace}\n"
    "pre.wrap{white-space:pre-wrap;overflow-wrap:anywhere}\n"
    "code{font-family:ui-monospace,monospace;font-size:.875em;overflow-wrap:anywhere}\n"
    "details{margin:.3rem 0}\n"
    "summary{cursor:pointer;padding:.15rem 0}\n"
    "figure image{image-rendering:pixelated}\n"
    ".fires td,.fires th{text-align:left;vertical-align:top}\n"
    ".fires td{white-space:pre-wrap;overflow-wrap:anywhere}\n"
    ".fires td:last-child{font-family:ui-monospace,monospace;min-width:13rem}\n"
    ".fires .number{white-space:nowrap;padding-left:.45rem}\n"
    "mark{background:var(--grid);color:inherit;font-weight:700;border-radius:2px}\n"
    ".quiet{color:var(--axis)}\n"
    "@media(max-width:520px){dl{grid-template-columns:minmax(0,1fr);gap:0}dd{margin-bottom:.6rem}}\n";

void report_style_print(FILE *out) {
    fputs("<style>\n", out);
    print_properties(out, false);
    fputs("@media(prefers-color-scheme:dark){", out);
    print_properties(out, true);
    fputs("}\n", out);
    fputs(rules, out);
    fputs("</style>\n", out);
}
