// SIGINT, SIGTERM and SIGHUP ask the work to save and stop; a second SIGINT or SIGTERM ends the process at once. SIGUSR1 asks
// it to save and continue. SIGPIPE does not kill the process: writing fails instead.
#pragma once

#include "sigmoe.h"

// Installs the handlers. Commands without anything to save leave the signals unchanged.
void signals_catch(void);
const sigmoe_flag *stop_flag(void);  // for sigmoe_observer.stop
const sigmoe_flag *save_count(void); // for sigmoe_observer.save
int signal_received(void);           // the signal that asked to stop; 0: none
// Asks the work to stop, as if by SIGPIPE: its output has no reader any more.
void stop_unread(void);
