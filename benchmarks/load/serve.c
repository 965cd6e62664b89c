/* A model server: looks enough like llama-server to be run by the daemon, and is fast
   enough not to be what is measured.

     --port N
     --load-time MS   /health answers 503 for so long
     --jitter MS      up to so much more, so that loads are in step with nothing
     --silent         while it loads it does not listen at all
     --log FILE       one line an event: "NS PID NAME EVENT TAG", NS of CLOCK_MONOTONIC
     --name NAME      for the log
     --children       have a child in a session of its own, and a daemonised one
     --print N        write so many bytes a second to standard output, in lines
     --mark TEXT      without effect; tells its processes from all others

   Every POST is answered by what its JSON asks for:

     "chunks": N, "rate": R   an event stream of N events, R a second (0: all at once)
     "bytes": N               so many bytes, as fast as they are taken
     "delay_ms": N            the small answer, so much later
     otherwise                the small answer
     "tag": "…"               have the log tell when this request came, and when its
                              connection closed before its answer was over

   Events of the log: start, ready, first (the first request that is no health check),
   request, close. */

#include "serve.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

static const char answer[] =
    "{\"id\":\"chatcmpl-benchmark\",\"object\":\"chat.completion\",\"created\":1700000000,"
    "\"model\":\"benchmark\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","
    "\"content\":\"A benchmark.\"},\"finish_reason\":\"stop\"}],\"usage\":{"
    "\"prompt_tokens\":12,\"completion_tokens\":3,\"total_tokens\":15}}";

static int seen_first;
static uint64_t ready_at;
static char scratch[4096], bulk[256 * 1024];
static unsigned long streams_begun;

static void send_answer(struct client *c, const char *status, const char *json)
{
    int size = snprintf(scratch, sizeof scratch,
                        "HTTP/1.1 %s\r\nServer: benchmark\r\n"
                        "Content-Type: application/json; charset=utf-8\r\n"
                        "Content-Length: %zu\r\n\r\n%s",
                        status, strlen(json), json);
    c->task = IDLE;
    send_bytes(c, scratch, (size_t)size);
}

static void send_event(struct client *c)
{
    char event[512];
    int last = c->sent + 1 == c->chunks;
    int size = snprintf(
        event, sizeof event,
        "data: {\"t\":%llu,\"n\":%ld,\"id\":\"chatcmpl-benchmark\",\"object\":"
        "\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"benchmark\","
        "\"choices\":[{\"index\":0,\"delta\":{\"content\":\" word\"},"
        "\"finish_reason\":null}]}\n\n%s",
        (unsigned long long)now_ns(), c->sent, last ? "data: [DONE]\n\n" : "");
    char chunk[640];
    int whole = snprintf(chunk, sizeof chunk, "%x\r\n%s\r\n%s", (unsigned)size, event,
                         last ? "0\r\n\r\n" : "");
    c->sent++;
    if (last)
        c->task = IDLE;
    send_bytes(c, chunk, (size_t)whole);
}

static void begin_stream(struct client *c, long chunks, double rate)
{
    static const char head[] = "HTTP/1.1 200 OK\r\nServer: benchmark\r\n"
                               "Content-Type: text/event-stream\r\n"
                               "Transfer-Encoding: chunked\r\n\r\n";
    /* Spread over the period by the golden ratio: streams are in step with nothing. */
    double share = (double)(++streams_begun) * 0.6180339887498949;
    share -= (double)(unsigned long)share;
    c->task = STREAM;
    c->sent = 0;
    c->chunks = chunks;
    c->period = rate > 0 ? (uint64_t)((double)SECOND / rate) : 0;
    send_bytes(c, head, sizeof head - 1);
    if (!c->dead)
        timer_set(c, now_ns() + (uint64_t)(share * (double)c->period));
}

static void send_bulk(struct client *c)
{
    /* A turn's worth, so that others have theirs. */
    for (int i = 0; i < 4 && c->bulk_left && !c->dead; i++) {
        size_t size = sizeof bulk;
        if (size > c->bulk_left)
            size = (size_t)c->bulk_left;
        ssize_t sent = write(c->fd, bulk, size);
        if (sent < 0 && errno == EAGAIN)
            break;
        if (sent < 0) {
            bury(c);
            return;
        }
        c->bulk_left -= (unsigned long long)sent;
    }
    if (!c->bulk_left)
        c->task = IDLE;
    want_out(c, c->bulk_left > 0);
}

