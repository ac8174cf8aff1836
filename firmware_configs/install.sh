#!/bin/sh
# Installs edge-ocr as a service on Raspberry Pi OS or Debian, bookworm or trixie. Asks nothing; may be run again at any
# time; --uninstall takes away what it put there and leaves what you wrote and what was read.
#
#     sudo ./install.sh [--job JOB] [--wheels DIR] [--extras LIST] [--no-start] [--no-boot-config]
#     sudo ./install.sh --uninstall [--purge]
#
# --job             embedded-camera, parking-lot or offline-kiosk: the configuration to begin with (embedded-camera)
# --wheels DIR      take every package from DIR instead of the network; DIR may also hold edge-ocr's own wheel
# --extras LIST     parts to install, separated by commas (mqtt,gpio,update,web)
# --no-start        put everything in place, start nothing
# --no-boot-config  leave the board's config.txt alone
# --uninstall       stop it and remove it; --purge also removes /etc/edge-ocr, /var/lib/edge-ocr and the user
set -eu
umask 022 # or the service could not read what a careful administrator installs
PATH=$PATH:/usr/sbin:/sbin

HERE=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
ROOT=/opt/edge-ocr
ETC=/etc/edge-ocr
UNITS=/etc/systemd/system
JOB=embedded-camera
WHEELS=
EXTRAS=mqtt,gpio,update,web
START=yes
BOOT=yes
ACTION=install
PURGE=no
BEGIN='# edge-ocr: begin of what its installer added'
END='# edge-ocr: end of what its installer added'
MEGABYTES=400 # that an installation takes while it is made
TAB=$(printf '\t')

say() { printf '== %s\n' "$1"; }
fail() {
    printf 'install.sh: %s\n' "$1" >&2
    exit 1
}

while [ $# -gt 0 ]; do
    case $1 in
    --job | --wheels | --extras)
        [ $# -ge 2 ] || fail "$1 lacks its value; see the first lines of this file"
        case $1 in
        --job) JOB=$2 ;;
        --wheels) WHEELS=$(CDPATH='' cd -- "$2" 2>/dev/null && pwd) || fail "--wheels $2 is no folder; name one" ;;
        --extras) EXTRAS=$2 ;;
        esac
        shift
        ;;
    --no-start) START=no ;;
    --no-boot-config) BOOT=no ;;
    --uninstall) ACTION=uninstall ;;
    --purge) PURGE=yes ;;
    *) fail "$1 is unknown; see the first lines of this file" ;;
    esac
    shift
done
[ "$(id -u)" = 0 ] || fail "only root may install services; run it with sudo"
case $JOB in
embedded-camera | parking-lot | offline-kiosk) ;;
*) fail "there is no job $JOB; known are embedded-camera, parking-lot and offline-kiosk" ;;
esac
for place in /etc /usr/local /opt; do
    [ ! -d $place ] || [ -w $place ] || fail "$place is read-only; run 'mount -o remount,rw /', and this again"
done

# Whether systemd is running, as it is not in a container or an image that is being made.
running() { [ -d /run/systemd/system ]; }

boot_config() {
    for place in /boot/firmware/config.txt /boot/config.txt; do
        if [ -f "$place" ]; then
            printf '%s' "$place"
            return
        fi
    done
}

# The lines between our marks, taken out of config.txt.
without_block() { sed "/^$BEGIN\$/,/^$END\$/d" "$1"; }

board() {
    model=$({ tr -d '\000' </proc/device-tree/model; } 2>/dev/null || true)
    case $model in
    *'Zero 2'*) echo pi-zero-2w ;;
    *'Pi 3'*) echo pi-3 ;;
    *'Pi 4'* | *'Compute Module 4'*) echo pi-4 ;;
    *'Pi 5'* | *'Compute Module 5'*) echo pi-5 ;;
    *) echo linux ;;
    esac
}

# One file into place, only if it differs: what depends on its time is left in peace.
put() {
    if ! cmp -s "$1" "$2"; then
        mkdir -p "$(dirname "$2")"
        cp "$1" "$2.part"
        chmod "${3:-0644}" "$2.part"
        mv -f "$2.part" "$2"
        CHANGED=yes
    fi
}

