/* What the modes of the program share: time, options, sockets, figures, HTTP. */

#ifndef COMMON_H
#define COMMON_H

#include <stddef.h>
#include <stdint.h>

#define SECOND 1000000000ull
#define MILLISECOND 1000000ull

/* CLOCK_MONOTONIC in nanoseconds: the same clock in every process of the machine,
   and Python's time.monotonic_ns(). */
uint64_t now_ns(void);

/* Say what failed, with errno, and exit with status 1. */
void die(const char *what);

/* The value after --NAME, or `otherwise`. */
const char *option(int argc, char **argv, const char *name, const char *otherwise);
double number(int argc, char **argv, const char *name, double otherwise);
int flag(int argc, char **argv, const char *name);

/* A listening socket on loopback. */
int listen_on(int port);

/* A socket connected, or about to be, to a port of loopback; Nagle is off. */
int connect_to(int port, int blocking);

/* Have `fd` watched: `data` comes back with its events. */
void watch(int epoll, int fd, uint32_t events, void *data);

/* Allow as many open files as the system lets us. */
void raise_file_limit(void);

/* Measured values, in nanoseconds. */
struct samples {
    uint64_t *values;
    size_t count, room;
};

void samples_add(struct samples *s, uint64_t value);

/* The value that a share of `share` (0 to 1) does not exceed, in milliseconds; 0 where
   there is none.  Sorts. */
double samples_at(struct samples *s, double share);

/* The number or the string that a flat look into JSON finds after "key":. */
double json_number(const char *json, const char *key, double otherwise);
void json_string(const char *json, const char *key, char *into, size_t room);

/* A response, parsed as it comes. */
enum response_state {
    STATUS_LINE,
    HEADER_LINE,
    SIZED_BODY,
    CHUNK_SIZE,
    CHUNK_DATA,
    CHUNK_END,
    TRAILER_LINE,
    UNTIL_CLOSE,
    DONE,
    BROKEN
};

struct response {
    enum response_state state;
    int status;
    int chunked;
    long long left; /* of the body or the chunk; -1 where no length was given */
    char line[2048];
    size_t line_size;
    void (*body)(void *context, const char *data, size_t size); /* may be NULL */
    void *context;
};

void response_reset(struct response *r);

/* Take bytes; stops at the response's end.  Returns how many were taken. */
size_t response_feed(struct response *r, const char *data, size_t size);

/* The bytes of a POST of JSON.  Free them. */
char *post(int port, const char *path, const char *json, size_t *size);

int serve(int argc, char **argv);
int requests(int argc, char **argv);
int streams(int argc, char **argv);
int fetch(int argc, char **argv);

#endif
