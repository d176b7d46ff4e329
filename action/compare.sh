#!/usr/bin/env bash
# Write what changed in the specs of a pull request, as Markdown: for action.yml.
#
# CNNCALC  the command, such as "uvx --from . cnncalc"
# BASE     the revision to compare with
# PATHS    files and folders, one a line
# SUMMARY  the file to write
# PAGES    a folder for the pages of the specs; empty for none
set -euo pipefail

case "$BASE" in -*) echo "not a revision: $BASE" >&2 && exit 2 ;; esac
most=60000 # characters of a comment; GitHub takes 65,536
read -ra cnncalc <<< "$CNNCALC"
paths=()
while IFS= read -r line; do
  if [ -n "$line" ]; then paths+=("$line"); fi
done <<< "$PATHS"

is_spec() {
  case "$1" in
    *.cnn.yaml | *.cnn.yml) return 0 ;;
    *.yaml | *.yml) grep -q '^cnncalc:' -- "$1" ;;
    *) return 1 ;;
  esac
}

# Print what changed in a spec; of a new one, its layers. $2 is how deep blocks are opened.
compared() {
  if git cat-file -e "$BASE:./$1" 2>/dev/null; then
    "${cnncalc[@]}" diff "$BASE:./$1" "./$1" --depth "$2" --format markdown
  else
    "${cnncalc[@]}" analyze "./$1" --depth "$2" --format markdown
  fi
}

page_of() {
  local old=()
  if git cat-file -e "$BASE:./$1" 2>/dev/null; then old=(--against "$BASE:./$1"); fi
  "${cnncalc[@]}" report "./$1" "${old[@]}" -o "$PAGES/$(tr / - <<< "$1" | sed 's/\.ya\?ml$//').html"
}

# Print a name as Markdown, unless it could be read as something else.
named() {
  if [[ "$1" =~ ^[A-Za-z0-9/._\ -]+$ ]]; then echo "\`$1\`"; else echo "A spec"; fi
}

write_all() { # $1 is how deep blocks are opened
  local file
  for file in "${specs[@]}"; do
    compared "$file" "$1" || echo "$(named "$file") has errors: see the checks."
    echo
  done
}

specs=()
while IFS= read -r -d '' file; do
  if [ -f "$file" ] && is_spec "$file"; then specs+=("$file"); fi
done < <(git diff -z --relative --name-only --diff-filter=d "$BASE" -- "${paths[@]}")

if [ ${#specs[@]} = 0 ]; then
  echo "No spec changed." > "$SUMMARY"
  exit 0
fi
write_all all > "$SUMMARY" 2>/dev/null
if [ "$(wc -m < "$SUMMARY")" -gt $most ]; then write_all 1 > "$SUMMARY" 2>/dev/null; fi
if [ "$(wc -m < "$SUMMARY")" -gt $most ]; then
  python3 - "$SUMMARY" $most << 'CUT'
import sys
from pathlib import Path

file, most = Path(sys.argv[1]), int(sys.argv[2])
kept = file.read_text("utf-8")[:most].rpartition("\n")[0]
file.write_text(kept + "\n\n… and more: see the artifacts of the run.\n", "utf-8")
CUT
fi
if [ -n "$PAGES" ]; then
  mkdir -p "$PAGES"
  for file in "${specs[@]}"; do page_of "$file" || echo "no page of $file" >&2; done
fi
