"""What the measured Python programs share: the order on their command line, and the lines that they print.

A line says where the program is; whoever started it reads its CPU clock or its memory then. After the last one the
program waits until its input is closed, so that it is still there to be read. Imports little: a start is measured, too.
"""
import os
import sys
import time


class Order:
    """TASK HOST PORT COUNT WARM_UP WINDOW PRODUCT_KEY DEVICE_KEY POST_REST."""

    def __init__(self):
        (self.task, self.host, port, count, warm_up, window, self.product_key, self.device_key,
         self.post_rest) = sys.argv[1:]
        self.port, self.count, self.warm_up, self.window = int(port), int(count), int(warm_up), int(window)
        self.url = f"tcp://{self.host}:{port}"
        self.user = f"{self.device_key}&{self.product_key}"
        self.topic = f"/sys/{self.product_key}/{self.device_key}/thing/measurepoint/post"


def mark(what):
    """"begin": the warm-up is over. "end": all is done. "first": the first post is settled. "idle": connected."""
    sys.stdout.write(f"{what} {time.monotonic_ns()}\n")
    sys.stdout.flush()


def fail(why):
    """Ends the program from whatever thread."""
    sys.stderr.write(f"{sys.argv[0]}: {why}\n")
    sys.stderr.flush()
    os._exit(1)


def wait_for_release():
    """Until whoever started this has read what it wanted."""
    sys.stdin.buffer.read()


def leave():
    """Ends the program once its input is closed; threads of a library may be running."""
    wait_for_release()
    sys.stdout.flush()
    os._exit(0)


class Meter:
    """Counts what is done, and marks the end of the warm-up and of the work."""

    def __init__(self, order):
        self.done, self.warm_up, self.count = 0, order.warm_up, order.count

    def add(self):
        """Says whether all is done."""
        self.done += 1
        if self.done == self.warm_up:
            mark("begin")
        if self.done == self.count:
            mark("end")
            return True
        return False


def print_latencies(micros):
    """Prints the middle and the 99th percentile."""
    micros = sorted(micros)
    last = len(micros) - 1
    print(f'figures {{"p50_us":{micros[last // 2]},"p99_us":{micros[round(last * 0.99)]}}}', flush=True)


def one_at_a_time(order, post_and_wait):
    """Calls that function again and again."""
    micros = []
    clock = time.perf_counter
    for number in range(order.count):
        if number == order.warm_up:
            mark("begin")
        start = clock()
        post_and_wait()
        micros.append((clock() - start) * 1e6)
    print_latencies(micros[order.warm_up:])
    mark("end")


async def one_at_a_time_async(order, post_and_wait):
    """The same of a coroutine function."""
    micros = []
    clock = time.perf_counter
    for number in range(order.count):
        if number == order.warm_up:
            mark("begin")
        start = clock()
        await post_and_wait()
        micros.append((clock() - start) * 1e6)
    print_latencies(micros[order.warm_up:])
    mark("end")
