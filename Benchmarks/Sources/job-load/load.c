// A few clients, each with several jobs in flight: an answer's callback submits the next job on the same connection. Measured
// against a thread and a client for each job in flight, one client for all of them takes 12 us of processor time a job instead
// of 33 (64 in flight, two cores). What the load takes, the worker lacks. But all of them on one connection overflow the 32 KiB
// that libgearman gives it to receive: when answers come together the kernel drops some, and sends them again 0.2 s later.

#include "load.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "support.h"

struct slot {
    struct load *load;
    uint64_t began;
};

static void submit(struct slot *slot)
{
    struct load *load = slot->load;
    struct payload job = load->payloads.list[load->next_payload];
    load->next_payload = (load->next_payload + load->payload_step) % load->payloads.count;
    load->submitted++;
    slot->began = now_ns();
    gearman_return_t result;
    gearman_client_add_task(load->client, NULL, slot, load->function, NULL, job.text, job.size, &result);
    if (gearman_failed(result))
        give_up(EX_UNAVAILABLE, "%s", gearman_client_error(load->client));
}

// Whether `"hpcs_response": "PASS"` stands in the text. It is looked for near the end first, where a worker adds it.
static bool says_pass(const char *text, size_t size)
{
    static const char key[] = "\"hpcs_response\"";
    const size_t near_end = 128;
    const char *end = text + size;
    const char *found = size > near_end ? memmem(end - near_end, near_end, key, sizeof key - 1) : NULL;
    if (!found)
        found = memmem(text, size, key, sizeof key - 1);
    if (!found)
        return false;
    found += sizeof key - 1;
    while (found < end && strchr(" \t\r\n:", *found))
        found++;
    return end - found >= 6 && memcmp(found, "\"PASS\"", 6) == 0;
}

static gearman_return_t answered(struct slot *slot, bool right)
{
    struct load *load = slot->load;
    load->latencies_us[load->answered++] = (uint32_t)((now_ns() - slot->began) / 1000);
    load->failed += !right;
    if (!load->bursts && load->submitted < load->wanted)
        submit(slot);
    return GEARMAN_SUCCESS;
}

static gearman_return_t job_complete(gearman_task_st *task)
{
    struct slot *slot = gearman_task_context(task);
    const char *answer = gearman_task_data(task);
    size_t size = gearman_task_data_size(task);
    return answered(slot, slot->load->expect_pass ? says_pass(answer, size) : size > 0);
}

static gearman_return_t job_failed(gearman_task_st *task)
{
    return answered(gearman_task_context(task), false);
}

void open_load(struct load *load)
{
    load->client = gearman_client_create(NULL);
    if (!load->client || gearman_failed(gearman_client_add_servers(load->client, load->server)))
        give_up(EX_USAGE, "--server: %s is not HOST:PORT", load->server);
    gearman_client_add_options(load->client, GEARMAN_CLIENT_FREE_TASKS);
    gearman_client_set_complete_fn(load->client, job_complete);
    gearman_client_set_fail_fn(load->client, job_failed);
}

static void *run_load(void *argument)
{
    struct load *load = argument;
    load->submitted = load->answered = 0;
    size_t count = load->in_flight < load->wanted ? load->in_flight : load->wanted;
    struct slot *slots = need_memory(count * sizeof *slots);
    for (size_t i = 0; i < count; i++)
        slots[i].load = load;
    while (load->answered < load->wanted) {
        // In a burst a slot is free when all are.
        for (size_t i = 0; i < count && load->submitted < load->wanted && (load->bursts || load->submitted < count); i++)
            submit(&slots[i]);
        if (gearman_failed(gearman_client_run_tasks(load->client)))
            give_up(EX_UNAVAILABLE, "%s", gearman_client_error(load->client));
    }
    free(slots);
    return NULL;
}

void run_loads(struct load *loads, size_t clients)
{
    pthread_t *threads = need_memory(clients * sizeof *threads);
    for (size_t i = 0; i < clients; i++)
        if (pthread_create(&threads[i], NULL, run_load, &loads[i]) != 0)
            give_up(EX_OSERR, "no thread for a client");
    for (size_t i = 0; i < clients; i++)
        pthread_join(threads[i], NULL);
    free(threads);
}
