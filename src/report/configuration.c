#include "report/configuration.h"

#include "formats/json_options.h"
#include "plot/page.h"

#include <stdlib.h>

sigmoe_status configuration_print(FILE *out, const sigmoe_config *config) {
    json_t *root;
    TRY(config_to_json(config, &root));
    json_object_del(json_object_get(root, "tokenizer"), "alphabet");
    char *text = json_text(root);
    json_decref(root);
    if (!text) return fail(SIGMOE_NO_MEMORY, "no memory for a configuration");
    fputs("<pre>", out);
    html_text(out, text);
    fputs("</pre>\n", out);
    free(text);
    return SIGMOE_OK;
}
