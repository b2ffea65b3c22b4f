#include "page.h"

void page_of(struct page *p, uint64_t control_seq, Parbus__Control *control)
{
    *p = (struct page){.controls = PARBUS__CONTROLS__INIT};
    control->has_control_seq = 1;
    control->control_seq = control_seq;
    protobuf_c_message_pack(&control->base, buffer_grow(&p->bytes, protobuf_c_message_get_packed_size(&control->base)));
    p->packed = (ProtobufCBinaryData){p->bytes.size, p->bytes.data};
    p->controls.first = p->controls.last = control_seq;
    p->controls.n_packed = 1;
    p->controls.packed = &p->packed;
}

void page_set_aside(struct page *p, uint64_t control_seq, uint32_t partition, uint64_t pseq)
{
    Parbus__SetAside m = PARBUS__SET_ASIDE__INIT;
    m.has_partition = m.has_pseq = m.has_tries = 1;
    m.partition = partition, m.pseq = pseq, m.tries = 3, m.instance = "scorer-2";
    Parbus__Control control = PARBUS__CONTROL__INIT;
    control.body_case = PARBUS__CONTROL__BODY_SET_ASIDE;
    control.set_aside = &m;
    page_of(p, control_seq, &control);
}

void page_period(struct page *p, uint64_t control_seq, const char *index, const char *period)
{
    Parbus__PeriodOpened m = PARBUS__PERIOD_OPENED__INIT;
    m.has_series = m.has_version = 1;
    m.series = 2, m.version = 1, m.index = (char *)index, m.period = (char *)period;
    Parbus__Control control = PARBUS__CONTROL__INIT;
    control.body_case = PARBUS__CONTROL__BODY_PERIOD_OPENED;
    control.period_opened = &m;
    page_of(p, control_seq, &control);
}

void page_free(struct page *p) { buffer_free(&p->bytes); }
