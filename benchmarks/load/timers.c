/* The model server's timers: a heap of clients by when they are due. */

#include "serve.h"

#include <stdlib.h>

static struct client **timers;
static long timer_count, timer_room;

static void place(struct client *c, long at)
{
    timers[at] = c;
    c->timer_at = at;
}

static void sift(long at)
{
    struct client *c = timers[at];
    while (at > 0 && timers[(at - 1) / 2]->due > c->due) {
        place(timers[(at - 1) / 2], at);
        at = (at - 1) / 2;
    }
    for (;;) {
        long child = 2 * at + 1;
        if (child >= timer_count)
            break;
        if (child + 1 < timer_count && timers[child + 1]->due < timers[child]->due)
            child++;
        if (timers[child]->due >= c->due)
            break;
        place(timers[child], at);
        at = child;
    }
    place(c, at);
}

void timer_set(struct client *c, uint64_t due)
{
    c->due = due;
    if (c->timer_at < 0) {
        if (timer_count == timer_room) {
            timer_room = timer_room ? 2 * timer_room : 256;
            timers = realloc(timers, (size_t)timer_room * sizeof *timers);
            if (!timers)
                die("realloc");
        }
        place(c, timer_count++);
    }
    sift(c->timer_at);
}

void timer_clear(struct client *c)
{
    long at = c->timer_at;
    if (at < 0)
        return;
    c->timer_at = -1;
    struct client *last = timers[--timer_count];
    if (last != c) {
        place(last, at);
        sift(at);
    }
}

struct client *timer_next(void)
{
    return timer_count ? timers[0] : NULL;
}
