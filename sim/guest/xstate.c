/*
 * Lets user-mode Linux run on processors with more vector state than it knows.
 *
 * UML 6.1 keeps the registers of its guest's processes in a buffer of the size it expects, without
 * the 8 KB of AMX tiles. The host's kernel gives that much of the state, but takes it back
 * (PTRACE_SETREGSET) only whole, and the guest dies at once of a panic in put_fp_registers.
 * Preloaded, this puts UML's part back into the whole state. Elsewhere the part is the whole.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

static char state[1 << 16] __attribute__((aligned(64)));

long ptrace(enum __ptrace_request request, ...)
{
    static long (*real)(enum __ptrace_request, ...);
    va_list list;

    va_start(list, request);
    int pid = va_arg(list, int);
    void *set = va_arg(list, void *);
    void *data = va_arg(list, void *);
    va_end(list);

    if (!real)
        real = (long (*)(enum __ptrace_request, ...))dlsym(RTLD_NEXT, "ptrace");
    if ((request != PTRACE_GETREGSET && request != PTRACE_SETREGSET) || set != (void *)NT_X86_XSTATE)
        return real(request, pid, set, data);

    struct iovec *part = data;
    struct iovec whole = {state, sizeof state};
    long failed = real(PTRACE_GETREGSET, pid, set, &whole);
    if (failed)
        return failed;
    if (part->iov_len > whole.iov_len)
        part->iov_len = whole.iov_len;
    if (request == PTRACE_GETREGSET) {
        memcpy(part->iov_base, state, part->iov_len);
        return 0;
    }
    memcpy(state, part->iov_base, part->iov_len);
    return real(PTRACE_SETREGSET, pid, set, &whole);
}
