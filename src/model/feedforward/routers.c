#include "model/feedforward/routers.h"

#define ROUTER(name) extern const router router_##name;
#include "model/feedforward/router.inc"
#undef ROUTER

static const router *const routers[] = {
#define ROUTER(name) &router_##name,
#include "model/feedforward/router.inc"
#undef ROUTER
};

enum { ROUTERS = sizeof routers / sizeof *routers };

const router *router_at(int index) {
    return index < 0 || index >= ROUTERS ? NULL : routers[index];
}
