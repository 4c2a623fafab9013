// What the programs in C share: options, the clock and the way out.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// One long option. Exactly one of the three targets is set; a flag takes no value.
struct option_rule {
    const char *name;
    const char **text;
    long *number;
    bool *flag;
};

// Reads `--name value` and `--flag` by the rules; ends the program with 64 on anything else.
void read_options(int argc, char **argv, const struct option_rule *rules, size_t count);

// Nanoseconds on the monotonic clock.
uint64_t now_ns(void);

// Nanoseconds of processor time that this process has used.
uint64_t cpu_ns(void);

// Says why on standard error and ends the program.
__attribute__((noreturn, format(printf, 2, 3))) void give_up(int status, const char *format, ...);

// Has the calling thread go before all others on a processor; false where it may not.
bool go_first(int processor);

// Memory that is there, or the end of the program.
void *need_memory(size_t bytes);