static void begin_bulk(struct client *c, unsigned long long bytes)
{
    int size = snprintf(scratch, sizeof scratch,
                        "HTTP/1.1 200 OK\r\nServer: benchmark\r\n"
                        "Content-Type: application/octet-stream\r\n"
                        "Content-Length: %llu\r\n\r\n",
                        bytes);
    c->task = BULK;
    c->bulk_left = bytes;
    send_bytes(c, scratch, (size_t)size);
    if (!c->dead && !c->out_size)
        send_bulk(c);
}

static void answer_request(struct client *c, const char *head, const char *body)
{
    c->tag[0] = 0;
    if (strncmp(head, "GET /health", 11) == 0) {
        if (now_ns() < ready_at)
            send_answer(c, "503 Service Unavailable",
                        "{\"error\":{\"message\":\"Loading model\",\"code\":503}}");
        else
            send_answer(c, "200 OK", "{\"status\":\"ok\"}");
        return;
    }
    if (!seen_first) {
        seen_first = 1;
        note(now_ns(), "first", "-");
    }
    json_string(body, "tag", c->tag, sizeof c->tag);
    if (c->tag[0])
        note(now_ns(), "request", c->tag);
    long chunks = (long)json_number(body, "chunks", 0);
    double bytes = json_number(body, "bytes", 0);
    double delay = json_number(body, "delay_ms", 0);
    if (chunks > 0) {
        begin_stream(c, chunks, json_number(body, "rate", 0));
    } else if (bytes > 0) {
        begin_bulk(c, (unsigned long long)bytes);
    } else if (delay > 0) {
        c->task = DELAYED;
        timer_set(c, now_ns() + (uint64_t)(delay * (double)MILLISECOND));
    } else {
        send_answer(c, "200 OK", answer);
    }
}

/* Answer the request at the head of what came, if it is whole. */
static int take_request(struct client *c)
{
    if (c->dead || c->task != IDLE || !c->in_size)
        return 0;
    c->in[c->in_size] = 0;
    char *end = strstr(c->in, "\r\n\r\n");
    if (!end)
        return 0;
    char *length = strcasestr(c->in, "\r\nContent-Length:");
    size_t head = (size_t)(end - c->in) + 4;
    size_t body = length && length < end ? (size_t)atol(length + 17) : 0;
    if (c->in_size < head + body)
        return 0;
    /* The body ends with a NUL while it is looked at. */
    char kept = c->in[head + body];
    c->in[head + body] = 0;
    answer_request(c, c->in, c->in + head);
    c->in[head + body] = kept;
    c->in_size -= head + body;
    memmove(c->in, c->in + head + body, c->in_size);
    return 1;
}

static void readable(struct client *c)
{
    for (;;) {
        grow(&c->in, &c->in_room, c->in_size + 8192);
        ssize_t got = read(c->fd, c->in + c->in_size, c->in_room - c->in_size - 1);
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            break;
        if (got <= 0) {
            bury(c);
            return;
        }
        int full = (size_t)got == c->in_room - c->in_size - 1;
        c->in_size += (size_t)got;
        if (!full)
            break;
    }
    while (take_request(c))
        ;
}

static void writable(struct client *c)
{
    if (c->out_size) {
        ssize_t sent = write(c->fd, c->out, c->out_size);
        if (sent < 0 && errno != EAGAIN) {
            bury(c);
            return;
        }
        if (sent > 0) {
            c->out_size -= (size_t)sent;
            memmove(c->out, c->out + sent, c->out_size);
        }
    }
    if (!c->out_size && c->task == BULK)
        send_bulk(c);
    else if (!c->out_size)
        want_out(c, 0);
    while (take_request(c))
        ;
}

