/* A layer between a process and its disk, loaded with LD_PRELOAD.
 *
 * It numbers the calls that change files below one folder, kills the process at one of them or
 * makes it fail, and can keep a log of all of them from which the disk of any moment is rebuilt.
 * Reads and memory maps pass untouched: nothing here writes through a map but SQLite's -shm,
 * which it makes anew, and which is left out.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { WRITE = 1, SYNC = 2, RENAME = 4, TRUNCATE = 8, UNLINK = 16, CREATE = 32, MKDIR = 64,
       RMDIR = 128 };
enum { PASS, KILL_BEFORE, KILL_HALF, KILL_AFTER, FAIL, FAIL_ON, FAIL_HALF, SHORT, FULL };

/* Shared with the process that watches: benchmarks/reliability/disk.py has the same fields. */
struct plan {
    int64_t calls;   /* counted so far */
    int64_t at;      /* the call, from 1, at which it happens */
    int64_t action;
    int64_t error;   /* errno of a failure */
    int64_t kinds;   /* which calls count, bits */
    int64_t space;   /* FULL: bytes that may still be written */
    int64_t met;     /* how many calls were failed or shortened */
    int64_t log;     /* descriptor of the log; -1: none */
    int64_t active;
    char what[200];  /* the call at which it happened first */
};

static struct plan *plan;
static char root[4000];
static size_t root_length;
static pthread_mutex_t lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;

void disk_watch(struct plan *shared, const char *folder) {
    pthread_mutexattr_t kind;
    pthread_mutexattr_init(&kind);
    pthread_mutexattr_settype(&kind, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&lock, &kind);
    root_length = strlen(folder);
    memcpy(root, folder, root_length + 1);
    plan = shared;
}

#define NEXT(name) \
    static __typeof__(&name) next; \
    if (!next) next = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

static int is_ours(const char *path) {
    if (!plan || !plan->active || strncmp(path, root, root_length)) return 0;
    if (path[root_length] != '/' && path[root_length] != 0) return 0;
    size_t length = strlen(path);
    return length < 4 || strcmp(path + length - 4, "-shm");
}

/* The absolute path of `path` as seen from `at`; of something that is not there, too. */
static int absolute(int at, const char *path, char *into, size_t size) {
    char folder[4096] = "";
    if (path[0] == '/') return snprintf(into, size, "%s", path) < (int)size;
    if (at == AT_FDCWD) {
        if (!getcwd(folder, sizeof folder)) return 0;
    } else {
        char name[64];
        snprintf(name, sizeof name, "/proc/self/fd/%d", at);
        ssize_t length = readlink(name, folder, sizeof folder - 1);
        if (length < 0) return 0;
        folder[length] = 0;
    }
    return snprintf(into, size, "%s/%s", folder, path) < (int)size;
}

static int ours_at(int at, const char *path, char *into, size_t size) {
    return plan && plan->active && absolute(at, path, into, size) && is_ours(into);
}

static int ours_open(int file, char *into, size_t size) {
    if (!plan || !plan->active) return 0;
    char name[64];
    snprintf(name, sizeof name, "/proc/self/fd/%d", file);
    ssize_t length = readlink(name, into, size - 1);
    if (length < 0) return 0;
    into[length] = 0;
    char *deleted = strstr(into, " (deleted)");
    if (deleted) *deleted = 0;
    return is_ours(into);
}

/* -- the log: one record a call that happened ------------------------------------------------ */

struct record {
    int32_t kind, failed;
    int64_t inode, first, second, call;
    int32_t path, other, data;
    int32_t filler;
};

static void put(const void *data, size_t size) {
    const char *at = data;
    while (size) {
        long done = syscall(SYS_write, (int)plan->log, at, size);
        if (done <= 0) _exit(99);
        at += done;
        size -= (size_t)done;
    }
}

static void note(int kind, int failed, int64_t inode, int64_t first, int64_t second,
                 const char *path, const char *other, const void *data, size_t size) {
    if (!plan || plan->log < 0) return;
    struct record record = {kind, failed, inode, first, second, plan->calls,
                            path ? (int32_t)strlen(path) : 0, other ? (int32_t)strlen(other) : 0,
                            (int32_t)size, 0};
    pthread_mutex_lock(&lock);
    put(&record, sizeof record);
    if (path) put(path, strlen(path));
    if (other) put(other, strlen(other));
    if (size) put(data, size);
    pthread_mutex_unlock(&lock);
}

