#!/usr/bin/env bash
# Removes a data folder of the embedded servers, with everything in it, unless a server uses it.
#   scripts/clean-data.sh FOLDER
set -euo pipefail

readonly folder=$1
if [[ ! -e $folder ]]; then
    echo "there is no $folder: nothing to remove"
elif [[ ! -f $folder/lock || ! -d $folder/pg ]]; then
    echo "clean-data: $folder does not look like a data folder of medicalpro, so it is left alone" >&2
    exit 1
elif flock --nonblock "$folder/lock" rm -rf -- "$folder"; then
    echo "removed $folder"
else
    echo "clean-data: $folder is in use, or may not be removed by you: stop medicalpro first" >&2
    exit 1
fi
