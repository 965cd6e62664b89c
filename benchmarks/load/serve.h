/* The model server's clients: their sockets, their timers, and its log. */

#ifndef SERVE_H
#define SERVE_H

#include "common.h"

enum task { IDLE, DELAYED, STREAM, BULK };

struct client {
    int fd;
    int wants_out; /* whether EPOLLOUT is asked for */
    int dead;
    enum task task;
    char *in;
    size_t in_size, in_room;
    char *out; /* what the socket did not take yet */
    size_t out_size, out_room;
    char tag[64];
    long sent, chunks;
    uint64_t period, due;
    long timer_at; /* in the heap of timers, or -1 */
    unsigned long long bulk_left;
    struct client *next_dead;
};

/* timers.c: one a client */

void timer_set(struct client *c, uint64_t due);
void timer_clear(struct client *c);

/* Whoever is due first, or NULL. */
struct client *timer_next(void);

/* clients.c */

/* The epoll that watches them. */
extern int epoll;

/* Where the log goes (NULL: nowhere), and the server's name in it. */
void log_to(const char *path, const char *name);
void note(uint64_t when, const char *event, const char *tag);

/* Have room for `needed` bytes. */
void grow(char **bytes, size_t *room, size_t needed);

/* Send, or keep what the socket does not take. */
void send_bytes(struct client *c, const char *data, size_t size);

/* Say whether to hear of it when the socket takes more. */
void want_out(struct client *c, int wanted);

/* Close; the memory is freed after the turn. */
void bury(struct client *c);
void free_the_dead(void);

#endif
