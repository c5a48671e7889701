// Standard input, output and error may be closed at the start or end while the program runs.
#pragma once

#include <stdbool.h>

// Otherwise, the first files opened would get the numbers of closed streams, and with them the printed output: fills the gaps.
void standard_streams_fill(void);
// Whether output cannot reach anyone any more: a pipe's reader has ended, the terminal is gone, or the stream is closed.
bool standard_output_is_gone(void);
