/* Time, options, sockets, figures. */

#include "common.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
}

void die(const char *what)
{
    perror(what);
    exit(1);
}

static int find(int argc, char **argv, const char *name)
{
    for (int i = 0; i < argc; i++)
        if (strncmp(argv[i], "--", 2) == 0 && strcmp(argv[i] + 2, name) == 0)
            return i;
    return -1;
}

const char *option(int argc, char **argv, const char *name, const char *otherwise)
{
    int at = find(argc, argv, name);
    return at >= 0 && at + 1 < argc ? argv[at + 1] : otherwise;
}

double number(int argc, char **argv, const char *name, double otherwise)
{
    const char *text = option(argc, argv, name, NULL);
    return text ? atof(text) : otherwise;
}

int flag(int argc, char **argv, const char *name)
{
    return find(argc, argv, name) >= 0;
}

static struct sockaddr_in loopback(int port)
{
    struct sockaddr_in address;
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_port = htons((uint16_t)port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

int listen_on(int port)
{
    struct sockaddr_in address = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0)
        die("bind");
    if (listen(fd, 4096) < 0)
        die("listen");
    return fd;
}

int connect_to(int port, int blocking)
{
    struct sockaddr_in address = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1;
    if (fd < 0)
        die("socket");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (!blocking)
        fcntl(fd, F_SETFL, O_NONBLOCK);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0 &&
        errno != EINPROGRESS)
        die("connect");
    return fd;
}

void watch(int epoll, int fd, uint32_t events, void *data)
{
    struct epoll_event event = {.events = events, .data.ptr = data};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
        die("epoll_ctl");
}

void raise_file_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

void samples_add(struct samples *s, uint64_t value)
{
    if (s->count == s->room) {
        s->room = s->room ? 2 * s->room : 4096;
        s->values = realloc(s->values, s->room * sizeof *s->values);
        if (!s->values)
            die("realloc");
    }
    s->values[s->count++] = value;
}

static int ascending(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

double samples_at(struct samples *s, double share)
{
    if (!s->count)
        return 0;
    qsort(s->values, s->count, sizeof *s->values, ascending);
    size_t at = (size_t)(share * (double)s->count);
    if (at >= s->count)
        at = s->count - 1;
    return (double)s->values[at] / (double)MILLISECOND;
}

static const char *after_key(const char *json, const char *key)
{
    char quoted[64];
    snprintf(quoted, sizeof quoted, "\"%s\":", key);
    const char *at = strstr(json, quoted);
    if (!at)
        return NULL;
    at += strlen(quoted);
    while (*at == ' ')
        at++;
    return at;
}

double json_number(const char *json, const char *key, double otherwise)
{
    const char *at = after_key(json, key);
    return at ? atof(at) : otherwise;
}

void json_string(const char *json, const char *key, char *into, size_t room)
{
    const char *at = after_key(json, key);
    size_t size = 0;
    if (at && *at == '"')
        for (at++; *at && *at != '"' && size + 1 < room; at++)
            into[size++] = *at;
    into[size] = 0;
}

char *post(int port, const char *path, const char *json, size_t *size)
{
    size_t room = strlen(path) + strlen(json) + 256;
    char *bytes = malloc(room);
    if (!bytes)
        die("malloc");
    int written = snprintf(bytes, room,
                           "POST %s HTTP/1.1\r\n"
                           "Host: 127.0.0.1:%d\r\n"
                           "User-Agent: benchmark\r\n"
                           "Accept: */*\r\n"
                           "Content-Type: application/json\r\n"
                           "Content-Length: %zu\r\n\r\n%s",
                           path, port, strlen(json), json);
    *size = (size_t)written;
    return bytes;
}
