"""Long inputs and results: the codec, the stores and the cache, and a workflow full of them.

    ./script/bench payload [codec|stores|workflow] ...

The codec beside msgspec alone; a text read from the cache beside the same from a directory and from
S3 (moto's, on this machine: the network of a real one comes on top); and 1,000 jumbo fields in one
workflow, beside the same with short results. Everything is measured in turn, and printed as medians
with the spread of the ratios.
"""

from __future__ import annotations

import json
import logging
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from _engine import figures

from dataflow import Workflow, activity
from dataflow.connect import connect
from dataflow.payload import codec
from dataflow.payload.fields import Fields
from dataflow.process.definitions import type_of
from dataflow.process.standalone import Setup, Standalone, Start
from dataflow.storage.cache import DiskCache
from dataflow.storage.cipher import AesGcm
from dataflow.storage.coding import Codec, Coding
from dataflow.storage.directory import DirectoryStore
from dataflow.storage.fields import Source, StoredFields
from dataflow.storage.s3 import S3Store

ROUNDS = 5
RECORDS = 20_000
TEXT_BYTES = 1_000_000
READS = 20
FIELDS, FIELD_CHARACTERS = 1_000, 100_000
_MEGA = 1e6


def records(n: int) -> list[dict[str, Any]]:
    """What an activity might return: rows of a table."""
    chance = random.Random(17)  # noqa: S311 - the same each time
    return [
        {
            "id": i,
            "name": f"product {chance.random()}",
            "price": chance.random(),
            "tags": ["a", "b"],
        }
        for i in range(n)
    ]


def megabytes_per_second(size: int, work: Callable[[], object]) -> float:
    return figures.per_second(1, work) * size / _MEGA


def print_rates(name: str, ours: list[float], floors: list[float], floor: str) -> None:
    figures.line(
        name,
        f"{statistics.median(ours):7.0f} MB/s   {floor} {statistics.median(floors):7.0f} MB/s   "
        f"{figures.ratio(ours, floors)}",
    )


def bench_codec(_: Path) -> None:
    value = records(RECORDS)
    text = codec.encode(value)
    size = len(text.encode())
    figures.title(f"Codec: {size / _MEGA:.1f} MB of JSON")
    measured = figures.in_turn(
        {
            "encode": lambda: megabytes_per_second(size, lambda: codec.encode(value)),
            "encode-floor": lambda: megabytes_per_second(
                size, lambda: msgspec.json.encode(value, order="sorted")
            ),
            "decode": lambda: megabytes_per_second(size, lambda: codec.decode(text)),
            "decode-floor": lambda: megabytes_per_second(size, lambda: msgspec.json.decode(text)),
        },
        ROUNDS,
    )
    for name in ("encode", "decode"):
        print_rates(name, measured[name], measured[f"{name}-floor"], "msgspec")


def stored(source: Source, codec: Codec | None = None) -> StoredFields:
    def find(name: str) -> Codec:
        raise KeyError(name)

    return StoredFields(Coding(codec, find), [source])


