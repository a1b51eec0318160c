#!/bin/sh
# Find a Chromium for the browser tests, or fetch one. Takes the path of the Python to use.
for name in "$CHROMIUM" chromium chromium-browser google-chrome; do
    [ -n "$name" ] && command -v "$name" >/dev/null && exit 0
done
echo "No Chromium found (set CHROMIUM to name one); fetching it."
timeout 300 "$1" -m playwright install chromium && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium && exit 0
fi
echo "No Chromium could be installed: the browser tests will be skipped."
