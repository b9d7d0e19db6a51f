/**
 * Bytes of a block, as a constant for `static uint8_t memory[…]`: at least what `enos_engine_size` asks for with the same
 * limits, and little more.
 */
#define ENOS_ENGINE_SIZE(receive, transmit, outbox, names, requests, calls, handlers, values) \
    ((sizeof(void *) > 4 ? 1664 : 1248) + (receive) + (transmit) + (outbox) + (names) + 24 * (requests) + 52 * (calls) \
     + 16 * (handlers) + (sizeof(void *) > 4 ? 48 : 32) * (values))
