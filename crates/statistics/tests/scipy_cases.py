"""Writes scipy_cases.json: the results of SciPy with which crates/statistics/tests/scipy.rs compares ours.

    python3 -m venv VENV && VENV/bin/pip install scipy==1.17.1 numpy==2.4.6
    VENV/bin/python crates/statistics/tests/scipy_cases.py > crates/statistics/tests/scipy_cases.json

Numbers are texts: they are read back to the last bit.
"""

import json
import sys
from fractions import Fraction

import numpy as np
import scipy
from scipy import stats

random = np.random.default_rng(20)


def text(value):
    return None if value is None or np.isnan(value) else repr(float(value))


def texts(values):
    return [repr(float(value)) for value in values]


def scale_of(values):
    """A power of two that brings the largest magnitude near 1, because NumPy squares values as they are."""
    largest = np.max(np.abs(values))
    return 1.0 if largest == 0 else float(2.0 ** np.floor(np.log2(largest)))


def describe(name, values):
    values = np.array(values, dtype=float)
    scale = scale_of(values)
    scaled = values / scale
    case = {
        "name": name,
        "values": texts(values),
        "mean": text(np.mean(scaled) * scale),
        "median": text(np.median(values)),
        "deviation": None,
        "low": None,
        "high": None,
    }
    if len(values) > 1:
        mean, deviation = np.mean(scaled), np.std(scaled, ddof=1)
        half = stats.t.ppf(0.975, len(values) - 1) * deviation / np.sqrt(len(values))
        case["deviation"] = text(deviation * scale)
        case["low"], case["high"] = text((mean - half) * scale), text((mean + half) * scale)
        if deviation > 0:
            interval = stats.t.interval(0.95, len(values) - 1, loc=mean, scale=stats.sem(scaled))
            assert np.allclose(interval, (mean - half, mean + half), rtol=1e-12, atol=0)
    return case


def exact_wilcoxon(differences):
    """By counting in whole numbers, where SciPy would approximate: ties or zeros among more than thirteen differences."""
    differences = differences[differences != 0]
    ranks = [int(2 * rank) for rank in stats.rankdata(np.abs(differences))]
    positive = sum(rank for rank, difference in zip(ranks, differences) if difference > 0)
    counts = [1] + [0] * sum(ranks)
    for rank in ranks:
        counts = [count + (counts[s - rank] if s >= rank else 0) for s, count in enumerate(counts)]
    tail = sum(counts[max(positive, sum(ranks) - positive) :])
    return float(min(Fraction(1), Fraction(2 * tail, 2 ** len(ranks))))


def wilcoxon(differences):
    nonzero = differences[differences != 0]
    if len(nonzero) < 6:
        return None
    is_plain = len(nonzero) == len(differences) == len(np.unique(np.abs(differences)))
    if len(nonzero) <= 50 and len(differences) > 13 and not is_plain:
        return exact_wilcoxon(differences)
    p = stats.wilcoxon(differences).pvalue
    if len(nonzero) <= 50:
        assert np.isclose(p, exact_wilcoxon(differences), rtol=1e-9, atol=0)
    return p


def compare(name, this, other):
    this, other = np.array(this, dtype=float), np.array(other, dtype=float)
    # SciPy's are asked on scaled values: p and effect size know no unit.
    scale = scale_of(np.concatenate([this, other]))
    differences = (this - other) / scale
    case = {
        "name": name,
        "this": texts(this),
        "other": texts(other),
        "difference": text(np.mean(differences) * scale),
        "low": None,
        "high": None,
        "effect_size": None,
        "t_test": None,
        "wilcoxon": text(wilcoxon(differences)),
    }
    if len(this) > 1 and np.ptp(differences) > 0:
        result = stats.ttest_rel(this / scale, other / scale)
        interval = result.confidence_interval(0.95)
        case["low"], case["high"] = text(interval.low * scale), text(interval.high * scale)
        case["effect_size"] = text(np.mean(differences) / np.std(differences, ddof=1))
        case["t_test"] = text(result.pvalue)
    elif len(this) > 1:
        case["low"] = case["high"] = case["difference"]
    return case


