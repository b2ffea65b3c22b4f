#!/bin/sh
# text.sh check|write GOLDEN_DIR PROTO_DIR: the .txtpb beside each .bin is what protoc reads in it.
set -eu
mode=$1 golden=$2 proto=$3
status=0
text=$(mktemp)
trap 'rm -f "$text"' EXIT
for bin in "$golden"/*.bin; do
    channel=$(basename "$bin" .bin | cut -d. -f1)
    type=$(printf %s "$channel" | sed -E 's/(^|_)(.)/\U\2/g')
    protoc --proto_path="$proto" --decode="parbus.$type" "$proto"/*.proto <"$bin" >"$text"
    case $mode in
    write) cp "$text" "${bin%.bin}.txtpb" ;;
    check) diff -u "${bin%.bin}.txtpb" "$text" || status=1 ;;
    esac
done
exit $status
