#!/usr/bin/env python3
"""slow_cable.py NAMESPACE NAMESPACE: a cable between two network namespaces, an interface `cable` in each, that takes its time. Every
frame arrives 4 to 8 ms after it was sent, in order; after SIGUSR1 none arrives, until SIGUSR2: then all do. Runs until it is killed.
"""
import collections
import fcntl
import os
import random
import select
import signal
import struct
import subprocess
import sys
import time

TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 0x0002, 0x1000
LONGEST_FRAME = 1 << 16
held = False


def hold(signal_number, frame):
    global held
    held = signal_number == signal.SIGUSR1


def plug_into(namespace):
    end = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    name = f"cable{os.getpid()}"
    fcntl.ioctl(end, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI))
    subprocess.run(["ip", "link", "set", name, "netns", namespace, "name", "cable"], check=True)
    return end


def take(end, queue):
    """Frames leave in the order in which they came."""
    due = time.monotonic() + random.uniform(0.004, 0.008)
    queue.append((max(due, queue[-1][0] if queue else 0), os.read(end, LONGEST_FRAME)))


def deliver(queue, end):
    while queue and not held and queue[0][0] <= time.monotonic():
        try:
            os.write(end, queue.popleft()[1])
        except OSError:
            pass  # the interface is down: the frame is lost, as by a cable


def main():
    first, second = (plug_into(namespace) for namespace in sys.argv[1:3])
    ways = {first: (collections.deque(), second), second: (collections.deque(), first)}
    signal.signal(signal.SIGUSR1, hold)
    signal.signal(signal.SIGUSR2, hold)
    while True:
        for end in select.select([first, second], [], [], 0.001)[0]:
            take(end, ways[end][0])
        for queue, end in ways.values():
            deliver(queue, end)


if __name__ == "__main__":
    main()
