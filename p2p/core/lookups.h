/*
 * lookups.h: when which wish is asked for: of the tracker, and of the neighbours by search.
 *
 * Responsible for times: per wish (by slot, holders.h) when it is due again, backoff, what is under
 * way; and for matching answers to what was asked. Not for messages nor for who needs sources: the
 * caller says which slots do.
 *
 *   NEW wish: due at once -> asked (open) -> answered, or timed out -> due after a backoff that
 *   doubles -> ...; becoming urgent, a new tracker link: due at once, the backoff anew
 */
#ifndef P2P_CORE_LOOKUPS_H
#define P2P_CORE_LOOKUPS_H

#include "p2p/core/overlay.h"

#define LOOKUPS_OPEN_MAX 8u /* LOOKUPs outstanding */

struct lookups_wish {
    uint64_t next_us;         /* not looked up before; TIME_NEVER_US: no wish is here */
    uint64_t search_next_us;  /* nor searched for */
    uint64_t search_until_us; /* FOUNDs are awaited; 0 = no search was made */
    uint32_t holders;         /* that the tracker knows, by its last answer */
    uint8_t tries;
    uint8_t searches; /* made since it was new, or became urgent; saturates */
    uint8_t open;     /* LOOKUPs under way that hold it */
    bool is_urgent;
    bool was_soon;    /* looked up the second time, soon, since it became urgent */
    bool is_answered; /* by this tracker link */
};

struct lookups_open {
    uint32_t number; /* 0 = free */
    uint64_t sent_us;
    uint64_t slots;
};

struct lookups {
    const struct overlay_config *config;
    struct lookups_wish wishes[OVERLAY_WISHES_MAX];
    struct lookups_open open[LOOKUPS_OPEN_MAX];
    uint32_t open_count;
    uint32_t last_number;
    uint64_t last_us; /* when the last LOOKUP left; 0 = none did */
    bool is_up;       /* there is a tracker */
};

void lookups_init(struct lookups *lookups, const struct overlay_config *config);

/* The wishes of these slots are gone, those of others are new. */
void lookups_change(struct lookups *lookups, uint64_t now_us, uint64_t gone, uint64_t fresh);
/* It became urgent (due at once) or is not any more. */
void lookups_set_urgent(struct lookups *lookups, uint64_t now_us, uint32_t slot, bool is_urgent);
/* All is due at once / nothing is under way any more. */
void lookups_tracker_up(struct lookups *lookups, uint64_t now_us);
void lookups_tracker_down(struct lookups *lookups);

/* LOOKUPs whose answer has not come in time are over. */
void lookups_expire(struct lookups *lookups, uint64_t now_us);
/* Of `needy` slots those that are to be looked up now, in one message; 0: none. */
uint64_t lookups_due(const struct lookups *lookups, uint64_t now_us, uint64_t needy);
/* They were asked for; returns the message's number. */
uint32_t lookups_sent(struct lookups *lookups, uint64_t now_us, uint64_t slots);
/* The answer to a number; *ret_slots: what was asked (and is still wished for). ERROR_NOT_FOUND:
 * nobody asked, or it came too late. */
int lookups_answered(struct lookups *lookups, uint32_t number, uint64_t *ret_slots);
/* When something is to be done, given who needs sources. */
uint64_t lookups_next_us(const struct lookups *lookups, uint64_t needy);

/* Is the wish to be searched for among neighbours now? */
bool lookups_search_due(const struct lookups *lookups, uint64_t now_us, uint32_t slot);
void lookups_searched(struct lookups *lookups, uint64_t now_us, uint32_t slot);
/* When the next search is due of the needy ones; TIME_NEVER_US = none. */
uint64_t lookups_search_next_us(const struct lookups *lookups, uint64_t needy);

/* An answer of tracker or search is awaited. */
bool lookups_is_open(const struct lookups *lookups, uint64_t now_us, uint32_t slot);
void lookups_check_invariants(const struct lookups *lookups);

#endif
