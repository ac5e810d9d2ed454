#!/bin/sh
# Renders the sample album from its scores. Needs abcmidi, fluidsynth, fluid-soundfont-gm,
# vorbis-tools, opus-tools, flac and python3 (Debian packages). Serial numbers are fixed, so that
# the same tools give the same bytes.
#
# usage: media/sample/render.sh [OUTPUT_FOLDER]
set -eu

here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$here}
font=/usr/share/sounds/sf2/FluidR3_GM.sf2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

album='Refrains'
album_artist='The Refrain Sampler'
mkdir -p "$out"
python3 "$here/cover.py" "$out/cover.png"

# render SCORE GAIN [RATE]: the score as $work/sound.wav; GAIN makes the tracks equally loud.
render() {
    abc2midi "$here/scores/$1.abc" -o "$work/sound.mid" >/dev/null
    fluidsynth -n -i -q -R 1 -C 0 -o synth.reverb.room-size=0.55 -o synth.reverb.level=0.7 \
        -o synth.reverb.width=0.8 -o synth.polyphony=256 -r "${3:-44100}" -g "$2" -O s16 -T wav \
        -F "$work/sound.wav" "$font" "$work/sound.mid" >/dev/null
    python3 "$here/trim.py" "$work/sound.wav"
}

# vorbis NUMBER SCORE GAIN QUALITY TITLE ARTIST DATE GENRE
vorbis() {
    render "$2" "$3"
    oggenc -Q -q "$4" --serial "$1" -o "$out/$2.ogg" -t "$5" -a "$6" -l "$album" -N "$1" -d "$7" \
        -G "$8" -c "ALBUMARTIST=$album_artist" -c 'TRACKTOTAL=6' -c 'DISCNUMBER=1' \
        -c 'LICENSE=CC0-1.0' "$work/sound.wav"
}

# opus NUMBER SCORE GAIN BITRATE TITLE ARTIST DATE GENRE
opus() {
    render "$2" "$3"
    opusenc --quiet --bitrate "$4" --serial "$1" --title "$5" --artist "$6" --album "$album" \
        --tracknumber "$1" --date "$7" --genre "$8" --comment "ALBUMARTIST=$album_artist" \
        --comment 'TRACKTOTAL=6' --comment 'DISCNUMBER=1' --comment 'LICENSE=CC0-1.0' \
        "$work/sound.wav" "$out/$2.opus"
}

# flac_with_cover NUMBER SCORE GAIN RATE TITLE ARTIST DATE GENRE
flac_with_cover() {
    render "$2" "$3" "$4"
    flac -s -f -8 --no-padding --picture "$out/cover.png" -o "$out/$2.flac" -T "TITLE=$5" \
        -T "ARTIST=$6" -T "ALBUM=$album" -T "ALBUMARTIST=$album_artist" -T "TRACKNUMBER=$1" \
        -T 'TRACKTOTAL=6' -T 'DISCNUMBER=1' -T "DATE=$7" -T "GENRE=$8" -T 'LICENSE=CC0-1.0' \
        "$work/sound.wav"
}

vorbis 1 1-minuet 0.60 1 'Minuet in G' 'Christian Petzold' 1725 Baroque
vorbis 2 2-gymnopedie 1.80 1 'Gymnopédie No. 1' 'Erik Satie' 1888 Impressionist
vorbis 3 3-greensleeves 0.75 1 'Greensleeves' 'Traditional' 1580 Folk
opus 4 4-drowsy-maggie 0.68 54 'Drowsy Maggie' 'Traditional' 1850 Folk
flac_with_cover 5 5-frere-jacques 0.70 22050 'Frère Jacques' 'Traditional' 1780 Folk
vorbis 6 6-canon 0.98 0.6 'Canon in D' 'Johann Pachelbel' 1680 Baroque
