/*
 * The engine in an event loop of one's own: one thread, one epoll, no heap of the SDK's. Linux; MQTT over TCP, in clear.
 *
 * Signs in (activates first, if it has only the product's secret), posts a point each second, answers the service `reboot`,
 * survives the loss of the hub, signs off at Ctrl-C. For TLS, put a TLS library between `transmit`/`hear` and the socket, and
 * call enos_engine_link_up once its handshake is done.
 *
 *   cc -std=c99 engine_epoll.c $(pkg-config --cflags --libs enos-engine) -o engine_epoll
 *   ./engine_epoll --hub tcp://127.0.0.1:11883
 */
#define _GNU_SOURCE

#include <enos_engine.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* What the device may hold at once. */
enum { RECEIVE = 16384, TRANSMIT = 32768, OUTBOX = 32768, NAMES = 1024, REQUESTS = 100, CALLS = 8, HANDLERS = 4, VALUES = 16 };

static uint8_t memory[ENOS_ENGINE_SIZE(RECEIVE, TRANSMIT, OUTBOX, NAMES, REQUESTS, CALLS, HANDLERS, VALUES)];

static enos_engine_t *engine;
static int epoll = -1, signals = -1;

/* The link: its socket (-1: none), whether it is up, and whether it takes no more bytes for now. */
static int fd = -1, is_up, is_stalled;
static uint32_t watched;
static struct addrinfo *addresses, *next_address;

static const char *hub = "tcp://127.0.0.1:11883", *product_key = "Tq4zR9Lw", *device_key = "t-1";
static const char *device_secret = "u8Yp2QvKs0t1", *product_secret, *secret_file = "device.secret";
static long posts, period_ms = 1000;

static int is_online, is_closed, has_failed;
static long posted, settled, refused;
static uint64_t next_post_ms;

static uint64_t milliseconds(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000;
}

static enos_engine_now_t now(void)
{
    enos_engine_now_t now;
    now.mono_ms = milliseconds(CLOCK_MONOTONIC);
    now.wall_ms = (int64_t)milliseconds(CLOCK_REALTIME);
    return now;
}

/* Each line at once, also into a pipe. */
static void say(const char *what, const char *more)
{
    printf(*more != '\0' ? "%s: %s\n" : "%s\n", what, more);
    fflush(stdout);
}

/* What the engine last told of a failure, in words. */
static const char *message(void)
{
    static char text[400];
    enos_engine_message(engine, text, sizeof text);
    return text;
}

/* ---- the link ---- */

static void watch(int what, uint32_t events, int how)
{
    struct epoll_event event = { 0 };
    event.events = events;
    event.data.fd = what;
    epoll_ctl(epoll, how, what, &event);
}

static void link_gone(int reason)
{
    enos_engine_now_t at = now();
    if (fd >= 0) close(fd);
    if (addresses != NULL) freeaddrinfo(addresses);
    addresses = next_address = NULL;
    fd = -1;
    is_up = is_stalled = 0;
    enos_engine_link_down(engine, &at, reason);
}

/* Tries the next address; it is up when the socket becomes writable. */
static void dial_next(void)
{
    for (; next_address != NULL; next_address = next_address->ai_next) {
        int one = 1;
        if (fd >= 0) close(fd);
        fd = socket(next_address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd < 0) continue;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        if (connect(fd, next_address->ai_addr, next_address->ai_addrlen) == 0 || errno == EINPROGRESS) {
            next_address = next_address->ai_next;
            watch(fd, watched = EPOLLOUT, EPOLL_CTL_ADD);
            return;
        }
    }
    link_gone(ENOS_ENGINE_LINK_CONNECT);
}

static void dial(const enos_engine_dial_t *where)
{
    struct addrinfo hints = { 0 };
    char host[256], port[8];
    hints.ai_socktype = SOCK_STREAM;
    snprintf(host, sizeof host, "%.*s", ENOS_ARG(where->host));
    snprintf(port, sizeof port, "%u", (unsigned)where->port);
    if (where->scheme != ENOS_ENGINE_TCP) {
        link_gone(ENOS_ENGINE_LINK_TLS);
    } else if (getaddrinfo(host, port, &hints, &addresses) != 0) { /* blocks: give it an address, or a thread */
        addresses = NULL;
        link_gone(ENOS_ENGINE_LINK_RESOLVE);
    } else {
        next_address = addresses;
        dial_next();
    }
}

static void dialled(void)
{
    int error = 0;
    socklen_t len = sizeof error;
    enos_engine_now_t at = now();
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0 || error != 0) {
        dial_next();
        return;
    }
    is_up = 1;
    enos_engine_link_up(engine, &at);
}

/* Sends what the link takes; 0 if that is nothing now. */
static size_t transmit(const enos_engine_transmit_t *bytes)
{
    ssize_t n = send(fd, bytes->ptr, bytes->len, MSG_NOSIGNAL);
    enos_engine_now_t at = now();
    if (n > 0) {
        enos_engine_sent(engine, &at, (size_t)n);
        return (size_t)n;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) {
        is_stalled = 1;
        return 0;
    }
    link_gone(ENOS_ENGINE_LINK_LOST);
    return 1;
}

