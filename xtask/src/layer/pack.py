"""Packs a folder into a zip file that is the same for the same content: python3 pack.py FOLDER FILE."""
import os
import sys
import zipfile

folder, target = sys.argv[1:]
paths = sorted(
    os.path.relpath(os.path.join(parent, name), folder)
    for parent, _, names in os.walk(folder)
    for name in names
)
with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
    for path in paths:
        full = os.path.join(folder, path)
        entry = zipfile.ZipInfo(path.replace(os.sep, "/"), (1980, 1, 1, 0, 0, 0))
        entry.create_system = 3  # Unix, so that the mode counts.
        mode = 0o755 if os.access(full, os.X_OK) else 0o644
        entry.external_attr = (0o100000 | mode) << 16
        entry.compress_type = zipfile.ZIP_DEFLATED
        with open(full, "rb") as content:
            archive.writestr(entry, content.read())
