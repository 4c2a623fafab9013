// Jobs in flight: clients, each a thread and a connection that keeps so many tasks outstanding.
#pragma once

#include <libgearman-1.0/gearman.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "payloads.h"

struct load {
    const char *server;
    const char *function;
    bool expect_pass;       // an answer must say PASS; else it must only not be empty
    size_t in_flight;       // of this client
    bool bursts;            // jobs are only submitted when all before are answered
    struct payloads payloads;
    size_t next_payload;    // goes on from run to run, so that the first job of a run changes something too
    size_t payload_step;    // from one job of this client to its next
    size_t wanted;          // jobs of a run
    uint32_t *latencies_us; // room for the jobs of a run
    size_t failed;          // wrong answers of all runs

    // Kept by load.c.
    gearman_client_st *client;
    size_t submitted, answered;
};

// Makes the client; it connects at the first job.
void open_load(struct load *load);

// Submits the wanted jobs of each client and returns when all are answered; their latencies are in `latencies_us`.
void run_loads(struct load *loads, size_t clients);
