// The claims of a sweep and what became of them, as text, HTML, JSON and CSV.
#pragma once

#include "compare/claims.h"

#include <jansson.h>
#include <stdio.h>

// As lines behind the table, as a section of the report, as JSON (the caller's to release), and as OUT/claims.csv.
void claims_print_text(FILE *out, const comparison_result *c, const claim_results *claims);
void claims_print_html(FILE *out, const comparison_result *c, const claim_results *claims);
sigmoe_status claims_to_json(const comparison_result *c, const claim_results *claims, json_t **out);
sigmoe_status claims_write_csv(const comparison_result *c, const claim_results *claims);