static void accept_all(int listener)
{
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        int on = 1;
        if (fd < 0)
            return;
        struct client *c = calloc(1, sizeof *c);
        if (!c)
            die("calloc");
        c->fd = fd;
        c->timer_at = -1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        watch(epoll, fd, EPOLLIN, c);
    }
}

static void run_timers(void)
{
    uint64_t now = now_ns();
    struct client *c;
    while ((c = timer_next()) && c->due <= now) {
        timer_clear(c);
        if (c->task == DELAYED) {
            send_answer(c, "200 OK", answer);
        } else if (c->task == STREAM) {
            uint64_t due = c->due + c->period;
            send_event(c);
            if (c->task == STREAM && !c->dead)
                timer_set(c, due);
        }
        while (take_request(c))
            ;
    }
}

/* What a model's children may be like: they outlive it unless somebody looks for them. */
static void have_children(void)
{
    if (fork() == 0) {
        setsid();
        for (;;)
            pause();
    }
    pid_t middle = fork();
    if (middle == 0) {
        setsid();
        if (fork() == 0)
            for (;;)
                pause();
        _exit(0);
    }
}

/* A model that says much: in a process of its own, so that a pipe that is full holds up
   nothing but what it says. */
static void have_talker(double rate)
{
    static char block[64 * 1024];
    char line[101];
    pid_t parent = getpid();
    if (fork() != 0)
        return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(0);
    uint64_t began = now_ns();
    for (unsigned long long said = 0, number = 0;;) {
        usleep(1000);
        double due = rate * (double)(now_ns() - began) / (double)SECOND;
        size_t size = 0;
        while ((double)(said + size) < due && size + 100 <= sizeof block) {
            snprintf(line, sizeof line, "slot print_timing: id %10llu | %-64s\n", number++,
                     "prompt eval time = 12.34 ms / 12 tokens");
            memcpy(block + size, line, 100);
            size += 100;
        }
        if (size && write(STDOUT_FILENO, block, size) < 0)
            _exit(0);
        said += size;
    }
}

int serve(int argc, char **argv)
{
    uint64_t started = now_ns();
    int port = (int)number(argc, argv, "port", 0);
    int silent = flag(argc, argv, "silent");
    double load = number(argc, argv, "load-time", 0);
    double jitter = number(argc, argv, "jitter", 0);
    struct epoll_event events[512];
    int listener = -1, alarm_fd, announced = 0;

    srand((unsigned)(started ^ (uint64_t)getpid()));
    load += jitter * (double)rand() / (double)RAND_MAX;
    ready_at = started + (uint64_t)(load * (double)MILLISECOND);
    signal(SIGCHLD, SIG_IGN);
    log_to(option(argc, argv, "log", NULL), option(argc, argv, "name", "model"));
    note(started, "start", "-");
    if (flag(argc, argv, "children"))
        have_children();
    double talk = number(argc, argv, "print", 0);
    if (talk > 0)
        have_talker(talk);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    alarm_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    watch(epoll, alarm_fd, EPOLLIN, &alarm_fd);
    for (;;) {
        if (listener < 0 && (!silent || now_ns() >= ready_at)) {
            listener = listen_on(port);
            watch(epoll, listener, EPOLLIN, &listener);
            if (silent)
                ready_at = now_ns();
        }
        if (!announced && now_ns() >= ready_at) {
            announced = 1;
            note(ready_at, "ready", "-");
        }
        run_timers();
        uint64_t next = timer_next() ? timer_next()->due : 0;
        if (!announced && (!next || ready_at < next))
            next = ready_at;
        struct itimerspec at = {.it_value = {(time_t)(next / SECOND), (long)(next % SECOND)}};
        timerfd_settime(alarm_fd, TFD_TIMER_ABSTIME, &at, NULL);
        int found = epoll_wait(epoll, events, 512, -1);
        for (int i = 0; i < found; i++) {
            void *what = events[i].data.ptr;
            struct client *c = what;
            if (what == &alarm_fd)
                continue;
            if (what == &listener) {
                accept_all(listener);
                continue;
            }
            if (!c->dead && events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
                readable(c);
            if (!c->dead && events[i].events & EPOLLOUT)
                writable(c);
        }
        free_the_dead();
    }
}
