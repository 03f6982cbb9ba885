from __future__ import annotations

import json
import shutil

import gguf
import pytest

from demo.engines import ENGINES, Seat, engine_of
from demo.engines.llama import VARIABLE, Llama
from demo.engines.model import VOCABULARY, Shape, write_folder, write_gguf
from demo.engines.vllm import Vllm
from demo.faults import FAULTS
from demo.servers import RunFolder
from exporters.catalog.engines import ENGINES as TABLES
from exporters.errors import ServerMissingError, UsageError


@pytest.fixture
def seat(tmp_path) -> Seat:
    return Seat("vega", 0, 20_001, 20_002, RunFolder(tmp_path))


def test_an_unknown_engine_is_refused_with_those_that_there_are():
    with pytest.raises(UsageError) as raised:
        engine_of("sglang")

    assert str(raised.value) == "no engine is called 'sglang'; allowed: tiny, llama, vllm"


def test_every_engine_is_left_alone_and_broken_in_several_ways():
    for name in ENGINES:
        suited = [fault.name for fault in FAULTS.values() if name in fault.engines]
        assert "none" in suited
        assert len(suited) >= 3
    assert all(set(fault.engines) <= set(ENGINES) for fault in FAULTS.values())


def test_a_fault_that_an_engine_cannot_tell_is_not_put_to_it():
    kv = {table.name for table in TABLES if "kv_cache" in " ".join(s.name for s in table.aliases)}

    assert "llamacpp" not in kv
    assert "vllm" in kv
    assert "llama" not in FAULTS["kv_cache_exhaustion"].engines


@pytest.mark.parametrize("engine", [Llama, Vllm])
def test_an_engine_that_is_not_set_up_starts_nothing(engine, seat):
    with pytest.raises(ServerMissingError, match="is not set up yet; call set_up first"):
        engine().command(seat)


def test_a_llama_server_of_ones_own_is_taken_where_the_environment_names_it(monkeypatch, seat):
    own = shutil.which("true")
    assert own
    monkeypatch.setenv(VARIABLE, "true")
    engine = Llama()

    engine.set_up(lambda line: pytest.fail(f"it says {line!r}"))
    command = engine.command(seat)

    assert own in command.argv
    assert {"--metrics", "--offline", str(seat.port), "tiny"} <= set(command.argv)
    assert (seat.run.path / "model" / "random.gguf").stat().st_size > 100_000


def test_a_name_that_is_no_program_is_refused(monkeypatch):
    monkeypatch.setenv(VARIABLE, "/no/llama")

    with pytest.raises(ServerMissingError) as raised:
        Llama().set_up(print)

    assert str(raised.value) == (
        f"{VARIABLE} = '/no/llama' is not a program that can be run; "
        "give the path of llama-server, or unset it to have one built"
    )


def test_both_forms_of_the_model_have_the_same_vocabulary(tmp_path):
    shape = Shape(hidden=64, layers=1, context=128)
    write_folder(tmp_path / "folder", shape)
    write_gguf(tmp_path / "random.gguf", shape)

    tokenizer = json.loads((tmp_path / "folder" / "tokenizer.json").read_bytes())
    reader = gguf.GGUFReader(tmp_path / "random.gguf")
    tokens = reader.fields["tokenizer.ggml.tokens"].contents()
    assert list(tokenizer["model"]["vocab"]) == tokens == list(VOCABULARY)
    assert {tensor.name for tensor in reader.tensors} >= {"token_embd.weight", "output.weight"}
    config = json.loads((tmp_path / "folder" / "config.json").read_bytes())
    assert config["vocab_size"] == len(VOCABULARY)
    assert config["eos_token_id"] is None


def test_a_model_of_the_same_seed_is_the_same_file(tmp_path):
    for name in ("one", "two"):
        write_gguf(tmp_path / name, Shape(hidden=64, layers=1, context=128), seed=3)

    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
