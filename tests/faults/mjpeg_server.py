"""An HTTP server of moving JPEGs on loopback, as many small cameras have one.

    python mjpeg_server.py PORT [USER:PASSWORD]

320x240, 20 a second, at http://127.0.0.1:PORT/cam; the shade of a picture is the number of hundredths of a second since
boot, modulo 256.
"""

from __future__ import annotations

import base64
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2
import numpy as np

LOGIN = ""


class Handler(BaseHTTPRequestHandler):
    """One viewer."""

    def do_GET(self) -> None:
        wanted = f"Basic {base64.b64encode(LOGIN.encode()).decode()}"
        if LOGIN and self.headers["Authorization"] != wanted:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="camera"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if self.path != "/cam":
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=picture")
        self.end_headers()
        while True:
            shade = int(time.clock_gettime(time.CLOCK_BOOTTIME) * 100) & 0xFF
            data = cv2.imencode(".jpg", np.full((240, 320, 3), shade, np.uint8))[1].tobytes()
            head = f"--picture\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
            try:
                self.wfile.write(head.encode() + data + b"\r\n")
            except OSError:
                return
            time.sleep(0.05)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


if __name__ == "__main__":
    LOGIN = sys.argv[2] if len(sys.argv) > 2 else ""
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
    server.daemon_threads = True
    print("ready", flush=True)  # noqa: T201 -- whoever started it waits for this
    server.serve_forever()
