// Flags for languages that cannot touch a C11 atomic.
#include "base/observer.h"

void sigmoe_flag_set(sigmoe_flag *flag, int value) {
    atomic_store(flag, value);
}
int sigmoe_flag_get(const sigmoe_flag *flag) {
    return atomic_load(flag);
}
void sigmoe_flag_increment(sigmoe_flag *flag) {
    atomic_fetch_add(flag, 1);
}