void disk_mark(int64_t number, const char *text) {
    note(0, 0, 0, number, 0, text, 0, 0, 0);
}

static int64_t inode_of(int file) {
    struct stat64 found;
    return fstat64(file, &found) ? -1 : (int64_t)found.st_ino;
}

static int64_t inode_at(const char *path) {
    struct stat64 found;
    return lstat64(path, &found) ? -1 : (int64_t)found.st_ino;
}

/* -- what is to happen ------------------------------------------------------------------------ */

static void die(void) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

/* What the call numbered now meets: PASS, or the action to take. */
static int meet(int kind, const char *name, const char *path, size_t bytes) {
    if (!(plan->kinds & kind)) return PASS;
    plan->calls++;
    int action = (int)plan->action;
    if (action == FULL) {
        int grows = kind == WRITE || kind == CREATE || kind == MKDIR;
        if (!grows) return PASS;
        if (plan->space >= (int64_t)bytes && plan->space > 0) {
            plan->space -= (int64_t)bytes;
            return PASS;
        }
    } else if (action == FAIL_ON ? plan->calls < plan->at : plan->calls != plan->at) {
        return PASS;
    }
    if (!plan->met++) snprintf(plan->what, sizeof plan->what, "%s %s", name,
                               path + (strlen(path) > root_length ? root_length + 1 : 0));
    if (action == KILL_BEFORE) die();
    return action;
}

static int fails(int action) {
    return action == FAIL || action == FAIL_ON || action == FULL || action == FAIL_HALF;
}

static int error_of(int action) { return action == FULL ? ENOSPC : (int)plan->error; }

/* A write of `size` bytes: returns what is to be said, -2 for what the real call says. */
#define WATCHED_WRITE(NAME, FILE, DATA, SIZE, OFFSET, REAL) \
    char path[4096]; \
    if (!ours_open(FILE, path, sizeof path)) return REAL(SIZE); \
    pthread_mutex_lock(&lock); \
    int action = meet(WRITE, NAME, path, SIZE); \
    size_t size = SIZE; \
    if (action == KILL_HALF || action == FAIL_HALF || (action == SHORT && size > 1)) \
        size = (size + 1) / 2; \
    ssize_t done = -1; \
    int error = 0; \
    if (action == FAIL || action == FAIL_ON || action == FULL) { \
        error = error_of(action); \
    } else { \
        done = REAL(size); \
        error = errno; \
        if (done > 0) { \
            int64_t place = OFFSET; \
            if (place < 0) place = lseek64(FILE, 0, SEEK_CUR) - done; \
            note(WRITE, 0, inode_of(FILE), place, done, path, 0, DATA, (size_t)done); \
        } \
    } \
    if (action == KILL_HALF || action == KILL_AFTER) die(); \
    if (action == FAIL_HALF) { done = -1; error = (int)plan->error; } \
    pthread_mutex_unlock(&lock); \
    errno = error; \
    return done

ssize_t write(int file, const void *data, size_t count) {
    NEXT(write);
#define REAL(n) next(file, data, n)
    WATCHED_WRITE("write", file, data, count, (int64_t)-1, REAL);
#undef REAL
}

ssize_t pwrite64(int file, const void *data, size_t count, off64_t offset) {
    NEXT(pwrite64);
#define REAL(n) next(file, data, n, offset)
    WATCHED_WRITE("pwrite", file, data, count, (int64_t)offset, REAL);
#undef REAL
}

ssize_t pwrite(int file, const void *data, size_t count, off_t offset) {
    return pwrite64(file, data, count, offset);
}

/* The first piece alone, which is a legal short write: callers go on with the rest. */
ssize_t writev(int file, const struct iovec *pieces, int count) {
    NEXT(writev);
    char path[4096];
    if (!ours_open(file, path, sizeof path)) return next(file, pieces, count);
    for (int each = 0; each < count; each++)
        if (pieces[each].iov_len) return write(file, pieces[each].iov_base, pieces[each].iov_len);
    return 0;
}

ssize_t pwritev64(int file, const struct iovec *pieces, int count, off64_t offset) {
    NEXT(pwritev64);
    char path[4096];
    if (!ours_open(file, path, sizeof path)) return next(file, pieces, count, offset);
    for (int each = 0; each < count; each++)
        if (pieces[each].iov_len)
            return pwrite64(file, pieces[each].iov_base, pieces[each].iov_len, offset);
    return 0;
}

