// How fast a machine does what plan/step_work.h counts: measured by `sigmoe plan --calibrate`, kept as a JSON file. The library carries
// those of one machine (builtin_rates.json), which it names wherever it plans with them.
#pragma once

#include "base/processor_name.h"
#include "plan/step_work.h"

// Of one thread, with operands of one type.
typedef struct type_rates {
    double gflops[WORK_PARTS]; // 1e9 operations per second within whole steps
    double stream;             // 1e9 bytes per second of stream_bytes
    double update; // the same of the optimizer, which moves UPDATE_PASSES values for each parameter
} type_rates;

// Between processes.
typedef struct message_rates {
    int64_t ranks;       // that exchanged them; 0: none were measured
    double microseconds; // that a process spends on a small message
    double sum; // 1e9 bytes per second that a rank sends while gradients are summed, as many as it receives
    double exchange; // the same of large messages that nothing is computed from
} message_rates;

enum { UPDATE_PASSES = 9 }; // Adam 7, zeroing and the norm of gradients 1 each

typedef struct machine_rates {
    char processor[PROCESSOR_NAME], isa[16];
    int64_t threads; // that measured
    type_rates f32, bf16;
    double memory; // 1e9 bytes per second between memory and one thread, when all read and write
    message_rates messages;
} machine_rates;

const type_rates *rates_of_type(const machine_rates *rates, dtype operands);

// SIGMOE_BAD_FORMAT, with file and key: it is none that rates_write wrote, or a number is out of range. A file without times of
// messages gets the library's own.
sigmoe_status rates_read(const char *path, machine_rates *rates);
sigmoe_status rates_write(const char *path, const machine_rates *rates);
sigmoe_status rates_builtin(machine_rates *rates);
