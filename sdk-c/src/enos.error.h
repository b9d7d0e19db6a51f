/** An error that is ready, for its declaration: `enos_error_t err = ENOS_ERROR_INIT;` does what `enos_error_init` does. */
#define ENOS_ERROR_INIT { sizeof(enos_error_t), ENOS_OK, 0, 0, 0, "" }