ssize_t pwritev(int file, const struct iovec *pieces, int count, off_t offset) {
    return pwritev64(file, pieces, count, offset);
}

/* Calls whose writes would not be seen: callers fall back on write. */
ssize_t sendfile64(int out, int in, off64_t *offset, size_t count) {
    NEXT(sendfile64);
    char path[4096];
    if (!ours_open(out, path, sizeof path)) return next(out, in, offset, count);
    errno = EINVAL;
    return -1;
}

ssize_t sendfile(int out, int in, off_t *offset, size_t count) {
    return sendfile64(out, in, (off64_t *)offset, count);
}

ssize_t copy_file_range(int in, off64_t *from, int out, off64_t *to, size_t count, unsigned flags) {
    NEXT(copy_file_range);
    char path[4096];
    if (!ours_open(out, path, sizeof path)) return next(in, from, out, to, count, flags);
    errno = EXDEV;
    return -1;
}

/* A call that happens whole or not at all. */
#define WATCHED(KIND, NAME, PATH, BYTES, REAL, NOTE) \
    pthread_mutex_lock(&lock); \
    int action = meet(KIND, NAME, PATH, BYTES); \
    int done = -1, error = 0; \
    if (fails(action)) { \
        error = error_of(action); \
    } else { \
        done = REAL; \
        error = errno; \
    } \
    if (done >= 0 || (KIND) == SYNC) { NOTE; } \
    if (action == KILL_HALF || action == KILL_AFTER) die(); \
    pthread_mutex_unlock(&lock); \
    errno = error; \
    return done

int fsync(int file) {
    NEXT(fsync);
    char path[4096];
    if (!ours_open(file, path, sizeof path)) return next(file);
    WATCHED(SYNC, "fsync", path, 0, next(file),
            note(SYNC, done < 0, inode_of(file), 0, 0, path, 0, 0, 0));
}

int fdatasync(int file) {
    NEXT(fdatasync);
    char path[4096];
    if (!ours_open(file, path, sizeof path)) return next(file);
    WATCHED(SYNC, "fdatasync", path, 0, next(file),
            note(SYNC, done < 0, inode_of(file), 0, 0, path, 0, 0, 0));
}

int ftruncate64(int file, off64_t size) {
    NEXT(ftruncate64);
    char path[4096];
    if (!ours_open(file, path, sizeof path)) return next(file, size);
    WATCHED(TRUNCATE, "ftruncate", path, 0, next(file, size),
            note(TRUNCATE, 0, inode_of(file), size, 0, path, 0, 0, 0));
}

int ftruncate(int file, off_t size) { return ftruncate64(file, size); }

int truncate64(const char *path, off64_t size) {
    NEXT(truncate64);
    char whole[4096];
    if (!ours_at(AT_FDCWD, path, whole, sizeof whole)) return next(path, size);
    WATCHED(TRUNCATE, "truncate", whole, 0, next(path, size),
            note(TRUNCATE, 0, inode_at(whole), size, 0, whole, 0, 0, 0));
}

int truncate(const char *path, off_t size) { return truncate64(path, size); }

/* SQLite and others fall back on writing where this is refused. */
int fallocate64(int file, int mode, off64_t offset, off64_t size) {
    NEXT(fallocate64);
    char path[4096];
    if (!ours_open(file, path, sizeof path)) return next(file, mode, offset, size);
    errno = EOPNOTSUPP;
    return -1;
}

int fallocate(int file, int mode, off_t offset, off_t size) {
    return fallocate64(file, mode, offset, size);
}

static int move(int from_at, const char *from, int to_at, const char *to, unsigned flags) {
    NEXT(renameat2);
    char old[4096], new[4096];
    if (!ours_at(from_at, from, old, sizeof old) || !absolute(to_at, to, new, sizeof new))
        return next(from_at, from, to_at, to, flags);
    WATCHED(RENAME, "rename", old, 0, next(from_at, from, to_at, to, flags),
            note(RENAME, 0, inode_at(new), 0, 0, old, new, 0, 0));
}

int rename(const char *from, const char *to) { return move(AT_FDCWD, from, AT_FDCWD, to, 0); }

int renameat(int from_at, const char *from, int to_at, const char *to) {
    return move(from_at, from, to_at, to, 0);
}

int renameat2(int from_at, const char *from, int to_at, const char *to, unsigned flags) {
    return move(from_at, from, to_at, to, flags);
}

