// Text laid out for the width of the terminal. Every character is taken to be one column wide.
#pragma once

#include <stdbool.h>

enum { PLAIN_COLUMNS = 100 }; // of help that does not go to a terminal

// The width of the terminal behind `descriptor` (STDOUT_FILENO, ...); 0: it is none, or does not tell.
int terminal_columns(int descriptor);
int terminal_lines(int descriptor); // likewise
// Whether there is a terminal that escape sequences can draw on, and whether the user wants bold and colour there.
bool terminal_draws(int descriptor);
bool terminal_colors(int descriptor);
// How wide prose on standard output may be: as the terminal, but never so wide that lines are hard to follow.
int prose_columns(void);
int columns_of(const char *text);

// Prints the words of `text` on stdout. The cursor stands in column `at`; further lines begin in column `indent`. Ends the line.
void print_folded(const char *text, int at, int indent);
// The same for a command; a line that goes on ends with a backslash, so that a shell takes it as it stands.
void print_folded_command(const char *text, int at, int indent);
// Prints paragraphs, which an empty line separates; other ends of lines in `text` count as spaces.
void print_paragraphs(const char *text);
// Prints lines as they are, only those that are wider than the terminal folded.
void print_fitted(const char *lines);
// Prints a line, which is printable, on stderr; if it is wider than the terminal there, folded, with further lines below what
// follows a label and two spaces: "data  DIR".
void tell_fitted(const char *line);