def noisy(count, shift=0.0, spread=1.0):
    other = random.normal(10.0, 1.0, count)
    return other + random.normal(shift, spread, count), other


def stepped(count, steps):
    """Differences of few magnitudes, in exact quarters."""
    other = random.integers(0, 100, count) / 4
    return other + random.choice(steps, count) / 4, other


descriptions = [
    describe("one value", [5.25]),
    describe("two values", [5.25, 6.5]),
    describe("two values that are equal", [0.1, 0.1]),
    describe("seven values that are equal", [0.1] * 7),
    describe("zeros", [0.0, 0.0, 0.0]),
    describe("one that differs from zeros", [0.0, 0.0, 0.0, 1e-12]),
    describe("tiny", random.normal(1.0, 0.5, 5) * 1e-300),
    describe("huge", random.normal(1.0, 0.5, 5) * 1e300),
    describe("tiny and huge", [1e-300, 1.0, 1e300]),
    describe("both signs", [-1e300, 1e300, 3.0]),
    describe("far from zero", 1e8 + random.normal(0.0, 1e-3, 10)),
    describe("far from zero, more", 1e8 + random.normal(0.0, 1e-3, 100)),
]
descriptions += [describe(f"{count} values", random.normal(7.0, 2.0, count)) for count in (3, 5, 6, 10, 30, 60)]

comparisons = [
    compare("one pair", [5.0], [4.5]),
    compare("two pairs", [5.0, 6.0], [4.5, 4.0]),
    compare("two pairs that differ alike", [5.0, 6.0], [4.5, 5.5]),
    compare("the same values", [5.0, 6.0, 7.0], [5.0, 6.0, 7.0]),
    compare("seven that differ alike", np.arange(7) + 0.25, np.arange(7)),
    compare("tiny", *(values * 1e-300 for values in noisy(8, 0.5))),
    compare("huge", *(values * 1e300 for values in noisy(8, 0.5))),
    compare("far from zero", *(values * 1e-3 + 1e8 for values in noisy(10, 0.5))),
    compare("nearly alike", np.arange(8) + 1.0 + np.arange(8) * 2.0**-30, np.arange(8)),
    compare("mean difference of zero", [1.0, -1.0, 2.0, -2.0, 3.0, -3.0], [0.0] * 6),
    compare("all one way", np.arange(1.0, 11.0), [0.0] * 10),
    compare("all one way, fifty", np.arange(1.0, 51.0), [0.0] * 50),
    compare("five are not zero", [1.0, 2.0, 3.0, -4.0, 5.0, 0.0, 0.0], [0.0] * 7),
    compare("six are not zero", [1.0, 2.0, 3.0, -4.0, 5.0, 6.0, 0.0], [0.0] * 7),
    compare("ties, thirteen", *stepped(13, [-2, -1, 1, 2, 3])),
    compare("zeros, thirteen", [0, 0, 1, -2, 3, 4, 5, 6, -7, 8, 9, 10, 11], [0.0] * 13),
    compare("ties and zeros, ten", *stepped(10, [-1, 0, 1, 2])),
    compare("ties and zeros, thirty", *stepped(30, [-2, -1, 0, 1, 2, 3])),
    compare("ties, fifty", *stepped(50, [-2, -1, 1, 2, 3])),
    compare("ties, sixty", *stepped(60, [-2, -1, 1, 2, 3])),
    compare("ties and zeros, eighty", *stepped(80, [-2, -1, 0, 1, 2, 3])),
    compare("one magnitude, twenty", *stepped(20, [-1, 1])),
]
for count in (2, 3, 5, 6, 10, 30, 50, 51, 60):
    comparisons.append(compare(f"{count} pairs, small difference", *noisy(count, 0.2)))
    comparisons.append(compare(f"{count} pairs, large difference", *noisy(count, 3.0, 0.5)))

versions = {"scipy": scipy.__version__, "numpy": np.__version__}
lists = {"descriptions": descriptions, "comparisons": comparisons}
text_of_lists = [f' "{name}": [\n' + ",\n".join("  " + json.dumps(case) for case in cases) + "\n ]" for name, cases in lists.items()]
sys.stdout.write("{\n" + ",\n".join([f' "made by": {json.dumps(versions)}', *text_of_lists]) + "\n}\n")
