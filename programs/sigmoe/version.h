// sigmoe --version
#pragma once

// `argv` is what follows --version. Returns the exit status.
int show_version(int argc, char **argv);
