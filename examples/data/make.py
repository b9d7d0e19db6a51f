#!/usr/bin/env python3
"""Makes the two days of this folder: a wind turbine and a solar inverter, in 10-minute rows.

Run it in this folder to write the files again, with --check to see that they are what it makes. README.md says what
is in them and why.
"""
import json
import math
import sys
from pathlib import Path

HERE = Path(__file__).parent
START_MS = 1_773_964_800_000  # 2026-03-20T00:00:00Z, the equinox: 12 hours of sun
STEP_MS = 600_000
ROWS = 144


class Noise:
    """A small generator with a fixed seed: the same day on every machine (Numerical Recipes' LCG)."""

    def __init__(self, seed):
        self.state = seed

    def next(self):
        self.state = (self.state * 1664525 + 1013904223) % 2**32
        return self.state / 2**32 * 2 - 1


def turbine():
    noise = Noise(41)
    rows = []
    for n in range(ROWS):
        hours = n / 6
        wind = 8.4 + 3.1 * math.sin((hours - 9) * math.pi / 12) + 1.2 * math.sin(n / 1.9) + 0.7 * noise.next()
        wind = max(wind, 0.0)
        running = 3.0 <= wind <= 25.0
        power = min(2500.0, 2.9 * wind**3) if running else 0.0
        rows.append({
            "windSpeed": round(wind, 2),
            "rotorSpeed": round(min(17.5, 1.55 * wind), 2) if running else 0.0,
            "power": round(power, 1),
            "temp": round(21.0 + power / 95 + 4 * math.sin((hours - 8) * math.pi / 12) + 0.4 * noise.next(), 1),
            "state": 2 if running else 0,
            "temp_quality": 0,
        })
    for n in (30, 31, 32):  # the sensor is frozen and says so
        rows[n]["temp"] = rows[29]["temp"]
        rows[n]["temp_quality"] = 5
    for n in (80, 81, 82):  # the sensor says nothing
        rows[n]["temp"] = None
        rows[n]["temp_quality"] = None
    rows[77]["temp"] = 999.9  # broken wire: outside -60 to 150
    rows[101]["power"] = 60_000.0  # a spike: outside -100 to 6000
    rows[118]["windSpeed"] = -1.5  # outside 0 to 90
    order = list(range(ROWS))
    del order[61:64]  # the link was down: 10:10 to 10:30 are missing
    late = [90, 91]
    order = [n for n in order if n not in late]
    order[order.index(95) + 1:order.index(95) + 1] = late  # buffered, and sent after 15:50
    for n in (20, 21, 143):  # sent twice
        order.insert(order.index(n) + 1, n)
    return rows, order, {77, 101, 118}


def inverter():
    noise = Noise(7)
    rows = []
    total = 0.0
    for n in range(ROWS):
        sun = math.sin((n / 6 - 6) * math.pi / 12)
        clouds = 1 - 0.35 * max(0.0, math.sin(n / 5.3)) * (1 if 60 < n < 100 else 0)
        power = max(0.0, 104 * sun * clouds + 1.5 * noise.next()) if sun > 0 else 0.0
        limited = power > 95
        power = min(power, 95.0)
        total += power / 6
        rows.append({
            "acPower": round(power, 2),
            "dcVoltage": round(620 + 90 * sun + 3 * noise.next(), 1) if sun > 0 else 0.0,
            "yieldToday": round(total, 2),
            "mode": "limited" if limited else "mppt" if power > 0 else "night",
            "acPower_quality": 0,
        })
    for n in (50, 51):  # a fuse: the meter's values are doubtful
        rows[n]["acPower_quality"] = 3
    rows[12]["acPower"] = -3.2  # own consumption at night: outside 0 to 120
    rows[88]["mode"] = "island"  # not in the model's list
    order = list(range(ROWS))
    del order[105:107]  # 17:30 and 17:40 are missing
    order.remove(70)
    order.insert(order.index(74) + 1, 70)
    order.insert(order.index(99) + 1, 99)
    return rows, order, {12, 88}


def expected(rows, order, refused):
    latest, accepted, unchanged = {}, 0, 0
    for n in order:
        if n in refused:
            continue
        accepted += 1
        changed = False
        for name, value in rows[n].items():
            if name.endswith("_quality") or value is None:
                continue
            if name in latest and latest[name]["row"] > n:
                continue
            new = {"row": n, "time": START_MS + n * STEP_MS, "value": value}
            changed |= latest.get(name) != new
            latest[name] = new
        unchanged += not changed
    for entry in latest.values():
        del entry["row"]
    return {
        "rows": len(order),
        "accepted": accepted,
        "refused": sum(n in refused for n in order),
        "unchanged": unchanged,
        "latest": latest,
    }


def files():
    made, sums = {}, {}
    for name, (rows, order, refused) in {"turbine": turbine(), "inverter": inverter()}.items():
        columns = list(rows[0])
        lines = [",".join(["time_ms", *columns])]
        for n in order:
            cells = ["" if rows[n][c] is None else str(rows[n][c]) for c in columns]
            lines.append(",".join([str(START_MS + n * STEP_MS), *cells]))
        made[f"{name}.csv"] = "\n".join(lines) + "\n"
        sums[name] = expected(rows, order, refused)
    made["expected.json"] = json.dumps(sums, indent=1) + "\n"
    return made


def main():
    wrong = []
    for name, text in files().items():
        path = HERE / name
        if "--check" in sys.argv:
            if path.read_text() != text:
                wrong.append(name)
        else:
            path.write_text(text)
    if wrong:
        sys.exit(f"not what make.py makes: {', '.join(wrong)}")


if __name__ == "__main__":
    main()
