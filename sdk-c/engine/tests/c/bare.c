/*
 * The engine with nothing below it: no C library, no start files, no heap; Linux on x86-64. Signs in to canned bytes, posts,
 * answers a command. With -DEMPTY only its frame, to be measured against.
 */
#include <stddef.h>
#include <stdint.h>

/* The engine's header has helpers that use these; a board's C library has them. */
void *memcpy(void *to, const void *from, size_t n);
void *memset(void *to, int byte, size_t n);
int memcmp(const void *a, const void *b, size_t n);
void *memmove(void *to, const void *from, size_t n);
int bcmp(const void *a, const void *b, size_t n);

#include <enos_engine.h>

static long call3(long number, long a, long b, long c)
{
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
    return result;
}

static void end(int code)
{
    for (;;) call3(231, code, 0, 0);
}

void *memcpy(void *to, const void *from, size_t n)
{
    void *start = to;
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
    return start;
}

void *memset(void *to, int byte, size_t n)
{
    void *start = to;
    __asm__ volatile("rep stosb" : "+D"(to), "+c"(n) : "a"(byte) : "memory");
    return start;
}

void *memmove(void *to, const void *from, size_t n)
{
    volatile unsigned char *up = (volatile unsigned char *)to;
    const volatile unsigned char *down = (const volatile unsigned char *)from;
    if ((uintptr_t)to - (uintptr_t)from >= n) return memcpy(to, from, n);
    while (n-- > 0) up[n] = down[n];
    return to;
}

int memcmp(const void *a, const void *b, size_t n)
{
    const volatile unsigned char *left = (const volatile unsigned char *)a, *right = (const volatile unsigned char *)b;
    size_t at;
    for (at = 0; at < n; at++)
        if (left[at] != right[at]) return left[at] < right[at] ? -1 : 1;
    return 0;
}

int bcmp(const void *a, const void *b, size_t n)
{
    return memcmp(a, b, n);
}

#ifndef EMPTY
static uint8_t memory[ENOS_ENGINE_SIZE(1024, 768, 768, 512, 4, 1, 4, 16)];
static const enos_engine_now_t NOW = { 1000, ENOS_ENGINE_NO_CLOCK };
static const uint8_t CONNACK[] = { 0x20, 2, 0, 0 };
static const char COMMAND[] = "\x30\x67\0\x1f/sys/pk/dk/thing/service/reboot"
                              "{\"id\":\"2\",\"version\":\"1.0\",\"method\":\"thing.service.reboot\",\"params\":{}}";

static enos_engine_t *engine;
static size_t bytes;
static int online, commands, replies;

static void check(int truth, int code)
{
    if (!truth) end(code);
}

static void drain(void)
{
    enos_engine_output_t out;
    enos_engine_output_init(&out);
    while (enos_engine_poll_output(engine, &NOW, &out) == ENOS_OK && out.tag != ENOS_ENGINE_WAIT)
        switch (out.tag) {
        case ENOS_ENGINE_DIAL: enos_engine_link_up(engine, &NOW); break;
        case ENOS_ENGINE_TRANSMIT:
            bytes += out.as.transmit.len;
            enos_engine_sent(engine, &NOW, out.as.transmit.len);
            break;
        case ENOS_ENGINE_STORE: enos_engine_stored(engine, &NOW, ENOS_OK); break;
        case ENOS_ENGINE_HANG_UP: enos_engine_link_down(engine, &NOW, ENOS_ENGINE_LINK_HUNG_UP); break;
        case ENOS_ENGINE_ONLINE: online = 1; break;
        case ENOS_ENGINE_COMMAND:
            commands++;
            if (enos_engine_reply(engine, &NOW, out.as.command.call, 200, ENOS_LIT("{}"), ENOS_LIT("")) == ENOS_OK)
                replies++;
            break;
        default: break;
        }
}

static void hear(const void *from, size_t len)
{
    size_t room;
    uint8_t *buffer = enos_engine_receive_buffer(engine, &room);
    check(buffer != NULL && room >= len, 10);
    memcpy(buffer, from, len);
    enos_engine_received(engine, &NOW, len);
    drain();
}

static void live(void)
{
    enos_engine_config_t config;
    enos_point_t point = { ENOS_STR("temp"), enos_double(21.5) };
    uint8_t entropy[32] = { 1 };
    size_t before;
    enos_engine_config_init(&config);
    config.hub = ENOS_LIT("tcp://hub");
    config.login = ENOS_LOGIN_DEVICE_SECRET;
    config.product_key = ENOS_LIT("pk");
    config.device_key = ENOS_LIT("dk");
    config.secret = ENOS_LIT("secret");
    check(enos_engine_init(memory, sizeof memory, &config, entropy, &engine, NULL) == ENOS_OK, 1);
    check(enos_engine_handle(engine, &NOW, 0, ENOS_INVOCATION_SERVICE, ENOS_LIT("reboot")) == ENOS_OK, 2);
    check(enos_engine_connect(engine, &NOW, ENOS_ENGINE_FOREVER) == ENOS_OK, 3);
    drain();
    hear(CONNACK, sizeof CONNACK);
    check(online, 4);
    before = bytes;
    check(enos_engine_post_measurepoints(engine, &NOW, 0, &point, 1, ENOS_TIME_NOW, 9000, NULL) == ENOS_OK, 5);
    drain();
    check(bytes > before + 60, 6);
    hear(COMMAND, sizeof COMMAND - 1);
    check(commands == 1 && replies == 1, 7);
    check(enos_engine_close(engine, &NOW, 1000) == ENOS_OK, 8);
    drain();
    enos_engine_end(engine);
}
#endif

int main(void);

__asm__(".globl _start\n_start:\n\txor %ebp, %ebp\n\tand $-16, %rsp\n\tcall main\n\tud2\n");

int main(void)
{
#ifndef EMPTY
    live();
#endif
    call3(1, 1, (long)(size_t)"done\n", 5);
    end(0);
    return 0;
}
