#include "train/schedule.h"

#include <math.h>

double learning_rate(const sigmoe_train_settings *settings, int64_t step) {
    double lr = settings->lr;
    if (step < settings->warmup) return lr / (double)settings->warmup * (double)(step + 1);
    if (settings->schedule == SIGMOE_SCHEDULE_CONSTANT) return lr;
    double share = (double)(step - settings->warmup) / (double)settings->steps;
    return lr / 2 * (1 + cos(M_PI * share));
}

double clip_factor(double clip, double norm) {
    return clip > 0 ? fmin(1, clip / (norm + 1e-6)) : 1;
}
