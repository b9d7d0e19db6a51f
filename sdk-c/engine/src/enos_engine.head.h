/*
 * The EnOS protocol engine for C99 and C++11: for firmware, and for programs with an event loop of their own.
 *
 * It opens no socket, starts no thread, reads no clock, allocates nothing: bytes and requests go in, bytes and events come
 * out, and all of it lives in one block of the program's memory. enos.h is the layer with threads, TLS and files; a program
 * may include both.
 *
 *   static uint8_t memory[ENOS_ENGINE_SIZE(1024, 768, 768, 512, 4, 1, 4, 16)];      what enos_engine_config_init sets
 *
 *   enos_engine_config_init(&config);
 *   config.hub = ENOS_LIT("tcp://192.0.2.1:11883");
 *   config.login = ENOS_LOGIN_DEVICE_SECRET;
 *   config.product_key = ENOS_LIT("pk"); config.device_key = ENOS_LIT("dk"); config.secret = ENOS_LIT("secret");
 *   enos_engine_init(memory, sizeof memory, &config, random_bytes, &engine, NULL);
 *   enos_engine_connect(engine, &now, ENOS_ENGINE_FOREVER);
 *
 * and after this and each other call that tells or asks something, until it waits:
 *
 *   enos_engine_output_init(&out);
 *   while (enos_engine_poll_output(engine, &now, &out) == ENOS_OK && out.tag != ENOS_ENGINE_WAIT)
 *       switch (out.tag) {
 *       case ENOS_ENGINE_DIAL: dial(out.as.dial.host, out.as.dial.port); break;    later: enos_engine_link_up or _link_down
 *       case ENOS_ENGINE_TRANSMIT:
 *           n = write(fd, out.as.transmit.ptr, out.as.transmit.len);               fewer is normal
 *           if (n == 0) return;                                                    until it is writable, or the deadline
 *           enos_engine_sent(engine, &now, n); break;
 *       case ENOS_ENGINE_STORE: store(out.as.store.device_secret); break;          later: enos_engine_stored
 *       case ENOS_ENGINE_HANG_UP: hang_up(); break;                                later: enos_engine_link_down
 *       case ENOS_ENGINE_COMMAND: …
 *       }
 *
 * What holds everywhere
 * - A pointer is NULL or valid. NULL where something is needed gives ENOS_ERR_INVALID_ARGUMENT; after enos_engine_end every
 *   call gives ENOS_ERR_INVALID_STATE as long as the block stays as it is. enos_engine_message says what was wrong.
 * - Arguments are borrowed for the call; a `const` one is only read. None may point to what the engine lent (the receive
 *   buffer, the texts of an output): that is refused, pass a copy. What it lent is valid until the next call with the engine.
 * - Structs that may grow start with `size` and have an `_init`; call it first. enos_engine_now_t, enos_value_t,
 *   enos_point_t and enos_str_t never change.
 * - No call waits, calls back, or keeps anything outside of the block. A bug of the SDK itself ends in the processor's
 *   undefined instruction, where the fault handler or a debugger finds it.
 *
 * @threads any       may be called from every thread at the same time
 * @threads owner     one call with an engine at a time: by one thread, or under a lock; never from an interrupt during one
 * @blocking          whether it may wait: none does
 */
