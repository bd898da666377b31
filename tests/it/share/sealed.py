"""dsmr_parser with the meter's key at a share that sends frames untouched: PORT, COUNT, key, authentication key."""

import sys

from dsmr_parser import telegram_specifications
from dsmr_parser.clients import SocketReader

port, count, key, auth_key = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
specification = telegram_specifications.SAGEMCOM_T210_D_R
reader = SocketReader("127.0.0.1", port, specification, key, auth_key)
for number, telegram in enumerate(reader.read(), 1):
    print(telegram.P1_MESSAGE_TIMESTAMP.value.isoformat(), flush=True)
    if number == count:
        break
