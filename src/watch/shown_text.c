#include "watch/shown_text.h"

#include "base/printable.h"
#include "base/text_stream.h"

#include <limits.h>
#include <stdint.h>
#include <stdlib.h>

int shown_text_print(FILE *out, const char *text, int columns) {
    int used = 0;
    for (printable p; *text; text += p.taken) {
        p = printable_at(text, SIZE_MAX);
        bool mark = *text == '\n' || *text == '\t', itself = p.size == p.taken;
        int width = mark || itself ? 1 : (int)p.size;
        if (width > columns - used) break;
        if (mark)
            fputs(*text == '\n' ? "↵" : " ", out);
        else
            fwrite(p.bytes, 1, p.size, out);
        used += width;
    }
    return used;
}

sigmoe_status shown_text(arena *a, const char *text, const char **out) {
    text_stream s;
    TRY(text_stream_open(&s));
    shown_text_print(s.out, text, INT_MAX);
    TRY(text_stream_close(&s));
    *out = arena_text(a, "%s", s.text);
    free(s.text);
    return *out ? SIGMOE_OK : SIGMOE_NO_MEMORY;
}
