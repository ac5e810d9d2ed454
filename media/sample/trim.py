#!/usr/bin/env python3
"""Ends a WAV file where its sound has died away, with a short fade.

usage: trim.py FILE.wav (16-bit; changed in place)
"""
import array
import sys
import wave

SILENCE = 40  # of 32768: what stays below is not heard
TAIL_S = 0.35
FADE_S = 0.8


def main():
    with wave.open(sys.argv[1]) as source:
        parameters = source.getparams()
        samples = array.array('h', source.readframes(parameters.nframes))
    channels, rate = parameters.nchannels, parameters.framerate
    last = max(i for i, value in enumerate(samples) if abs(value) > SILENCE) // channels
    frames = min(parameters.nframes, last + int(TAIL_S * rate))
    fade = int(FADE_S * rate)
    samples = samples[:frames * channels]
    for i in range(max(0, frames - fade), frames):
        for j in range(i * channels, (i + 1) * channels):
            samples[j] = samples[j] * (frames - i) // fade
    with wave.open(sys.argv[1], 'wb') as out:
        out.setparams(parameters._replace(nframes=frames))
        out.writeframes(samples.tobytes())


if __name__ == '__main__':
    main()
