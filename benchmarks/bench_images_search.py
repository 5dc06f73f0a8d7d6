"""Pictures: exact search of codes in RAM, and votes of local patterns, each against reading everything. One JSON line.

Goals (ratios to something of the same run): search in the tables at least 10 times as fast as a flat scan at a million codes,
with the same answers, in at most 200 bytes a code; a new code findable in less than a second; votes in the tables at least 5
times as fast as reading every descriptor. `--codes 10000000` and `--pictures 500000` (6 GB) measure larger ones.

Patterns are loaded as a new process loads them, many at once; then ADDED pictures are added one by one (`votes_add_ms`, the
worst tells how long the joining of segments holds up a picture). `votes_recall`: of the pairs of a query's descriptor and a
picture that reading every descriptor of the first pictures (`votes_flat_read`) finds, the share that the tables find;
`votes_picture_recall`: of the pictures with two votes or more there, the share with two or more in the tables. The time of
reading everything is that of those first pictures, multiplied: so is its ratio. When faiss is installed (it is no dependency:
`pip install faiss-cpu`), its exact indexes answer the same questions for comparison, in one thread.
"""

import argparse
import json
import os
import resource
import sys
import time

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import cv2
import numpy as np

from benchmarks.bench_images import pictures
from server.media.decode import decode_picture
from server.media.descriptors import DescriptorIndex
from server.media.features import INDEXED, MIN_VOTES, VOTE_RADIUS_BITS, find_features
from server.media.gallery import QUERY_POINTS
from server.media.index import RADIUS_BITS, CodeIndex

SEARCH_GOAL, BYTES_GOAL, ADD_GOAL_MS, VOTES_GOAL = 10, 200, 1000, 5
QUERIES, FLAT_QUERIES, VOTE_QUERIES, FLAT_VOTE_QUERIES, FLAT_PICTURES, ADDED = 60, 8, 12, 3, 5_000, 2_000
NOISE = 0.06
PLANTED_BITS = 20


def p50_ms(action, items: list) -> float:
    """Median wall milliseconds of one call."""
    took = []
    for item in items:
        begun = time.perf_counter()
        action(item)
        took.append(time.perf_counter() - begun)
    return float(np.median(took)) * 1000


def codes(count: int) -> dict[str, float | None]:
    """Random codes with a planted neighbour for each query: the tables, a flat scan, faiss."""
    chance = np.random.default_rng(1)
    queries = chance.integers(0, 2**64, (QUERIES, 4), dtype=np.uint64)
    planted = queries ^ np.array([(1 << PLANTED_BITS) - 1, 0, 0, 0], np.uint64)
    held = np.concatenate((planted, chance.integers(0, 2**64, (count - QUERIES, 4), dtype=np.uint64)))
    index = CodeIndex()
    begun = time.perf_counter()
    index.load(held)
    built_s = time.perf_counter() - begun
    for number, query in enumerate(queries[:FLAT_QUERIES]):
        found, scanned = index.search(query, RADIUS_BITS), index.scan(query, RADIUS_BITS)
        assert all(np.array_equal(one, other) for one, other in zip(found, scanned, strict=True))
        assert (number, PLANTED_BITS) in zip(*(part.tolist() for part in found), strict=True)
    tables = p50_ms(lambda query: index.search(query, RADIUS_BITS), list(queries))
    flat = p50_ms(lambda query: index.scan(query, RADIUS_BITS), list(queries[:FLAT_QUERIES]))
    late = chance.integers(0, 2**64, (1, 4), dtype=np.uint64)[0]
    added = p50_ms(index.add, [late])
    assert index.search(late, 0)[0].tolist() == [count]
    return {
        "codes": count,
        "search_p50_ms": round(tables, 2),
        "flat_p50_ms": round(flat, 1),
        "search_ratio": round(flat / tables, 1),
        "add_ms": round(added, 2),
        "build_s": round(built_s, 1),
        "bytes_a_code": round(index.size_bytes / count),
        "index_mb": round(index.size_bytes / 1e6),
        **faiss_codes(held, queries),
    }


def faiss_codes(held: np.ndarray, queries: np.ndarray) -> dict[str, float | None]:
    """p50 of faiss's flat index and of its multi-index with the same 16 x 16 tables; None when it is not installed."""
    try:
        import faiss
    except ModuleNotFoundError:
        return {"faiss_flat_p50_ms": None, "faiss_multihash_p50_ms": None}
    faiss.omp_set_num_threads(1)
    base, asked = held.view(np.uint8), [query[None].view(np.uint8) for query in queries]
    flat = faiss.IndexBinaryFlat(256)
    flat.add(base)
    flat_ms = p50_ms(lambda query: flat.range_search(query, RADIUS_BITS + 1), asked)
    multi = faiss.IndexBinaryMultiHash(256, 16, 16)
    multi.nflip = 1
    multi.add(base)
    multi_ms = p50_ms(lambda query: multi.range_search(query, RADIUS_BITS + 1), asked)
    return {"faiss_flat_p50_ms": round(flat_ms, 2), "faiss_multihash_p50_ms": round(multi_ms, 2)}


