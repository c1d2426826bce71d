"""Failures: some go away when one tries again, the others are caught like any exception.

`fetch` is tried again after 1 second, then after 2; but never for an address that is wrong.

    $ dataflow workflow.start --local examples.failing.Download --input '["a.org", "b:org"]'
    a.org: no answer to attempt 1
    a.org: no answer to attempt 2
    a.org: 11 bytes
    b:org: given up (ValueError: b:org is not an address)
    completed in 3.01 s: 1
"""

from dataflow import Retry, TaskFailed, Workflow, activity

#: The attempt that the server answers.
AWAKE = 3


@activity.with_attributes(
    task_list="quickstart",
    version="example",
    retry=Retry(attempts=4, initial_delay=1, factor=2, never=(ValueError,)),
)
def fetch(address: str) -> str:
    """A page of a server that is slow to wake up."""
    if ":" in address:
        raise ValueError(f"{address} is not an address")
    attempt = activity.context().attempt
    if attempt < AWAKE:
        print(f"{address}: no answer to attempt {attempt}")
        raise ConnectionError(f"{address} does not answer")
    return "Hello world"


class Download(Workflow):
    """Fetches pages, as many as can be had; the result is their number."""

    name = "download"
    version = "example"
    task_list = "example"

    def run(self, *addresses: str) -> int:
        fetched = 0
        for address, page in zip(addresses, self.map(fetch, addresses), strict=True):
            try:
                print(f"{address}: {len(page.result)} bytes")
                fetched += 1
            except TaskFailed as error:
                print(f"{address}: given up ({error.reason})")
        return fetched
