// The yardstick: a Gearman worker that answers each job with the job's own bytes and does nothing else.
// One thread and one connection each for --concurrency, as lbaas-worker has them.

#include <libgearman-1.0/gearman.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "support.h"

// A connection without a job in this time has registered, for it has asked for one and been told that there is none.
enum { settling_ms = 50 };

static const char *server = "127.0.0.1:4730";
static const char *function = "echo";
static pthread_barrier_t registered;

static gearman_return_t echo_job(gearman_job_st *job, void *context)
{
    (void)context;
    return gearman_job_send_complete(job, gearman_job_workload(job), gearman_job_workload_size(job));
}

static void *work(void *unused)
{
    (void)unused;
    gearman_worker_st *worker = gearman_worker_create(NULL);
    if (!worker || gearman_failed(gearman_worker_add_servers(worker, server)))
        give_up(EX_USAGE, "--server: %s is not HOST:PORT", server);
    gearman_function_t echo = gearman_function_create(echo_job);
    if (gearman_failed(gearman_worker_define_function(worker, function, strlen(function), echo, 0, NULL)))
        give_up(EX_SOFTWARE, "%s", gearman_worker_error(worker));

    gearman_worker_set_timeout(worker, settling_ms);
    gearman_return_t result = gearman_worker_work(worker);
    if (gearman_failed(result) && result != GEARMAN_TIMEOUT)
        give_up(EX_UNAVAILABLE, "%s", gearman_worker_error(worker));
    pthread_barrier_wait(&registered);

    gearman_worker_set_timeout(worker, -1);
    while (gearman_success(gearman_worker_work(worker)))
        ;
    give_up(EX_UNAVAILABLE, "%s", gearman_worker_error(worker));
}

int main(int argc, char **argv)
{
    long concurrency = 4;
    const struct option_rule rules[] = {
        {.name = "server", .text = &server},
        {.name = "function", .text = &function},
        {.name = "concurrency", .number = &concurrency},
    };
    read_options(argc, argv, rules, sizeof rules / sizeof *rules);

    // Blocked here and in every thread made from here, the signals wait for sigwait below.
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, SIGINT);
    pthread_sigmask(SIG_BLOCK, &stop, NULL);

    pthread_barrier_init(&registered, NULL, (unsigned)concurrency + 1);
    for (long i = 0; i < concurrency; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, work, NULL) != 0)
            give_up(EX_OSERR, "no thread for connection %ld", i + 1);
    }
    pthread_barrier_wait(&registered);
    puts("ready");
    fflush(stdout);

    int signal_number;
    sigwait(&stop, &signal_number);
    _exit(0);
}
