# Sourced by each finding: `python` of a new environment with its `packages`, removed at its end.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 130' INT TERM
python=$folder/venv/bin/python
for uv in uv "$(dirname "$0")/../.uv/bin/uv"; do
    "$uv" --version >/dev/null 2>&1 && break
done
if "$uv" --version >/dev/null 2>&1; then
    "$uv" venv --quiet --python "${PYTHON:-python3}" "$folder/venv"
    "$uv" pip install --quiet --python "$python" $packages
else
    "${PYTHON:-python3}" -m venv "$folder/venv"
    "$python" -m pip install --quiet --disable-pip-version-check $packages
fi
echo "$(basename "$0"): $packages"
