#include "tests/sim/fiber.h"
#include "base/err.h"
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FIBER_ASAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define FIBER_ASAN 1
#endif

enum { STACK_BYTES = 1 << 20 };

struct fiber {
    ucontext_t here, caller;
    void *stack;
    void (*run)(void *ctx);
    void *ctx;
    bool ended;
    const void *caller_stack; /* for the sanitizer */
    size_t caller_bytes;
};

#ifdef FIBER_ASAN
void __sanitizer_start_switch_fiber(void **fake_stack, const void *bottom, size_t bytes);
void __sanitizer_finish_switch_fiber(void *fake_stack, const void **bottom, size_t *bytes);

static void leave(void **fake, const void *bottom, size_t bytes)
{
    __sanitizer_start_switch_fiber(fake, bottom, bytes);
}
static void arrive(void *fake, const void **bottom, size_t *bytes)
{
    __sanitizer_finish_switch_fiber(fake, bottom, bytes);
}
#else
static void leave(void **fake, const void *bottom, size_t bytes) { (void)fake, (void)bottom, (void)bytes; }
static void arrive(void *fake, const void **bottom, size_t *bytes) { (void)fake, (void)bottom, (void)bytes; }
#endif

/* makecontext hands on integers only. */
static struct fiber *starting;

static void begin(void)
{
    struct fiber *f = starting;
    arrive(NULL, &f->caller_stack, &f->caller_bytes);
    f->run(f->ctx);
    f->ended = true;
    leave(NULL, f->caller_stack, f->caller_bytes);
    setcontext(&f->caller);
}

struct fiber *fiber_new(void (*run)(void *ctx), void *ctx)
{
    struct fiber *f = calloc(1, sizeof *f);
    ASSERT(f);
    f->run = run;
    f->ctx = ctx;
    f->stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    ASSERT(f->stack != MAP_FAILED && getcontext(&f->here) == 0);
    f->here.uc_stack.ss_sp = f->stack;
    f->here.uc_stack.ss_size = STACK_BYTES;
    makecontext(&f->here, begin, 0);
    return f;
}

bool fiber_resume(struct fiber *f)
{
    void *fake = NULL;
    ASSERT(!f->ended);
    starting = f;
    leave(&fake, f->stack, STACK_BYTES);
    swapcontext(&f->caller, &f->here);
    arrive(fake, NULL, NULL);
    return f->ended;
}

void fiber_pause(struct fiber *f)
{
    void *fake = NULL;
    leave(&fake, f->caller_stack, f->caller_bytes);
    swapcontext(&f->here, &f->caller);
    arrive(fake, &f->caller_stack, &f->caller_bytes);
}

void fiber_free(struct fiber **f)
{
    if (!*f)
        return;
    ASSERT((*f)->ended);
    munmap((*f)->stack, STACK_BYTES);
    free(*f);
    *f = NULL;
}
