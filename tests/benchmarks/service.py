"""Measure what `patient-view` with a chart of 50 KB holds against an empty endpoint of the same server, and its memory.

Run as `python tests/benchmarks/service.py [--seconds N] [--rounds N] [--requests N] [--connections N]`. It needs `wrk`
(Debian's package of that name). Both sides of the ratio are measured in the same run, in rounds that alternate; figures are
medians, of requests a second and of the service's processor time for each, which tells more on a busy machine. Three calls:
of one chart again and again, of charts whose records all differ in a weight, and of a record that is answered by the JSON
API. An answer that is no 200, or a memory that grows by a tenth, fails the run; no time does.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent))

from charts import hook_call, observation, second_line
from running import Running, serving

SIZE = 50_000
MARK = 123456


def chart() -> bytes:
    """Make a call with a chart of 50 KB; its weight has `MARK` in its decimals, so that charts can differ in a fact."""
    prefetch = second_line()
    entries = prefetch["observations"]["entry"]
    weight = observation("weight", "29463-7", "0", "2023-07-02")
    del weight["valueCodeableConcept"]
    weight["valueQuantity"] = {
        "value": float(f"50.{MARK}"),
        "unit": "kg",
        "system": "http://unitsofmeasure.org",
        "code": "kg",
    }
    entries.append({"resource": weight})
    while len(json.dumps(hook_call("patient-view", prefetch))) < SIZE:
        other = observation(f"other-{len(entries)}", "8867-4", "0", "2023-07-02")
        del other["valueCodeableConcept"]
        other["valueQuantity"] = {
            "value": len(entries),
            "unit": "/min",
            "system": "http://unitsofmeasure.org",
            "code": "/min",
        }
        entries.append({"resource": other})
    return json.dumps(hook_call("patient-view", prefetch)).encode()


def script(folder: Path, name: str, body: bytes, differing: bool = False) -> Path:
    """Write a script for wrk that posts a body, or bodies that each hold another number in the place of `MARK`."""
    (folder / name).write_bytes(body)
    file = folder / f"{name}.lua"
    post = f"""wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
local body = io.open("{folder / name}", "rb"):read("*all")
wrk.body = body
"""
    other = f"""local turn = 0
local before, after = body:match("^(.*){MARK}(.*)$")
request = function()
  turn = turn + 1
  return wrk.format(nil, nil, nil, before .. string.format("%06d", (turn * 1001) % 1000000) .. after)
end
"""
    file.write_text(post + other if differing else post)
    return file


def load(url: str, seconds: float, connections: int, lua: Path | None = None) -> tuple[float, int, int]:
    """Ask as fast as it goes: requests per second, requests, and how many of them failed."""
    more = [] if lua is None else ["-s", str(lua)]
    said = subprocess.run(
        ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--timeout", "30s", *more, url],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
    count = re.search(r"(\d+) requests in", said)
    assert rate is not None, said
    assert count is not None, said
    errors = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
    broken = re.search(r"connect (\d+), read (\d+), write (\d+), timeout (\d+)", said)
    return float(rate[1]), int(count[1]), int(errors[1] if errors else 0) + sum(map(int, broken.groups() if broken else ()))


def processes(service: Running) -> list[Path]:
    """List where the system tells of the service's processes."""
    children = Path(f"/proc/{service.process.pid}/task/{service.process.pid}/children").read_text().split()
    return [Path("/proc") / pid for pid in children]


def memory(service: Running) -> int:
    """Give the memory of the service's processes in KiB."""
    found = (re.search(r"VmRSS:\s+(\d+)", (own / "status").read_text()) for own in processes(service))
    return sum(int(line[1]) for line in found if line is not None)


def busy(service: Running) -> float:
    """Give the seconds of processor time that the service's processes have used."""
    told = [(own / "stat").read_text().rpartition(")")[2].split() for own in processes(service)]
    return sum(int(fields[11]) + int(fields[12]) for fields in told) / os.sysconf("SC_CLK_TCK")


def ratio_of(own: list[float], other: list[float]) -> float:
    """Give the median ratio of figures that were taken in the same rounds."""
    return statistics.median(a / b for a, b in zip(own, other, strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--requests", type=int, default=200_000)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--log-level", default="info")
    options = parser.parse_args()
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is not installed; it makes the load (Debian: apt-get install wrk)")
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    failed = 0
    with tempfile.TemporaryDirectory() as name, serving(Path(name), "--log-level", options.log_level) as service:
        folder = Path(name)
        hook, api = f"{service.url}/cds-services/guideline-patient-view", f"{service.url}/api/answer"
        record = service.client.get("/api/guideline").json()["examples"][0]["record"]
        ways = {
            "an empty endpoint": (f"{service.url}/health", None),
            "patient-view, one chart": (hook, script(folder, "one", chart())),
            "patient-view, charts that differ": (hook, script(folder, "many", chart(), differing=True)),
            "answer to a record": (api, script(folder, "record", json.dumps({"patient": record}).encode())),
        }
        print(f"charts of {len(chart()):,} bytes, {options.connections} connections, {options.rounds} rounds")
        rates: dict[str, list[float]] = {way: [] for way in ways}
        costs: dict[str, list[float]] = {way: [] for way in ways}
        for _ in range(options.rounds):
            for way, (url, lua) in ways.items():
                before = busy(service)
                rate, count, errors = load(url, options.seconds, options.connections, lua)
                costs[way].append((busy(service) - before) / count)
                rates[way].append(rate)
                failed += errors
        for way, own in rates.items():
            ratio, cost = (ratio_of(told[way], told["an empty endpoint"]) for told in (rates, costs))
            print(
                f"  {way}: {statistics.median(own):,.0f} requests/s, {ratio:.2f} of an empty endpoint; "
                f"{statistics.median(costs[way]) * 1000:.2f} ms of processor time, {1 / cost:.2f}"
            )
        before, done = memory(service), 0
        while done < options.requests:
            left = (options.requests - done) / statistics.median(rates["patient-view, one chart"])
            url, lua = ways["patient-view, charts that differ" if done % 2 else "patient-view, one chart"]
            _, count, errors = load(url, min(20, left + 1), options.connections, lua)
            done, failed = done + count, failed + errors
            print(f"  {done:,} requests: {memory(service) / 1024:.0f} MiB")
        after = memory(service)
    print(f"errors: {failed}; memory {before / 1024:.0f} MiB, after {done:,} more requests {after / 1024:.0f} MiB")
    if failed or after > before * 1.1:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
