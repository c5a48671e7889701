// Makes the shell's limits (ulimit) cause error messages, not crashes.
#pragma once

// A file that grows beyond `ulimit -f` causes a write error, in child programs, too; and the threads' stack size does not
// depend on `ulimit -s`.
void limits_meet(void);
