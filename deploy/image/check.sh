#!/bin/sh
# Does without Docker what the Dockerfile does, in a folder of its own, and runs what comes of it.
#
#   check.sh [PYTHON]
set -eu

python=$(command -v "${1:-python3}")
case $python in /*) ;; *) python=$PWD/$python ;; esac
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$(dirname "$0")/../.."

# An interpreter with nothing installed: what the image lacks must not be found elsewhere.
"$python" -m venv "$work/python"
python=$work/python/bin/python

step() {
    echo "image-check: $*"
}

step "the files that the Dockerfile copies"
mkdir "$work/build"
tar --exclude __pycache__ -cf - deploy/image requirements LICENSE README.md pyproject.toml \
    setup.cfg setup.py typha workers | tar -xf - -C "$work/build"
cd "$work/build"

step "its RUN steps"
deploy/image/install.sh requirements "$python" "$work/image" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
COMMIT=0123456 DATE=2026-01-02T03:04:05Z deploy/image/install.sh server "$python" "$work/image" \
    "$python" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }

# As in the image: these paths, its environment, and nothing of ours.
mkdir -p "$work/image/etc/calico" "$work/run" "$work/manifests"
cp deploy/image/typha.cfg "$work/image/etc/calico/"
run="env -i PATH=$work/image/usr/bin:/usr/bin:/bin PYTHONPATH=$work/image/usr/lib/typha
    PYTHONDONTWRITEBYTECODE=1 PYTHONNOUSERSITE=1 LANG=C.UTF-8"
cd "$work"

step "the commands"
$run typha version
$run calico-typha --version | grep -q '^Full git commit ID: 0123456$'
$run typha --help >/dev/null
$run typha config -c "$work/image/etc/calico/typha.cfg" >/dev/null

step "every module of ours can be imported"
$run "$python" -c '
import importlib, pkgutil, sys
for package in ("typha", "workers"):
    root = importlib.import_module(package)
    assert root.__file__.startswith(sys.argv[1]), root.__file__
    for each in pkgutil.walk_packages(root.__path__, f"{package}."):
        if not each.name.endswith("__main__"):
            importlib.import_module(each.name)
' "$work/image/usr/lib/typha"

step "the server starts, is ready, and ends with 0 when told to"
printf 'apiVersion: v1\nkind: Namespace\nmetadata: {name: default}\n' >"$work/manifests/a.yaml"
# The kernel takes other ports for outgoing connections.
port=$("$python" -c '
import random, socket
port = 0
while not port or socket.socket().connect_ex(("127.0.0.1", port)) == 0:
    port = random.randint(10_000, 32_000)
print(port)')
$run TYPHA_DATASTORETYPE=file TYPHA_MANIFESTDIR="$work/manifests" TYPHA_SERVERHOST=127.0.0.1 \
    TYPHA_SERVERPORT="$port" TYPHA_RUNDIR="$work/run/s" TYPHA_WORKERS=1 \
    calico-typha -c "$work/image/etc/calico/typha.cfg" >"$work/log" 2>&1 &
server=$!
$run typha status --rundir "$work/run/s" --wait --timeout 300 >/dev/null || { cat "$work/log"; kill "$server"; exit 1; }
$run typha client --server "127.0.0.1:$port" --once | tail -n 1
kill "$server"
wait "$server"
step "all is well"
