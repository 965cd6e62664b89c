/* Small requests over connections that are kept: each sends its next one as soon as it
   has its answer.

     --port N  --path P  --model M  --connections N  --seconds S */

#include "common.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

struct link {
    int fd;
    int busy;
    uint64_t sent_at;
    struct response response;
};

static char buffer[256 * 1024];

static void send_next(struct link *l, const char *bytes, size_t size)
{
    response_reset(&l->response);
    l->busy = 1;
    l->sent_at = now_ns();
    if (write(l->fd, bytes, size) != (ssize_t)size)
        die("write of a request");
}

static struct link *open_link(int epoll, int port, struct link *l)
{
    /* Blocking while it connects, so that the first write cannot come too early. */
    l->fd = connect_to(port, 1);
    l->busy = 0;
    watch(epoll, l->fd, EPOLLIN, l);
    return l;
}

int requests(int argc, char **argv)
{
    int port = (int)number(argc, argv, "port", 0);
    int count = (int)number(argc, argv, "connections", 1);
    double seconds = number(argc, argv, "seconds", 3);
    char json[512];
    snprintf(json, sizeof json,
             "{\"model\":\"%s\",\"messages\":[{\"role\":\"user\",\"content\":"
             "\"Tell me in one word what you are.\"}],\"temperature\":0.7,"
             "\"max_tokens\":16}",
             option(argc, argv, "model", "m"));
    size_t size;
    char *bytes = post(port, option(argc, argv, "path", "/v1/chat/completions"), json, &size);
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct link *links = calloc((size_t)count, sizeof *links);
    struct epoll_event events[256];
    struct samples latencies = {0};
    long errors = 0, in_time = 0;
    int busy = count;

    for (int i = 0; i < count; i++)
        open_link(epoll, port, &links[i]);
    uint64_t start = now_ns();
    uint64_t stop_at = start + (uint64_t)(seconds * (double)SECOND);
    for (int i = 0; i < count; i++)
        send_next(&links[i], bytes, size);
    /* What is under way at the end may finish, for a while, but does not count. */
    while (busy && now_ns() < stop_at + 3 * SECOND) {
        int found = epoll_wait(epoll, events, 256, 100);
        for (int i = 0; i < found; i++) {
            struct link *l = events[i].data.ptr;
            ssize_t got = read(l->fd, buffer, sizeof buffer);
            uint64_t now = now_ns();
            if (got < 0 && errno == EINTR)
                continue;
            if (got > 0)
                response_feed(&l->response, buffer, (size_t)got);
            if (got <= 0 || l->response.state == BROKEN) {
                errors++;
                close(l->fd);
                open_link(epoll, port, l);
            } else if (l->response.state != DONE) {
                continue;
            } else if (l->response.status != 200) {
                errors++;
            } else if (now <= stop_at) {
                samples_add(&latencies, now - l->sent_at);
                in_time++;
            }
            if (now < stop_at) {
                send_next(l, bytes, size);
            } else {
                l->busy = 0;
                busy--;
            }
        }
    }
    printf("{\"connections\":%d,\"requests\":%ld,\"errors\":%ld,\"unanswered\":%d,"
           "\"per_second\":%.1f,\"p50_ms\":%.4f,\"p90_ms\":%.4f,\"p99_ms\":%.4f}\n",
           count, in_time, errors, busy, (double)in_time / seconds,
           samples_at(&latencies, 0.5), samples_at(&latencies, 0.9),
           samples_at(&latencies, 0.99));
    return 0;
}
