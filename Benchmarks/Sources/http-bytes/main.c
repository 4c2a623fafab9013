// A server that answers every request with the same bytes: libmicrohttpd and nothing else.

#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include "support.h"

static char *body;
static size_t length;

static enum MHD_Result answer(void *context, struct MHD_Connection *connection, const char *url, const char *method,
                              const char *version, const char *data, size_t *size, void **request)
{
    (void)context, (void)url, (void)method, (void)version, (void)data;
    if (*request == NULL) {
        *request = &body;
        return MHD_YES;
    }
    if (*size > 0) {
        *size = 0;
        return MHD_YES;
    }
    struct MHD_Response *response = MHD_create_response_from_buffer(length, body, MHD_RESPMEM_MUST_COPY);
    MHD_add_response_header(response, "Content-Type", "application/json");
    MHD_add_response_header(response, "ETag", "\"1\"");
    enum MHD_Result result = MHD_queue_response(connection, MHD_HTTP_OK, response);
    MHD_destroy_response(response);
    return result;
}

int main(int argc, char **argv)
{
    const char *file = NULL;
    const struct option_rule rules[] = {{.name = "file", .text = &file}};
    read_options(argc, argv, rules, 1);
    FILE *input = file == NULL ? NULL : fopen(file, "r");
    if (input == NULL)
        give_up(EX_NOINPUT, "--file: it cannot be read");
    body = need_memory(1 << 20);
    length = fread(body, 1, 1 << 20, input);
    fclose(input);
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC | MHD_USE_TURBO;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct MHD_Daemon *daemon = MHD_start_daemon(flags, 0, NULL, NULL, answer, NULL, MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_END);
    if (daemon == NULL)
        give_up(EX_OSERR, "the server does not start");
    // Its port, for who has started it.
    printf("%u\n", MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
    fflush(stdout);
    fclose(stdout);
    for (;;)
        pause();
}
