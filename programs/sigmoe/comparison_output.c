#include "comparison_output.h"

#include "json_output.h"
#include "layout.h"
#include "report.h"

#include <stdio.h>

int print_comparison(const char *out, const char *table, bool json) {
    if (json) return json_file_print(out, "table.json");
    print_fitted(table);
    printf("\nreport: %s/report.html\n", out);
    return EXIT_FINE;
}
