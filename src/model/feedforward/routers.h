// All routers, by number.
#pragma once

#include "model/feedforward/router.h"

const router *router_at(int index); // NULL past the end
