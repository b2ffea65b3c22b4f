/* Entries of the journal that take no effect (rules I17 to I19). */
#include "catalog/model.h"
#include <string.h>

static bool before(const struct set_aside *a, uint32_t partition, uint64_t pseq)
{
    return a->partition < partition || (a->partition == partition && a->pseq < pseq);
}

/* Of the first one that is not before (partition, pseq). */
static size_t position(const struct catalog *c, uint32_t partition, uint64_t pseq)
{
    size_t low = 0, high = c->set_aside_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (before(c->set_aside[middle], partition, pseq))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct set_aside *find(const struct catalog *c, uint32_t partition, uint64_t pseq)
{
    size_t at = position(c, partition, pseq);
    if (at == c->set_aside_count || c->set_aside[at]->partition != partition || c->set_aside[at]->pseq != pseq)
        return NULL;
    return c->set_aside[at];
}

const struct set_aside *catalog_set_aside(const struct catalog *c, uint32_t partition, uint64_t pseq)
{
    return c->set_aside_count ? find(c, partition, pseq) : NULL;
}

uint64_t catalog_set_aside_after(const struct catalog *c, uint32_t partition, uint64_t control_seq)
{
    for (size_t i = position(c, partition, 0); i < c->set_aside_count && c->set_aside[i]->partition == partition; i++)
        if (c->set_aside[i]->decided > control_seq)
            return c->set_aside[i]->pseq;
    return 0;
}

size_t catalog_set_aside_waiting(const struct catalog *c, const struct set_aside **newest)
{
    size_t count = 0;
    *newest = NULL;
    for (size_t i = 0; i < c->set_aside_count; i++) {
        const struct set_aside *s = c->set_aside[i];
        count += !s->readmitted;
        if (!s->readmitted && (!*newest || s->decided > (*newest)->decided))
            *newest = s;
    }
    return count;
}

size_t catalog_readmitted_between(const struct catalog *c, uint32_t partition, uint64_t after, uint64_t up_to)
{
    size_t count = 0;
    for (size_t i = position(c, partition, 0); i < c->set_aside_count && c->set_aside[i]->partition == partition; i++)
        count += c->set_aside[i]->readmitted > after && c->set_aside[i]->readmitted <= up_to;
    return count;
}

enum err apply_set_aside(struct catalog *c, const Parbus__Control *control, struct err_text *e)
{
    const Parbus__SetAside *from = control->set_aside;
    if (from->pseq == 0)
        return err_set(e, ERR_INVALID, "the entry that is set aside has no pseq");
    if (find(c, from->partition, from->pseq))
        return err_set(e, ERR_INVALID, "entry %llu of partition %u is set aside already",
                       (unsigned long long)from->pseq, from->partition);
    struct set_aside *s = pool_alloc(&c->pool, sizeof *s);
    *s = (struct set_aside){.partition = from->partition,
                            .tries = from->tries,
                            .pseq = from->pseq,
                            .decided = control->control_seq,
                            .instance = pool_text(&c->pool, from->instance)};
    size_t at = position(c, from->partition, from->pseq);
    c->set_aside = pointers_grown(c->set_aside, c->set_aside_count);
    memmove(c->set_aside + at + 1, c->set_aside + at, (c->set_aside_count - at) * sizeof *c->set_aside);
    c->set_aside[at] = s;
    c->set_aside_count++;
    return OK;
}

enum err apply_readmitted(struct catalog *c, const Parbus__Control *control, struct err_text *e)
{
    const Parbus__Readmitted *from = control->readmitted;
    struct set_aside *s = find(c, from->partition, from->pseq);
    if (!s)
        return err_set(e, ERR_INVALID, "entry %llu of partition %u is not set aside", (unsigned long long)from->pseq,
                       from->partition);
    if (s->readmitted)
        return err_set(e, ERR_INVALID, "entry %llu of partition %u was sent again already",
                       (unsigned long long)from->pseq, from->partition);
    s->readmitted = control->control_seq;
    return OK;
}
