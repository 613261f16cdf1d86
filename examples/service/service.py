"""A receiving service: takes sealed frames, opens each exactly once, answers so that only the sender can read it.

    sealframe keygen server --out server && sealframe keygen device --device-info POS-0001 --out pos
    python service.py --key server.key --from pos.pub --replays replay.db

Then send it frames with send.py. It listens on this computer alone and speaks plain HTTP: put a proxy that speaks TLS
before it. Payments need more than this: accounts, faces, charging once; that is `sealframe server`.
Needs `pip install 'sealframe[server]'`.
"""

from __future__ import annotations

import argparse
import json

import uvicorn
from fastapi import FastAPI, HTTPException, Request, Response
from starlette.concurrency import run_in_threadpool

import sealframe as sf

MAX_ENVELOPE_BYTES = 16 << 20


def make_service(server: sf.ServerKey, opener: sf.Opener) -> FastAPI:
    """One route: an envelope in, the server's sealed answer out."""
    service = FastAPI(title="sealframe example")

    @service.post("/frames")
    async def receive(request: Request) -> Response:
        envelope = bytearray()
        async for part in request.stream():
            envelope += part
            if len(envelope) > MAX_ENVELOPE_BYTES:
                raise HTTPException(413)
        answer = await run_in_threadpool(open_and_answer, bytes(envelope))
        return Response(answer, media_type="application/vnd.sealframe.answer")

    def open_and_answer(envelope: bytes) -> bytes:
        try:
            opened = opener.open(envelope)
        except sf.SealframeError as error:
            # What exactly was wrong is for this side's log; the sender learns that it was refused.
            print(f"refused: {type(error).__name__}: {error}", flush=True)
            raise HTTPException(400, "refused") from None
        height, width = opened.image.shape[:2]
        facts = {
            "device": opened.context.device_info,
            "counter": opened.context.counter,
            "picture": f"{width}x{height}",
            "mean": round(float(opened.image.mean()), 2),
            "data_bytes": len(opened.data),
        }
        print("opened:", json.dumps(facts), flush=True)
        return opened.answer(server, json.dumps(facts).encode())

    return service


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--key", required=True, help="the server's key")
    parser.add_argument("--from", dest="devices", action="append", required=True, help="a device's .pub; repeatable")
    parser.add_argument("--replays", required=True, help="SQLite file of the captures that were accepted")
    parser.add_argument("--port", type=int, default=8800)
    arguments = parser.parse_args()
    server = sf.ServerKey.load(arguments.key)
    devices = [sf.DevicePublic.load(file) for file in arguments.devices]
    freshness = sf.Live(sf.SqliteReplayStore(arguments.replays))
    service = make_service(server, sf.Opener(server, devices=devices, freshness=freshness))
    uvicorn.run(service, host="127.0.0.1", port=arguments.port, log_level="warning")


if __name__ == "__main__":
    main()
