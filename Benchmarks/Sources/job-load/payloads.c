#include "payloads.h"

#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "support.h"

enum { weights = 256, update_circle = 8 };

// One job: `id` decides the names and addresses, so no two load balancers share a listener.
static void write_job(FILE *text, const char *action, size_t id, size_t nodes, size_t weight)
{
    fprintf(text, "{\"hpcs_action\":\"%s\",\"loadBalancers\":[{\"id\":\"lb%05zu\",\"name\":\"shop-%zu.example.net\",", action, id, id);
    fprintf(text, "\"protocol\":\"HTTP\",\"address\":\"10.%zu.%zu.%zu\",\"port\":80,", id / 62500, id / 250 % 250, id % 250 + 1);
    fprintf(text, "\"algorithm\":\"%s\",", id % 2 ? "LEAST_CONNECTIONS" : "ROUND_ROBIN");
    fprintf(text, "\"monitor\":{\"type\":\"HTTP\",\"delay\":10,\"timeout\":5,\"attempts\":3,\"path\":\"/health\"},");
    fprintf(text, "\"options\":{\"client_timeout\":30000,\"server_timeout\":30000},\"nodes\":[");
    for (size_t node = 0; node < nodes; node++)
        fprintf(
            text, "%s{\"id\":\"lb%05zu-node%zu\",\"address\":\"172.16.%zu.%zu\",\"port\":8080,\"weight\":%zu}", node ? "," : "", id,
            node, node / 250, node % 250 + 1, (weight + node) % weights + 1);
    fprintf(text, "]}]}");
}

static struct payload make_job(const char *action, size_t id, size_t nodes, size_t weight)
{
    char *bytes;
    size_t size;
    FILE *text = open_memstream(&bytes, &size);
    if (!text)
        give_up(EX_OSERR, "no memory for a job");
    write_job(text, action, id, nodes, weight);
    fclose(text);
    return (struct payload){.text = bytes, .size = size};
}

static struct payloads room_for(size_t count)
{
    return (struct payloads){.list = need_memory(count * sizeof(struct payload)), .count = count};
}

struct payloads create_jobs(size_t jobs, size_t ids, size_t nodes)
{
    struct payloads made = room_for(jobs < ids * weights ? jobs : ids * weights);
    for (size_t i = 0; i < made.count; i++)
        made.list[i] = make_job("CREATE", i % ids, nodes, i / ids);
    return made;
}

struct payloads update_jobs(size_t nodes)
{
    struct payloads made = room_for(update_circle);
    for (size_t i = 0; i < made.count; i++)
        made.list[i] = make_job("UPDATE", 0, nodes, i);
    return made;
}
