#!/usr/bin/env python3
"""Runs dsmrd, a mosquitto and a Home Assistant, and reports what Home Assistant makes of dsmrd.

Started by check-home-assistant, which installs what is missing. Meters are a simulated three-phase household with gas
and water, and any telegrams given as files, which are told once a second. Everything runs on free ports of
127.0.0.1 with a scratch folder, and is stopped at the end by its own process id.
"""

import argparse
import base64
import json
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

# Nothing is to be left beside it.
sys.dont_write_bytecode = True
from home_assistant_rig import Meter, take_card_away  # noqa: E402

UNKNOWN = (None, "unknown", "unavailable")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until(seconds, what, question):
    """Asks until the answer is true, and gives it."""
    for _ in range(int(seconds * 2)):
        try:
            if answer := question():
                return answer
        except OSError:
            pass
        time.sleep(0.5)
    sys.exit(f"not within {seconds} s: {what}")


def answers(port):
    with socket.create_connection(("127.0.0.1", port), 1):
        return True


class Socket:
    """As much of a WebSocket (RFC 6455) as Home Assistant's API takes."""

    def __init__(self, port, token):
        self.stream = socket.create_connection(("127.0.0.1", port), 60)
        key = base64.b64encode(os.urandom(16)).decode()
        self.stream.sendall(
            f"GET /api/websocket HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        self.file = self.stream.makefile("rb")
        while self.file.readline().strip():
            pass
        self.number = 0
        self.receive()
        self.send({"type": "auth", "access_token": token})
        assert self.receive()["type"] == "auth_ok"

    def send(self, message):
        data, mask = json.dumps(message).encode(), os.urandom(4)
        length = bytes([0x80 | len(data)]) if len(data) < 126 else b"\xfe" + struct.pack(">H", len(data))
        masked = bytes(byte ^ mask[i % 4] for i, byte in enumerate(data))
        self.stream.sendall(b"\x81" + length + mask + masked)

    def receive(self):
        data = b""
        while True:
            head, length = self.file.read(2)
            length &= 0x7F
            if length == 126:
                (length,) = struct.unpack(">H", self.file.read(2))
            elif length == 127:
                (length,) = struct.unpack(">Q", self.file.read(8))
            data += self.file.read(length)
            if head & 0x80:
                return json.loads(data)

    def ask(self, kind, **more):
        self.number += 1
        self.send({"id": self.number, "type": kind, **more})
        while (answer := self.receive())["id"] != self.number:
            pass
        if not answer.get("success"):
            sys.exit(f"Home Assistant does not answer {kind}: {answer.get('error')}")
        return answer["result"]


class HomeAssistant:
    def __init__(self, scratch):
        self.root = pathlib.Path(os.environ["HA_ROOT"])
        self.port = free_port()
        self.log_path = scratch / "hass.log"
        self.process = self.token = None
        self.apart = not (self.root / "bin/hass").exists()
        if self.apart:
            # A chroot sees its own folders alone.
            self.config = pathlib.Path(tempfile.mkdtemp(dir=self.root / "tmp", prefix="dsmrd-"))
        else:
            self.config = scratch / "hass"
            self.config.mkdir()
        inside = "/" + str(self.config.relative_to(self.root)) if self.apart else str(self.config)
        self.command = ["hass", "-c", inside, "--skip-pip"]
        self.command = (
            ["chroot", str(self.root), "env", "HOME=/root", "/ha/bin/" + self.command[0]]
            if self.apart
            else [str(self.root / "bin/hass")]
        ) + self.command[1:]
        (self.config / "configuration.yaml").write_text(
            "homeassistant: {name: Test, unit_system: metric, time_zone: Europe/Amsterdam, currency: EUR, country: NL}\n"
            f"http: {{server_host: 127.0.0.1, server_port: {self.port}}}\n"
            "api:\nconfig:\nrecorder:\nsensor:\nbinary_sensor:\nenergy:\nlogger: {default: warning}\n"
        )

    def start(self):
        with open(self.log_path, "a", encoding="utf-8") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log, start_new_session=True)
        path = "/api/" if self.token else "/api/onboarding"
        until(180, "Home Assistant answers", lambda: self.call("GET", path) is not None)

    def stop(self):
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()

    def call(self, method, path, body=None, form=False):
        headers, data = {}, None
        if body is not None:
            data = (urllib.parse.urlencode(body) if form else json.dumps(body)).encode()
            headers["Content-Type"] = "application/x-www-form-urlencoded" if form else "application/json"
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        url = f"http://127.0.0.1:{self.port}{path}"
        with urllib.request.urlopen(urllib.request.Request(url, data, headers, method=method), timeout=30) as answer:
            return json.loads(answer.read() or "null")

    def onboard(self):
        client = f"http://127.0.0.1:{self.port}/"
        user = {"name": "t", "username": "t", "password": "tttttttt", "language": "en", "client_id": client}
        code = self.call("POST", "/api/onboarding/users", user)["auth_code"]
        grant = {"client_id": client, "grant_type": "authorization_code", "code": code}
        self.token = self.call("POST", "/auth/token", grant, form=True)["access_token"]

    def integrate(self, handler, answer):
        flow = "/api/config/config_entries/flow"
        step = self.call("POST", flow, {"handler": handler})
        for _ in range(5):
            if step["type"] == "create_entry":
                return
            reply = {"next_step_id": step["menu_options"][0]} if step["type"] == "menu" else answer
            step = self.call("POST", f"{flow}/{step['flow_id']}", reply)
        sys.exit(f"the integration {handler} was not set up: {step}")

    def registry(self, kind):
        return json.loads((self.config / f".storage/core.{kind}_registry").read_text())

    def enable_all(self):
        """Switches every entity on; those off by default must work as well."""
        registry = self.registry("entity")
        for entity in registry["data"]["entities"]:
            entity["disabled_by"] = None
        (self.config / ".storage/core.entity_registry").write_text(json.dumps(registry))

    def states(self):
        return {state["entity_id"]: state for state in self.call("GET", "/api/states")}

    def warnings(self):
        lines = self.log_path.read_text(errors="replace").splitlines()
        words = ("mqtt", "dsmr", "sensor.", "energy", "recorder")
        marked = (line for line in lines if " WARNING " in line or " ERROR " in line)
        # Home Assistant clears the document of a device that it removed once more for each entity of it that is
        # switched off, and then warns of its own message.
        own = "No device components to cleanup"
        return [line[:400] for line in marked if own not in line and any(word in line.lower() for word in words)]


