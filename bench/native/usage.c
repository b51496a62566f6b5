/*
 * Runs a command and writes what it used to the file RESULT, as JSON:
 * {"seconds","userUs","sysUs","peakKb","status"}.
 *
 *   usage RESULT COMMAND [ARGUMENT...]
 *
 * The peak is that of the command alone: a fork of this small program comes between it and the large process
 * that runs the bench, whose own peak Linux would otherwise count in (ru_maxrss survives exec).
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double seconds_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
  if (argc < 3) {
    fprintf(stderr, "usage RESULT COMMAND [ARGUMENT...]\n");
    return 2;
  }
  prctl(PR_SET_PDEATHSIG, SIGKILL); /* ends with the bench */
  double start = seconds_now();
  pid_t child = fork();
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    execvp(argv[2], argv + 2);
    perror(argv[2]);
    _exit(127);
  }
  struct rusage used;
  int status;
  if (child < 0 || wait4(child, &status, 0, &used) < 0) {
    perror("usage");
    return 1;
  }
  FILE *result = fopen(argv[1], "w");
  if (!result) {
    perror(argv[1]);
    return 1;
  }
  int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  fprintf(result, "{\"seconds\":%.6f,\"userUs\":%ld,\"sysUs\":%ld,\"peakKb\":%ld,\"status\":%d}\n",
          seconds_now() - start, used.ru_utime.tv_sec * 1000000L + used.ru_utime.tv_usec,
          used.ru_stime.tv_sec * 1000000L + used.ru_stime.tv_usec, used.ru_maxrss, code);
  fclose(result);
  return code;
}
