// The limits of the shell (ulimit) are met with sentences, not with deaths.
#pragma once

// A file that grows beyond `ulimit -f` is an error of the write, for the programs that are started, too; and how much stack
// threads get does not depend on `ulimit -s`.
void limits_meet(void);
