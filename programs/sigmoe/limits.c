#include "limits.h"

#include <pthread.h>
#include <signal.h>
#include <stddef.h>

enum { THREAD_STACK = 1 << 20 };

static void widen_thread_stacks(void) {
    pthread_attr_t attributes;
    size_t size = 0;
    if (pthread_getattr_default_np(&attributes) != 0) return;
    pthread_attr_getstacksize(&attributes, &size);
    if (size < THREAD_STACK && pthread_attr_setstacksize(&attributes, THREAD_STACK) == 0)
        pthread_setattr_default_np(&attributes);
    pthread_attr_destroy(&attributes);
}

void limits_meet(void) {
    signal(SIGXFSZ, SIG_IGN);
    widen_thread_stacks();
}