int unlinkat(int at, const char *path, int flags) {
    NEXT(unlinkat);
    char whole[4096];
    if (!ours_at(at, path, whole, sizeof whole)) return next(at, path, flags);
    int64_t inode = inode_at(whole);
    if (inode < 0) return next(at, path, flags);
    int kind = flags & AT_REMOVEDIR ? RMDIR : UNLINK;
    WATCHED(kind, kind == RMDIR ? "rmdir" : "unlink", whole, 0, next(at, path, flags),
            note(kind, 0, inode, 0, 0, whole, 0, 0, 0));
}

int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }

int rmdir(const char *path) { return unlinkat(AT_FDCWD, path, AT_REMOVEDIR); }

int mkdirat(int at, const char *path, mode_t mode) {
    NEXT(mkdirat);
    char whole[4096];
    if (!ours_at(at, path, whole, sizeof whole)) return next(at, path, mode);
    if (inode_at(whole) >= 0) return next(at, path, mode);
    WATCHED(MKDIR, "mkdir", whole, 4096, next(at, path, mode),
            note(MKDIR, 0, inode_at(whole), 0, 0, whole, 0, 0, 0));
}

int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }

static int open_at(int at, const char *path, int flags, mode_t mode) {
    static __typeof__(&openat64) next;
    if (!next) next = (__typeof__(&openat64))dlsym(RTLD_NEXT, "openat64");
    char whole[4096];
    if (!(flags & (O_CREAT | O_TRUNC)) || (flags & O_TMPFILE) == O_TMPFILE ||
        !ours_at(at, path, whole, sizeof whole))
        return next(at, path, flags, mode);
    struct stat64 before;
    int fresh = stat64(whole, &before) != 0;
    if (fresh ? !(flags & O_CREAT) : !(flags & O_TRUNC && before.st_size))
        return next(at, path, flags, mode);
    if (!fresh && (flags & O_EXCL)) return next(at, path, flags, mode);
    WATCHED(fresh ? CREATE : TRUNCATE, fresh ? "create" : "truncate", whole, 512,
            next(at, path, flags, mode),
            note(fresh ? CREATE : TRUNCATE, 0, inode_of(done), 0, 0, whole, 0, 0, 0));
}

#define MODE_OF(flags) \
    mode_t mode = 0; \
    if (flags & (O_CREAT | O_TMPFILE)) { \
        va_list rest; \
        va_start(rest, flags); \
        mode = va_arg(rest, mode_t); \
        va_end(rest); \
    }

int open(const char *path, int flags, ...) { MODE_OF(flags) return open_at(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE_OF(flags) return open_at(AT_FDCWD, path, flags | O_LARGEFILE, mode); }
int openat(int at, const char *path, int flags, ...) { MODE_OF(flags) return open_at(at, path, flags, mode); }
int openat64(int at, const char *path, int flags, ...) { MODE_OF(flags) return open_at(at, path, flags | O_LARGEFILE, mode); }
int creat(const char *path, mode_t mode) { return open_at(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }
int creat64(const char *path, mode_t mode) { return creat(path, mode); }

/* Streams write inside the C library, past the calls above: ours write through them. */
static ssize_t stream_write(void *cookie, const char *data, size_t size) {
    ssize_t done = write((int)(intptr_t)cookie, data, size);
    return done < 0 ? 0 : done;
}
static int stream_seek(void *cookie, off64_t *offset, int whence) {
    off64_t found = lseek64((int)(intptr_t)cookie, *offset, whence);
    if (found < 0) return -1;
    *offset = found;
    return 0;
}
static ssize_t stream_read(void *cookie, char *data, size_t size) {
    return read((int)(intptr_t)cookie, data, size);
}
static int stream_close(void *cookie) { return close((int)(intptr_t)cookie); }

FILE *fopen64(const char *path, const char *mode) {
    NEXT(fopen64);
    char whole[4096];
    if (mode[0] == 'r' || !ours_at(AT_FDCWD, path, whole, sizeof whole)) return next(path, mode);
    int flags = (mode[0] == 'w' ? O_TRUNC : O_APPEND) | O_CREAT;
    int file = open_at(AT_FDCWD, path, flags | (strchr(mode, '+') ? O_RDWR : O_WRONLY), 0666);
    if (file < 0) return 0;
    cookie_io_functions_t calls = {stream_read, stream_write, stream_seek, stream_close};
    return fopencookie((void *)(intptr_t)file, mode, calls);
}

FILE *fopen(const char *path, const char *mode) { return fopen64(path, mode); }
