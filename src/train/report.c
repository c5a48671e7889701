#include "train/report.h"
sigmoe_status report_write(const comparison *c, const table_row *rows) {
    (void)c, (void)rows;
    return SIGMOE_OK;
}
