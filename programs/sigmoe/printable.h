// Makes external text safe to print: file names and file contents.
#pragma once

// Replaces each control character and each byte that is not UTF-8 by ?, so that no name can break a line, move the cursor or
// set the terminal's title.
void make_printable(char *text);
