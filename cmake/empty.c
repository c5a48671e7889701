// The shared library consists of the rooms' archives; CMake wants one source of its own.
typedef int nothing_here;
