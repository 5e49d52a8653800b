#!/bin/sh
# Puts the server below a folder that becomes the image's root.  The Dockerfile runs it, and so does
# `make image-check` without one.
#
#   install.sh requirements PYTHON ROOT       what the server needs, from the locked versions
#   install.sh server PYTHON ROOT SHEBANG     the server, and its two commands for that interpreter
#
# Run from the folder with requirements/ and, for the server, the sources.  Nothing is built but our
# own wheel, which is pure Python.
set -eu

what=$1 python=$2 root=$3
library=$root/usr/lib/typha

compile() {
    # By content, not by time: copying from stage to stage may change times.
    "$python" -m compileall -q --invalidation-mode unchecked-hash "$1"
}

launcher() {
    printf '#!%s\nfrom typha.__main__ import %s\n\n%s()\n' "$2" "$3" "$3" >"$root/usr/bin/$1"
    chmod 755 "$root/usr/bin/$1"
}

case $what in
requirements)
    "$python" -m pip install --no-cache-dir --disable-pip-version-check --no-compile \
        --require-hashes --only-binary :all: --target "$library" -r requirements/runtime.txt
    rm -rf "$library/bin"  # scripts for an interpreter that the image does not have
    compile "$library"
    ;;
server)
    tools=$(mktemp -d)
    "$python" -m venv "$tools/venv"
    "$tools/venv/bin/python" -m pip install --no-cache-dir --disable-pip-version-check \
        --require-hashes --only-binary :all: -r requirements/build.txt
    "$tools/venv/bin/python" -m pip wheel --no-cache-dir --disable-pip-version-check \
        --no-build-isolation --no-deps --wheel-dir "$tools" .
    "$python" -m pip install --no-cache-dir --disable-pip-version-check --no-compile \
        --no-index --no-deps --target "$tools/own" "$tools"/typha-*.whl
    rm -rf "$tools/own/bin"
    cp -R "$tools/own/." "$library"
    printf '{"commit": "%s", "date": "%s"}\n' "${COMMIT:-}" "${DATE:-}" >"$library/typha/build.json"
    compile "$library/typha"
    compile "$library/workers"
    mkdir -p "$root/usr/bin"
    launcher typha "$4" main
    launcher calico-typha "$4" calico_typha
    rm -rf "$tools"
    ;;
*)
    echo "install.sh: unknown step $what" >&2
    exit 64
    ;;
esac
