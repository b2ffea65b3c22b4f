"""The digest of a feeder's submissions (D17), written from PROTOCOL.md."""

MASK = (1 << 64) - 1


def _table():
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82f63b78 if byte & 1 else 0)
        yield byte


TABLE = list(_table())


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc = crc >> 8 ^ TABLE[(crc ^ byte) & 255]
    return crc ^ 0xffffffff


def mix(x):
    x ^= x >> 33
    x = x * 0xff51afd7ed558ccd & MASK
    x ^= x >> 33
    x = x * 0xc4ceb9fe1a85ec53 & MASK
    return x ^ x >> 33


def digest(before, submission):
    """Of all submissions up to this one, which is the message's bytes."""
    return mix(before ^ crc32c(submission) ^ (len(submission) << 32 & MASK))
