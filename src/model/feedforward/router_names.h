// The names of all routers, in the order of their numbers.
#pragma once

extern const char *const router_names[]; // ends in NULL
// The number of the router with this name; -1 if there is none. (Presets and tests refer to routers by name.)
int moe_router_named(const char *name);
const char *moe_router_name(int index); // NULL past the end
