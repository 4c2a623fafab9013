// Generic netlink as plainly as C has it: one socket, requests in one piece of memory, and the kernel's answers.
#pragma once

#include <stddef.h>
#include <stdint.h>

// Requests that go to the kernel in one send.
struct requests {
    size_t count;
    size_t length;
    size_t last;
    _Alignas(8) char bytes[64 << 10];
};

// Opens the socket, and asks for the number of the family "IPVS".
void open_netlink(void);
void close_netlink(void);

// Begins a request behind the others.
void begin_request(struct requests *requests, uint8_t command, uint16_t flags);

// Ends the request that was begun last.
void end_request(struct requests *requests);

// Appends an attribute.
void put(struct requests *requests, uint16_t type, const void *value, size_t size);

// Begins an attribute of attributes; end_nest gets what this returns.
size_t begin_nest(struct requests *requests, uint16_t type);
void end_nest(struct requests *requests, size_t nest);

// Has the kernel carry out the requests, and forgets them. Only the last is acknowledged; a refusal ends the program.
void carry_out(struct requests *requests);

// Has the kernel list what the one request asks for, and forgets it. Returns how many messages the list had.
size_t read_list(struct requests *requests);
