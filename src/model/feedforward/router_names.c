#include "model/feedforward/router_names.h"

#include <stddef.h>
#include <string.h>

const char *const router_names[] = {
#define ROUTER(name) #name,
#include "model/feedforward/router.inc"
#undef ROUTER
    NULL,
};

enum { ROUTERS = sizeof router_names / sizeof *router_names - 1 };

const char *moe_router_name(int index) {
    return index < 0 || index >= ROUTERS ? NULL : router_names[index];
}

int moe_router_named(const char *name) {
    for (int i = 0; i < ROUTERS; i++)
        if (strcmp(router_names[i], name) == 0) return i;
    return -1;
}
