/* A medium that writes down every change made to the files of one folder, and fails on demand.

   Loaded before the C library (LD_PRELOAD) by the processes of a test. medium.py makes the three files and reads them.

   MEDIUM_FOLDER  the folder whose files are watched (not those of its subfolders)
   MEDIUM_RECORD  to which each change is appended once it is done: a header, then its data
   MEDIUM_FAULTS  numbers that the test changes while the process runs, see struct faults
*/
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

struct header {
    uint64_t kind, inode, offset, length;
};

struct faults {
    int64_t open, write, sync, read; /* the errno with which it fails; 0: it does not. open: of those that may write */
    int64_t clock;                   /* seconds by which the clock of the day is wrong */
};

enum { NOT_WATCHED, A_FILE, THE_FOLDER };

static unsigned char watched[1 << 16]; /* by file descriptor */
static char folder[4096];
static int record = -1;
static struct faults none;
static volatile struct faults *faults = &none;

/* the function of this name that is called where there is no such medium */
#define REAL(name)                                                                                                     \
    ({                                                                                                                 \
        static __typeof__(&name) found;                                                                                \
        if (!found) found = (__typeof__(&name))dlsym(RTLD_NEXT, #name);                                                \
        found;                                                                                                         \
    })

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("MEDIUM_FOLDER");
    if (path) strncpy(folder, path, sizeof folder - 1);
    if ((path = getenv("MEDIUM_RECORD"))) record = REAL(open)(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    if ((path = getenv("MEDIUM_FAULTS"))) {
        int file = REAL(open)(path, O_RDONLY | O_CLOEXEC);
        void *page = mmap(NULL, sizeof none, PROT_READ, MAP_SHARED, file, 0);
        if (page != MAP_FAILED) faults = page;
        REAL(close)(file);
    }
}

static int what(const char *path) {
    size_t length = strlen(folder);
    if (!length || strncmp(path, folder, length)) return NOT_WATCHED;
    if (!path[length]) return THE_FOLDER;
    return path[length] == '/' && !strchr(path + length + 1, '/') ? A_FILE : NOT_WATCHED;
}

static const char *name_of(const char *path) { return path + strlen(folder) + 1; }

static int kind_of(int file) {
    return file >= 0 && file < (int)sizeof watched ? watched[file] : NOT_WATCHED;
}

static void note(char kind, uint64_t inode, uint64_t offset, const void *data, uint64_t length) {
    int before = errno;
    struct header header = {kind, inode, offset, length};
    struct iovec parts[] = {{&header, sizeof header}, {(void *)data, length}};
    if (record >= 0 && writev(record, parts, 2) != (ssize_t)(sizeof header + length)) abort();
    errno = before;
}

static uint64_t inode_of(int file) {
    struct stat found;
    return fstat(file, &found) ? 0 : found.st_ino;
}

static int refuse(int64_t number) {
    if (number) errno = (int)number;
    return number != 0;
}

static int opened(int file, const char *path, int flags, int was_there) {
    if (file < 0 || file >= (int)sizeof watched) return file;
    watched[file] = what(path);
    if (watched[file] == A_FILE && (flags & O_CREAT) && !was_there)
        note('c', inode_of(file), 0, name_of(path), strlen(name_of(path)));
    if (watched[file] == A_FILE && (flags & O_TRUNC)) note('t', inode_of(file), 0, "", 0);
    return file;
}

#define OPEN(call)                                                                                                     \
    mode_t mode = 0;                                                                                                   \
    if (flags & (O_CREAT | O_TMPFILE)) {                                                                               \
        va_list more;                                                                                                  \
        va_start(more, flags);                                                                                         \
        mode = va_arg(more, mode_t);                                                                                   \
        va_end(more);                                                                                                  \
    }                                                                                                                  \
    int ours = what(path) == A_FILE;                                                                                   \
    if (ours && (flags & (O_WRONLY | O_RDWR | O_CREAT)) && refuse(faults->open)) return -1;                            \
    int was_there = ours && !access(path, F_OK);                                                                       \
    return opened(call, path, flags, was_there)

int open(const char *path, int flags, ...) { OPEN(REAL(open)(path, flags, mode)); }
int open64(const char *path, int flags, ...) { OPEN(REAL(open64)(path, flags, mode)); }
int openat(int at, const char *path, int flags, ...) { OPEN(REAL(openat)(at, path, flags, mode)); }
int openat64(int at, const char *path, int flags, ...) { OPEN(REAL(openat64)(at, path, flags, mode)); }

int close(int file) {
    if (kind_of(file)) watched[file] = NOT_WATCHED;
    return REAL(close)(file);
}

static ssize_t written(int file, ssize_t length, const void *data, off64_t offset) {
    if (length > 0 && kind_of(file) == A_FILE) note('w', inode_of(file), offset, data, length);
    return length;
}

ssize_t write(int file, const void *data, size_t length) {
    if (kind_of(file) != A_FILE) return REAL(write)(file, data, length);
    if (refuse(faults->write)) return -1;
    ssize_t done = REAL(write)(file, data, length);
    return written(file, done, data, lseek64(file, 0, SEEK_CUR) - done);
}

#define PWRITE(name, offset_type)                                                                                      \
    ssize_t name(int file, const void *data, size_t length, offset_type offset) {                                      \
        if (kind_of(file) == A_FILE && refuse(faults->write)) return -1;                                               \
        return written(file, REAL(name)(file, data, length, offset), data, offset);                                    \
    }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

#define READ(name, offset_type)                                                                                        \
    ssize_t name(int file, void *data, size_t length, offset_type offset) {                                            \
        if (kind_of(file) == A_FILE && refuse(faults->read)) return -1;                                                \
        return REAL(name)(file, data, length, offset);                                                                 \
    }
READ(pread, off_t)
READ(pread64, off64_t)

#define TRUNCATE(name, offset_type)                                                                                    \
    int name(int file, offset_type length) {                                                                           \
        /* a full disk still makes a file shorter, and longer by a hole */                                             \
        if (kind_of(file) == A_FILE && faults->write != ENOSPC && refuse(faults->write)) return -1;                    \
        int done = REAL(name)(file, length);                                                                           \
        if (!done && kind_of(file) == A_FILE) note('t', inode_of(file), length, "", 0);                                \
        return done;                                                                                                   \
    }
TRUNCATE(ftruncate, off_t)
TRUNCATE(ftruncate64, off64_t)

#define SYNC(name)                                                                                                     \
    int name(int file) {                                                                                               \
        if (kind_of(file) && refuse(faults->sync)) return -1;                                                          \
        int done = REAL(name)(file);                                                                                   \
        if (!done && kind_of(file)) note(kind_of(file) == A_FILE ? 's' : 'd', inode_of(file), 0, "", 0);               \
        return done;                                                                                                   \
    }
SYNC(fsync)
SYNC(fdatasync)

static int removed(int done, const char *path) {
    if (!done && what(path) == A_FILE) note('u', 0, 0, name_of(path), strlen(name_of(path)));
    return done;
}

int unlink(const char *path) { return removed(REAL(unlink)(path), path); }
int unlinkat(int at, const char *path, int flags) { return removed(REAL(unlinkat)(at, path, flags), path); }

static int renamed(int done, const char *old, const char *new) {
    if (!done && what(old) == A_FILE && what(new) == A_FILE) {
        char names[2 * sizeof folder];
        size_t length = strlen(name_of(old)) + 1;
        strcpy(names, name_of(old));
        strcpy(names + length, name_of(new));
        note('r', 0, 0, names, length + strlen(name_of(new)));
    }
    return done;
}

int rename(const char *old, const char *new) { return renamed(REAL(rename)(old, new), old, new); }
int renameat(int from, const char *old, int to, const char *new) {
    return renamed(REAL(renameat)(from, old, to, new), old, new);
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    int done = REAL(clock_gettime)(clock, now);
    if (clock == CLOCK_REALTIME) now->tv_sec += faults->clock;
    return done;
}
