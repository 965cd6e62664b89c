/* One large answer, read as fast as it comes, slowly, or not at all.

     --port N  --path P  --model M  --bytes N  --tag T
     --stall-after BYTES --stall SECONDS   stop reading there, for that long
     --rate BYTES (a second)               then read no faster than that; 0 = fast
     --leave                               close after the stall

   Prints "stalled NS" when it stops reading, "reading NS" when it goes on, "left NS"
   before it closes, all times CLOCK_MONOTONIC, and at the end the figures as JSON. */

#include "common.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static char buffer[256 * 1024];
static unsigned long long received;

static void count_bytes(void *context, const char *data, size_t size)
{
    (void)context;
    (void)data;
    received += size;
}

static void wait_for(double seconds)
{
    struct timespec t = {(time_t)seconds,
                         (long)((seconds - (double)(time_t)seconds) * 1e9)};
    nanosleep(&t, NULL);
}

static void say(const char *what)
{
    printf("%s %llu\n", what, (unsigned long long)now_ns());
    fflush(stdout);
}

int fetch(int argc, char **argv)
{
    int port = (int)number(argc, argv, "port", 0);
    double bytes = number(argc, argv, "bytes", 1e6);
    double stall_after = number(argc, argv, "stall-after", 0);
    double stall = number(argc, argv, "stall", 0);
    double rate = number(argc, argv, "rate", 0);
    int leave = flag(argc, argv, "leave");
    char json[512];
    snprintf(json, sizeof json,
             "{\"model\":\"%s\",\"bytes\":%.0f,\"tag\":\"%s\"}",
             option(argc, argv, "model", "m"), bytes, option(argc, argv, "tag", ""));
    size_t size;
    char *request = post(port, option(argc, argv, "path", "/v1/chat/completions"), json, &size);
    struct response response = {.body = count_bytes};
    response_reset(&response);
    int fd = connect_to(port, 1);
    uint64_t start = now_ns();
    uint64_t paced_from = start;
    double paced = 0;
    if (write(fd, request, size) != (ssize_t)size)
        die("write of a request");
    while (response.state != DONE && response.state != BROKEN) {
        if (stall > 0 && (double)received >= stall_after && response.status) {
            say("stalled");
            wait_for(stall);
            stall = 0;
            if (leave) {
                say("left");
                close(fd);
                return 0;
            }
            say("reading");
            paced_from = now_ns();
        }
        ssize_t got = read(fd, buffer, sizeof buffer);
        if (got <= 0)
            break;
        response_feed(&response, buffer, (size_t)got);
        if (rate > 0) {
            paced += (double)got;
            double ahead = paced / rate - (double)(now_ns() - paced_from) / 1e9;
            if (ahead > 0.002)
                wait_for(ahead);
        }
    }
    printf("{\"status\":%d,\"received\":%llu,\"whole\":%s,\"seconds\":%.3f}\n",
           response.status, received,
           response.state == DONE && (double)received == bytes ? "true" : "false",
           (double)(now_ns() - start) / 1e9);
    return 0;
}
