// The shared library consists of the layers' archives; CMake wants one source of its own.
typedef int nothing_here;