# What is copied, and whither; there may be spaces in what a stick is called.
files() {
    for unit in "$HERE"/systemd/*; do printf '%s\t%s\n' "$unit" "$UNITS/$(basename "$unit")"; done
    printf '%s\t%s\n' "$HERE/sysusers.d/edge-ocr.conf" /etc/sysusers.d/edge-ocr.conf \
        "$HERE/tmpfiles.d/edge-ocr.conf" /etc/tmpfiles.d/edge-ocr.conf \
        "$HERE/journald.conf.d/50-edge-ocr.conf" /etc/systemd/journald.conf.d/50-edge-ocr.conf \
        "$HERE/system.conf.d/50-edge-ocr.conf" /etc/systemd/system.conf.d/50-edge-ocr.conf \
        "$HERE/udev/70-edge-ocr.rules" /etc/udev/rules.d/70-edge-ocr.rules
}

uninstall() {
    say "Taking edge-ocr away"
    if running; then
        systemctl disable --quiet --now edge-ocr.service edge-ocr-update.timer 2>/dev/null || true
    fi
    rm -f "$UNITS/multi-user.target.wants/edge-ocr.service" "$UNITS/timers.target.wants/edge-ocr-update.timer"
    files | while IFS=$TAB read -r _ place; do rm -f "$place"; done
    rmdir /etc/systemd/journald.conf.d /etc/systemd/system.conf.d 2>/dev/null || true
    place=$(boot_config)
    if [ -n "$place" ] && grep -qxF "$BEGIN" "$place"; then
        without_block "$place" >"$place.part"
        mv -f "$place.part" "$place"
    fi
    # A bind mount of a data partition stays where it is; what is in it goes.
    find "$ROOT" -mindepth 1 -delete 2>/dev/null || true
    rmdir "$ROOT" 2>/dev/null || true
    rm -f /usr/local/bin/edge-ocr
    if [ "$PURGE" = yes ]; then
        find /var/lib/edge-ocr -mindepth 1 -delete 2>/dev/null || true
        rmdir /var/lib/edge-ocr 2>/dev/null || true
        rm -rf "$ETC"
        if getent passwd edge-ocr >/dev/null; then userdel edge-ocr 2>/dev/null || true; fi
        if getent group edge-ocr >/dev/null; then groupdel edge-ocr 2>/dev/null || true; fi
    fi
    if running; then systemctl daemon-reload; fi
    say "Done. $([ "$PURGE" = yes ] || echo "$ETC and /var/lib/edge-ocr were left; --purge removes them too.")"
}

needs_python() {
    command -v python3 >/dev/null || fail "python3 is missing; run 'apt-get install python3 python3-venv'"
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        fail "$(python3 --version) is too old; edge-ocr needs 3.11, which Debian 12 has"
    if ! python3 -c 'import venv, ensurepip' 2>/dev/null; then
        say "Installing python3-venv"
        DEBIAN_FRONTEND=noninteractive apt-get install --quiet --quiet --yes --no-install-recommends python3-venv ||
            fail "python3-venv is missing and cannot be installed; run 'apt-get install python3-venv'"
    fi
}

people() {
    if command -v systemd-sysusers >/dev/null; then
        systemd-sysusers /etc/sysusers.d/edge-ocr.conf
    else
        for group in gpio video edge-ocr; do getent group $group >/dev/null || groupadd --system $group; done
        getent passwd edge-ocr >/dev/null ||
            useradd --system --gid edge-ocr --groups video,gpio --home-dir /var/lib/edge-ocr \
                --no-create-home --shell /usr/sbin/nologin edge-ocr
    fi
    install -d -m 0755 -o root -g root "$ROOT" "$ROOT/releases"
    install -d -m 0750 -o root -g edge-ocr "$ETC"
    install -d -m 0755 -o root -g root "$ETC/update-keys"
    install -d -m 0750 -o edge-ocr -g edge-ocr /var/lib/edge-ocr
}

# Each of two folders under the other's name, in one step: a power cut between two would leave no program.
exchange() {
    python3 -c '
import ctypes, os, sys
here, exchange = -100, 2  # AT_FDCWD and RENAME_EXCHANGE of renameat2(2)
one, other = map(os.fsencode, sys.argv[1:])
sys.exit(ctypes.CDLL(None).renameat2(here, one, here, other, exchange) != 0)
' "$1" "$2" 2>/dev/null
}

# The release that the installer makes. An update makes the next ones beside it (docs/guide/updates.md).
release() {
    own=$(find "${WHEELS:-$HERE}" -maxdepth 1 -name 'edge_ocr-*.whl' | sort | tail -n 1)
    if [ -n "$own" ]; then
        what="${own}[$EXTRAS]"
        name=$(basename "$own" .whl | cut -d- -f2)-$(sha256sum "$own" | cut -c1-8)
    elif [ -f "$HERE/../pyproject.toml" ]; then
        what="$(dirname "$HERE")[$EXTRAS]"
        name=source
    else
        what="edge-ocr[$EXTRAS]"
        name=index
    fi
    folder=$ROOT/releases/$name
    if [ -f "$folder/release.toml" ] && [ "$(cat "$folder/extras")" = "$EXTRAS" ] && [ "$name" != source ]; then
        say "The program is there already"
    else
        say "Installing the program into $folder"
        # Beside the one that may be running, which goes only when the new one is whole.
        part=$ROOT/releases/.$name.part
        trap 'rm -rf "$part"' EXIT # half of one only fills the disk
        # Where two renames were needed and the power went between them.
        [ -d "$folder" ] || [ ! -d "$part.old" ] || mv "$part.old" "$folder"
        rm -rf "$part" "$part.old"
        free=$(df -Pk "$ROOT/releases" | awk 'NR == 2 { print int($4 / 1024) }')
        [ "$free" -ge $MEGABYTES ] || fail "$ROOT/releases has $free MB free, and $MEGABYTES are needed; make room, and run this again"
        # picamera2 is Debian's, and only its Python has it.
        python3 -m venv --system-site-packages "$part/venv"
        # Debian 12's camera packages are built for NumPy 1, and would break beside NumPy 2.
        : >"$part/constraints.txt"
        case $(python3 -c 'import numpy; print(numpy.__version__)' 2>/dev/null || true) in
        1.*) printf 'numpy<2\nopencv-python-headless<4.12\n' >"$part/constraints.txt" ;;
        esac
        set -- --quiet --disable-pip-version-check --no-cache-dir --constraint "$part/constraints.txt"
        [ -z "$WHEELS" ] || set -- "$@" --no-index --find-links "$WHEELS"
        [ "$name" = source ] && only='--only-binary=:all: --no-binary=edge-ocr' || only=--only-binary=:all:
        # shellcheck disable=SC2086 # two words where there are two
        "$part/venv/bin/python" -m pip install "$@" $only "$what" ||
            fail "the packages could not be installed; look at what pip says above, then run this again"
        printf '%s' "$EXTRAS" >"$part/extras"
        printf 'format = 1\nname = "%s"\nserial = 0\n' "$name" >"$part/release.toml"
        sync
        if [ ! -d "$folder" ]; then
            mv "$part" "$folder"
        elif ! exchange "$part" "$folder"; then # a file system that cannot
            mv "$folder" "$part.old"
            mv "$part" "$folder"
        fi
        rm -rf "$part" "$part.old"
        CHANGED=yes
    fi
    put "$(find "$folder/venv" -path '*/edge_ocr/update/slots.py')" "$ROOT/slots.py"
    # An update that runs already is newer than what is installed here again.
    if [ ! -f "$ROOT/current/release.toml" ] || [ "$(sed -n 's/^serial = //p' "$ROOT/current/release.toml")" = 0 ]; then
        if [ "$(readlink "$ROOT/current" || true)" != "releases/$name" ]; then
            ln -s "releases/$name" "$ROOT/.current.part"
            mv -fT "$ROOT/.current.part" "$ROOT/current"
            CHANGED=yes
        fi
    fi
    printf '#!/bin/sh\nexec %s/current/venv/bin/python -m edge_ocr "$@"\n' "$ROOT" >"$ROOT/.edge-ocr.part"
    put "$ROOT/.edge-ocr.part" /usr/local/bin/edge-ocr 0755
    rm -f "$ROOT/.edge-ocr.part"
}

