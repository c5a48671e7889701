// The name of a text, from what `data prepare` wrote of its source.
#include "data/dataset.h"
#include "system/path.h"

#include <stdio.h>
#include <string.h>

// Sources in which a word occurs are of a known corpus.
static const struct {
    const char *word, *name;
} corpora[] = {{"gcide", "GCIDE"}, {"enwik8", "enwik8"}, {"wikitext-103", "WikiText-103"},
    {"wiki.train.", "WikiText-103"}};

static const char *known_corpus(const char *source) {
    for (size_t i = 0; i < sizeof corpora / sizeof *corpora; i++)
        if (strstr(source, corpora[i].word)) return corpora[i].name;
    return NULL;
}

// The words of a source, each without what stands before its last slash.
static void name_files(const char *source, char name[DATASET_NAME]) {
    size_t used = 0;
    while (*source && used < DATASET_NAME - 1) {
        size_t length = strcspn(source, " "), end = length;
        while (end > 1 && source[end - 1] == '/') end--;
        size_t begin = end;
        while (begin > 0 && source[begin - 1] != '/') begin--;
        int written = snprintf(name + used, DATASET_NAME - used, "%s%.*s", used > 0 ? " " : "",
            (int)(end - begin), source + begin);
        used += written > 0 ? (size_t)written : 0;
        source += length;
        source += strspn(source, " ");
    }
}

void dataset_name(const dataset *d, char name[DATASET_NAME]) {
    static const char text[] = "text: ";
    const char *source = d->source;
    name[0] = '\0';
    if (strncmp(source, text, sizeof text - 1) == 0) {
        name_files(source + sizeof text - 1, name);
    } else if (strchr(source, ':') && !strstr(source, "://")) { // "C4: 1024 training shard(s) from ..."
        snprintf(name, DATASET_NAME, "%.*s", (int)strcspn(source, ":"), source);
    } else {
        const char *known = known_corpus(source);
        snprintf(name, DATASET_NAME, "%s", known ? known : path_leaf(source));
    }
    if (!*name) snprintf(name, DATASET_NAME, "%s", path_leaf(d->directory));
}
