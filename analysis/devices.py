"""Which GPU a series speaks of: `gpu/0`, or `gpu/HOST/0` where GPUs of several hosts are seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import polars as pl

Probed = tuple[str, str]
"""Instance and device as a probe names them."""


@dataclass(frozen=True)
class Devices:
    """The GPUs that exporters tell of: by UUID, and by the name that each probe has for them."""

    many_hosts: bool = False
    by_uuid: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    probed: Mapping[Probed, str] = field(default_factory=lambda: MappingProxyType({}))

    def entity(self, answer: pl.DataFrame) -> pl.Expr:
        """The entity of each row with a `gpu` or `device` label, null for others."""
        told = _numbered(_label(answer, "gpu"), answer, many=self.many_hosts)
        number = _label(answer, "device").str.extract(r"(\d+)$", 1).fill_null("")
        guessed = _numbered(number, answer, many=self.many_hosts)
        if not self.probed or "device" not in answer.columns:
            return pl.coalesce(told, guessed)
        known = {
            f"{instance}\n{device}": entity for (instance, device), entity in self.probed.items()
        }
        key = pl.concat_str(_label(answer, "instance"), pl.lit("\n"), _label(answer, "device"))
        return pl.coalesce(
            told, key.replace_strict(known, default=None, return_dtype=pl.String), guessed
        )


def devices(gpus: pl.DataFrame, probes: pl.DataFrame) -> Devices:
    """From `gpu_info` and `kernel_probe_device_info`; what has no UUID goes by number and host."""
    if not {"gpu", "uuid"} <= set(gpus.columns):
        return Devices()
    many = "instance" in gpus.columns and gpus.select(_host(gpus).n_unique()).item() > 1
    named = gpus.sort("ts_ns").select(
        "uuid", _numbered(_label(gpus, "gpu"), gpus, many=many).alias("e")
    )
    by_uuid = {uuid: entity for uuid, entity in named.iter_rows() if uuid and entity}
    if not {"device", "uuid"} <= set(probes.columns):
        return Devices(many, by_uuid)
    rows = probes.sort("ts_ns").select(_label(probes, "instance"), "device", "uuid").iter_rows()
    probed = {
        (instance, device): by_uuid[uuid] for instance, device, uuid in rows if uuid in by_uuid
    }
    return Devices(many, by_uuid, probed)


def _numbered(number: pl.Expr, answer: pl.DataFrame, *, many: bool) -> pl.Expr:
    place = pl.concat_str(_host(answer), pl.lit("/")) if many else pl.lit("")
    return pl.when(number != "").then(pl.concat_str(pl.lit("gpu/"), place, number))


def _host(answer: pl.DataFrame) -> pl.Expr:
    """The instance without its port: a host's exporters listen on ports of their own."""
    return _label(answer, "instance").str.replace(r":\d+$", "")


def _label(answer: pl.DataFrame, name: str) -> pl.Expr:
    if name not in answer.columns:
        return pl.lit("").alias(name)
    return pl.col(name).cast(pl.String).fill_null("")
