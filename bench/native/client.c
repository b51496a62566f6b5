/*
 * The bound that the scan is held against: one thread, epoll, no library. For each of COUNT addresses from
 * FIRST on it connects to PORT, sends the bytes of the file HELLO, reads until the end of the Certificate
 * message (BYTES 0) or until BYTES bytes came (TLS 1.3, whose Certificate it cannot read: it does no
 * cryptography), and closes by a reset.
 *
 *   client HELLO FIRST COUNT PORT CONCURRENCY BYTES
 *
 * Prints one line of JSON: {"n","ok","seconds","userUs","sysUs","peakKb"}.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { QUIET_MS = 10000, EVENTS = 512, BUFFER = 65536 };

/* Where in records and handshake messages the bytes of one connection stand. */
struct reading {
  unsigned char record[5], message[4];
  unsigned have_record, have_message;
  size_t record_left, message_left;
};

struct connection {
  int fd;
  int sent;
  size_t bytes;
  struct reading reading;
};

static struct {
  unsigned char hello[4096];
  size_t hello_length, bytes;
  uint32_t first, count, next, live, ok, done;
  uint16_t port;
  int epoll;
} run;

static void die(const char *what) {
  perror(what);
  exit(1);
}

/* Handshake bytes of one record: 1 when a Certificate message (11) ended in them. */
static int read_messages(struct reading *r, const unsigned char *bytes, size_t length) {
  while (length > 0) {
    if (r->have_message < 4) {
      r->message[r->have_message++] = *bytes++;
      length--;
      if (r->have_message < 4) continue;
      r->message_left = (size_t)r->message[1] << 16 | (size_t)r->message[2] << 8 | r->message[3];
    }
    size_t taken = length < r->message_left ? length : r->message_left;
    r->message_left -= taken;
    bytes += taken;
    length -= taken;
    if (r->message_left > 0) return 0;
    r->have_message = 0;
    if (r->message[0] == 11) return 1;
  }
  return 0;
}

/* Bytes from the wire: 1 at the end of the Certificate, 0 for more, -1 for anything but handshake records. */
static int read_records(struct reading *r, const unsigned char *bytes, size_t length) {
  while (length > 0) {
    if (r->record_left == 0) {
      r->record[r->have_record++] = *bytes++;
      length--;
      if (r->have_record < 5) continue;
      r->have_record = 0;
      r->record_left = (size_t)r->record[3] << 8 | r->record[4];
      if (r->record[0] != 22) return -1;
      continue;
    }
    size_t taken = length < r->record_left ? length : r->record_left;
    if (read_messages(r, bytes, taken)) return 1;
    r->record_left -= taken;
    bytes += taken;
    length -= taken;
  }
  return 0;
}

static void finish(struct connection *c, int ok) {
  static const struct linger reset = {1, 0};
  setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  close(c->fd);
  c->fd = -1;
  run.live--;
  run.done++;
  run.ok += ok;
}

static void open_next(struct connection *c) {
  memset(c, 0, sizeof *c);
  c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (c->fd < 0) die("socket");
  run.live++;
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(run.port)};
  to.sin_addr.s_addr = htonl(run.first + run.next++);
  if (connect(c->fd, (struct sockaddr *)&to, sizeof to) < 0 && errno != EINPROGRESS) return finish(c, 0);
  struct epoll_event wanted = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c};
  if (epoll_ctl(run.epoll, EPOLL_CTL_ADD, c->fd, &wanted) < 0) die("epoll_ctl");
}

/* A connect that fails at once (no port left) counts as not ok, and the next address takes its place. */
static void open_until_live(struct connection *c) {
  while (c->fd < 0 && run.next < run.count) open_next(c);
}

static void receive(struct connection *c) {
  static unsigned char buffer[BUFFER];
  for (;;) {
    ssize_t got = read(c->fd, buffer, sizeof buffer);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) return finish(c, 0);
    c->bytes += (size_t)got;
    int end = run.bytes > 0 ? c->bytes >= run.bytes : read_records(&c->reading, buffer, (size_t)got);
    if (end != 0) return finish(c, end > 0);
    if ((size_t)got < sizeof buffer) return;
  }
}

static void serve(struct connection *c, unsigned events) {
  if (!c->sent && (events & EPOLLOUT) && !(events & (EPOLLERR | EPOLLHUP))) {
    if (write(c->fd, run.hello, run.hello_length) != (ssize_t)run.hello_length) return finish(c, 0);
    c->sent = 1;
  }
  if (events & (EPOLLIN | EPOLLERR | EPOLLHUP)) receive(c);
}

static double seconds_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Peak memory of this program alone: ru_maxrss would count the one that started it as well. */
static long peak_kb(void) {
  char line[256];
  long peak = 0;
  FILE *status = fopen("/proc/self/status", "r");
  while (status && fgets(line, sizeof line, status)) sscanf(line, "VmHWM: %ld", &peak);
  if (status) fclose(status);
  return peak;
}

static void print_result(double seconds) {
  struct rusage used;
  getrusage(RUSAGE_SELF, &used);
  printf("{\"n\":%u,\"ok\":%u,\"seconds\":%.6f,\"userUs\":%ld,\"sysUs\":%ld,\"peakKb\":%ld}\n", run.count, run.ok,
         seconds, used.ru_utime.tv_sec * 1000000L + used.ru_utime.tv_usec,
         used.ru_stime.tv_sec * 1000000L + used.ru_stime.tv_usec, peak_kb());
}

static void read_arguments(char **argv) {
  FILE *file = fopen(argv[1], "rb");
  if (!file) die(argv[1]);
  run.hello_length = fread(run.hello, 1, sizeof run.hello, file);
  fclose(file);
  struct in_addr first;
  if (!inet_aton(argv[2], &first)) die(argv[2]);
  run.first = ntohl(first.s_addr);
  run.count = (uint32_t)strtoul(argv[3], NULL, 10);
  run.port = (uint16_t)strtoul(argv[4], NULL, 10);
  run.bytes = strtoul(argv[6], NULL, 10);
}

int main(int argc, char **argv) {
  if (argc != 7) {
    fprintf(stderr, "client HELLO FIRST COUNT PORT CONCURRENCY BYTES\n");
    return 2;
  }
  read_arguments(argv);
  uint32_t concurrency = (uint32_t)strtoul(argv[5], NULL, 10);
  struct connection *connections = calloc(concurrency, sizeof *connections);
  struct epoll_event events[EVENTS];
  run.epoll = epoll_create1(EPOLL_CLOEXEC);
  if (!connections || run.epoll < 0) die("start");

  double start = seconds_now();
  for (uint32_t at = 0; at < concurrency; at++) {
    connections[at].fd = -1;
    open_until_live(&connections[at]);
  }
  while (run.live > 0) {
    int ready = epoll_wait(run.epoll, events, EVENTS, QUIET_MS);
    if (ready == 0) break; /* nothing moved for long: what is left counts as not ok */
    for (int at = 0; at < ready; at++) {
      struct connection *c = events[at].data.ptr;
      serve(c, events[at].events);
      open_until_live(c);
    }
  }
  print_result(seconds_now() - start);
  return 0;
}