FOREIGN = ("homeassistant/sensor/foreign/config", '{"name": "Foreign", "unique_id": "foreign", "state_topic": "foreign/state"}')


def household(scratch, args):
    """A simulated meter in a hurry, so that a quarter-hour ends while we look; its process and its port."""
    port, start = free_port(), int(time.time()) // 900 * 900 - 10
    command = [os.environ["DSMRD"], "simulate", "--seed", args.seed, "--speed", str(args.speed),
               "--listen", f"127.0.0.1:{port}", "--start", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(start))]
    with open(scratch / "simulate.log", "w", encoding="utf-8") as log:
        return subprocess.Popen(command, stdout=log, stderr=log), port


def configure(scratch, broker, meters, args, contract=True, discovery=True):
    layouts = '["dsmrd"]' if args.no_dsmr_reader or args.no_simulation else '["dsmrd", "dsmr-reader"]'
    text = "".join(f'[[meter]]\nname = "{name}"\nsource = "tcp://127.0.0.1:{port}"\n' for name, port in meters)
    text += (
        f'[store]\npath = "{scratch}/card/record.sqlite"\n[[mqtt]]\nname = "check"\nurl = "mqtt://127.0.0.1:{broker}"\n'
        f'layouts = {layouts}\npayload = "{args.payload}"\ndiscovery = {str(discovery).lower()}\n'
    )
    if contract:
        text += (
            '[[contract]]\nname = "all"\nstart = "2000-01-01"\nimport_t1 = 0.2412\nimport_t2 = 0.2631\nimport = 0.25\n'
            "export_t1 = 0.051\nexport_t2 = 0.059\nexport = 0.055\ngas = 1.2795\nwater = 1.05\nheat = 43.79\nfixed = 0.5\n"
        )
    (scratch / "dsmrd.toml").write_text(text)


def run_dsmrd(scratch):
    with open(scratch / "dsmrd.log", "a", encoding="utf-8") as log:
        command = [os.environ["DSMRD"], "run", "-c", scratch / "dsmrd.toml"]
        return subprocess.Popen(command, stdout=log, stderr=log)


