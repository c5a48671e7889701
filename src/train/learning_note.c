#include "train/learning_note.h"

#include "base/progress.h"

void note_unlearned(const model_config *config, const char *who, const sigmoe_observer *observer) {
    char sentence[400];
    if (!config->variant->unlearned) return;
    config->variant->unlearned(&config->ff, sentence, sizeof sentence);
    if (*sentence) progress_note(observer, "%s%s%s", who ? who : "", who ? ": " : "", sentence);
}
