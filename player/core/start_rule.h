/*
 * start_rule.h: may sound begin, or would it stand still later?
 *
 * The published rule (Kreitz and Niemela, 2010): the rates of the last 15 minutes are a Markov
 * chain; playing the rest of the track is simulated 100 times on it; when more than one playback
 * underruns, sound waits. A sample is what came in a second in which something was outstanding.
 * States are levels of rate, half an octave each; a level's rate is the mean of its samples. With
 * less than a few seconds of history the only state is the rate that is measured now or, if that is
 * less, the mean of all that came: a link's rate follows a burst of two chunks, which says little.
 *
 * Responsible for history and risk; who holds the sound is node_start.c.
 */
#ifndef PLAYER_CORE_START_RULE_H
#define PLAYER_CORE_START_RULE_H

#include "common/prng.h"
#include "player/core/preset.h"

#include <stdbool.h>
#include <stdint.h>

#define START_SAMPLES_MAX 900u /* 15 minutes of seconds */
#define START_LEVELS 16u
#define START_UNIT_BYTES 256u /* of a sample; 16 MB/s and more are one */

struct start_rule {
    uint16_t ring[START_SAMPLES_MAX];           /* samples, in START_UNIT_BYTES a second */
    uint32_t first, count;                      /* the oldest, and how many */
    uint16_t moves[START_LEVELS][START_LEVELS]; /* how often one level followed another */
    uint16_t counts[START_LEVELS];              /* samples of each level */
    uint32_t sums[START_LEVELS];                /* of their units */
    uint64_t last_us;        /* of the last arrival; 0 = nothing is outstanding */
    uint64_t span_us, bytes; /* of the second that is not over */
};

/* What playing on from here needs. */
struct start_need {
    uint64_t buffered_bytes; /* without a gap from the play point on */
    uint64_t missing_bytes;  /* behind that, to the end of the track */
    uint64_t music_bytes_per_s;
    uint64_t block_bytes;      /* that the decoder asks for at once, if more than a second; or 0 */
    uint64_t rate_bytes_per_s; /* measured now, of all sources; > 0 */
    uint32_t sufficient;       /* sources each of which alone would be enough */
};

/* Bytes came while something was outstanding. */
void start_rule_received(struct start_rule *rule, uint64_t now_us, uint64_t bytes);
/* Nothing is outstanding any more. */
void start_rule_idle(struct start_rule *rule);
/* True: the risk is within the preset's bound. */
bool start_rule_may_play(const struct start_rule *rule, const struct node_preset *preset,
                         const struct start_need *need, struct prng *prng);

#endif
