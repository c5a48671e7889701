// The Python files of an exported model, as the build makes them into C (cmake/embed.cmake); each ends in a 0.
#pragma once

extern const char configuration_sigmoe_py[], modeling_sigmoe_py[], tokenization_sigmoe_py[];
