/*
 * A TLS server that answers every ClientHello with the same bytes, so that the server is never what limits a
 * bench. One thread, epoll.
 *
 *   responder FLIGHT MODE PATCH DEVICE PORT...
 *
 * FLIGHT  file whose bytes are the answer
 * MODE    close: closes after the flight; keep: leaves the connection open until the client closes
 * PATCH   offset in the flight where a count of connections (8 bytes) is written, so that no two certificates
 *         are the same; 0: none
 * DEVICE  answers on this network device only; "-": on every one
 * PORT    ports to listen on; 0: one that is free
 *
 * Prints the ports in one line when it listens; ends when its standard input does, and then prints how many
 * hellos it answered.
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
#include <unistd.h>

enum { EVENTS = 512, MAX_FLIGHT = 65536, LISTENER = 1, CLIENT = 2 };

/* What is known of a file descriptor; the table is indexed by it. */
struct slot {
  unsigned char kind, answered;
  unsigned short have, wanted;
};

static struct {
  unsigned char flight[MAX_FLIGHT];
  size_t length, patch;
  int keep, epoll;
  unsigned long long answered;
  struct slot *slots;
} server;

static void die(const char *what) {
  perror(what);
  exit(1);
}

static void watch(int fd, unsigned char kind) {
  struct epoll_event wanted = {.events = EPOLLIN, .data.fd = fd};
  if (epoll_ctl(server.epoll, EPOLL_CTL_ADD, fd, &wanted) < 0) die("epoll_ctl");
  server.slots[fd] = (struct slot){.kind = kind};
}

static void listen_on(uint16_t port, const char *device) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), yes = 1;
  if (fd < 0) die("socket");
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (strcmp(device, "-") != 0 && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device, strlen(device)) < 0) die(device);
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
  if (bind(fd, (struct sockaddr *)&at, sizeof at) < 0) die("bind");
  if (listen(fd, 65535) < 0) die("listen");
  socklen_t length = sizeof at;
  getsockname(fd, (struct sockaddr *)&at, &length);
  printf("%u ", ntohs(at.sin_port));
  watch(fd, LISTENER);
}

static void accept_all(int listener) {
  for (;;) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    watch(fd, CLIENT);
  }
}

static void answer(int fd) {
  unsigned long long count = ++server.answered;
  for (int at = 0; server.patch > 0 && at < 8; at++) {
    server.flight[server.patch + (size_t)at] = (unsigned char)(count >> (56 - 8 * at));
  }
  int whole = write(fd, server.flight, server.length) == (ssize_t)server.length;
  server.slots[fd].answered = 1;
  if (!server.keep || !whole) close(fd);
}

/* Reads until the hello's record is whole, answers it, and then waits for the client to go. */
static void serve(int fd) {
  unsigned char buffer[4096];
  struct slot *slot = &server.slots[fd];
  ssize_t got = read(fd, buffer, sizeof buffer);
  if (got < 0 && errno == EAGAIN) return;
  if (got <= 0) {
    close(fd);
    return;
  }
  if (slot->answered) return;
  /* a record header in pieces does not happen on one machine */
  if (slot->have == 0 && got >= 5) slot->wanted = (unsigned short)(5 + (buffer[3] << 8 | buffer[4]));
  slot->have = (unsigned short)(slot->have + got);
  if (slot->have >= slot->wanted) answer(fd);
}

static void read_flight(const char *path) {
  FILE *file = fopen(path, "rb");
  if (!file) die(path);
  server.length = fread(server.flight, 1, sizeof server.flight, file);
  fclose(file);
}

static void start(int argc, char **argv) {
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  server.slots = calloc(limit.rlim_cur, sizeof *server.slots);
  server.epoll = epoll_create1(EPOLL_CLOEXEC);
  if (!server.slots || server.epoll < 0) die("start");
  read_flight(argv[1]);
  server.keep = strcmp(argv[2], "keep") == 0;
  server.patch = strtoul(argv[3], NULL, 10);
  for (int at = 5; at < argc; at++) listen_on((uint16_t)strtoul(argv[at], NULL, 10), argv[4]);
  printf("\n");
  fflush(stdout);
  struct epoll_event input = {.events = EPOLLIN, .data.fd = STDIN_FILENO};
  if (epoll_ctl(server.epoll, EPOLL_CTL_ADD, STDIN_FILENO, &input) < 0) die("standard input must be a pipe");
}

int main(int argc, char **argv) {
  if (argc < 6) {
    fprintf(stderr, "responder FLIGHT close|keep PATCH DEVICE|- PORT...\n");
    return 2;
  }
  start(argc, argv);
  struct epoll_event events[EVENTS];
  for (;;) {
    int ready = epoll_wait(server.epoll, events, EVENTS, -1);
    for (int at = 0; at < ready; at++) {
      int fd = events[at].data.fd;
      if (fd == STDIN_FILENO) {
        printf("%llu\n", server.answered);
        return 0;
      }
      if (server.slots[fd].kind == LISTENER) accept_all(fd);
      else serve(fd);
    }
  }
}
