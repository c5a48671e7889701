// What the machine's processor is called.
#pragma once

enum { PROCESSOR_NAME = 128 };

// "unknown" where /proc does not tell.
void processor_name(char name[PROCESSOR_NAME]);
