#include "train/saving.h"

#include "base/clock.h"
#include "base/observer.h"
#include "base/progress.h"
#include "train/checkpoint_write.h"
#include "train/trainer_state.h"

sigmoe_status trainer_save(trainer *t) {
    t->saved_at = seconds_now();
    if (!*t->run || t->last_checkpoint == t->step) return SIGMOE_OK;
    TRY(checkpoint_write(t));
    if (t->step > 0) progress_note(t->observer, "step %lld: checkpoint written", (long long)t->step);
    return SIGMOE_OK;
}

sigmoe_status trainer_save_if_asked(trainer *t) {
    int asked = observer_saves(t->observer);
    if (!t->observer || asked == t->saves_answered) return SIGMOE_OK;
    t->saves_answered = asked;
    return trainer_save(t);
}
