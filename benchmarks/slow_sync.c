/* A disk whose every sync takes SLOW_SYNC_US microseconds longer. Loaded before the C library (LD_PRELOAD). */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static void rest(void) {
    const char *text = getenv("SLOW_SYNC_US");
    long micros = text ? atol(text) : 0;
    struct timespec time = {micros / 1000000, micros % 1000000 * 1000};
    nanosleep(&time, NULL);
}

int fsync(int file) {
    rest();
    return ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(file);
}

int fdatasync(int file) {
    rest();
    return ((int (*)(int))dlsym(RTLD_NEXT, "fdatasync"))(file);
}
