/* lines.c - see lines.h. */
#include "model/lines.h"

#include "util/error.h"

#include <pthread.h>
#include <stdlib.h>

enum { KEPT_MOST = 16 };

struct sn_lines {
    const sn_curl *curl;
    pthread_mutex_t lock;
    sn_line *kept; /* the last one used comes first */
    size_t kept_count;
};

int sn_lines_open(sn_lines **out, sn_error *err) {
    const sn_curl *curl;
    int rc = sn_curl_load(&curl, err);
    if (rc < 0)
        return rc;
    *out = calloc(1, sizeof **out);
    if (!*out)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for a model");
    (*out)->curl = curl;
    pthread_mutex_init(&(*out)->lock, NULL);
    return 0;
}

static void end_line(const sn_curl *curl, sn_line *line) {
    if (line->easy)
        curl->easy_cleanup(line->easy);
    if (line->multi)
        curl->multi_cleanup(line->multi);
    free(line);
}

static sn_line *make_line(const sn_curl *curl) {
    sn_line *line = calloc(1, sizeof *line);
    if (!line)
        return NULL;
    line->multi = curl->multi_init();
    line->easy = curl->easy_init();
    if (line->multi && line->easy) {
        curl->multi_setopt(line->multi, CURLMOPT_MAXCONNECTS, 1L);
        return line;
    }
    end_line(curl, line);
    return NULL;
}

sn_line *sn_line_take(sn_lines *lines, const sn_curl **curl) {
    *curl = lines->curl;
    pthread_mutex_lock(&lines->lock);
    sn_line *line = lines->kept;
    if (line) {
        lines->kept = line->next;
        lines->kept_count--;
    }
    pthread_mutex_unlock(&lines->lock);
    return line ? line : make_line(lines->curl);
}

void sn_line_give(sn_lines *lines, sn_line *line, bool is_good) {
    if (is_good) {
        pthread_mutex_lock(&lines->lock);
        if (lines->kept_count < KEPT_MOST) {
            line->next = lines->kept;
            lines->kept = line;
            lines->kept_count++;
            line = NULL;
        }
        pthread_mutex_unlock(&lines->lock);
    }
    if (line)
        end_line(lines->curl, line);
}

void sn_lines_close(sn_lines *lines) {
    if (!lines)
        return;
    while (lines->kept) {
        sn_line *line = lines->kept;
        lines->kept = line->next;
        end_line(lines->curl, line);
    }
    pthread_mutex_destroy(&lines->lock);
    free(lines);
}
