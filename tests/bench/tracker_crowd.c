/*
 * tracker_crowd.c: the tracker's engine with very many simulated players: memory, announces, answers.
 *
 *   tracker_crowd PEERS FILES_EACH FILES
 *
 * Players come from addresses by chance, half of them in 4,096 prefixes; each announces FILES_EACH of
 * FILES files, popular ones more often (the density halves when the rank doubles), a quarter of them
 * in part. Then players by chance look up 1, 8 and 32 files, popular ones more often. Prints what a
 * pair takes by the engine's own count and by the process' resident memory, and the distribution of
 * the processor time of an answer.
 */
#include "common/prng.h"
#include "streamserver/core/tracker.h"

#include <assert.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LOOKUPS 20000u

/* The processor time of this thread: the machine may be busy with other things. */
static double now(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static double resident_bytes(void)
{
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL || fscanf(file, "%*u %lu", &pages) != 1) {
        pages = 0;
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static uint64_t popular_key(struct prng *prng, uint32_t files)
{
    uint64_t span = prng_below(prng, files) + 1;
    return (prng_below(prng, span) + 1) * UINT64_C(0x9e3779b97f4a7c15);
}

static void come(struct tracker *tracker, struct prng *prng, uint32_t number, uint32_t *ret_link)
{
    struct tracker_peer peer = {.number = number, .listen_port = 7000, .flags = P2P_CONTACT_GIVES};
    uint64_t chance = prng_u64(prng);
    if (chance % 2 == 0) {
        chance &= ~UINT64_C(0xfff00000) | 0x00f00000; /* crowded prefixes */
    }
    peer.observed = (struct p2p_address){.family = 4, .port = 7000};
    for (uint32_t i = 0; i < 4; i++) {
        peer.observed.address[i] = (uint8_t)(chance >> (24 - 8 * i));
    }
    memset(peer.peer_id, 1, sizeof peer.peer_id);
    memcpy(peer.peer_id, &number, sizeof number);
    int error = tracker_link_up(tracker, &peer, ret_link);
    assert(error == 0);
    uint8_t local[P2P_ADDRESS_BYTES];
    struct p2p_message message = {.type = P2P_LISTEN,
                                  .listen = {.port = 7000, .count = 1, .addresses = local}};
    struct p2p_address address = {.family = 4, .address = {192, 168, 1, 2}, .port = 7000};
    p2p_address_write(local, 0, &address);
    message.listen.flags = number % 3 == 0 ? P2P_LISTEN_MAPPED : 0;
    error = tracker_link_listen(tracker, *ret_link, &message);
    assert(error == 0);
}

static void fill(struct tracker *tracker, struct prng *prng, uint32_t peers, uint32_t files_each,
                 uint32_t files)
{
    static uint8_t keys[P2P_ANNOUNCE_KEYS_MAX * P2P_KEY_BYTES];
    double announce_s = 0;
    for (uint32_t i = 0; i < peers; i++) {
        uint32_t link = 0;
        struct p2p_message message = {.type = P2P_ANNOUNCE, .announce = {.keys = keys}};
        come(tracker, prng, i, &link);
        for (uint32_t file = 0; file < files_each; file++) {
            p2p_key_write(keys, file, popular_key(prng, files));
        }
        message.announce.flags = P2P_ANNOUNCE_FRESH;
        message.announce.partial = (uint16_t)(files_each / 4);
        message.announce.whole = (uint16_t)(files_each - files_each / 4);
        double start = now();
        int error = tracker_announce(tracker, 0, &link, &message);
        assert(error == 0);
        announce_s += now() - start;
    }
    (void)printf("%.0f announces/s, one thread, %u a message\n",
                 (double)peers * files_each / announce_s, files_each);
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;
    return (left > right) - (left < right);
}

static void look_up(struct tracker *tracker, struct prng *prng, uint32_t peers, uint32_t files,
                    uint8_t count)
{
    static double taken_us[LOOKUPS];
    uint64_t contacts = 0;
    for (uint32_t i = 0; i < LOOKUPS; i++) {
        uint8_t keys[P2P_LOOKUP_MAX * P2P_KEY_BYTES];
        struct p2p_message message = {
            .type = P2P_LOOKUP, .lookup = {.lookup = 1, .limit = 20, .count = count, .keys = keys}};
        struct tracker_answer answer;
        for (uint32_t file = 0; file < count; file++) {
            p2p_key_write(keys, file, popular_key(prng, files));
        }
        uint32_t link = (uint32_t)prng_below(prng, peers);
        double start = now();
        tracker_lookup(tracker, 0, link, &message, TRACKER_ANSWER_BYTES_MAX, &answer);
        taken_us[i] = (now() - start) * 1e6;
        contacts += answer.contact_count;
    }
    qsort(taken_us, LOOKUPS, sizeof *taken_us, compare);
    (void)printf("a lookup of %2u: p50 %.0f us, p99 %.0f us, p99.9 %.0f us; %.1f contacts\n", count,
                 taken_us[LOOKUPS / 2], taken_us[LOOKUPS / 100 * 99],
                 taken_us[LOOKUPS / 1000 * 999], (double)contacts / LOOKUPS);
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        (void)fprintf(stderr, "usage: tracker_crowd PEERS FILES_EACH FILES\n");
        return 2;
    }
    uint32_t peers = (uint32_t)strtoul(argv[1], NULL, 10);
    uint32_t files_each = (uint32_t)strtoul(argv[2], NULL, 10);
    uint32_t files = (uint32_t)strtoul(argv[3], NULL, 10);
    assert(peers > 0 && files > 0 && files_each > 0 && files_each <= P2P_ANNOUNCE_KEYS_MAX);
    struct tracker_config config = tracker_config_default;
    struct tracker_totals totals;
    struct tracker *tracker = NULL;
    struct prng prng;
    (void)mallopt(M_MXFAST, 0); /* as `serve` does */
    config.seed = 1;
    config.heap_bytes_max = UINT64_MAX;
    config.lookup_keys.per_s = 0;
    prng_init(&prng, 1);
    double before = resident_bytes();
    int error = tracker_new(&config, &tracker);
    assert(error == 0);
    fill(tracker, &prng, peers, files_each, files);
    tracker_get_totals(tracker, &totals);
    (void)printf("%llu players, %llu files, %llu pairs: %.2f bytes a pair counted, %.2f resident\n",
                 (unsigned long long)totals.peers, (unsigned long long)totals.files,
                 (unsigned long long)totals.pairs,
                 (double)tracker_heap_bytes(tracker) / (double)totals.pairs,
                 (resident_bytes() - before) / (double)totals.pairs);
    look_up(tracker, &prng, peers, files, 1);
    look_up(tracker, &prng, peers, files, 8);
    look_up(tracker, &prng, peers, files, P2P_LOOKUP_MAX);
    double start = now();
    double worst_s = 0;
    for (uint32_t link = 0; link < peers; link++) {
        tracker_link_down(tracker, link);
    }
    for (bool more = true; more;) {
        double step = now();
        more = tracker_work(tracker, 1024);
        worst_s = now() - step > worst_s ? now() - step : worst_s;
    }
    (void)printf("all gone: %.0f pairs/s, the longest step %.2f ms\n",
                 (double)totals.pairs / (now() - start), worst_s * 1e3);
    tracker_free(tracker);
    return 0;
}
