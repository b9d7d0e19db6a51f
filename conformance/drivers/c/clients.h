/* Clients by name, their handlers, and the verbs that are one call of the SDK each. */
#ifndef CLIENTS_H
#define CLIENTS_H

#include "lines.h"

/* A client under its name. Who holds it may use it; the last to let it go frees it. */
typedef struct client client;

/* Answers `new` and `drop`: the first takes a name, the second gives it back. */
void client_new(request *asked);
/* Takes the client with this name out of the table; NULL if there is none. */
client *client_take(enos_str_t name);
/* One more hold on the client with this name; NULL if there is none. */
client *client_hold(enos_str_t name);
void client_let_go(client *it);
/* Lets every client go. */
void clients_clear(void);

/* Verbs that do not wait. 0 if it is none of them. */
int client_perform(request *asked, client *of);
/* Verbs that wait, on a thread of their own. */
void client_connect(request *asked, client *of);
void client_close(request *asked, client *of);
void client_post(request *asked, client *of);
void client_doctor(request *asked, client *of);
void client_sleep(request *asked, client *of);

#endif
