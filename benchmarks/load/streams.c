/* Many event streams at once.  The server writes into each event when it sent it, and
   the difference to when it came is its delay.  The figures named head are from the
   request to the response's first line, all requests being sent at once; those named
   steady leave out what was sent before every stream had begun.

     --port N  --path P  --model M  --streams N  --rate N (a second)  --chunks N
     --tag T

   Every stream must bring its `chunks` events in order, then its clean end. */

#include "common.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

struct stream {
    int fd;
    int sent, answered, over;
    long received;
    uint64_t sent_at, first_at, last_at;
    uint64_t read_at; /* when the bytes came that are being parsed */
    char line[1024];
    size_t line_size;
    struct response response;
};

static struct samples delays, heads;
static struct samples written; /* when, for each of the delays */
static uint64_t last_head;
static long disordered;
static char buffer[256 * 1024];

static void event_line(struct stream *s)
{
    s->line[s->line_size] = 0;
    if (strncmp(s->line, "data: {", 7) != 0)
        return;
    const char *stamp = strstr(s->line, "\"t\":");
    const char *index = strstr(s->line, "\"n\":");
    if (!stamp || !index)
        return;
    uint64_t sent_at = strtoull(stamp + 4, NULL, 10);
    if (atol(index + 4) != s->received)
        disordered++;
    s->received++;
    samples_add(&written, sent_at);
    samples_add(&delays, s->read_at > sent_at ? s->read_at - sent_at : 0);
    if (!s->first_at)
        s->first_at = s->read_at;
    s->last_at = s->read_at;
}

static void event_bytes(void *context, const char *data, size_t size)
{
    struct stream *s = context;
    for (size_t i = 0; i < size; i++) {
        if (data[i] == '\n') {
            event_line(s);
            s->line_size = 0;
        } else if (s->line_size + 1 < sizeof s->line) {
            s->line[s->line_size++] = data[i];
        }
    }
}

/* Returns whether the stream is over, whole or not. */
static int readable(struct stream *s)
{
    for (;;) {
        ssize_t got = read(s->fd, buffer, sizeof buffer);
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            return 0;
        s->read_at = now_ns();
        if (got <= 0)
            return 1;
        response_feed(&s->response, buffer, (size_t)got);
        if (!s->answered && s->response.status) {
            s->answered = 1;
            last_head = s->read_at;
            samples_add(&heads, s->read_at - s->sent_at);
        }
        if (s->response.state == DONE || s->response.state == BROKEN)
            return 1;
        if ((size_t)got < sizeof buffer)
            return 0;
    }
}

/* The delays of what was sent when every stream had begun. */
static struct samples steady_delays(void)
{
    struct samples steady = {0};
    for (size_t i = 0; i < delays.count; i++)
        if (written.values[i] > last_head)
            samples_add(&steady, delays.values[i]);
    return steady;
}

int streams(int argc, char **argv)
{
    int port = (int)number(argc, argv, "port", 0);
    int count = (int)number(argc, argv, "streams", 1);
    long chunks = (long)number(argc, argv, "chunks", 100);
    double rate = number(argc, argv, "rate", 50);
    char json[512];
    snprintf(json, sizeof json,
             "{\"model\":\"%s\",\"stream\":true,\"chunks\":%ld,\"rate\":%g,"
             "\"tag\":\"%s\",\"messages\":[{\"role\":\"user\",\"content\":"
             "\"Tell me a story.\"}]}",
             option(argc, argv, "model", "m"), chunks, rate,
             option(argc, argv, "tag", ""));
    size_t size;
    char *bytes = post(port, option(argc, argv, "path", "/v1/chat/completions"), json, &size);
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct stream *all = calloc((size_t)count, sizeof *all);
    struct epoll_event events[512];
    int running = count;
    long received = 0, errors = 0, whole = 0;
    double speed = 0;

    for (int i = 0; i < count; i++) {
        struct stream *s = &all[i];
        s->fd = connect_to(port, 0);
        response_reset(&s->response);
        s->response.body = event_bytes;
        s->response.context = s;
        watch(epoll, s->fd, EPOLLOUT, s);
    }
    uint64_t give_up = now_ns() + (uint64_t)((double)SECOND * ((double)chunks / rate + 20));
    while (running && now_ns() < give_up) {
        int found = epoll_wait(epoll, events, 512, 100);
        for (int i = 0; i < found; i++) {
            struct stream *s = events[i].data.ptr;
            int over = 0;
            if (!s->sent) {
                struct epoll_event event = {.events = EPOLLIN, .data.ptr = s};
                s->sent = 1;
                s->sent_at = now_ns();
                over = write(s->fd, bytes, size) != (ssize_t)size;
                epoll_ctl(epoll, EPOLL_CTL_MOD, s->fd, &event);
            } else {
                over = readable(s);
            }
            if (over) {
                s->over = 1;
                running--;
                close(s->fd);
            }
        }
    }
    for (int i = 0; i < count; i++) {
        struct stream *s = &all[i];
        received += s->received;
        if (s->over && s->response.state == DONE && s->response.status == 200)
            whole++;
        else
            errors++;
        if (s->last_at > s->first_at)
            speed += (double)(s->received - 1) * (double)SECOND /
                     (double)(s->last_at - s->first_at);
    }
    /* Before the others are sorted. */
    struct samples steady = steady_delays();
    printf("{\"streams\":%d,\"expected\":%ld,\"received\":%ld,\"disordered\":%ld,"
           "\"whole\":%ld,\"errors\":%ld,\"unfinished\":%d,\"rate\":%.3f,"
           "\"p50_ms\":%.4f,\"p99_ms\":%.4f,\"max_ms\":%.4f,"
           "\"steady_p50_ms\":%.4f,\"steady_p99_ms\":%.4f,"
           "\"head_p50_ms\":%.4f,\"head_p99_ms\":%.4f}\n",
           count, chunks * count, received, disordered, whole, errors, running,
           speed / count, samples_at(&delays, 0.5), samples_at(&delays, 0.99),
           samples_at(&delays, 1), samples_at(&steady, 0.5), samples_at(&steady, 0.99),
           samples_at(&heads, 0.5), samples_at(&heads, 0.99));
    return 0;
}
