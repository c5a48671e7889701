#include "watch/shown_text.h"

#include "base/text_stream.h"
#include "base/utf8.h"

#include <limits.h>
#include <stdlib.h>

// The size of the character that begins at `t`; 0: none does, or a control character.
static int character_size(const char *t) {
    const unsigned char *u = (const unsigned char *)t;
    utf8_lead lead = utf8_lead_of(*u);
    if (*u < 0x80) return *u >= ' ' && *u != 0x7f;
    if (lead.more == 0 || u[1] < lead.low || u[1] > lead.high) return 0;
    for (int i = 2; i <= lead.more; i++)
        if (u[i] < 0x80 || u[i] > 0xbf) return 0;
    return *u == 0xc2 && u[1] < 0xa0 ? 0 : 1 + lead.more;
}

int shown_text_print(FILE *out, const char *text, int columns) {
    int used = 0;
    for (; *text && used < columns; used++) {
        int size = character_size(text);
        if (size > 0)
            fprintf(out, "%.*s", size, text);
        else
            fputs(*text == '\n' ? "↵" : *text == '\t' ? " " : "?", out);
        text += size > 0 ? size : 1;
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
