#include "train/learning_note.h"

#include <stdio.h>

void note_unlearned(const model_config *config, const char *who, const sigmoe_observer *observer) {
    char sentence[400], line[640];
    if (!config->variant->unlearned || !observer || !observer->note) return;
    config->variant->unlearned(&config->ff, sentence, sizeof sentence);
    if (!*sentence) return;
    snprintf(line, sizeof line, "%s%s%s", who ? who : "", who ? ": " : "", sentence);
    observer->note(observer->context, line);
}