settings() {
    if [ ! -f "$ETC/edge-ocr.toml" ]; then
        install -m 0640 -o root -g edge-ocr "$HERE/$JOB.toml" "$ETC/edge-ocr.toml"
        say "Settings for the job $JOB are in $ETC/edge-ocr.toml: look at them"
    fi
    put "$HERE/edge-ocr.toml" "$ETC/every-key.toml"
}

boot() {
    place=$(boot_config)
    lines=$HERE/boards/$(board).txt
    if [ "$BOOT" = no ] || [ -z "$place" ]; then
        return
    fi
    { without_block "$place"; echo "$BEGIN"; echo '[all]'; cat "$lines"; echo "$END"; } >"$place.part"
    if cmp -s "$place.part" "$place"; then
        rm -f "$place.part"
    else
        [ -f "$place.before-edge-ocr" ] || cp "$place" "$place.before-edge-ocr"
        mv -f "$place.part" "$place"
        say "$place was changed: reboot for it"
    fi
}

start() {
    mkdir -p "$UNITS/multi-user.target.wants" "$UNITS/timers.target.wants"
    ln -sfn "$UNITS/edge-ocr.service" "$UNITS/multi-user.target.wants/edge-ocr.service"
    ln -sfn "$UNITS/edge-ocr-update.timer" "$UNITS/timers.target.wants/edge-ocr-update.timer"
    if running; then
        systemctl daemon-reload
        udevadm control --reload 2>/dev/null || true
        if [ "$START" = yes ]; then
            if [ "$CHANGED" = yes ]; then systemctl restart edge-ocr.service; else systemctl start edge-ocr.service; fi
            systemctl start edge-ocr-update.timer
        fi
    fi
}

if [ "$ACTION" = uninstall ]; then
    uninstall
    exit 0
fi
CHANGED=no
needs_python
while IFS=$TAB read -r from to; do put "$from" "$to"; done <<LIST
$(files)
LIST
people
release
settings
boot
say "What this machine has and lacks"
/usr/local/bin/edge-ocr doctor || fail "this machine cannot read; the lines above say what is missing"
start
say "Done. Settings: $ETC/edge-ocr.toml. Log: journalctl -u edge-ocr. Undo: install.sh --uninstall."
