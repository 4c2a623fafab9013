// The load: submits jobs to a Gearman server, always --in-flight of them at once, checks each answer and prints
// the rate and the latencies as one line of JSON. Ends with 1 where an answer was wrong.

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "load.h"
#include "payloads.h"
#include "support.h"

static void out_of_time(int signal_number)
{
    (void)signal_number;
    static const char message[] = "job-load: not done within --timeout\n";
    _exit(write(STDERR_FILENO, message, sizeof message - 1) < 0 ? EX_IOERR : EX_TEMPFAIL);
}

static int by_size(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

static struct payloads written_jobs(const char *kind, size_t jobs, size_t ids, size_t nodes)
{
    if (strcmp(kind, "create") == 0)
        return create_jobs(jobs, ids, nodes);
    if (strcmp(kind, "update") == 0)
        return update_jobs(nodes);
    give_up(EX_USAGE, "--kind: %s is neither create nor update", kind);
}

int main(int argc, char **argv)
{
    struct load load = {.server = "127.0.0.1:4730", .function = "echo"};
    const char *kind = "create";
    long ids = 1000, nodes = 10, in_flight = 1, jobs = 0, warmup = 0, timeout = 60;
    bool print = false;
    const struct option_rule rules[] = {
        {.name = "server", .text = &load.server}, {.name = "function", .text = &load.function},
        {.name = "kind", .text = &kind},          {.name = "ids", .number = &ids},
        {.name = "nodes", .number = &nodes},      {.name = "in-flight", .number = &in_flight},
        {.name = "jobs", .number = &jobs},        {.name = "warmup", .number = &warmup},
        {.name = "timeout", .number = &timeout},  {.name = "expect-pass", .flag = &load.expect_pass},
        {.name = "print", .flag = &print},
    };
    read_options(argc, argv, rules, sizeof rules / sizeof *rules);
    if (jobs < 1 || ids < 1 || in_flight < 1)
        give_up(EX_USAGE, "--jobs, --ids and --in-flight start at 1");

    load.payloads = written_jobs(kind, (size_t)(jobs + warmup), (size_t)ids, (size_t)nodes);
    if (print) {
        printf("%.*s\n", (int)load.payloads.list[0].size, load.payloads.list[0].text);
        return 0;
    }
    load.in_flight = (size_t)in_flight;
    load.latencies_us = need_memory((size_t)(jobs > warmup ? jobs : warmup) * sizeof(uint32_t));

    signal(SIGALRM, out_of_time);
    alarm((unsigned)timeout);
    open_load(&load);
    if (warmup > 0)
        run_load(&load, (size_t)warmup);
    uint64_t cpu = cpu_ns();
    uint64_t began = now_ns();
    run_load(&load, (size_t)jobs);
    double seconds = (double)(now_ns() - began) / 1e9;
    cpu = cpu_ns() - cpu;

    qsort(load.latencies_us, (size_t)jobs, sizeof(uint32_t), by_size);
    printf(
        "{\"jobs\":%ld,\"seconds\":%.6f,\"rate\":%.1f,\"p50_us\":%u,\"p99_us\":%u,\"cpu_us_per_job\":%.2f,\"failed\":%zu}\n",
        jobs, seconds, (double)jobs / seconds, load.latencies_us[(jobs - 1) / 2], load.latencies_us[(jobs - 1) * 99 / 100],
        (double)cpu / 1e3 / (double)jobs, load.failed);
    return load.failed > 0;
}
