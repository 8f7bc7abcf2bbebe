"""Lets a script answer many times in one life: importing its packages takes longer than all its answers."""

import json
import sys
import traceback


def serve(answer):
    """One request a line in, a JSON array of arguments; one JSON document a line out."""
    for line in sys.stdin:
        try:
            reply = {"answer": answer(json.loads(line))}
        except Exception:
            reply = {"failure": traceback.format_exc()}
        print(json.dumps(reply), flush=True)
