// Text from outside in what is printed: names of files and what stands in them.
#pragma once

// Puts a ? for each control character and each byte that is no UTF-8, so that no name can break a line, move the cursor or
// set the terminal's title.
void make_printable(char *text);
