// The yardstick: IPVS programmed with no more than it takes. In a network namespace of its own it fills the kernel's empty table of virtual
// services, lists it and changes weights in it, and prints what each took in microseconds; all that --rounds times. With --costs it prints
// instead what a system call and a new page of memory cost here.

#include <arpa/inet.h>
#include <linux/ip_vs.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sysexits.h>
#include <unistd.h>

#include "netlink.h"
#include "support.h"

enum { batch_size = 256 };

static const char *scheduler = "wlc";
static long services = 1000, nodes = 10;

static void put_u32(struct requests *requests, uint16_t type, uint32_t value)
{
    put(requests, type, &value, sizeof value);
}

static void put_u16(struct requests *requests, uint16_t type, uint16_t value)
{
    put(requests, type, &value, sizeof value);
}

static void put_address(struct requests *requests, uint16_t type, uint32_t address)
{
    uint32_t bytes[4] = {htonl(address)};
    put(requests, type, bytes, sizeof bytes);
}

// What names the service of this number: 10.0.0.1 and those that follow it.
static void put_service_key(struct requests *requests, long service)
{
    put_u16(requests, IPVS_SVC_ATTR_AF, AF_INET);
    put_u16(requests, IPVS_SVC_ATTR_PROTOCOL, IPPROTO_TCP);
    put_address(requests, IPVS_SVC_ATTR_ADDR, (uint32_t)(0x0A000001 + service));
    put_u16(requests, IPVS_SVC_ATTR_PORT, htons(80));
}

static void put_service_name(struct requests *requests, long service)
{
    size_t nest = begin_nest(requests, IPVS_CMD_ATTR_SERVICE);
    put_service_key(requests, service);
    end_nest(requests, nest);
}

static void add_service(struct requests *requests, long service)
{
    begin_request(requests, IPVS_CMD_NEW_SERVICE, 0);
    size_t nest = begin_nest(requests, IPVS_CMD_ATTR_SERVICE);
    put_service_key(requests, service);
    put(requests, IPVS_SVC_ATTR_SCHED_NAME, scheduler, strlen(scheduler) + 1);
    put(requests, IPVS_SVC_ATTR_FLAGS, &(struct ip_vs_flags){.mask = UINT32_MAX}, sizeof(struct ip_vs_flags));
    put_u32(requests, IPVS_SVC_ATTR_TIMEOUT, 0);
    put_u32(requests, IPVS_SVC_ATTR_NETMASK, UINT32_MAX);
    end_nest(requests, nest);
    end_request(requests);
}

// Adds or sets a node, by command: 172.16.0.1 and those that follow it.
static void write_node(struct requests *requests, uint8_t command, long service, long node, uint32_t weight)
{
    begin_request(requests, command, 0);
    put_service_name(requests, service);
    size_t nest = begin_nest(requests, IPVS_CMD_ATTR_DEST);
    put_u16(requests, IPVS_DEST_ATTR_ADDR_FAMILY, AF_INET);
    put_address(requests, IPVS_DEST_ATTR_ADDR, (uint32_t)(0xAC100001 + service * nodes + node));
    put_u16(requests, IPVS_DEST_ATTR_PORT, htons(8080));
    put_u32(requests, IPVS_DEST_ATTR_FWD_METHOD, 0);
    put_u32(requests, IPVS_DEST_ATTR_WEIGHT, weight);
    put_u32(requests, IPVS_DEST_ATTR_U_THRESH, 0);
    put_u32(requests, IPVS_DEST_ATTR_L_THRESH, 0);
    end_nest(requests, nest);
    end_request(requests);
}

static void fill(struct requests *requests)
{
    for (long service = 0; service < services; service++) {
        add_service(requests, service);
        for (long node = 0; node < nodes; node++) {
            if (requests->count >= batch_size)
                carry_out(requests);
            write_node(requests, IPVS_CMD_NEW_DEST, service, node, (uint32_t)(1 + node % 100));
        }
        if (requests->count >= batch_size)
            carry_out(requests);
    }
    carry_out(requests);
}

static void list_all(struct requests *requests)
{
    begin_request(requests, IPVS_CMD_GET_SERVICE, NLM_F_DUMP);
    end_request(requests);
    if (read_list(requests) != (size_t)services)
        give_up(EX_SOFTWARE, "the kernel lists another number of services");
    for (long service = 0; service < services; service++) {
        begin_request(requests, IPVS_CMD_GET_DEST, NLM_F_DUMP);
        put_service_name(requests, service);
        end_request(requests);
        if (read_list(requests) != (size_t)nodes)
            give_up(EX_SOFTWARE, "the kernel lists another number of nodes");
    }
}

// Puts this program into a network namespace of its own, where the table is empty. Real servers are refused where no interface is up.
static void enter_new_network(void)
{
    if (unshare(CLONE_NEWNET) != 0 || system("ip link set lo up") != 0)
        give_up(EX_NOPERM, "cannot make a network namespace");
}

static void print_since(const char *what, uint64_t start)
{
    printf("%s %.1f\n", what, (double)(now_ns() - start) / 1000);
}

// How often this program has touched a page of memory for the first time.
static long page_faults(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_minflt;
}

static void measure(struct requests *requests, long lists, long changes)
{
    enter_new_network();
    open_netlink();
    long faults = page_faults();
    uint64_t start = now_ns();
    fill(requests);
    print_since("fill", start);
    printf("fill-faults %ld\n", page_faults() - faults);
    for (long i = 0; i < lists; i++) {
        start = now_ns();
        list_all(requests);
        print_since("list", start);
    }
    for (long i = 0; i < changes; i++) {
        start = now_ns();
        write_node(requests, IPVS_CMD_SET_DEST, i % services, i % nodes, (uint32_t)(200 + i % 7));
        carry_out(requests);
        print_since("change", start);
    }
    close_netlink();
}

// What the kernel takes for a system call that does nothing, and for a page of memory that is touched for the first time.
static void measure_kernel(void)
{
    enum { count = 2000, page_size = 4096 };
    uint64_t start = now_ns();
    for (int i = 0; i < count; i++)
        syscall(SYS_getppid);
    printf("call %.3f\n", (double)(now_ns() - start) / 1000 / count);
    char *pages = mmap(NULL, (size_t)count * page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED)
        give_up(EX_OSERR, "no memory for %d pages", count);
    start = now_ns();
    for (size_t i = 0; i < count; i++)
        pages[i * page_size] = 1;
    printf("page %.3f\n", (double)(now_ns() - start) / 1000 / count);
}

int main(int argc, char **argv)
{
    long lists = 0, changes = 0, rounds = 1;
    bool costs = false;
    const struct option_rule rules[] = {
        {.name = "scheduler", .text = &scheduler}, {.name = "services", .number = &services}, {.name = "nodes", .number = &nodes},
        {.name = "lists", .number = &lists},       {.name = "changes", .number = &changes},   {.name = "rounds", .number = &rounds},
        {.name = "costs", .flag = &costs},
    };
    read_options(argc, argv, rules, sizeof rules / sizeof *rules);
    if (services < 1 || nodes < 1)
        give_up(EX_USAGE, "--services and --nodes: 1 or more");

    if (costs) {
        measure_kernel();
        return 0;
    }
    static struct requests requests;
    for (long i = 0; i < rounds; i++)
        measure(&requests, lists, changes);
    return 0;
}
