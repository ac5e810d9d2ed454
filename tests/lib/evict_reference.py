"""evict_reference.py: cache policies as their papers write them, for objects of one size.

Slow and plain, written from the papers' pseudocode without a look at cache/core/evict*.c, so that
the two check each other.
"""

import collections


def fifo(requests, limit):
    queue, hits = collections.OrderedDict(), 0
    for item in requests:
        if item in queue:
            hits += 1
            continue
        if len(queue) == limit:
            queue.popitem(last=False)
        queue[item] = True
    return hits


def lru(requests, limit):
    queue, hits = collections.OrderedDict(), 0
    for item in requests:
        if item in queue:
            hits += 1
            queue.move_to_end(item)
            continue
        if len(queue) == limit:
            queue.popitem(last=False)
        queue[item] = True
    return hits


def clock(requests, limit):
    queue, marked, hits = collections.deque(), set(), 0
    for item in requests:
        if item in queue:
            hits += 1
            marked.add(item)
            continue
        if len(queue) == limit:
            while queue[0] in marked:
                marked.discard(queue[0])
                queue.rotate(-1)
            queue.popleft()
        queue.append(item)
    return hits


def sieve(requests, limit):
    """NSDI 2024, algorithm 1. queue[0] is the head, where new ones come in."""
    queue, visited, hand, hits = [], {}, None, 0
    for item in requests:
        if item in visited:
            hits += 1
            visited[item] = True
            continue
        if len(queue) == limit:
            place = len(queue) - 1 if hand is None else queue.index(hand)
            while visited[queue[place]]:
                visited[queue[place]] = False
                place = len(queue) - 1 if place == 0 else place - 1
            hand = queue[place - 1] if place > 0 else None
            del visited[queue[place]]
            del queue[place]
        queue.insert(0, item)
        visited[item] = False
    return hits


def s3_fifo(requests, limit, promote=2):
    """SOSP 2023, algorithm 1. A promoted object begins in the main queue with a counter of 0."""
    small, main, ghost = collections.deque(), collections.deque(), collections.deque()
    count, hits, small_max = {}, 0, limit // 10

    def evict_main():
        while True:
            item = main.popleft()
            if count[item] == 0:
                del count[item]
                return
            count[item] -= 1
            main.append(item)

    def evict():
        while small and (len(small) >= small_max or not main):
            item = small.popleft()
            if count[item] < promote:
                del count[item]
                ghost.append(item)
                if len(ghost) > limit - small_max:
                    ghost.popleft()
                return
            count[item] = 0
            main.append(item)
            if len(main) > limit - small_max:
                evict_main()
                return
        evict_main()

    for item in requests:
        if item in count:
            hits += 1
            count[item] = min(count[item] + 1, 3)
            continue
        if len(small) + len(main) == limit:
            evict()
        if item in ghost:
            ghost.remove(item)
            main.append(item)
        else:
            small.append(item)
        count[item] = 0
    return hits


def qd_lp(requests, limit):
    return s3_fifo(requests, limit, promote=1)


def arc(requests, limit):
    """FAST 2003, figure 4; lists with the most recent one last."""
    t1, t2, b1, b2 = [], [], [], []
    target, hits = 0, 0

    def replace(item):
        if t1 and (len(t1) > target or (item in b2 and len(t1) == target) or not t2):
            b1.append(t1.pop(0))
        else:
            b2.append(t2.pop(0))

    for item in requests:
        if item in t1 or item in t2:
            hits += 1
            (t1 if item in t1 else t2).remove(item)
            t2.append(item)
        elif item in b1:
            target = min(limit, target + max(1, len(b2) // len(b1)))
            if len(t1) + len(t2) == limit:
                replace(item)
            b1.remove(item)
            t2.append(item)
        elif item in b2:
            target = max(0, target - max(1, len(b1) // len(b2)))
            if len(t1) + len(t2) == limit:
                replace(item)
            b2.remove(item)
            t2.append(item)
        else:
            if len(t1) + len(b1) == limit:
                if len(t1) < limit:
                    b1.pop(0)
                    if len(t1) + len(t2) == limit:
                        replace(item)
                else:
                    t1.pop(0)
            elif len(t1) + len(t2) + len(b1) + len(b2) >= limit:
                if len(t1) + len(t2) + len(b1) + len(b2) == 2 * limit:
                    b2.pop(0)
                if len(t1) + len(t2) == limit:
                    replace(item)
            t1.append(item)
    return hits


def lfu(requests, limit):
    """Of those asked for equally often the one that was longest not asked for; 255 at most."""
    count, last, hits = {}, {}, 0
    for moment, item in enumerate(requests):
        if item in count:
            hits += 1
            count[item] = min(count[item] + 1, 255)
        else:
            if len(count) == limit:
                victim = min(count, key=lambda each: (count[each], last[each]))
                del count[victim]
            count[item] = 1
        last[item] = moment
    return hits


def belady(requests, limit):
    """The most hits that are possible when a newcomer may be passed by."""
    following, after = [0] * len(requests), {}
    for moment in range(len(requests) - 1, -1, -1):
        following[moment] = after.get(requests[moment], len(requests))
        after[requests[moment]] = moment
    there, hits = {}, 0
    for moment, item in enumerate(requests):
        hits += item in there
        there[item] = following[moment]
        if len(there) > limit:
            del there[max(there, key=there.get)]
    return hits


POLICIES = {"fifo": fifo, "lru": lru, "clock": clock, "sieve": sieve, "s3-fifo": s3_fifo,
            "qd-lp": qd_lp, "arc": arc, "lfu": lfu, "belady": belady}
