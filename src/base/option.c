#include "base/option.h"

#include <inttypes.h>
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

static int choice_count(const option *o) {
    int count = 0;
    while (o->choices[count]) count++;
    return count;
}

static sigmoe_status check_range(const option *o, const char *path, const void *value) {
    switch (o->type) {
    case OPTION_INTEGER: {
        int64_t integer = *(const int64_t *)value;
        if ((double)integer >= o->low && (double)integer <= o->high) return SIGMOE_OK;
        return fail(SIGMOE_BAD_ARGUMENT, "%s%s is %" PRId64 ": choose %.0f to %.0f", path, o->name, integer,
            o->low, o->high);
    }
    case OPTION_NUMBER: {
        double number = *(const double *)value;
        if (number >= o->low && number <= o->high) return SIGMOE_OK;
        return fail(
            SIGMOE_BAD_ARGUMENT, "%s%s is %g: choose %g to %g", path, o->name, number, o->low, o->high);
    }
    case OPTION_CHOICE: {
        int choice = *(const int *)value;
        if (choice >= 0 && choice < choice_count(o)) return SIGMOE_OK;
        return fail(SIGMOE_BAD_ARGUMENT, "%s%s is choice %d of %d: name one of them, as %s", path, o->name,
            choice, choice_count(o), o->choices[0]);
    }
    case OPTION_FLAG:
        break;
    }
    return SIGMOE_OK;
}

sigmoe_status option_check(option_table table, const char *path, const void *values) {
    for (int i = 0; i < table.count; i++)
        TRY(check_range(&table.options[i], path, (const char *)values + table.options[i].offset));
    return SIGMOE_OK;
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

const char *sigmoe_nearest(const char *name, const char *const *known, int count) {
    const char *best = NULL;
    int best_distance = 0;
    for (int i = 0; i < count; i++) {
        int distance = edit_distance(name, known[i]);
        if (!best || distance < best_distance) best = known[i], best_distance = distance;
    }
    return best;
}
