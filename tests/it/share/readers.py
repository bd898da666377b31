"""Readers of other programs at one share: PORT, and how many telegrams each of them must get.

Nine of dsmr_parser's socket readers, its asyncio protocol as Home Assistant's `dsmr` uses it, a reader as
DSMR-reader's, and one client that never reads. A line for each telegram: who got it, the meter's time, its first
register, its power, and when it was there in nanoseconds since 1970.
"""

import asyncio
import re
import socket
import sys
import threading
import time

from dsmr_parser import telegram_specifications
from dsmr_parser.clients import SocketReader
from dsmr_parser.clients.protocol import create_tcp_dsmr_reader
from dsmr_parser.parsers import TelegramParser

PORT, COUNT = int(sys.argv[1]), int(sys.argv[2])
printing = threading.Lock()


def tell(who, telegram, at):
    clock = telegram.P1_MESSAGE_TIMESTAMP.value.isoformat()
    register = telegram.ELECTRICITY_USED_TARIFF_1.value
    power = telegram.CURRENT_ELECTRICITY_USAGE.value
    with printing:
        print(who, clock, register, power, at, flush=True)


def socket_reader(who):
    reader = SocketReader("127.0.0.1", PORT, telegram_specifications.V5)
    for count, telegram in enumerate(reader.read(), 1):
        tell(who, telegram, time.time_ns())
        if count == COUNT:
            return


async def home_assistant():
    done = asyncio.Event()
    count = 0

    def got(telegram):
        nonlocal count
        count += 1
        tell("home-assistant", telegram, time.time_ns())
        if count == COUNT:
            done.set()

    transport, _ = await create_tcp_dsmr_reader("127.0.0.1", PORT, "5", got, keep_alive_interval=30)
    await done.wait()
    transport.close()


def dsmr_reader(stop):
    try:
        import serial
    except ImportError:
        return
    parser = TelegramParser(telegram_specifications.V5)
    handle = serial.serial_for_url(f"socket://127.0.0.1:{PORT}", timeout=1 / 3)
    buffer = ""
    while not stop.is_set():
        buffer += str(handle.read(2048), "latin_1")
        match = re.search(r"(/[^/]+![A-Z0-9]{0,4})", buffer, re.DOTALL)
        if match:
            tell("dsmr-reader", parser.parse(match.group(1) + "\r\n"), time.time_ns())
            buffer = ""
            handle.reset_input_buffer()
    handle.close()


stalled = socket.socket()
stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
stalled.connect(("127.0.0.1", PORT))

stop = threading.Event()
apart = threading.Thread(target=dsmr_reader, args=(stop,))
threads = [threading.Thread(target=socket_reader, args=(f"socket-{n}",)) for n in range(9)]
threads.append(threading.Thread(target=lambda: asyncio.run(home_assistant())))
for thread in [*threads, apart]:
    thread.start()
for thread in threads:
    thread.join()
# What was sent last is still there for a reader that looks three times a second.
time.sleep(1)
stop.set()
apart.join()

# The one that never read is waited for until it is hung up on.
stalled.settimeout(30)
try:
    while stalled.recv(65536):
        pass
    print("stalled end", flush=True)
except ConnectionResetError:
    print("stalled reset", flush=True)