def patterns(count: int) -> np.ndarray:
    """Descriptors of so many pictures, as skewed as real ones: those of drawn pictures with a fifth of the bits turned over."""
    chance = np.random.default_rng(2)
    real = np.concatenate([find_features(decode_picture(data).grey).descriptors for data in pictures()])
    held = np.empty((count * INDEXED, 32), np.uint8)
    for start in range(0, len(held), 1 << 20):
        part = held[start : start + (1 << 20)]
        draws = chance.integers(0, 2**64, (4, len(part), 4), dtype=np.uint64)
        turned = (draws[0] & draws[1] & (draws[2] | draws[3])).view(np.uint8)  # 3 of 16 bits
        part[:] = real[chance.integers(0, len(real), len(part))] ^ turned
    return held


def vote_queries(held: np.ndarray) -> list[np.ndarray]:
    """Each the descriptors of one of the first pictures with some bits turned over, and as many of others."""
    chance, asked = np.random.default_rng(4), []
    for number in range(VOTE_QUERIES):
        noise = np.packbits(chance.random((INDEXED, 256), dtype=np.float32) < NOISE, axis=1)
        own = held[number * INDEXED : (number + 1) * INDEXED] ^ noise
        asked.append(np.concatenate((own, held[chance.integers(0, len(held), QUERY_POINTS - INDEXED)])))
    return asked


def votes(count: int) -> dict[str, float]:
    """The descriptor index with so many pictures: time, memory, and what it misses of what reading everything finds."""
    held = patterns(count)
    words, owners = held.view(np.uint64), np.repeat(np.arange(count, dtype=np.int32), INDEXED)
    index = DescriptorIndex()
    begun = time.perf_counter()
    index.load(words, owners)
    built_s = time.perf_counter() - begun
    loaded_bytes = index.size_bytes
    asked = vote_queries(held)
    tables = p50_ms(lambda query: index.tally(query, count), asked)
    read = words[: FLAT_PICTURES * INDEXED]
    flat = p50_ms(lambda query: read_everything(read, query), asked[:FLAT_VOTE_QUERIES]) * len(words) / len(read)
    share = [index.tally(query, count).votes[number] / INDEXED for number, query in enumerate(asked)]
    exact = np.array([read_everything(read, query) for query in asked[:FLAT_VOTE_QUERIES]])
    met = np.array([index.tally(query, count).votes[: exact.shape[1]] for query in asked[:FLAT_VOTE_QUERIES]])
    assert (met <= exact).all(), "the tables found what is not there"
    took = []
    for number in range(ADDED):
        begun = time.perf_counter()
        index.extend(held[number * INDEXED : (number + 1) * INDEXED], count + number)
        took.append((time.perf_counter() - begun) * 1000)
    return {
        "pictures": count,
        "votes_p50_ms": round(tables, 1),
        "votes_flat_ms": round(flat, 1),
        "votes_flat_read": len(read) // INDEXED,
        "votes_ratio": round(flat / tables, 1),
        "votes_found_share": round(float(np.mean(share)), 2),
        "votes_recall": round(float(met.sum() / exact.sum()), 3),
        "votes_picture_recall": round(float((met[exact >= MIN_VOTES] >= MIN_VOTES).mean()), 3),
        "votes_pictures_compared": int((exact >= MIN_VOTES).sum()),
        "votes_build_s": round(built_s, 1),
        "votes_built_per_s": round(count / built_s),
        "votes_add_ms": round(float(np.median(took)), 2),
        "votes_add_worst_ms": round(max(took)),
        "votes_mb": round(loaded_bytes / 1e6),
        "votes_bytes_a_picture": round(loaded_bytes / count),
        "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000),
        "load_average": round(os.getloadavg()[0], 1),
    }


def read_everything(words: np.ndarray, query: np.ndarray) -> np.ndarray:
    """For each picture how many of the query's descriptors are near one of its own, by reading all."""
    columns = np.ascontiguousarray(words.T)
    found = np.zeros(len(words) // INDEXED, np.int32)
    for word in query.view(np.uint64):
        away = np.bitwise_count(columns[0] ^ word[0]).astype(np.uint16)
        for place in (1, 2, 3):
            away += np.bitwise_count(columns[place] ^ word[place])
        found[np.unique(np.flatnonzero(away <= VOTE_RADIUS_BITS) // INDEXED)] += 1
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--codes", type=int, default=1_000_000)
    parser.add_argument("--pictures", type=int, default=20_000)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    result = {
        "benchmark": "images_search",
        "cpus": os.cpu_count(),
        **codes(arguments.codes),
        **votes(arguments.pictures),
        "goals": {"search_ratio": SEARCH_GOAL, "bytes_a_code": BYTES_GOAL, "add_ms": ADD_GOAL_MS, "votes_ratio": VOTES_GOAL},
    }
    print(json.dumps(result))
    met = (
        result["search_ratio"] >= SEARCH_GOAL
        and result["bytes_a_code"] <= BYTES_GOAL
        and result["add_ms"] <= ADD_GOAL_MS
        and result["votes_ratio"] >= VOTES_GOAL
    )
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
