// Jobs in flight: one client that keeps so many tasks outstanding.
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
    size_t in_flight;
    struct payloads payloads;
    uint32_t *latencies_us; // room for the jobs of the longest run
    size_t failed;          // wrong answers of all runs

    // Kept by load.c.
    gearman_client_st *client;
    size_t next_payload; // goes on from run to run, so that the first job of a run changes something too
    size_t wanted, submitted, answered;
};

// Makes the client; it connects at the first job.
void open_load(struct load *load);

// Submits so many jobs and returns when all are answered; their latencies are in `latencies_us`.
void run_load(struct load *load, size_t jobs);
