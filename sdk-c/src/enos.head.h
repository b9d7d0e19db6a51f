/*
 * EnOS device SDK for C99 and C++11.
 *
 *   enos_config_t cfg;
 *   enos_error_t err;
 *   enos_client_t *client = NULL;
 *
 *   enos_config_init(&cfg);
 *   enos_error_init(&err);
 *   cfg.hub = ENOS_LIT("ssl://hub.example:18883");
 *   enos_config_login_device_secret(&cfg, ENOS_LIT("pk"), ENOS_LIT("dk"), ENOS_LIT("secret"));
 *   if (enos_client_new(&cfg, &client, &err) == ENOS_OK && enos_client_connect(client, 10000, &err) == ENOS_OK) {
 *       enos_point_t points[] = { { ENOS_STR("temp"), enos_double(21.5) } };
 *       points->value = enos_with_quality(points->value, 0);
 *       enos_device_post_measurepoints(enos_client_root(client), points, 1, ENOS_TIME_NOW, 5000, NULL, &err);
 *   }
 *   if (err.status != ENOS_OK) fprintf(stderr, "%s\n", err.message);
 *   enos_client_close(client, 2000, NULL);
 *   enos_client_free(client);
 *
 * What holds everywhere
 * - A pointer is NULL or valid. NULL where something is needed gives ENOS_ERR_INVALID_ARGUMENT; an `err`, and an `out`
 *   that says so, may be NULL. What `_new` gives, `_free` takes; `_free(NULL)` is fine.
 * - Arguments are borrowed for the call; a `const` one is only read. Results come last: `out`, then `err`.
 * - Structs that may grow start with `size` and have an `_init`; call it first. enos_value_t, enos_point_t, enos_str_t
 *   and enos_delivery_t never change.
 * - A callback is a function, a `user` pointer for it and, where it may be called more than once, a drop function that is
 *   told once. Callbacks of one client run in order, one at a time, on a thread of the SDK, under no lock: they may call
 *   anything here. A C++ exception or a longjmp must not leave one.
 * - A fault inside the SDK gives ENOS_ERR_INTERNAL and a client that answers nothing else; it does not end the process.
 * - After fork() the child's calls give ENOS_ERR_INVALID_STATE; it makes its own clients.
 *
 * @threads any       may be called from every thread at the same time
 * @blocking          whether it may wait for network, disk or other threads
 * @callback-safe     whether a callback of the same client may call it
 */
