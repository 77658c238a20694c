"""Run cases of the command line in one process; reads and prints JSON.

A case is {"words": [...], "token": ..., "trouble": [what, requests]}; its outcome is {"status",
"out", "err", "seconds"}.
"""

import contextlib
import io
import json
import os
import sys
import time
import urllib.request
from typing import Any

from hf_lmcourse.cli.main import main


def misbehave(trouble: str | None, requests: int | None) -> None:
    """Tell the server how to treat the next requests."""
    body = json.dumps({"trouble": trouble, "requests": requests}).encode()
    urllib.request.urlopen(f"{os.environ['HF_ENDPOINT']}/test/misbehave", data=body).close()


def outcome(case: dict[str, Any]) -> dict[str, Any]:
    os.environ.pop("HF_TOKEN", None)
    if case.get("token"):
        os.environ["HF_TOKEN"] = case["token"]
    if case.get("trouble"):
        misbehave(*case["trouble"])
    out, err, start = io.StringIO(), io.StringIO(), time.monotonic()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            status = main(case["words"])
        except SystemExit as stopped:
            status = int(stopped.code or 0)
    seconds = time.monotonic() - start
    if case.get("trouble"):
        misbehave(None, None)
    return {
        "status": status,
        "out": out.getvalue(),
        "err": err.getvalue(),
        "seconds": seconds,
    }


sys.stdout.write(json.dumps([outcome(case) for case in json.load(sys.stdin)]))
