/* libcoap's client, one post at a time: PORT AUTH_PATH AUTH_PAYLOAD POST_PATH POST_PAYLOAD COUNT WARM_UP.
 * Prints CPU microseconds of a post and posts per second. The payload is ready text; nothing is read of the answer but its code. */
#include <coap3/coap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static int answered;
static coap_pdu_code_t code;

static coap_response_t on_response(coap_session_t *session, const coap_pdu_t *sent, const coap_pdu_t *received,
                                   const coap_mid_t mid)
{
    (void)session, (void)sent, (void)mid;
    code = coap_pdu_get_code(received);
    answered = 1;
    return COAP_RESPONSE_OK;
}

static void ask(coap_context_t *context, coap_session_t *session, const char *path, const char *payload)
{
    coap_pdu_t *pdu = coap_new_pdu(COAP_MESSAGE_CON, COAP_REQUEST_CODE_POST, session);
    uint8_t token[8], format = 50;
    size_t length;
    char copy[256];
    coap_session_new_token(session, &length, token);
    coap_add_token(pdu, length, token);
    snprintf(copy, sizeof copy, "%s", path);
    for (char *segment = strtok(copy, "/"); segment != NULL; segment = strtok(NULL, "/"))
        coap_add_option(pdu, COAP_OPTION_URI_PATH, strlen(segment), (const uint8_t *)segment);
    coap_add_option(pdu, COAP_OPTION_CONTENT_FORMAT, 1, &format);
    coap_add_data(pdu, strlen(payload), (const uint8_t *)payload);
    answered = 0;
    if (coap_send(session, pdu) == COAP_INVALID_MID)
        exit(2);
    while (!answered)
        coap_io_process(context, 2000);
    if (code != COAP_RESPONSE_CODE_CHANGED) {
        fprintf(stderr, "libcoap: %s was answered with %d\n", path, (int)code);
        exit(1);
    }
}

static double cpu_us(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static double now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

int main(int argc, char **argv)
{
    coap_address_t hub;
    double cpu = 0, wall = 0;
    if (argc != 8)
        return 2;
    coap_startup();
    coap_address_init(&hub);
    hub.addr.sin.sin_family = AF_INET;
    hub.addr.sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    hub.addr.sin.sin_port = htons((uint16_t)atoi(argv[1]));
    hub.size = sizeof hub.addr.sin;
    coap_context_t *context = coap_new_context(NULL);
    coap_session_t *session = coap_new_client_session(context, NULL, &hub, COAP_PROTO_UDP);
    coap_register_response_handler(context, on_response);
    ask(context, session, argv[2], argv[3]);
    int count = atoi(argv[6]), warm_up = atoi(argv[7]);
    for (int number = 0; number < count + warm_up; number++) {
        if (number == warm_up)
            cpu = cpu_us(), wall = now_us();
        ask(context, session, argv[4], argv[5]);
    }
    printf("%.2f %.0f\n", (cpu_us() - cpu) / count, count / ((now_us() - wall) / 1e6));
    return 0;
}
