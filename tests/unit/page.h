/* A control as the ingestor sends it to workers (rule I20). */
#pragma once
#include "base/buffer.h"
#include "inside.pb-c.h"
#include "journal.pb-c.h"

struct page {
    Parbus__Controls controls; /* one, and it is the last */
    ProtobufCBinaryData packed;
    struct buffer bytes;
};

void page_of(struct page *p, uint64_t control_seq, Parbus__Control *control);
void page_set_aside(struct page *p, uint64_t control_seq, uint32_t partition, uint64_t pseq);
/* Series 2 of version 1. */
void page_period(struct page *p, uint64_t control_seq, const char *index, const char *period);
void page_free(struct page *p);
