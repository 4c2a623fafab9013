#include "support.h"

#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

static const struct option_rule *find_rule(const char *argument, const struct option_rule *rules, size_t count)
{
    for (size_t i = 0; strncmp(argument, "--", 2) == 0 && i < count; i++)
        if (strcmp(argument + 2, rules[i].name) == 0)
            return &rules[i];
    give_up(EX_USAGE, "unknown option: %s", argument);
}

void read_options(int argc, char **argv, const struct option_rule *rules, size_t count)
{
    for (int i = 1; i < argc; i++) {
        const struct option_rule *rule = find_rule(argv[i], rules, count);
        if (rule->flag) {
            *rule->flag = true;
            continue;
        }
        if (++i == argc)
            give_up(EX_USAGE, "--%s wants a value", rule->name);
        if (rule->text) {
            *rule->text = argv[i];
            continue;
        }
        char *end;
        errno = 0;
        *rule->number = strtol(argv[i], &end, 10);
        if (errno || end == argv[i] || *end || *rule->number < 0)
            give_up(EX_USAGE, "--%s: %s is not a count", rule->name, argv[i]);
    }
}

static uint64_t read_clock(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

uint64_t now_ns(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

uint64_t cpu_ns(void)
{
    return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

void give_up(int status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "%s: ", program_invocation_short_name);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(status);
}

bool go_first(int processor)
{
    cpu_set_t mask;
    CPU_ZERO(&mask);
    CPU_SET(processor, &mask);
    struct sched_param parameters = {.sched_priority = 50};
    return sched_setaffinity(0, sizeof mask, &mask) == 0 && sched_setscheduler(0, SCHED_FIFO, &parameters) == 0;
}

void *need_memory(size_t bytes)
{
    void *memory = malloc(bytes);
    if (!memory)
        give_up(EX_OSERR, "no memory for %zu bytes", bytes);
    return memory;
}
