"""An RTSP server on loopback whose pictures show when they were made; run by the system's Python, which has GStreamer.

    /usr/bin/python3 rtsp_server.py PORT [USER:PASSWORD]

H.264, 640x480, 25 a second, at rtsp://127.0.0.1:PORT/cam. The top 60 rows show CLOCK_BOOTTIME in milliseconds, modulo
2^24, as 24 light and dark blocks of 26 pixels, the lowest bit first.
"""

import sys
import time

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402 -- versions are chosen before

WIDTH, HEIGHT, RATE = 640, 480, 25
PIPELINE = (
    "( appsrc name=source is-live=true do-timestamp=true format=time "
    f"caps=video/x-raw,format=I420,width={WIDTH},height={HEIGHT},framerate={RATE}/1 "
    "! queue max-size-buffers=2 leaky=downstream "
    "! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=25 bitrate=1000 "
    "! rtph264pay name=pay0 pt=96 config-interval=1 )"
)


def picture() -> bytes:
    now = time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000 & 0xFFFFFF
    row = b"".join((b"\xeb" if now >> bit & 1 else b"\x10") * 26 for bit in range(24))
    row += b"\x10" * (WIDTH - len(row))
    return row * 60 + b"\x60" * (WIDTH * (HEIGHT - 60)) + b"\x80" * (WIDTH * HEIGHT // 2)


class Factory(GstRtspServer.RTSPMediaFactory):
    """Makes the one stream, which all viewers share."""

    def do_create_element(self, _url):  # noqa: ANN001, ANN201 -- GStreamer's types are known at run time only
        return Gst.parse_launch(PIPELINE)

    def do_configure(self, media) -> None:  # noqa: ANN001 -- as above
        source = media.get_element().get_child_by_name("source")
        GLib.timeout_add(1000 // RATE, lambda: push(source))


def push(source) -> bool:  # noqa: ANN001 -- as above
    return source.emit("push-buffer", Gst.Buffer.new_wrapped(picture())) == Gst.FlowReturn.OK


def demand_login(server, factory, login: str) -> None:  # noqa: ANN001 -- as above
    user, password = login.split(":")
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "viewer")
    access = GstRtspServer.RTSPAuth()
    access.add_basic(GstRtspServer.RTSPAuth.make_basic(user, password), token)
    server.set_auth(access)
    permissions = GstRtspServer.RTSPPermissions()
    for right in ("media.factory.access", "media.factory.construct"):
        permissions.add_permission_for_role("viewer", right, True)  # noqa: FBT003 -- takes nothing by name
    factory.set_permissions(permissions)


def main(port: str, login: str = "") -> None:
    Gst.init(None)
    server, factory = GstRtspServer.RTSPServer(), Factory()
    server.set_address("127.0.0.1")
    server.set_service(port)
    factory.set_shared(True)
    server.get_mount_points().add_factory("/cam", factory)
    if login:
        demand_login(server, factory, login)
    if not server.attach(None):
        raise SystemExit(f"port {port} is taken")
    print("ready", flush=True)  # noqa: T201 -- whoever started it waits for this
    GLib.MainLoop().run()


if __name__ == "__main__":
    main(*sys.argv[1:])
