// The names of all routers, in the order of their numbers.
#pragma once

extern const char *const router_names[]; // ends in NULL
// The number of a router's name; -1 when unknown. (Presets and tests name routers.)
int moe_router_named(const char *name);
const char *moe_router_name(int index); // NULL past the end
