# What find_package(sigmoe) reads: the library is sigmoe::sigmoe, and needs nothing else of the program that links it.
include(${CMAKE_CURRENT_LIST_DIR}/sigmoe-targets.cmake)
