/* What the benchmarks put in front of the daemon and behind it.  Native, because a load
   that came from Python would measure itself.  Everything stays on loopback.

     bench serve     the model server: see serve.c
     bench requests  small requests over connections that are kept
     bench streams   many event streams at once, and the delay of each chunk
     bench fetch     one large answer, read fast, slowly, or not at all

   The three clients print their figures as JSON, one object on a line. */

#include "common.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    raise_file_limit();
    if (argc > 1 && strcmp(argv[1], "serve") == 0)
        return serve(argc, argv);
    if (argc > 1 && strcmp(argv[1], "requests") == 0)
        return requests(argc, argv);
    if (argc > 1 && strcmp(argv[1], "streams") == 0)
        return streams(argc, argv);
    if (argc > 1 && strcmp(argv[1], "fetch") == 0)
        return fetch(argc, argv);
    fprintf(stderr, "usage: bench serve|requests|streams|fetch …\n");
    return 1;
}
