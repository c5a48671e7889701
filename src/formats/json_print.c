#include "formats/json_print.h"

#include <stdbool.h>
#include <string.h>

// The text so far, with room for a zero byte. A failure to get memory is kept, since jansson may go on.
typedef struct json_printed {
    char *text;
    size_t size, room;
    bool failed;
} json_printed;

// Memory is what jansson's is.
static bool make_room(json_printed *p, size_t more) {
    json_malloc_t allocate;
    json_free_t release;
    if (p->room - p->size > more) return true;
    json_get_alloc_funcs(&allocate, &release);
    size_t room = p->room + p->room / 2 + more + 1;
    char *larger = allocate(room);
    if (!larger) return false;
    if (p->text) memcpy(larger, p->text, p->size);
    release(p->text);
    p->text = larger;
    p->room = room;
    return true;
}

static int append(const char *part, size_t size, void *printed) {
    json_printed *p = printed;
    if (p->failed || !make_room(p, size)) {
        p->failed = true;
        return -1;
    }
    memcpy(p->text + p->size, part, size);
    p->size += size;
    p->text[p->size] = '\0';
    return 0;
}

char *json_print(const json_t *value, size_t flags) {
    json_malloc_t allocate;
    json_free_t release;
    json_printed p = {0};
    if (json_dump_callback(value, append, &p, flags) == 0 && !p.failed) return p.text;
    json_get_alloc_funcs(&allocate, &release);
    release(p.text);
    return NULL;
}
