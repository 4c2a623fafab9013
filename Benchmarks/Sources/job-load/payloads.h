// The jobs to submit, all written before the clock starts.
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct payload {
    const char *text;
    size_t size;
};

struct payloads {
    struct payload *list;
    size_t count;
};

// CREATE jobs of one load balancer each: `ids` of them in turn, with a new weight for every node each time round.
// After 256 rounds the weights come again, so no more than that is written.
struct payloads create_jobs(size_t jobs, size_t ids, size_t nodes);

// UPDATE jobs of one load balancer: a few in a circle, each with other weights than the one before it.
struct payloads update_jobs(size_t nodes);