def end(process):
    process.terminate()
    try:
        process.wait(60)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def registered(socket_, platform):
    listed = socket_.ask("config/entity_registry/list")
    # What came up after all was switched on is off again, where that is its default.
    return {entity["entity_id"] for entity in listed if entity["platform"] == platform and not entity["disabled_by"]}


def dashboard(socket_, states, mqtt):
    """Fills the energy dashboard with what there is, and gives what Home Assistant finds wrong with it."""
    def find(device_class, *words):
        for entity in sorted(mqtt):
            attributes = states.get(entity, {}).get("attributes", {})
            if attributes.get("device_class") == device_class and all(word in entity for word in words):
                if attributes.get("state_class") == "total_increasing":
                    yield entity

    def price(word):
        found = [entity for entity in sorted(mqtt) if f"price_{word}" in entity]
        return {"entity_energy_price": found[0]} if found else {"number_energy_price": 0.25}

    def total(word):
        # Without JSON no cost is a total; then the price serves.
        is_total = lambda entity: states.get(entity, {}).get("attributes", {}).get("state_class") == "total"
        found = [entity for entity in sorted(mqtt) if entity.endswith(f"cost_today_{word}") and is_total(entity)]
        return {"stat_cost": found[0]} if found else {}

    sources = []
    takes = [entity for entity in find("energy", "energy_import_t") if not entity.endswith("total")]
    gives = [entity for entity in find("energy", "energy_export_t") if not entity.endswith("total")]
    if takes or gives:
        flow_from = [{"stat_energy_from": entity, "stat_cost": None, "entity_energy_price": None,
                      "number_energy_price": None, **price("import")} for entity in takes]
        flow_to = [{"stat_energy_to": entity, "stat_compensation": None, "entity_energy_price": None,
                    "number_energy_price": None, **price("export")} for entity in gives]
        sources.append({"type": "grid", "flow_from": flow_from, "flow_to": flow_to, "cost_adjustment_day": 0.0})
    for kind in ("gas", "water"):
        for entity in find(kind, "reading"):
            costs = {"stat_cost": None, "entity_energy_price": None, "number_energy_price": None, **price(kind)}
            sources.append({"type": kind, "stat_energy_from": entity, **(total(kind) if kind == "gas" else costs)})
    socket_.ask("energy/save_prefs", energy_sources=sources)
    time.sleep(2)
    issues = []
    for source, found in zip(sources, socket_.ask("energy/validate")["energy_sources"]):
        issues += [(source["type"], issue["type"], issue["affected_entities"]) for issue in found
                   if issue["type"] != "statistics_not_defined"]  # They come after five minutes.
    listed = {row["statistic_id"] for row in socket_.ask("recorder/list_statistic_ids")}
    used = takes + gives + [source["stat_energy_from"] for source in sources if source["type"] != "grid"]
    issues += [("statistics", "not listed", entity) for entity in used if entity not in listed]
    return used, issues


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", type=pathlib.Path, help="telegrams of further meters, a file each")
    parser.add_argument("--payload", default="value", choices=["value", "json", "value-timestamp"])
    parser.add_argument("--no-dsmr-reader", action="store_true", help="without the layout and integration dsmr_reader")
    parser.add_argument("--no-simulation", action="store_true", help="the files alone")
    parser.add_argument("--seed", default="1", help="of the simulated household")
    parser.add_argument("--speed", type=int, default=20, help="how much faster the simulated household lives")
    parser.add_argument("--wait", type=float, default=20, help="seconds to look on; 330 sees statistics made")
    parser.add_argument("--json", type=pathlib.Path, help="where to write all states")
    parser.add_argument("--keep", action="store_true", help="keep the scratch folder")
    args = parser.parse_args()
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="dsmrd-check-"))
    hass, running, good, begun = HomeAssistant(scratch), [], False, time.monotonic()
    reader = not (args.no_dsmr_reader or args.no_simulation)
    try:
        broker = free_port()
        (scratch / "mosquitto.conf").write_text(f"listener {broker} 127.0.0.1\nallow_anonymous true\nuser root\nlog_type all\n")
        with open(scratch / "mosquitto.log", "w", encoding="utf-8") as log:
            running.append(subprocess.Popen(["mosquitto", "-c", scratch / "mosquitto.conf"], stdout=log, stderr=log))
        until(10, "mosquitto answers", lambda: answers(broker))
        subprocess.run(["mosquitto_pub", "-p", str(broker), "-r", "-t", FOREIGN[0], "-m", FOREIGN[1]], check=True)
        subprocess.run(["mosquitto_pub", "-p", str(broker), "-r", "-t", "foreign/state", "-m", "1"], check=True)
        meters = [(path.stem.replace(".", "_"), Meter(path).port) for path in args.files]
        if not args.no_simulation:
            simulation, port = household(scratch, args)
            running.append(simulation)
            meters.insert(0, ("house", port))
        (scratch / "card").mkdir()
        configure(scratch, broker, meters, args)
        running.append(run_dsmrd(scratch))
        hass.start()
        hass.onboard()
        hass.integrate("mqtt", {"broker": "127.0.0.1", "port": broker})
        if reader:
            hass.integrate("dsmr_reader", {})
        time.sleep(10)
        shown = hass.states()
        hass.stop()
        before = hass.registry("entity")["data"]["entities"]
        default = [entity for entity in before if entity["platform"] == "mqtt" and not entity["disabled_by"]]
        blank = [entity["entity_id"] for entity in default
                 if shown.get(entity["entity_id"], {}).get("state") in UNKNOWN]
        hass.enable_all()
        hass.start()
        # Past the end of a quarter-hour of the household's time.
        time.sleep(max(args.wait, begun + 1200 / max(args.speed, 20) - time.monotonic()))
        states = hass.states()
        # Before there is a socket, which wants to be listened to.
        faults = take_card_away(hass, scratch)
        hass_socket = Socket(hass.port, hass.token)
        of = {platform: registered(hass_socket, platform) for platform in ("mqtt", "dsmr_reader")}
        used, issues = dashboard(hass_socket, states, of["mqtt"])
        devices = [device["name"] for device in hass_socket.ask("config/device_registry/list") if device["name"]]
        # Without a contract nothing costs anything; without discovery nothing of ours is left.
        left = {}
        for what, contract, discovery in (("contract", False, True), ("discovery", False, False)):
            end(running.pop())
            configure(scratch, broker, meters, args, contract, discovery)
            running.append(run_dsmrd(scratch))
            time.sleep(15)
            left[what] = registered(hass_socket, "mqtt")
        costs = sorted(entity for entity in left["contract"] if "_cost_" in entity)
        strays = sorted(left["discovery"] ^ {"sensor.foreign"})
        hass.stop()
        unknown = {platform: sorted(entity for entity in entities if states.get(entity, {}).get("state") in UNKNOWN)
                   for platform, entities in of.items()}
        warnings = hass.warnings()
        print(f"devices: {', '.join(devices)}")
        print(f"entities on by default: {len(default) - len(blank)}/{len(default)} with a state; without: {blank}")
        for platform, entities in of.items():
            known = len(entities) - len(unknown[platform])
            print(f"{platform}, all switched on: {known}/{len(entities)} with a state; without: {unknown[platform]}")
        print(f"energy dashboard: {len(used)} statistics, issues: {issues}")
        print(f"left without a contract: {len(left['contract'])}, of them costs: {costs}")
        print(f"left without discovery, or gone with it and another's: {strays}")
        print(f"the record taken away and put back: {faults or 'told'}")
        print(f"warnings: {len(warnings)}")
        for line in warnings[:40]:
            print("  ", line)
        if args.json:
            kept = {entity: states.get(entity) for entities in of.values() for entity in sorted(entities)}
            args.json.write_text(json.dumps({"states": kept, "warnings": warnings, "issues": issues}, indent=1))
        good = not (blank or any(unknown.values()) or issues or warnings or costs or strays or faults) and bool(default) and (
            not reader or len(of["dsmr_reader"]) == 81)
    finally:
        hass.stop()
        for process in reversed(running):
            end(process)
        if hass.apart:
            shutil.rmtree(hass.config, ignore_errors=True)
        if not args.keep:
            shutil.rmtree(scratch, ignore_errors=True)
    print("all is well" if good else "NOT all is well")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
