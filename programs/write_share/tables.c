#include "write_share/tables.h"

#include <string.h>

static int add(const known_values *found[MOST_NAMED], int count, const known_values *values) {
    if (!values || !values->at || count == MOST_NAMED) return count;
    for (int i = 0; i < count; i++)
        if (strcmp(found[i]->name, values->name) == 0) return count;
    found[count] = values;
    return count + 1;
}

int named_values(const known_values *found[MOST_NAMED]) {
    int count = 0;
    const argument *a;
    for (const command *const *c = commands; *c; c++) {
        for (int i = 0; (a = argument_at(*c, i, NULL)); i++) count = add(found, count, argument_values(a));
        for (int i = 0; i < 2; i++) count = add(found, count, (*c)->words[i]);
    }
    return count;
}

int first_word(const char *text) {
    return (int)strcspn(text, " ");
}

const char *family_of(const command *c) {
    static char family[32];
    int length = first_word(c->name);
    snprintf(family, sizeof family, "%.*s", c->name[length] ? length : 0, c->name);
    return family;
}

bool opens_family(const command *const *c) {
    int length = first_word((*c)->name);
    if (!(*c)->name[length]) return false;
    for (const command *const *before = commands; before < c; before++)
        if (strncmp((*before)->name, (*c)->name, (size_t)length + 1) == 0) return false;
    return true;
}

const char *last_word(const command *c) {
    const char *space = strchr(c->name, ' ');
    return space ? space + 1 : c->name;
}

void put_quoted(FILE *out, const char *text, const char *special, const char *quote) {
    fputc('\'', out);
    for (; *text; text++) {
        if (*text == '\'')
            fputs(quote, out);
        else
            fprintf(out, "%s%c", strchr(special, *text) ? "\\" : "", *text);
    }
    fputc('\'', out);
}
