// The claims of a sweep and their verdicts, as text, HTML, JSON and CSV.
#pragma once

#include "compare/claims.h"

#include <jansson.h>
#include <stdio.h>

// As lines after the table, as a section of the report, as JSON (released by the caller), and as OUT/claims.csv.
void claims_print_text(FILE *out, const comparison_result *c, const claim_results *claims);
void claims_print_html(FILE *out, const comparison_result *c, const claim_results *claims);
sigmoe_status claims_to_json(const comparison_result *c, const claim_results *claims, json_t **out);
sigmoe_status claims_write_csv(const comparison_result *c, const claim_results *claims);
