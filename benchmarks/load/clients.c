/* The model server's clients: what is sent to them, and how they end. */

#include "serve.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

int epoll;

static int log_fd = -1;
static const char *name;
static struct client *dead;

void log_to(const char *path, const char *server)
{
    name = server;
    if (path)
        log_fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
}

void note(uint64_t when, const char *event, const char *tag)
{
    char line[256];
    if (log_fd < 0)
        return;
    int size = snprintf(line, sizeof line, "%llu %d %s %s %s\n",
                        (unsigned long long)when, (int)getpid(), name, event, tag);
    if (write(log_fd, line, (size_t)size) != size)
        die("write of the log");
}

void bury(struct client *c)
{
    if (c->dead)
        return;
    c->dead = 1;
    if (c->task != IDLE && c->tag[0])
        note(now_ns(), "close", c->tag);
    timer_clear(c);
    close(c->fd);
    /* Freed after the turn: an event for it may still be in hand. */
    c->next_dead = dead;
    dead = c;
}

void want_out(struct client *c, int wanted)
{
    if (c->wants_out == wanted || c->dead)
        return;
    struct epoll_event event = {.events = EPOLLIN | (wanted ? EPOLLOUT : 0),
                                .data.ptr = c};
    c->wants_out = wanted;
    epoll_ctl(epoll, EPOLL_CTL_MOD, c->fd, &event);
}

void grow(char **bytes, size_t *room, size_t needed)
{
    if (needed <= *room)
        return;
    *room = 2 * needed;
    *bytes = realloc(*bytes, *room);
    if (!*bytes)
        die("realloc");
}

void send_bytes(struct client *c, const char *data, size_t size)
{
    if (c->dead)
        return;
    if (!c->out_size) {
        ssize_t sent = write(c->fd, data, size);
        if (sent < 0 && errno != EAGAIN) {
            bury(c);
            return;
        }
        if (sent > 0) {
            data += sent;
            size -= (size_t)sent;
        }
    }
    if (size) {
        grow(&c->out, &c->out_room, c->out_size + size);
        memcpy(c->out + c->out_size, data, size);
        c->out_size += size;
        want_out(c, 1);
    }
}

void free_the_dead(void)
{
    while (dead) {
        struct client *c = dead;
        dead = c->next_dead;
        free(c->in);
        free(c->out);
        free(c);
    }
}
