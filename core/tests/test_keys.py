"""Seeds and keys are what spec/keys.md says."""

import dataclasses
from hashlib import blake2b

from hypothesis import given
from hypothesis import strategies as st

from interleaf.params import InFile, role_of
from interleaf.pipeline.components import digest_of
from interleaf.pipeline.explain import changes
from interleaf.pipeline.fingerprint import Fingerprints, _named, code_of
from interleaf.pipeline.params import fields_of
from interleaf.pipeline.seeds import derive_seed

PLAIN = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(),
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def test_a_seed_is_64_bits_of_blake2b():
    expected = int.from_bytes(blake2b(b"7\0steps.a", digest_size=8).digest(), "big")
    assert derive_seed(7, "steps.a") == expected < 1 << 64


@given(data=PLAIN)
def test_a_digest_is_of_the_content_and_not_of_the_order(data):
    assert digest_of({"a": data, "b": 1}) == digest_of({"b": 1, "a": data})
    assert len(digest_of(data)) == 32


@given(old=PLAIN, new=PLAIN)
def test_changes_are_found_where_values_differ(old, new):
    found = list(changes({"x": old}, {"x": new}))
    assert bool(found) == (old != new) or digest_of(old) != digest_of(new)
    assert not list(changes({"x": old}, {"x": old}))


def test_a_requirement_names_one_distribution():
    assert _named("interleaf-media~=0.1.0", "interleaf-media")
    assert _named("interleaf_media[x]>=1", "interleaf-media")
    assert not _named("interleaf-media-extra", "interleaf-media")
    assert not _named("interleaf-mediator", "interleaf-media")


def test_the_code_of_core_is_always_involved():
    code = code_of(frozenset({"core"}), Fingerprints(None))
    assert set(code) == {"interleaf-core"} and code["interleaf-core"].startswith("0.")


def test_an_optional_infile_is_seen_as_one():
    @dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
    class Config:
        path: InFile | None = None

    from interleaf.pipeline import keys

    annotation, _ = fields_of(dataclasses.make_dataclass("C", [("path", InFile | None, None)]))[
        "path"
    ]
    assert keys._is_infile(annotation) and role_of(InFile) == "infile"
