#include "base/option.h"

#include <string.h>

void option_defaults(option_table table, void *values) {
    for (int i = 0; i < table.count; i++) {
        const option *o = &table.options[i];
        void *value = (char *)values + o->offset;
        double preset = o->required ? 0 : o->preset;
        switch (o->type) {
        case OPTION_INTEGER:
            *(int64_t *)value = (int64_t)preset;
            break;
        case OPTION_NUMBER:
            *(double *)value = preset;
            break;
        case OPTION_FLAG:
            *(bool *)value = preset != 0;
            break;
        case OPTION_CHOICE:
            *(int *)value = (int)preset;
            break;
        }
    }
}

const option *option_find(option_table table, const char *name) {
    for (int i = 0; i < table.count; i++)
        if (strcmp(table.options[i].name, name) == 0) return &table.options[i];
    return NULL;
}

// Levenshtein distance of names up to 63 characters; longer ones count as far away.
static int edit_distance(const char *a, const char *b) {
    enum { LONGEST = 63 };
    int n = (int)strlen(a), m = (int)strlen(b);
    if (n > LONGEST || m > LONGEST) return n > m ? n : m;
    int row[LONGEST + 1];
    for (int j = 0; j <= m; j++) row[j] = j;
    for (int i = 1; i <= n; i++) {
        int diagonal = row[0];
        row[0] = i;
        for (int j = 1; j <= m; j++) {
            int substitute = diagonal + (a[i - 1] != b[j - 1]);
            int insert = row[j - 1] + 1, erase = row[j] + 1;
            diagonal = row[j];
            row[j] = substitute < insert ? substitute : insert;
            if (erase < row[j]) row[j] = erase;
        }
    }
    return row[m];
}

const char *nearest_name(const char *name, const char *const *known, int count) {
    const char *best = NULL;
    int best_distance = 0;
    for (int i = 0; i < count; i++) {
        int distance = edit_distance(name, known[i]);
        if (!best || distance < best_distance) best = known[i], best_distance = distance;
    }
    return best;
}
