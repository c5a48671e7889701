#include "base/kept_text.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

typedef struct text_node {
    struct text_node *next;
    char text[];
} text_node;

static text_node *list;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static const text_node *find(const char *text) {
    const text_node *k = list;
    while (k && strcmp(k->text, text) != 0) k = k->next;
    return k;
}

static const text_node *add(const char *text) {
    size_t size = strlen(text) + 1;
    text_node *new = malloc(sizeof *new + size);
    if (!new) return NULL;
    memcpy(new->text, text, size);
    new->next = list;
    return list = new;
}

const char *kept_text(const char *text) {
    pthread_mutex_lock(&lock);
    const text_node *k = find(text);
    if (!k) k = add(text);
    pthread_mutex_unlock(&lock);
    if (k) return k->text;
    fail(SIGMOE_NO_MEMORY, "no memory to keep a text of %zu bytes", strlen(text));
    return NULL;
}

sigmoe_status hand_out_text(sigmoe_status status, char *text, const char **out) {
    const char *kept = status == SIGMOE_OK ? kept_text(text) : NULL;
    if (status == SIGMOE_OK && !kept) status = SIGMOE_NO_MEMORY;
    if (kept) *out = kept;
    free(text);
    return status;
}
