#!/bin/sh
# Brings the catalogues to the texts of the sources, and packs them (needs Babel). Run it, translate
# what is empty in */LC_MESSAGES/viewer.po by the glossary at its top, and run it again.
set -e
cd "$(dirname "$0")/../.."
template="$(mktemp)"
trap 'rm -f "$template"' EXIT
errors=$(sed -n 's/^class \([A-Za-z]*\)(.*/-k \1/p' ssmamba/errors.py)
# shellcheck disable=SC2086
pybabel -q extract --no-default-keywords -k tr -k tr_n:1,2 -k gettext -k words \
    -k UnreadableImage $errors -c Translators: --sort-by-file --add-location=file \
    --ignore-dirs=headless --ignore-dirs=generated -o "$template" viewer ssmamba
pybabel -q update -D viewer -d resources/translations -i "$template" --no-fuzzy-matching \
    --ignore-obsolete --ignore-pot-creation-date --width=100
pybabel -q compile -D viewer -d resources/translations
