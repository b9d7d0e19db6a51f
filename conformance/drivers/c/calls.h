/* Commands of the hub: handlers that tell them and then do as the scenario says, and calls that wait for their answer. */
#ifndef CALLS_H
#define CALLS_H

#include "lines.h"

/* What a handler does with a command; a copy of the request's words. NULL if they say nothing that a handler does. */
typedef struct handler handler;

/* A handler for this client, that does what the words from `at` on say. */
handler *handler_new(const request *asked, size_t at, enos_str_t client);
/* For `enos_device_on_…`. */
void handler_take(void *user, const enos_invocation_t *call, enos_responder_t *reply);
void handler_free(void *user);

/* Answers the verbs `answer` and `forget`. */
void call_answer(request *asked);
void call_forget(request *asked);
/* Lets every open call go. */
void calls_clear(void);

#endif
