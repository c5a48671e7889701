// SIGINT, SIGTERM and SIGHUP ask the work to save and stop: a second SIGINT or SIGTERM ends the process at once. SIGUSR1 asks it
// to save and go on. SIGPIPE is no death: writing fails instead.
#pragma once

#include "sigmoe.h"

// From here on. Commands without anything to save leave the signals as they are.
void signals_catch(void);
const sigmoe_flag *stop_flag(void);  // for sigmoe_observer.stop
const sigmoe_flag *save_count(void); // for sigmoe_observer.save
int signal_received(void);           // what asked to stop; 0: nothing did
// Asks the work to stop, as if SIGPIPE had: nobody reads any more what it is for.
void stop_unread(void);
