// builtin_rates.json, as the build makes it into C (cmake/embed.cmake); it ends in a 0.
#pragma once

extern const char builtin_rates_json[];
