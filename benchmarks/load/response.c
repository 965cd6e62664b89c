/* An HTTP/1.1 response, parsed as it comes. */

#include "common.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

void response_reset(struct response *r)
{
    r->state = STATUS_LINE;
    r->status = 0;
    r->chunked = 0;
    r->left = -1;
    r->line_size = 0;
}

static void header(struct response *r)
{
    if (strncasecmp(r->line, "Content-Length:", 15) == 0)
        r->left = atoll(r->line + 15);
    else if (strncasecmp(r->line, "Transfer-Encoding:", 18) == 0)
        r->chunked = strstr(r->line, "chunked") != NULL;
}

static void head_ended(struct response *r)
{
    if (r->status >= 100 && r->status < 200)
        response_reset(r);
    else if (r->chunked)
        r->state = CHUNK_SIZE;
    else if (r->left == 0 || r->status == 204 || r->status == 304)
        r->state = DONE;
    else
        r->state = r->left > 0 ? SIZED_BODY : UNTIL_CLOSE;
}

static void line_ended(struct response *r)
{
    int blank = r->line_size == 0;
    char *end;
    r->line[r->line_size] = 0;
    r->line_size = 0;
    switch (r->state) {
    case STATUS_LINE:
        r->status = strncmp(r->line, "HTTP/1.", 7) == 0 ? atoi(r->line + 9) : 0;
        r->state = r->status ? HEADER_LINE : BROKEN;
        break;
    case HEADER_LINE:
        if (blank)
            head_ended(r);
        else
            header(r);
        break;
    case CHUNK_SIZE:
        r->left = strtoll(r->line, &end, 16);
        if (end == r->line)
            r->state = BROKEN;
        else
            r->state = r->left ? CHUNK_DATA : TRAILER_LINE;
        break;
    case CHUNK_END:
        r->state = blank ? CHUNK_SIZE : BROKEN;
        break;
    case TRAILER_LINE:
        if (blank)
            r->state = DONE;
        break;
    default:
        break;
    }
}

static void body(struct response *r, const char *data, size_t size)
{
    if (r->body)
        r->body(r->context, data, size);
}

size_t response_feed(struct response *r, const char *data, size_t size)
{
    size_t at = 0;
    while (at < size && r->state != DONE && r->state != BROKEN) {
        if (r->state == UNTIL_CLOSE) {
            body(r, data + at, size - at);
            return size;
        }
        if (r->state == SIZED_BODY || r->state == CHUNK_DATA) {
            size_t take = size - at;
            if ((long long)take > r->left)
                take = (size_t)r->left;
            body(r, data + at, take);
            at += take;
            r->left -= (long long)take;
            if (r->left == 0)
                r->state = r->state == SIZED_BODY ? DONE : CHUNK_END;
            continue;
        }
        char c = data[at++];
        if (c == '\n')
            line_ended(r);
        else if (c != '\r' && r->line_size + 1 < sizeof r->line)
            r->line[r->line_size++] = c;
    }
    return at;
}
