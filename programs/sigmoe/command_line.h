// What the program was started as: reports say it.
#pragma once

// Before anything else; argv stays main's.
void command_line_keep(int argc, char **argv);
// In one line, each word as a shell would read it. The caller's to free; NULL without memory.
char *command_line(void);
