// SIGINT and SIGTERM ask the work to save and stop; a second one ends the process at once.
#pragma once

// From here on. Commands without anything to save leave the signals as they are.
void signals_catch(void);
const volatile int *stop_flag(void); // for sigmoe_observer.stop
int signal_received(void);           // 0 when none