static void hear(void)
{
    size_t room;
    uint8_t *buffer = enos_engine_receive_buffer(engine, &room);
    ssize_t n = buffer != NULL ? recv(fd, buffer, room, 0) : -1;
    enos_engine_now_t at = now();
    if (n > 0)
        enos_engine_received(engine, &at, (size_t)n);
    else if (n == 0)
        link_gone(ENOS_ENGINE_LINK_PEER_CLOSED);
    else if (buffer != NULL && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
        link_gone(ENOS_ENGINE_LINK_LOST);
}

/* ---- the secret of an activation ---- */

static enos_str_t stored_secret(void)
{
    static char text[257];
    FILE *file = fopen(secret_file, "r");
    size_t len = file != NULL ? fread(text, 1, sizeof text - 1, file) : 0;
    if (file != NULL) fclose(file);
    text[len] = '\0';
    return enos_str(text);
}

/* Writes beside the file and renames, so that a power cut leaves the old one or the new. */
static int store(enos_str_t secret)
{
    char path[512];
    int file, done;
    snprintf(path, sizeof path, "%s.new", secret_file);
    file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0) return -1;
    done = write(file, secret.ptr, secret.len) == (ssize_t)secret.len && fsync(file) == 0;
    done = close(file) == 0 && done;
    return done && rename(path, secret_file) == 0 ? 0 : -1;
}

/* ---- the device ---- */

static void command(const enos_engine_command_t *call)
{
    enos_point_t output = { ENOS_STR("accepted"), enos_bool(1) };
    enos_engine_now_t at = now();
    uint32_t number = call->call;
    char text[300];
    snprintf(text, sizeof text, "%.*s %.*s", ENOS_ARG(call->service), ENOS_ARG(call->params));
    say("command", text);
    /* From here on the command's texts may be gone; its number stays. */
    if (enos_engine_reply_values(engine, &at, number, 200, &output, 1, ENOS_LIT("")) != ENOS_OK) say("reply", message());
}

static void post(void)
{
    enos_point_t point = { ENOS_STR("temp"), enos_double(20.0 + (double)(posted % 100) / 10) };
    enos_engine_now_t at = now();
    while (is_online && (posts == 0 || posted < posts) && next_post_ms <= at.mono_ms) {
        enos_status_t status =
            enos_engine_post_measurepoints(engine, &at, ENOS_ENGINE_ROOT, &point, 1, ENOS_TIME_NOW, 10000, NULL);
        if (status == ENOS_ERR_QUEUE_FULL) return; /* go on when one has settled */
        if (status != ENOS_OK) say("post", message());
        posted++;
        next_post_ms = period_ms > 0 ? at.mono_ms + (uint64_t)period_ms : 0;
    }
}

/* Takes all that the engine has, until it waits or the link takes no more. */
static void drain(void)
{
    enos_engine_output_t out;
    enos_engine_output_init(&out);
    for (;;) {
        enos_engine_now_t at = now();
        if (enos_engine_poll_output(engine, &at, &out) != ENOS_OK) return;
        switch (out.tag) {
        case ENOS_ENGINE_WAIT: return;
        case ENOS_ENGINE_DIAL: dial(&out.as.dial); break;
        case ENOS_ENGINE_TRANSMIT:
            if (transmit(&out.as.transmit) == 0) return;
            break;
        case ENOS_ENGINE_STORE:
            enos_engine_stored(engine, &at, store(out.as.store.device_secret) == 0 ? ENOS_OK : ENOS_ERR_STORAGE_FAILED);
            break;
        case ENOS_ENGINE_HANG_UP: link_gone(ENOS_ENGINE_LINK_HUNG_UP); break;
        case ENOS_ENGINE_CONNECTING: say("connecting", ""); break;
        case ENOS_ENGINE_ACTIVATED: say("activated", ""); break;
        case ENOS_ENGINE_ONLINE:
            say("online", "");
            is_online = 1;
            break;
        case ENOS_ENGINE_CONNECT_FAILED:
            say("connect failed", message());
            if (!out.as.failure.will_retry) is_closed = has_failed = 1;
            break;
        case ENOS_ENGINE_OFFLINE:
            say("offline", out.as.failure.status == ENOS_ERR_CLOSED ? "" : message());
            is_online = 0;
            break;
        case ENOS_ENGINE_SETTLED:
            settled++;
            if (out.as.settled.status != ENOS_OK) {
                refused++;
                say("post", message());
            } else if (period_ms > 0) {
                say("acknowledged", "");
            }
            break;
        case ENOS_ENGINE_COMMAND: command(&out.as.command); break;
        case ENOS_ENGINE_WARNING: say("warning", message()); break;
        case ENOS_ENGINE_CLOSED:
            say("closed", "");
            is_closed = 1;
            break;
        default: break; /* a later version tells more */
        }
    }
}

