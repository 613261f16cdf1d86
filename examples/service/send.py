"""Sends frames to service.py, each sealed anew, and prints the answers that the server signed for this sender.

    python send.py --as pos.key --to server.pub photo.jpg another.png

Needs `pip install sealframe httpx`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import httpx

import sealframe as sf


def main() -> None:
    """Seal, send, check, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--as", dest="device", required=True, help="the device's key; its counter lies beside it")
    parser.add_argument("--to", required=True, help="the server's .pub")
    parser.add_argument("--server", default="http://127.0.0.1:8800")
    parser.add_argument("pictures", nargs="+")
    arguments = parser.parse_args()
    server = sf.ServerPublic.load(arguments.to)
    sealer = sf.Sealer(
        to=server,
        device=sf.DeviceKey.load(arguments.device),
        counter=sf.CounterFile(Path(arguments.device).with_suffix(".counter")),
    )
    with httpx.Client(base_url=arguments.server) as link:  # one kept connection
        for picture in arguments.pictures:
            envelope, answer_key = sealer.seal_request(sf.read_image(picture), data=picture.encode())
            reply = link.post("/frames", content=envelope)
            if reply.status_code != httpx.codes.OK:
                raise SystemExit(f"{picture}: the server refused it ({reply.status_code})")
            print(picture, answer_key.read(reply.content, server).body.decode())


if __name__ == "__main__":
    main()
