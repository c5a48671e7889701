// Standard input, output and error may be closed, or end while the program runs.
#pragma once

#include <stdbool.h>

// Where they are closed the first files to be opened would get their numbers, and with them what is printed: fills the gaps.
void standard_streams_fill(void);
// Whether what is printed can reach nobody any more: the reader of a pipe has ended, the terminal has gone, or it is closed.
bool standard_output_is_gone(void);