/* ---- the loop ---- */

static int timeout(void)
{
    uint64_t at = now().mono_ms, until = enos_engine_deadline(engine);
    if (is_online && (posts == 0 || posted < posts) && next_post_ms > at && next_post_ms < until) until = next_post_ms;
    if (until == ENOS_ENGINE_NEVER) return -1;
    return until <= at ? 0 : until - at < 60000 ? (int)(until - at) : 60000;
}

static void wait_and_hear(void)
{
    struct epoll_event event;
    enos_engine_now_t at;
    size_t room = 0;
    if (fd >= 0 && is_up) {
        uint32_t events;
        enos_engine_receive_buffer(engine, &room);
        events = (room > 0 ? EPOLLIN : 0) | (is_stalled ? EPOLLOUT : 0);
        if (events != watched) watch(fd, watched = events, EPOLL_CTL_MOD);
    }
    if (epoll_wait(epoll, &event, 1, timeout()) <= 0) return;
    if (event.data.fd == signals) {
        struct signalfd_siginfo which;
        if (read(signals, &which, sizeof which) < 0) return;
        at = now();
        enos_engine_close(engine, &at, 5000);
    } else if (!is_up) {
        dialled();
    } else {
        is_stalled = 0;
        if (event.events & (EPOLLIN | EPOLLHUP | EPOLLERR)) hear();
    }
}

static int options(int count, char **given)
{
    int at;
    for (at = 1; at + 1 < count; at += 2) {
        const char *name = given[at], *value = given[at + 1];
        if (strcmp(name, "--hub") == 0) hub = value;
        else if (strcmp(name, "--product-key") == 0) product_key = value;
        else if (strcmp(name, "--device-key") == 0) device_key = value;
        else if (strcmp(name, "--device-secret") == 0) device_secret = value;
        else if (strcmp(name, "--product-secret") == 0) product_secret = value;
        else if (strcmp(name, "--secret-file") == 0) secret_file = value;
        else if (strcmp(name, "--posts") == 0) posts = atol(value); /* 0: no end */
        else if (strcmp(name, "--period") == 0) period_ms = atol(value); /* 0: as many as fit */
        else return -1;
    }
    return at == count ? 0 : -1;
}

int main(int count, char **given)
{
    enos_engine_config_t config;
    enos_engine_now_t at = now();
    enos_str_t why;
    uint8_t entropy[32];
    sigset_t stop;
    if (options(count, given) != 0) {
        fprintf(stderr, "usage: engine_epoll [--hub URL] [--product-key K] [--device-key K] [--device-secret S]\n"
                        "       [--product-secret S --secret-file FILE] [--posts N] [--period MS]\n");
        return 2;
    }
    enos_engine_config_init(&config);
    config.hub = enos_str(hub);
    config.product_key = enos_str(product_key);
    config.device_key = enos_str(device_key);
    config.login = product_secret != NULL ? ENOS_LOGIN_DYNAMIC_ACTIVATION : ENOS_LOGIN_DEVICE_SECRET;
    config.secret = enos_str(product_secret != NULL ? product_secret : device_secret);
    if (product_secret != NULL) config.stored_secret = stored_secret();
    config.limit_receive = RECEIVE;
    config.limit_transmit = TRANSMIT;
    config.limit_outbox = OUTBOX;
    config.limit_names = NAMES;
    config.limit_requests = REQUESTS;
    config.limit_calls = CALLS;
    config.limit_handlers = HANDLERS;
    config.limit_values = VALUES;
    if (getrandom(entropy, sizeof entropy, 0) != (ssize_t)sizeof entropy
        || enos_engine_init(memory, sizeof memory, &config, entropy, &engine, &why) != ENOS_OK) {
        fprintf(stderr, "wrong: %.*s\n", ENOS_ARG(why));
        return 1;
    }
    sigemptyset(&stop);
    sigaddset(&stop, SIGINT);
    sigaddset(&stop, SIGTERM);
    sigprocmask(SIG_BLOCK, &stop, NULL);
    signals = signalfd(-1, &stop, SFD_CLOEXEC | SFD_NONBLOCK);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    watch(signals, EPOLLIN, EPOLL_CTL_ADD);

    enos_engine_handle(engine, &at, ENOS_ENGINE_ROOT, ENOS_INVOCATION_SERVICE, ENOS_LIT("reboot"));
    enos_engine_connect(engine, &at, ENOS_ENGINE_FOREVER);
    drain();
    while (!is_closed) {
        if (posts > 0 && settled == posts && is_online) {
            is_online = 0;
            at = now();
            enos_engine_close(engine, &at, 5000);
        }
        post();
        drain();
        if (!is_closed) wait_and_hear();
        drain();
    }
    enos_engine_end(engine);
    return !has_failed && refused == 0 && settled >= posts ? 0 : 1;
}
