// The load: submits jobs to a Gearman server, always --in-flight of them at once, checks each answer and prints
// the rate and the latencies as one line of JSON. With --bursts one client submits --in-flight jobs on one connection, waits for all of
// them, and submits the next. Ends with 1 where an answer was wrong.

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "load.h"
#include "payloads.h"
#include "support.h"

enum { in_flight_each = 8 };

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

// Each client has every so-manieth job, and so load balancers of its own; of the few UPDATE jobs each has all.
static struct load *made_clients(const struct load *common, size_t clients, size_t in_flight, bool shares_jobs)
{
    struct load *loads = need_memory(clients * sizeof *loads);
    for (size_t i = 0; i < clients; i++) {
        loads[i] = *common;
        loads[i].in_flight = in_flight / clients + (i < in_flight % clients);
        loads[i].next_payload = i % common->payloads.count;
        loads[i].payload_step = shares_jobs ? 1 : clients;
        open_load(&loads[i]);
    }
    return loads;
}

// Runs so many jobs, and returns their latencies.
static uint32_t *run(struct load *loads, size_t clients, size_t jobs)
{
    uint32_t *latencies_us = need_memory(jobs * sizeof *latencies_us);
    uint32_t *next = latencies_us;
    for (size_t i = 0; i < clients; i++) {
        loads[i].wanted = jobs / clients + (i < jobs % clients);
        loads[i].latencies_us = next;
        next += loads[i].wanted;
    }
    run_loads(loads, clients);
    return latencies_us;
}

int main(int argc, char **argv)
{
    struct load common = {.server = "127.0.0.1:4730", .function = "echo"};
    const char *kind = "create";
    long ids = 1000, nodes = 10, in_flight = 1, jobs = 0, warmup = 0, timeout = 60;
    bool print = false, bursts = false;
    const struct option_rule rules[] = {
        {.name = "server", .text = &common.server}, {.name = "function", .text = &common.function},
        {.name = "kind", .text = &kind},          {.name = "ids", .number = &ids},
        {.name = "nodes", .number = &nodes},      {.name = "in-flight", .number = &in_flight},
        {.name = "jobs", .number = &jobs},        {.name = "warmup", .number = &warmup},
        {.name = "timeout", .number = &timeout},  {.name = "expect-pass", .flag = &common.expect_pass},
        {.name = "print", .flag = &print},        {.name = "bursts", .flag = &bursts},
    };
    read_options(argc, argv, rules, sizeof rules / sizeof *rules);
    if (jobs < 1 || ids < 1 || in_flight < 1)
        give_up(EX_USAGE, "--jobs, --ids and --in-flight start at 1");

    common.payloads = written_jobs(kind, (size_t)(jobs + warmup), (size_t)ids, (size_t)nodes);
    if (print) {
        printf("%.*s\n", (int)common.payloads.list[0].size, common.payloads.list[0].text);
        return 0;
    }
    signal(SIGALRM, out_of_time);
    alarm((unsigned)timeout);
    common.bursts = bursts;
    size_t clients = bursts ? 1 : ((size_t)in_flight + in_flight_each - 1) / in_flight_each;
    struct load *loads = made_clients(&common, clients, (size_t)in_flight, strcmp(kind, "update") == 0);
    if (warmup > 0)
        run(loads, clients, (size_t)warmup);
    uint64_t cpu = cpu_ns();
    uint64_t began = now_ns();
    uint32_t *latencies_us = run(loads, clients, (size_t)jobs);
    double seconds = (double)(now_ns() - began) / 1e9;
    cpu = cpu_ns() - cpu;

    qsort(latencies_us, (size_t)jobs, sizeof(uint32_t), by_size);
    size_t failed = 0;
    for (size_t i = 0; i < clients; i++)
        failed += loads[i].failed;
    printf(
        "{\"jobs\":%ld,\"seconds\":%.6f,\"rate\":%.1f,\"p50_us\":%u,\"p99_us\":%u,\"cpu_us_per_job\":%.2f,\"failed\":%zu}\n",
        jobs, seconds, (double)jobs / seconds, latencies_us[(jobs - 1) / 2], latencies_us[(jobs - 1) * 99 / 100],
        (double)cpu / 1e3 / (double)jobs, failed);
    return failed > 0;
}
