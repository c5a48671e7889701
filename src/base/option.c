#include "base/option.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void option_defaults(option_table table, void *values) {
    for (int i = 0; i < table.count; i++) {
        const option *o = &table.options[i];
        void *value = (char *)values + o->offset;
        double usual = o->required ? 0 : o->usual;
        switch (o->type) {
        case OPTION_INTEGER:
            *(int64_t *)value = (int64_t)usual;
            break;
        case OPTION_NUMBER:
            *(double *)value = usual;
            break;
        case OPTION_FLAG:
            *(bool *)value = usual != 0;
            break;
        case OPTION_CHOICE:
            *(int *)value = (int)usual;
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
        if (o->required && integer == 0 && o->low > 0)
            return fail(SIGMOE_BAD_ARGUMENT, "%s%s is 0 (not given yet): choose %.0f to %.0f", path, o->name,
                o->low, o->high);
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

// Names that differ only in case, or in - and _, are the same.
static int folded(char c) {
    return c == '_' ? '-' : c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : (unsigned char)c;
}

enum { LONGEST_NAME = 63 };

static int least(int a, int b) {
    return a < b ? a : b;
}

// The number of letters to change, insert, delete, or swap with a neighbour. The rows are those of the table for the first i -
// 2, i - 1 and i letters of a.
static int edit_distance(const char *a, int n, const char *b, int m) {
    int rows[3][LONGEST_NAME + 1];
    for (int j = 0; j <= m; j++) rows[0][j] = j;
    for (int i = 1; i <= n; i++) {
        const int *before = rows[(i + 1) % 3], *above = rows[(i + 2) % 3];
        int *row = rows[i % 3];
        row[0] = i;
        for (int j = 1; j <= m; j++) {
            bool same = folded(a[i - 1]) == folded(b[j - 1]);
            row[j] = least(above[j - 1] + !same, least(row[j - 1], above[j]) + 1);
            bool swapped = i > 1 && j > 1 && folded(a[i - 1]) == folded(b[j - 2]) &&
                           folded(a[i - 2]) == folded(b[j - 1]);
            if (swapped) row[j] = least(row[j], before[j - 2] + 1);
        }
    }
    return rows[n % 3][m];
}

// Lower is nearer; FAR is too far. A name that begins with the given one is near, but less so than one with a typo.
enum { FAR = 1000, LEAST_BEGINNING = 3 };

static int how_far(const char *name, const char *known) {
    int n = (int)strlen(name), m = (int)strlen(known), longer = n > m ? n : m;
    if (longer > LONGEST_NAME) return FAR;
    int distance = edit_distance(name, n, known, m);
    if (3 * distance <= longer + 1) return distance;
    bool begins = n >= LEAST_BEGINNING && n < m && edit_distance(name, n, known, n) == 0;
    return begins ? LONGEST_NAME + m : FAR;
}

const char *sigmoe_nearest(const char *name, const char *const *known, int count) {
    const char *best = NULL;
    int best_distance = FAR;
    for (int i = 0; i < count; i++) {
        int distance = how_far(name, known[i]);
        if (distance < best_distance) best = known[i], best_distance = distance;
    }
    return best;
}

// "; known: ff.k, ff.rate"; empty if there are too many to list.
static nearest_hint list_known(const char *path, const char *const *known, int count) {
    nearest_hint hint = {""};
    size_t used = 0;
    for (int i = 0; i < count && used < sizeof hint.text; i++)
        used += (size_t)snprintf(
            hint.text + used, sizeof hint.text - used, "%s%s%s", i ? ", " : "; known: ", path, known[i]);
    if (used >= sizeof hint.text) hint.text[0] = '\0';
    return hint;
}

nearest_hint option_hint(
    const char *path, const char *name, const char *const *known, int count, const char *where) {
    nearest_hint hint;
    const char *nearest = sigmoe_nearest(name, known, count);
    if (!nearest && !where) return list_known(path, known, count);
    if (!nearest)
        snprintf(hint.text, sizeof hint.text, "; %s", where);
    else
        snprintf(hint.text, sizeof hint.text, "; did you mean \"%s%s\"?%s%s", path, nearest, where ? " " : "",
            where ? where : "");
    return hint;
}
