#include "base/arena.h"
#include "base/buffer.h"
#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

Test(arena, hands_out_aligned_memory_that_does_not_overlap)
{
    struct arena a;
    arena_init(&a, 1 << 16);
    char *before = NULL;
    for (size_t bytes = 0; bytes < 100; bytes++) {
        char *p = arena_alloc(&a, bytes);
        cr_assert_not_null(p);
        cr_assert_eq((uintptr_t)p % 16, 0);
        cr_assert(!before || p >= before + (bytes ? bytes - 1 : 0));
        memset(p, 0xab, bytes);
        before = p;
    }
    arena_free(&a);
}

Test(arena, stops_at_its_cap)
{
    struct arena a;
    arena_init(&a, 4096);
    cr_assert_not_null(arena_alloc(&a, 4096));
    cr_assert_null(arena_alloc(&a, 1));
    arena_reset(&a);
    cr_assert_null(arena_alloc(&a, 4097));
    cr_assert_null(arena_alloc(&a, SIZE_MAX));
    cr_assert_null(arena_alloc(&a, SIZE_MAX - 15));
    cr_assert_not_null(arena_alloc(&a, 4096));
    arena_free(&a);
    arena_free(&a);
}

Test(arena, gives_the_same_memory_again_after_a_reset)
{
    struct arena a;
    arena_init(&a, 4096);
    void *first = arena_alloc(&a, 100);
    arena_reset(&a);
    cr_assert_eq(arena_alloc(&a, 50), first);
    arena_free(&a);
}

Test(arena, is_an_allocator_for_protobuf)
{
    struct arena a;
    arena_init(&a, 4096);
    void *p = a.allocator.alloc(a.allocator.allocator_data, 40);
    cr_assert_not_null(p);
    cr_assert_eq(a.used, 48);
    a.allocator.free(a.allocator.allocator_data, p);
    cr_assert_eq(a.used, 48);
    arena_free(&a);
}

Test(buffer, grows_and_keeps_what_it_holds)
{
    struct buffer b = {0};
    for (int i = 0; i < 1000; i++)
        buffer_append(&b, &i, sizeof i);
    cr_assert_eq(b.size, 1000 * sizeof(int));
    for (int i = 0; i < 1000; i++)
        cr_assert_eq(memcmp(b.data + (size_t)i * sizeof i, &i, sizeof i), 0);
    buffer_append(&b, NULL, 0);
    cr_assert_eq(b.size, 1000 * sizeof(int));
    size_t capacity = b.capacity;
    buffer_clear(&b);
    cr_assert(b.size == 0 && b.capacity == capacity);
    buffer_free(&b);
    cr_assert_null(b.data);
}
