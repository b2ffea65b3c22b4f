/* Time and messages by hand, for tests that drive a core. */
#pragma once
#include "base/moment.h"
#include "wire/peer.h"
#include "wire/wire.h"

static inline struct moment at(int64_t mono_us) { return (struct moment){.mono_us = mono_us}; }
