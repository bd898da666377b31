"""What home_assistant.py shows to Home Assistant: meters of given telegrams, and a record that is taken away."""

import json
import pathlib
import socket
import threading
import time


class Meter:
    """A meter on TCP that says one telegram again and again."""

    def __init__(self, path):
        self.telegram = pathlib.Path(path).read_bytes()
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            client, _ = self.server.accept()
            threading.Thread(target=self.tell, args=(client,), daemon=True).start()

    def tell(self, client):
        try:
            while True:
                client.sendall(self.telegram)
                time.sleep(1)
        except OSError:
            client.close()


def take_card_away(hass, scratch):
    """Takes the record away and puts it back; what is wrong with what its entity says meanwhile."""
    entity, card = "binary_sensor.dsmrd_store", scratch / "card"
    wrong = []

    def expect(state, *words):
        for _ in range(60):
            shown = hass.states().get(entity) or {}
            text = json.dumps(shown.get("attributes", {}))
            if shown.get("state") == state and all(word in text for word in words):
                return
            time.sleep(0.5)
        wrong.append(f"{entity} is not {state} with {words}: {shown}")

    expect("off", '"problem": null', '"since": null')
    card.rename(scratch / "away")
    expect("on", "taken away", '"since": "20')
    (scratch / "away").rename(card)
    expect("off", '"problem": null', '"lost": 0')
    return wrong
