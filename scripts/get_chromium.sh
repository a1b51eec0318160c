#!/bin/sh
# Find a Chromium for the browser tests, or fetch one. Takes the path of the Python to use.
found() {
    for name in "$@"; do
        [ -n "$name" ] && command -v "$name" >/dev/null && return 0
    done
    return 1
}
install() {
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq && apt-get install -y -qq --no-install-recommends "$@"
}
can_install() {
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null
}

found "$CHROMIUM" chromium-headless-shell && exit 0
if found chromium chromium-browser google-chrome; then
    # It will do; Debian's shell, which has no windows to draw, is faster.
    [ -n "$CI" ] && can_install && install chromium-headless-shell >/dev/null 2>&1
    exit 0
fi
echo "No Chromium found (set CHROMIUM to name one); fetching it."
timeout 300 "$1" -m playwright install chromium && exit 0
can_install && { install chromium-headless-shell || install chromium; } && exit 0
echo "No Chromium could be installed: the browser tests will be skipped."