def bench_stores(directory: Path) -> None:
    text = codec.encode(records(TEXT_BYTES // 75))
    size = len(text)
    figures.title(f"Stores: a text of {size / _MEGA:.1f} MB, compressed; how long one call takes")
    with s3_server() as bucket:
        s3, files = S3Store(bucket), DirectoryStore(directory / "payloads", "payloads")
        cache = DiskCache(directory / "cache", 10**9)
        cached = stored(Source(s3, cache))
        rooms = {
            "S3": stored(Source(s3)),
            "cache": cached,
            "directory": stored(Source(files)),
            "directory, encrypted": stored(Source(files), AesGcm({"k": bytes(32)})),
            "cache of a directory": stored(Source(files, cache)),
        }
        references = {name: written(room, text) for name, room in rooms.items()}

        def read(name: str) -> Callable[[], float]:
            def measure() -> float:
                start = time.perf_counter()
                for _ in range(READS):
                    assert rooms[name].read(references[name]) == text
                return (time.perf_counter() - start) / READS * 1000

            return measure

        measured = figures.in_turn({name: read(name) for name in rooms}, ROUNDS)
        for name, times in measured.items():
            what = figures.ratio(times, measured["directory"])
            figures.line(f"read, {name}", f"{statistics.median(times):7.2f} ms   {what}")
        start = time.perf_counter()
        for n in range(READS):
            written(rooms["directory"], f"{text[:-1]}, {n}]")
        figures.line("write, directory", f"{(time.perf_counter() - start) / READS * 1000:7.2f} ms")
        start = time.perf_counter()
        for n in range(READS):
            written(rooms["S3"], f"{text[:-1]}, {n}]")
        figures.line("write, S3", f"{(time.perf_counter() - start) / READS * 1000:7.2f} ms")
        cache.close()


def written(fields: Fields, text: str) -> str:
    return fields.write(text, field="result", limit=32_768)


@contextmanager
def s3_server() -> Iterator[str]:
    """The S3 of moto, and a bucket in it."""
    import boto3  # noqa: PLC0415 - one section of three needs it
    from moto.server import ThreadedMotoServer  # noqa: PLC0415

    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # not each request
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    os.environ |= {
        "AWS_ENDPOINT_URL_S3": f"http://{host}:{port}",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
    }
    try:
        boto3.client("s3").create_bucket(Bucket="bench")
        yield "bench"
    finally:
        server.stop()


@activity.with_attributes(name="payload.text", task_list="bench")
def text_of(n: int, length: int) -> str:
    """A text that no other activity returns."""
    return f"{n} " * (length // len(f"{n} "))


@activity.with_attributes(name="payload.length", task_list="bench")
def length_of(text: str) -> int:
    return len(text)


class ManyFields(Workflow):
    """Each result is handed to the next activity, and not read here."""

    name = "payload.many"
    task_list = "bench"

    def run(self, n: int, length: int) -> int:
        texts = [self.submit(text_of, i, length) for i in range(n)]
        return sum(future.result for future in self.map(length_of, texts))


def bench_workflow(directory: Path) -> None:
    figures.title(f"A workflow of {2 * FIELDS} activities, half of which return a text")

    def run(length: int) -> float:
        home = tempfile.mkdtemp(dir=directory)
        with connect("local", home=home, own=True) as connection:
            connection.service.register_domain(
                name="bench", workflowExecutionRetentionPeriodInDays="1"
            )
            start = time.perf_counter()
            run = Standalone(
                connection,
                "bench",
                ManyFields,
                Start(
                    workflow_type=type_of(ManyFields),
                    workflow_id="many",
                    task_list="bench",
                    input=json.dumps([FIELDS, length]),
                ),
                Setup(workers=4, isolation="inline"),
            )
            ended = run.run()
            seconds = time.perf_counter() - start
        assert ended is not None, "nobody stopped it"
        assert ended.status == "COMPLETED", ended
        stored = len(list(Path(home, "payloads").glob("??/*")))
        assert stored == (FIELDS if length == FIELD_CHARACTERS else 0), stored
        return seconds

    measured = figures.in_turn(
        {"jumbo": lambda: run(FIELD_CHARACTERS), "short": lambda: run(100)}, 3
    )
    jumbo, short = measured["jumbo"], measured["short"]
    figures.line(
        f"{FIELDS} jumbo fields",
        f"{statistics.median(jumbo):5.2f} s   short ones {statistics.median(short):5.2f} s   "
        f"{figures.ratio(jumbo, short)}",
    )


SECTIONS: dict[str, Callable[[Path], None]] = {
    "codec": bench_codec,
    "stores": bench_stores,
    "workflow": bench_workflow,
}


def main() -> None:
    names = sys.argv[1:] or list(SECTIONS)
    unknown = [name for name in names if name not in SECTIONS]
    if unknown:
        sys.exit(f"there is no section {unknown[0]}: use {', '.join(SECTIONS)}")
    for name in names:
        with tempfile.TemporaryDirectory() as directory:
            SECTIONS[name](Path(directory))


if __name__ == "__main__":
    main()
