#include "train/saving.h"

#include "base/clock.h"
#include "base/note.h"
#include "train/checkpoint.h"
#include "train/trainer_state.h"

sigmoe_status trainer_save(trainer *t) {
    t->saved_at = seconds_now();
    if (!*t->run || t->last_checkpoint == t->step) return SIGMOE_OK;
    TRY(checkpoint_write(t));
    if (t->step > 0) note_format(t->observer, "step %lld: checkpoint written", (long long)t->step);
    return SIGMOE_OK;
}

int saves_asked(const sigmoe_observer *observer) {
    return observer && observer->save ? *observer->save : 0;
}

sigmoe_status trainer_save_if_asked(trainer *t) {
    int asked = saves_asked(t->observer);
    if (!t->observer || asked == t->saves_answered) return SIGMOE_OK;
    t->saves_answered = asked;
    return trainer_save(t);
}
