#include "base/text_stream.h"

#include <stdbool.h>
#include <stdlib.h>

static sigmoe_status no_memory(void) {
    return fail(SIGMOE_NO_MEMORY, "no memory for a text");
}

sigmoe_status text_stream_open(text_stream *s) {
    *s = (text_stream){0};
    s->out = open_memstream(&s->text, &s->size);
    return s->out ? SIGMOE_OK : no_memory();
}

sigmoe_status text_stream_close(text_stream *s) {
    bool whole = !ferror(s->out);
    if (fclose(s->out) == 0 && whole) return SIGMOE_OK;
    free(s->text);
    s->text = NULL;
    return no_memory();
}
